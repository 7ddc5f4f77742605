def kd_loss(student_logits, teacher_logits, temperature):
    """(N, C), (N, C), T → un scalaire : T² fois la divergence, moyenne sur les N images."""
    log_q = torch.log_softmax(student_logits / temperature, dim=1)
    log_p = torch.log_softmax(teacher_logits / temperature, dim=1)
    divergence = (log_p.exp() * (log_p - log_q)).sum(dim=1)  # une par image
    return temperature**2 * divergence.mean()
