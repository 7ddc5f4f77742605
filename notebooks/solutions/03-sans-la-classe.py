def renormalise(p, absent):
    """(N, C) → (N, C) : les mêmes labels doux, la classe `absent` à zéro, chaque ligne de somme 1."""
    remaining = p.clone()
    remaining[:, absent] = 0
    return remaining / remaining.sum(dim=1, keepdim=True)
