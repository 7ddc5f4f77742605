"""RKD sous les yeux : deux jeux de points dans le plan, leurs distances φ, les deux pertes et le gradient."""

from functools import lru_cache
from string import ascii_uppercase

import torch
from torch import Tensor

from course_utils.drawing.grids import heat_map
from course_utils.drawing.layout import side_by_side, stack, text_panel
from course_utils.drawing.plane import plane
from course_utils.french import french_number
from course_utils.losses import rkd_angle_loss, rkd_distance_loss
from course_utils.relations import distances, mean_distance, relative_distances

_Points = tuple[tuple[float, ...], ...]  # des points (N, 2), en nombres : c'est ce qui se retrouve
REACH = 3.5  # demi-côté du plan dessiné
SIDE = 248  # pixels : quatre figures côte à côte, et les réglages au-dessus, tiennent sur un écran de 720 lignes
WEIGHTS = {"distances": (1.0, 0.0), "angles": (0.0, 1.0), "les deux": (1.0, 2.0)}  # 1 et 2 : les poids publiés


def losses_and_slope(student: Tensor, teacher: Tensor, loss: str = "les deux") -> tuple[float, float, Tensor]:
    """(perte des distances, perte des angles, gradient (N, 2) de la perte choisie par rapport à l'élève).

    loss : une clé de WEIGHTS.
    """
    points = student.detach().clone().requires_grad_()
    terms = torch.stack([rkd_distance_loss(points, teacher), rkd_angle_loss(points, teacher)])
    (slope,) = torch.autograd.grad(terms @ terms.new_tensor(WEIGHTS[loss]), points)
    by_distance, by_angle = terms.tolist()
    return by_distance, by_angle, slope


def relations_view(student: Tensor, teacher: Tensor, *, loss: str = "les deux", selected: str = "") -> str:
    """Les deux nuages (N, 2), puis leurs matrices φ, et les pertes ; la flèche d'un point est l'opposé de son gradient.

    selected : le point à cercler, « élève B » ou « enseignant B ». La plus longue flèche a toujours la même longueur,
    car seules comptent ici les directions ; le gradient est écrit en chiffres.
    """
    by_distance, by_angle, slope = losses_and_slope(student, teacher, loss)
    largest = slope.norm(dim=1).max().item()
    arrows = _values(-slope / largest) if largest > 1e-5 else None
    who, _, letter = selected.partition(" ")
    mine = {who: ascii_uppercase.index(letter)} if letter else {}
    losses = f"Perte des distances : {french_number(by_distance, 4)} ; perte des angles : {french_number(by_angle, 4)}"
    mu = [french_number(mean_distance(distances(cloud)).item(), 2) for cloud in (teacher, student)]
    told = text_panel(
        f"{losses} ; plus grand gradient (la plus longue flèche) : {french_number(largest, 4)}\n"
        f"Distance moyenne : μ = {mu[0]} chez l'enseignant, {mu[1]} chez l'élève",
        width=4 * SIDE + 36,
        color="student",
    )
    clouds = (
        _cloud("enseignant", "teacher", _values(teacher), None, mine.get("enseignant")),
        _cloud("élève", "student", _values(student), arrows, mine.get("élève")),
    )
    matrices = _matrix("enseignant", _values(teacher)), _matrix("élève", _values(student))
    return stack(told, side_by_side(*clouds, *matrices), gap=0, alt=f"{losses}.")


@lru_cache(maxsize=16)  # un seul côté bouge à la fois : l'autre est déjà dessiné
def _cloud(who: str, color: str, points: _Points, arrows: _Points | None, selected: int | None) -> str:
    """Un nuage, ses arêtes et ses flèches. color : un rôle de PALETTE. selected : le numéro du point à cercler."""
    cloud, names = torch.tensor(points), ascii_uppercase[: len(points)]
    reach, middle = REACH, torch.zeros(2)
    if cloud.abs().max() > REACH - 0.3:  # le point, large, reste entier dans son cadre
        low, high = cloud.amin(dim=0), cloud.amax(dim=0)
        reach, middle = max(REACH, 0.56 * (high - low).max().item()), (low + high) / 2
    return plane(
        cloud - middle, names, alt=f"Les points {', '.join(names)} de l'{who}, reliés deux à deux.",
        title=who.capitalize(), color=color, selected=selected,
        arrows=None if arrows is None else torch.tensor(arrows), reach=reach, width=SIDE,
    )  # fmt: skip


@lru_cache(maxsize=16)
def _matrix(who: str, points: _Points) -> str:
    """La matrice φ d'un nuage."""
    names = ascii_uppercase[: len(points)]
    return heat_map(
        relative_distances(torch.tensor(points)), names, names, alt=f"Distances relatives de l'{who}.",
        title=f"φ {who}", limits=(0, 2), width=SIDE, cell_height=38,
    )  # fmt: skip


def _values(points: Tensor) -> _Points:
    return tuple(tuple(point) for point in points.tolist())


def descent(student: Tensor, teacher: Tensor, steps: int, *, loss: str = "les deux", pace: float = 2.0) -> list[Tensor]:
    """Les positions de l'élève au fil de `steps` pas de descente de gradient : steps + 1 tenseurs (N, 2)."""
    places = [student]
    for _ in range(steps):
        places.append(places[-1] - pace * losses_and_slope(places[-1], teacher, loss)[2])
    return places
