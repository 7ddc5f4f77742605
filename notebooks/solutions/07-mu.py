def relatives(d):
    """Distances divisées par la moyenne de celles qui sont positives : (N, N) → (N, N)."""
    positives = d > 0
    mu = d.sum() / positives.sum().clamp(min=1)
    return torch.where(positives, d / mu, 0.0)
