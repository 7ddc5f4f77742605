def distance_loss(student, teacher):
    """RKD, distances : moyenne sur les N² couples de Huber(φ_T, φ_S)."""

    def phi(x):
        squares = (x[:, None, :] - x[None, :, :]).square().sum(dim=2)
        positive = squares > 0  # la diagonale n'y est pas : inutile de la corriger sur place
        d = torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)
        mu = d.sum() / positive.sum().clamp(min=1)  # de ce côté, et de lui seul
        return d / mu.clamp(min=1e-12)  # si tous les points sont confondus, μ vaut 0, et le gradient reste fini

    return F.huber_loss(phi(student), phi(teacher.detach()))
