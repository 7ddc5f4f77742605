def kd_gradient(student_logits, teacher_logits, temperature):
    """(N, C), (N, C), T → (N, C) : la dérivée de kd_loss par rapport à chaque logit de l'élève."""
    q = torch.softmax(student_logits / temperature, dim=1)
    p = torch.softmax(teacher_logits / temperature, dim=1)
    # T² (la perte) × 1/T (la dérivée de z/T) × (q − p), partagé entre les N images
    return temperature * (q - p) / len(student_logits)
