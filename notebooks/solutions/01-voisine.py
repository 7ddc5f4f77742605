def closest_class(soft_labels, true_classes):
    """(N, C), (N,) → (C,) : pour chaque classe, la classe différente d'elle de plus grande probabilité moyenne."""
    classes_count = soft_labels.shape[1]
    mean = torch.stack([soft_labels[true_classes == c].mean(dim=0) for c in range(classes_count)])
    mean.fill_diagonal_(-1.0)  # la classe elle-même ne compte pas
    return mean.argmax(dim=1)
