def row_entropy(p):
    """(N, C) → (N,) : l'entropie de chaque ligne, en bits."""
    # log2(1) = 0 : là où p est nul, le terme vaut 0, comme le veut la limite de p·log p
    logarithms = torch.where(p > 0, p, 1.0).log2()
    return -(p * logarithms).sum(dim=1)
