def block_losses(blocks, teacher_features):
    """B blocs, B + 1 représentations → (B,) : l'écart quadratique moyen de chaque bloc nourri de l'enseignant.

    Sans aucun gradient vers l'enseignant.
    """
    features = [feature.detach() for feature in teacher_features]
    return torch.stack([(block(features[i]) - features[i + 1]).square().mean() for i, block in enumerate(blocks)])
