def renormaliser(p, absente):
    """(N, C) → (N, C) : les mêmes labels doux, la classe `absente` à zéro, chaque ligne de somme 1."""
    reste = p.clone()
    reste[:, absente] = 0
    return reste / reste.sum(dim=1, keepdim=True)
