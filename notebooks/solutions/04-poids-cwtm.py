def poids_cwtm(logits_enseignant):
    """(N, C) → (N,) : la confiance de l'enseignant pour chaque exemple, de somme 1 sur le lot."""
    confiance = logits_enseignant.softmax(dim=1).amax(dim=1)
    return confiance / confiance.sum()
