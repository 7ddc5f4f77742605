def cosines(x):
    """[i, j, k] : cosinus de l'angle de sommet j entre les points i et k, (N, D) → (N, N, N)."""
    edges = x[:, None, :] - x[None, :, :]  # [i, j] : de j vers i
    unit_edges = F.normalize(edges, dim=2)  # une arête nulle reste nulle
    return torch.einsum("ijd,kjd->ijk", unit_edges, unit_edges)
