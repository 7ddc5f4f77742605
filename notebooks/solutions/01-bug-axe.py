def soft_labels(logits, temperature):
    """(N, C) → (N, C), corrigé."""
    return torch.softmax(logits / temperature, dim=1)  # sur les classes, pas sur les images du lot
