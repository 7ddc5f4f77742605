"""Les exercices du notebook 07 : distances, μ, angle, et la perte des distances à réparer."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.exercises import Exercise
from course_utils.losses import rkd_distance_loss
from course_utils.relations import distances, mean_distance


def scaled(d: Tensor) -> Tensor:
    """Les distances divisées par la moyenne de celles qui sont positives ; des zéros s'il n'y en a pas."""
    return d / mean_distance(d).clamp(min=torch.finfo(d.dtype).tiny)


def cosines(x: Tensor) -> Tensor:
    """[i, j, k] : le cosinus de l'angle de sommet j ; 0 si deux des points sont confondus."""
    edges = x[:, None, :] - x[None, :, :]  # [i, j] : de j vers i
    unit = torch.nn.functional.normalize(edges, dim=2)
    return torch.einsum("ijd,kjd->ijk", unit, unit)


def _points(*shapes: tuple[int, int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def _gradient_is_finite(answer: object) -> bool:
    """Deux points confondus : la dérivée de la racine en 0 ne doit pas passer."""
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]], requires_grad=True)
    answer(x).sum().backward()  # type: ignore[operator]
    return x.grad is not None and bool(x.grad.isfinite().all())


def _diagonal_is_zero(answer: object) -> bool:
    """Sur 64 points : au-delà de 25, `torch.cdist` développe le carré, et sa diagonale n'est plus nulle."""
    return bool((answer(100 * _points((64, 16))[0]).diagonal() == 0).all())  # type: ignore[operator]


def _has_a_gradient(answer: object) -> bool:
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    return answer(x).requires_grad  # type: ignore[operator]


def _mu_is_not_detached(answer: object) -> bool:
    """Agrandir toutes les distances ne change rien : le gradient n'a donc rien à dire dans cette direction."""
    d = distances(_points((5, 3))[0]).requires_grad_()
    (slope,) = torch.autograd.grad(answer(d).square().sum(), d)  # type: ignore[operator]
    return abs((slope * d).sum().item()) < 1e-3


def _scale_has_no_slope(answer: object) -> bool:
    student, teacher = _points((5, 3), (5, 4))
    (slope,) = torch.autograd.grad(answer(student.requires_grad_(), teacher), student)  # type: ignore[operator]
    return abs((slope * student).sum().item()) < 1e-4


def _zeros_stay_zeros(answer: object) -> bool:
    found = answer(torch.zeros(3, 3))  # type: ignore[operator]
    return isinstance(found, Tensor) and found.shape == (3, 3) and bool((found == 0).all())


def _loss_of_one_place_is_finite(answer: object) -> bool:
    """Tous les points d'un côté confondus, ou un seul point : les distances relatives y sont nulles."""
    one, other, points = _points((1, 3), (1, 5), (4, 2))
    return _holds(answer, (torch.zeros(4, 3), points), (points, torch.zeros(4, 3)), (one, other))


def _loss_holds_on_many_points(answer: object) -> bool:
    student, teacher = _points((64, 16), (64, 16))
    return _holds(answer, (100 * student, 100 * teacher))


def _holds(answer: object, *pairs: tuple[Tensor, Tensor]) -> bool:
    return all(torch.allclose(answer(s, t), rkd_distance_loss(s, t), rtol=1e-4) for s, t in pairs)  # type: ignore[operator]


def _degenerate_is_zero(answer: object) -> bool:
    found = answer(torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))  # type: ignore[operator]
    return bool(found.isfinite().all()) and found[0, 1, 2] == 0


def _not_normalised(x: Tensor) -> Tensor:
    edges = x[:, None, :] - x[None, :, :]
    return torch.einsum("ijd,kjd->ijk", edges, edges)


def _from_the_origin(x: Tensor) -> Tensor:
    unit = torch.nn.functional.normalize(x, dim=1)
    return (unit @ unit.T)[:, None, :].expand(-1, len(x), -1)


def _shared_mu(student: Tensor, teacher: Tensor) -> Tensor:
    d_student, d_teacher = distances(student), distances(teacher)
    mu = d_teacher[d_teacher > 0].mean()
    return torch.nn.functional.huber_loss(d_student / mu, d_teacher / mu)


def _divided_by(mu: Callable[[Tensor], Tensor], student: Tensor, teacher: Tensor) -> Tensor:
    d_student, d_teacher = distances(student), distances(teacher)
    return torch.nn.functional.huber_loss(d_student / mu(d_student), d_teacher / mu(d_teacher))


def _without_diagonal(student: Tensor, teacher: Tensor) -> Tensor:
    n = len(student)
    return rkd_distance_loss(student, teacher) * n / max(n - 1, 1)


def _over_all_pairs(d: Tensor) -> Tensor:
    return d.sum() / (len(d) * (len(d) - 1))


def _loss_reaches_the_student(answer: object) -> bool:
    student, teacher = _points((5, 3), (5, 4))
    return answer(student.requires_grad_(), teacher).requires_grad  # type: ignore[operator]


def _loss_gradient_is_finite(answer: object) -> bool:
    student, teacher = _points((5, 3), (5, 4))
    student[1] = student[0]
    student.requires_grad_()
    answer(student, teacher).backward()  # type: ignore[operator]
    return student.grad is not None and bool(student.grad.isfinite().all())


def _mu_cases() -> list[tuple[Tensor]]:
    small, large = _points((3, 2), (7, 5))
    twins = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]])
    return [(distances(x),) for x in (small, large, twins, 0.1 * large)]


def _loss_cases() -> list[tuple[Tensor, Tensor]]:
    a, b, c, d, twins = _points((6, 3), (6, 5), (4, 8), (4, 2), (6, 3))
    twins[1] = twins[0]
    return [(a, b), (5 * c, 0.1 * d), (twins, b)]


DIAGONAL = (
    "La diagonale doit valoir exactement zéro : un epsilon sous la racine la compterait dans μ, "
    'et `torch.cdist` développe le carré au-delà de 25 points (sauf `compute_mode="donot_use_mm_for_euclid_dist"`).'
)

EXERCISES = {
    "07-distances": Exercise(
        reference=distances,
        why="On a remplacé les zéros avant la racine, et non après : autograd ne dérive jamais la racine en zéro.",
        cases=[(x,) for x in _points((3, 2), (6, 5), (1, 4))],
        tolerance=1e-4,
        mistakes={
            "Il manque la racine carrée.": lambda x: distances(x).square(),
            "C'est la somme des valeurs absolues ; la distance euclidienne additionne les carrés.": (
                lambda x: torch.cdist(x, x, p=1.0)
            ),
            "Additionnez les carrés des coordonnées, sans en prendre la moyenne.": lambda x: (
                distances(x) / x.shape[1] ** 0.5
            ),
        },
        properties={
            "Les distances sont justes, mais le gradient est coupé : `.detach()`, numpy ou `.item()` l'arrêtent.": (
                _has_a_gradient
            ),
            "Avec deux points confondus, le gradient n'est pas fini : la dérivée de la racine en zéro est infinie, et "
            "elle reste dans le calcul, même sur la diagonale. Écartez les zéros avant la racine.": _gradient_is_finite,
            DIAGONAL: _diagonal_is_zero,
        },
    ),
    "07-mu": Exercise(
        reference=scaled,
        why="Chaque côté a son μ : c'est ce qui rend la perte aveugle à l'échelle.",
        cases=_mu_cases,
        mistakes={
            "La diagonale, toujours nulle, compte dans votre moyenne : ne gardez que les distances positives.": (
                lambda d: d / d.mean()
            ),
            "Deux points confondus ne comptent pas dans μ, moyenne des seules distances positives.": (
                lambda d: d / _over_all_pairs(d)
            ),
            "C'est la plus grande distance ; μ est la moyenne des distances positives.": lambda d: d / d.max(),
            "C'est la médiane ; μ est la moyenne des distances positives.": lambda d: d / d[d > 0].median(),
            "Vous multipliez par μ : il faut diviser.": lambda d: d * d[d > 0].mean(),
            "μ ne peut pas être borné à 1 : de petites distances ne seraient plus divisées par leur moyenne.": (
                lambda d: d / (d.sum() / (d > 0).sum().clamp(min=1)).clamp(min=1)
            ),
        },
        properties={
            "La valeur est juste, mais μ est détaché : la perte ferait alors grossir ou rétrécir l'élève.": (
                _mu_is_not_detached
            ),
            "Si tous les points sont confondus, il n'y a pas de distance positive : rendez une matrice de zéros, "
            "et non NaN, ni rien : μ n'y est pas un nombre positif (torch.where(d > 0, d / mu, 0.0) l'écarte).": (
                _zeros_stay_zeros
            ),
        },
    ),
    "07-angle": Exercise(
        reference=cosines,
        why="Les deux arêtes partent du sommet j, et leur longueur ne compte pas.",
        cases=[(x,) for x in _points((3, 2), (5, 4))],
        mistakes={
            "Le sommet est au premier indice ; il faut [i, j, k] avec le sommet en j, au milieu.": (
                lambda x: cosines(x).transpose(0, 1)
            ),
            "Les arêtes ne sont pas ramenées à la longueur 1 : c'est un produit scalaire, pas un cosinus.": (
                _not_normalised
            ),
            "Les deux arêtes doivent partir du sommet : l'une des vôtres y arrive.": lambda x: -cosines(x),
            "C'est l'angle vu de l'origine ; il faut soustraire le sommet x_j aux deux autres points.": (
                _from_the_origin
            ),
        },
        properties={
            "Les cosinus sont justes, mais le gradient est coupé : `.detach()`, numpy ou `.item()` l'arrêtent.": (
                _has_a_gradient
            ),
            "Si deux points sont confondus, l'angle n'existe pas : rendez 0, et non NaN.": _degenerate_is_zero,
            "Les cosinus sont justes, mais le gradient n'est pas fini : une arête de longueur nulle (i = j, déjà) est "
            "passée par une racine ou une division. F.normalize l'évite.": _gradient_is_finite,
        },
    ),
    "07-bug": Exercise(
        reference=rkd_distance_loss,
        why="Un μ par côté, une racine qui ne voit pas de zéro, et plus rien d'écrit sur place.",
        cases=_loss_cases,
        mistakes={
            "μ est commun aux deux côtés : l'échelle de l'élève compterait, alors que RKD l'ignore. Un μ par côté.": (
                _shared_mu
            ),
            "La diagonale compte dans la moyenne : divisez par N², et non par N(N − 1).": _without_diagonal,
            "La diagonale compte dans μ : elle doit y valoir exactement zéro, ce qu'un epsilon ajouté sous la racine "
            "empêche.": lambda s, t: _divided_by(Tensor.mean, s, t),
            "Deux points confondus ne comptent pas dans μ, moyenne des seules distances positives.": (
                lambda s, t: _divided_by(_over_all_pairs, s, t)
            ),
            "C'est la somme ; les poids publiés (1 ou 25) sont réglés sur la moyenne.": (
                lambda student, teacher: rkd_distance_loss(student, teacher) * len(student) ** 2
            ),
        },
        properties={
            "La valeur est juste, mais le gradient n'atteint pas l'élève.": _loss_reaches_the_student,
            "La valeur est juste, mais entre deux points confondus le gradient est infini : écartez les zéros avant la "
            "racine, diagonale comprise.": _loss_gradient_is_finite,
            "La valeur est juste, mais μ est détaché : l'élève en grossirait ou rétrécirait.": _scale_has_no_slope,
            "Reste un cas : si tous les points d'un côté sont confondus, μ n'existe pas, et 0/0 donne NaN. Comme à "
            "l'exercice 2, prenez des zéros.": _loss_of_one_place_is_finite,
            DIAGONAL: _loss_holds_on_many_points,
        },
    ),
}
