def soft_loss(student_logits, teacher_logits, temperature):
    """(N, C), (N, C), T → un scalaire, corrigé."""
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    # « batchmean » divise par le nombre d'images seul ; T² rend aux gradients leur taille
    return temperature**2 * torch.nn.functional.kl_div(log_q, p, reduction="batchmean")
