def relative(d):
    """Distances divisées par la moyenne de celles qui sont positives : (N, N) → (N, N)."""
    positive = d > 0
    mu = d.sum() / positive.sum().clamp(min=1)
    return torch.where(positive, d / mu, 0.0)
