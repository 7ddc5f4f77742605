def cosinus(x):
    """[i, j, k] : cosinus de l'angle de sommet j entre les points i et k, (N, D) → (N, N, N)."""
    aretes = x[:, None, :] - x[None, :, :]  # [i, j] : de j vers i
    unitaires = F.normalize(aretes, dim=2)  # une arête nulle reste nulle
    return torch.einsum("ijd,kjd->ijk", unitaires, unitaires)
