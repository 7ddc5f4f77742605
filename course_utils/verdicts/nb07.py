"""Les exercices du notebook 07 : distances, μ, angle, et la perte des distances à réparer."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.exercises import Exercise
from course_utils.losses import rkd_distance_loss
from course_utils.relations import distances, mean_distance
from course_utils.verdicts import relation_checks as checks
from course_utils.verdicts.relation_checks import points
from course_utils.verdicts.slopes import same_slope


def scaled(d: Tensor) -> Tensor:
    """Les distances divisées par la moyenne de celles qui sont positives ; des zéros s'il n'y en a pas."""
    return d / mean_distance(d).clamp(min=torch.finfo(d.dtype).tiny)


def cosines(x: Tensor) -> Tensor:
    """[i, j, k] : le cosinus de l'angle de sommet j ; 0 si deux des points sont confondus."""
    return _products(F.normalize(_edges(x), dim=2))


def _edges(x: Tensor) -> Tensor:
    """[i, j] : l'arête de j vers i."""
    return x[:, None, :] - x[None, :, :]


def _products(edges: Tensor) -> Tensor:
    """[i, j, k] : le produit scalaire des arêtes de j vers i et de j vers k."""
    return torch.einsum("ijd,kjd->ijk", edges, edges)


def _from_the_origin(x: Tensor) -> Tensor:
    unit = F.normalize(x, dim=1)
    return (unit @ unit.T)[:, None, :].expand(-1, len(x), -1)


def _shared_mu(student: Tensor, teacher: Tensor) -> Tensor:
    d_student, d_teacher = distances(student), distances(teacher)
    return F.huber_loss(d_student / mean_distance(d_teacher), scaled(d_teacher))


def _divided_by(mu: Callable[[Tensor], Any]) -> Callable[[Tensor, Tensor], Tensor]:
    def loss(student: Tensor, teacher: Tensor) -> Tensor:
        d_student, d_teacher = distances(student), distances(teacher)
        return F.huber_loss(d_student / mu(d_student), d_teacher / mu(d_teacher))

    return loss


def _compared_by(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda student, teacher: loss(scaled(distances(student)), scaled(distances(teacher)))


def _without_diagonal(student: Tensor, teacher: Tensor) -> Tensor:
    n = len(student)
    return rkd_distance_loss(student, teacher) * n / max(n - 1, 1)


def _over_all_pairs(d: Tensor) -> Tensor:
    return d.sum() / (len(d) * (len(d) - 1))


def _mu_cases() -> list[tuple[Tensor]]:
    small, large = points((3, 2), (7, 5))
    twins = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]])
    return [(distances(x),) for x in (small, large, twins, 0.1 * large)]


def _loss_cases() -> list[tuple[Tensor, Tensor]]:
    a, b, c, d, twins = points((6, 3), (6, 5), (4, 8), (4, 2), (6, 3))
    twins[1] = twins[0]
    return [(a, b), (5 * c, 0.1 * d), (twins, b)]


CUT = "La valeur est juste, mais le gradient est coupé : `.detach()`, numpy, `.item()` ou `torch.tensor` l'arrêtent."
HALF = "La valeur est juste, mais le gradient n'est pas le bon : un `.detach()` en retire une partie."
DIAGONAL = (
    "La diagonale doit valoir exactement zéro : un epsilon sous la racine la compterait dans μ, "
    'et `torch.cdist` développe le carré au-delà de 25 points (sauf `compute_mode="donot_use_mm_for_euclid_dist"`).'
)
INFINITE = (
    "Avec deux points confondus, le gradient n'est pas fini : la dérivée de la racine en zéro est infinie, et "
    "elle reste dans le calcul, même sur la diagonale. Écartez les zéros avant la racine."
)
TWINS = (
    "Parmi plus de 25 points, deux points confondus ne sont plus à distance nulle : l'arrondi les sépare quand "
    "on développe le carré, ce que fait aussi `torch.cdist`. Partez des différences."
)
INFINITE_LOSS = (
    "La valeur est juste, mais entre deux points confondus le gradient est infini : écartez les zéros avant la "
    "racine, diagonale comprise."
)
ONE_PLACE = (
    "Reste un cas : si les points d'un côté sont tous confondus, ou s'il n'y en a qu'un, μ n'existe pas, et "
    "0/0 donne NaN. Comme à l'exercice 2, prenez des zéros (et rendez toujours un tenseur)."
)

EXERCISES = {
    "07-distances": Exercise(
        reference=distances,
        why="On a remplacé les zéros avant la racine, et non après : autograd ne dérive jamais la racine en zéro.",
        cases=[(x,) for x in points((3, 2), (6, 5), (1, 4))],
        tolerance=1e-4,
        mistakes={
            "Il manque la racine carrée.": lambda x: distances(x).square(),
            "C'est la somme des valeurs absolues ; la distance euclidienne additionne les carrés.": (
                lambda x: torch.cdist(x, x, p=1.0)
            ),
            "Une moitié manque : la distance de i à j est aussi celle de j à i.": [
                lambda x: distances(x).triu(),
                lambda x: distances(x).tril(),
            ],
            "Additionnez les carrés des coordonnées, sans en prendre la moyenne.": lambda x: (
                distances(x) / x.shape[1] ** 0.5
            ),
        },
        properties={
            CUT: checks.has_a_gradient,
            INFINITE: checks.gradient_is_finite,
            HALF: lambda answer: same_slope(answer, distances, points((5, 3))[0]),
            DIAGONAL: checks.diagonal_is_zero,
            TWINS: checks.twins_are_together,
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
            "C'est la moyenne de chaque ligne ; μ est celle de toutes les distances positives.": lambda d: (
                d / (d.sum(1, keepdim=True) / (d > 0).sum(1, keepdim=True))
            ),
            "C'est la somme : divisez-la par le nombre de distances positives.": lambda d: d / d.sum(),
            "Vous multipliez par μ : il faut diviser.": lambda d: d * d[d > 0].mean(),
            "μ ne peut pas être borné à 1 : de petites distances ne seraient plus divisées par leur moyenne.": (
                lambda d: d / (d.sum() / (d > 0).sum().clamp(min=1)).clamp(min=1)
            ),
        },
        properties={
            CUT: checks.has_a_gradient,
            "La valeur est juste, mais μ est détaché : la perte ferait alors grossir ou rétrécir l'élève.": (
                checks.mu_is_not_detached
            ),
            "Si tous les points sont confondus, il n'y a pas de distance positive : rendez une matrice de zéros, "
            "et non NaN, ni rien : μ n'y est pas un nombre positif (torch.where(d > 0, d / mu, 0.0) l'écarte).": (
                checks.zeros_stay_zeros
            ),
        },
    ),
    "07-angle": Exercise(
        reference=cosines,
        why="Les deux arêtes partent du sommet j, et leur longueur ne compte pas.",
        cases=[(x,) for x in points((3, 2), (5, 4))],
        mistakes={
            "Le sommet est au premier indice ; il faut [i, j, k] avec le sommet en j, au milieu.": (
                lambda x: cosines(x).transpose(0, 1)
            ),
            "Les arêtes ne sont pas ramenées à la longueur 1 : c'est un produit scalaire, pas un cosinus.": (
                lambda x: _products(_edges(x))
            ),
            "Les deux arêtes doivent partir du sommet : l'une des vôtres y arrive.": lambda x: -cosines(x),
            "Le sommet est au dernier indice ; il faut [i, j, k] avec le sommet en j, au milieu.": (
                lambda x: cosines(x).transpose(1, 2)
            ),
            "C'est l'angle lui-même : gardez son cosinus.": lambda x: cosines(x).clamp(-1, 1).acos(),
            "Une arête de longueur nulle (i = j) donne 0/0 : `F.normalize(…, dim=2)` l'évite.": lambda x: _products(
                _edges(x) / _edges(x).norm(dim=2, keepdim=True)
            ),
            "`F.normalize` a normalisé un autre axe : une arête est le long de l'axe 2, `dim=2`.": lambda x: _products(
                F.normalize(_edges(x))
            ),
            "C'est l'angle vu de l'origine ; il faut soustraire le sommet x_j aux deux autres points.": (
                _from_the_origin
            ),
        },
        properties={
            CUT: checks.has_a_gradient,
            "Si deux points sont confondus, l'angle n'existe pas : rendez 0, et non NaN.": checks.degenerate_is_zero,
            "Les cosinus sont justes, mais le gradient n'est pas fini : une arête de longueur nulle (i = j, déjà) est "
            "passée par une racine ou une division. F.normalize l'évite.": checks.gradient_is_finite,
            HALF: lambda answer: same_slope(answer, cosines, points((5, 3))[0]),
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
            "La diagonale, toujours nulle, compte dans votre μ : ne gardez que les distances positives (qu'un epsilon "
            "sous la racine rendrait toutes positives).": _divided_by(Tensor.mean),
            "Deux points confondus ne comptent pas dans μ, moyenne des seules distances positives.": (
                _divided_by(_over_all_pairs)
            ),
            "Ce n'est pas la perte de Huber : `F.huber_loss` compare les distances relatives.": [
                _compared_by(F.mse_loss),
                _compared_by(F.l1_loss),
            ],
            "Rien n'est divisé par μ : les distances doivent être relatives.": _divided_by(lambda d: 1.0),
            "C'est la plus grande distance ; μ est la moyenne des distances positives.": _divided_by(Tensor.max),
            "C'est la somme ; les poids publiés (1 ou 25) sont réglés sur la moyenne.": (
                lambda student, teacher: rkd_distance_loss(student, teacher) * len(student) ** 2
            ),
        },
        properties={
            CUT: checks.loss_reaches_the_student,
            INFINITE_LOSS: checks.loss_gradient_is_finite,
            "La valeur est juste, mais μ est détaché : l'élève grossirait ou rétrécirait.": checks.scale_has_no_slope,
            ONE_PLACE: checks.loss_of_one_place_is_finite,
            DIAGONAL: checks.loss_holds_on_many_points,
        },
    ),
}
