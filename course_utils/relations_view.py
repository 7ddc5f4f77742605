"""RKD sous les yeux : deux jeux de points dans le plan, leurs distances φ, les deux pertes et le gradient."""

from string import ascii_uppercase

import torch
from torch import Tensor

from course_utils.drawing.grids import heat_map
from course_utils.drawing.layout import side_by_side, stack, text_panel
from course_utils.drawing.plane import plane
from course_utils.french import french_number
from course_utils.losses import rkd_angle_loss, rkd_distance_loss
from course_utils.relations import distances, mean_distance, relative_distances

REACH = 3.5  # demi-côté du plan dessiné
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
    """Les deux nuages (N, 2), leurs matrices φ et les pertes ; la flèche d'un point est l'opposé de son gradient.

    selected : le point à cercler, « élève B » ou « enseignant B ». La plus longue flèche a toujours la même longueur,
    car seules comptent ici les directions ; le gradient est écrit en chiffres.
    """
    by_distance, by_angle, slope = losses_and_slope(student, teacher, loss)
    largest = slope.norm(dim=1).max().item()
    names = list(ascii_uppercase[: len(student)])
    side, _, letter = selected.partition(" ")
    planes, maps = [], []
    for who, color, points in (("enseignant", "teacher", teacher), ("élève", "student", student)):
        mine = names.index(letter) if side == who else None
        arrows = -slope / largest if who == "élève" and largest > 1e-5 else None
        middle = points.mean(dim=0) if points.abs().max() > REACH else torch.zeros(2)  # reste visible
        alt = f"Les points {', '.join(names)} de l'{who}, reliés deux à deux."
        planes += [
            plane(points - middle, names, alt=alt, title=who.capitalize(), color=color, arrows=arrows, selected=mine,
                  reach=REACH, width=374)
        ]  # fmt: skip
        mu = french_number(mean_distance(distances(points)).item(), 2)
        maps += [
            heat_map(relative_distances(points), names, names, alt=f"Distances relatives de l'{who}, μ = {mu}.",
                     title=f"φ, avec μ = {mu}", limits=(0, 2), width=374, cell_height=28)
        ]  # fmt: skip
    told = text_panel(
        f"Perte des distances : {french_number(by_distance, 4)} ; perte des angles : {french_number(by_angle, 4)}\n"
        f"Plus grand gradient (la plus longue flèche) : {french_number(largest, 4)}",
        width=760,
        color="student",
    )
    alt = f"Perte des distances : {french_number(by_distance, 4)} ; perte des angles : {french_number(by_angle, 4)}."
    return stack(told, side_by_side(*planes), side_by_side(*maps), alt=alt)


def descent(student: Tensor, teacher: Tensor, steps: int, *, loss: str = "les deux", pace: float = 2.0) -> list[Tensor]:
    """Les positions de l'élève au fil de `steps` pas de descente de gradient : steps + 1 tenseurs (N, 2)."""
    places = [student]
    for _ in range(steps):
        places.append(places[-1] - pace * losses_and_slope(places[-1], teacher, loss)[2])
    return places
