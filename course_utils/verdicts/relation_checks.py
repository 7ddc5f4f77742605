"""Ce que le notebook 07 vérifie d'une réponse, une fois ses valeurs justes : les gradients, les cas limites."""

from typing import Any

import torch
from torch import Tensor

from course_utils.losses import rkd_distance_loss
from course_utils.relations import distances
from course_utils.verdicts.slopes import reaches, slope


def points(*shapes: tuple[int, int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def gradient_is_finite(answer: Any) -> bool:
    """Deux points confondus : la dérivée de la racine en 0 ne doit pas passer."""
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]], requires_grad=True)
    found = slope(answer(x), x)
    return found is not None and bool(found.isfinite().all())


def diagonal_is_zero(answer: Any) -> bool:
    """Sur 64 points : au-delà de 25, `torch.cdist` développe le carré, et sa diagonale n'est plus nulle."""
    return bool((answer(100 * points((64, 16))[0]).diagonal() == 0).all())


def twins_are_together(answer: Any) -> bool:
    """32 points, chacun deux fois : le carré développé les sépare, même si l'on efface ensuite la diagonale."""
    x = 100 * points((32, 16))[0].repeat(2, 1)
    return bool((answer(x).diagonal(32) < 1e-3).all())


def has_a_gradient(answer: Any) -> bool:
    x = points((5, 3))[0].requires_grad_()
    return reaches(answer(x).square(), x)


def mu_is_not_detached(answer: Any) -> bool:
    """Agrandir toutes les distances ne change rien : le gradient n'a donc rien à dire dans cette direction."""
    d = distances(points((5, 3))[0]).requires_grad_()
    return _no_slope_along(d, answer(d).square(), 1e-3)


def scale_has_no_slope(answer: Any) -> bool:
    student, teacher = points((5, 3), (5, 4))
    return _no_slope_along(student.requires_grad_(), answer(student, teacher), 1e-4)


def _no_slope_along(x: Tensor, value: Tensor, tolerance: float) -> bool:
    found = slope(value, x)
    return found is not None and abs((found * x).sum().item()) < tolerance


def zeros_stay_zeros(answer: Any) -> bool:
    found = answer(torch.zeros(3, 3))
    return isinstance(found, Tensor) and found.shape == (3, 3) and bool((found == 0).all())


def loss_of_one_place_is_finite(answer: Any) -> bool:
    """Tous les points d'un côté confondus, ou un seul point : les distances relatives y sont nulles."""
    one, other, four = points((1, 3), (1, 5), (4, 2))
    return _holds(answer, (torch.zeros(4, 3), four), (four, torch.zeros(4, 3)), (one, other))


def loss_holds_on_many_points(answer: Any) -> bool:
    student, teacher = points((64, 16), (64, 16))
    return _holds(answer, (100 * student, 100 * teacher))


def _holds(answer: Any, *pairs: tuple[Tensor, Tensor]) -> bool:
    found = [(answer(s, t), rkd_distance_loss(s, t)) for s, t in pairs]
    return all(isinstance(loss, Tensor) and torch.allclose(loss.to(right), right, rtol=1e-4) for loss, right in found)


def degenerate_is_zero(answer: Any) -> bool:
    found = answer(torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
    return bool(found.isfinite().all()) and found[0, 1, 2] == 0


def loss_reaches_the_student(answer: Any) -> bool:
    student, teacher = points((5, 3), (5, 4))
    return reaches(answer(student.requires_grad_(), teacher), student)


def loss_gradient_is_finite(answer: Any) -> bool:
    student, teacher = points((5, 3), (5, 4))
    student[1] = student[0]
    found = slope(answer(student.requires_grad_(), teacher), student)
    return found is not None and bool(found.isfinite().all())
