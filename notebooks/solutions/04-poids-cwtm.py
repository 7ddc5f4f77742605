def cwtm_weights(teacher_logits):
    """(N, C) → (N,) : la confiance de l'enseignant pour chaque exemple, de somme 1 sur le lot."""
    confidence = teacher_logits.softmax(dim=1).amax(dim=1)
    return confidence / confidence.sum()
