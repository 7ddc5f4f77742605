"""Le bilan : toutes les méthodes de la séance, le même élève, le même enseignant, autant de pas, et ce que cela coûte.

    >>> student = train("LIT", resnet(8, width=8, seed=0), teacher, data.train, epochs=6, lr=5e-3, seed=0)

Une méthode y est la suite de ses objectifs : chacun reçoit une part égale des époques.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from course_utils.adapters import feature_shapes, lit_adapters, regressor
from course_utils.arguments import whole
from course_utils.data import Images, checked_images
from course_utils.french import plural
from course_utils.inference import Teacher, best_device, checked_teacher, device_of, place, staged, trainable
from course_utils.models import StagedNet, fresh, resnet
from course_utils.objectives import BornAgain, Hint, Hinton, Hints, Lit, Objective, Rkd, Supervised
from course_utils.training import fit
from course_utils.training_cost import kept_for_gradient, training_macs

BATCH = 64
TEMPERATURE = 4.0
BORN_AGAIN = "né de nouveau"
RKD_WEIGHTS = {"distance_weight": 25.0, "angle_weight": 50.0, "hard_weight": 1.0}  # publiés, pour classer


class Budget(NamedTuple):
    """Ce à quoi toutes les méthodes ont droit : autant d'images, autant d'époques."""

    images: int
    epochs: int


BUDGETS = {"court": Budget(1000, 6), "long": Budget(3000, 12)}

Shape = tuple[int, ...]
Recipe = Callable[[StagedNet, Teacher, Shape], list[Objective]]


def _kd(teacher: Teacher) -> Objective:
    return Hinton(teacher, temperature=TEMPERATURE)


def _fitnets(student: StagedNet, teacher: Teacher, image: Shape) -> list[Objective]:
    """Le milieu de l'élève (étage 2) guidé par celui de l'enseignant, puis KD."""
    ours, theirs = _middle(student, "L'élève", image), _middle(teacher.model, "L'enseignant", image)
    return [Hint(teacher, regressor(ours, theirs), guided=2, hint=2), _kd(teacher)]


def _middle(network: StagedNet, who: str, image: Shape) -> Shape:
    """La forme de ce que rend l'étage 2, ou ValueError s'il n'y en a pas."""
    if len(staged(network, who).stages) < 2:
        raise ValueError(
            f"{who} n'a qu'un étage, et FitNets guide le deuxième : donnez un réseau de deux étages ou plus."
        )
    return feature_shapes(network, image)[2]


METHODS: Mapping[str, Recipe] = {
    "seul": lambda student, teacher, image: [Supervised()],
    "KD": lambda student, teacher, image: [_kd(teacher)],
    "KD sans label": lambda student, teacher, image: [Hinton(teacher, temperature=TEMPERATURE, hard_weight=0)],
    BORN_AGAIN: lambda student, teacher, image: [BornAgain(teacher)],
    "FitNets": _fitnets,
    "indices partout": lambda student, teacher, image: [
        Hints(teacher, lit_adapters(student, teacher.model, image)), _kd(teacher)
    ],
    "LIT": lambda student, teacher, image: [Lit(teacher, lit_adapters(student, teacher.model, image)), _kd(teacher)],
    "RKD": lambda student, teacher, image: [Rkd(teacher, **RKD_WEIGHTS)],
    "KD + RKD": lambda student, teacher, image: [
        Rkd(teacher, **RKD_WEIGHTS, soft_weight=1.0, temperature=TEMPERATURE)
    ],
}  # fmt: skip


def new_student(seed: int) -> StagedNet:
    """L'élève du bilan : un ResNet de 8 couches et de 8 canaux ; ses poids initiaux ne dépendent que de la graine."""
    return resnet(8, width=8, seed=seed)


def train(
    method: str, student: StagedNet, teacher: Teacher, images: Images, *, epochs: int, seed: int, **settings: Any
) -> StagedNet:
    """Entraîne `student` sur place par l'une des METHODS, et le rend.

    epochs : partagées également entre les phases de la méthode. settings : le reste va à `fit` (lr, progress…).
    « né de nouveau » n'apprend pas de `teacher`, mais d'un frère de l'élève : même architecture, autres poids
    initiaux, entraîné seul d'abord. Lève ValueError si la méthode est inconnue ou si les époques ne se partagent pas,
    et comme `fit` si un argument est impossible.
    """
    if method not in list(METHODS):  # et non dans ses clés, où chercher une liste est une erreur
        raise ValueError(f"La méthode « {method} » n'existe pas : choisissez parmi {', '.join(METHODS)}.")
    if "batch_size" in settings:
        raise TypeError(
            f"batch_size ne se règle pas ici : toutes les méthodes du bilan apprennent par lots de {BATCH}, retirez-le."
        )
    trainable(student)
    checked_teacher(teacher)
    checked_images(images)
    epochs, seed = whole("epochs", epochs, 0), whole("seed", seed, 0)
    if method == BORN_AGAIN:
        sibling = fresh(student, seed + 1000)
        teacher = Teacher(train("seul", sibling, teacher, images, epochs=epochs, seed=seed, **settings))
    objectives = METHODS[method](student, teacher, tuple(images.pixels.shape[1:]))
    share, rest = divmod(epochs, len(objectives))
    if rest or not share:
        phases = len(objectives)
        raise ValueError(
            f"`epochs` vaut {epochs}, à partager en {phases} phase{plural(phases)} : donnez un multiple de {phases}, "
            "non nul."
        )
    for objective in objectives:
        fit(student, images, objective, epochs=share, seed=seed, batch_size=BATCH, **settings)
    return student


class Cost(NamedTuple):
    """Ce que coûte une méthode.

    macs : multiplications-additions de tout l'apprentissage, l'enseignant compris. memory : octets gardés par un pas
    entre l'aller et le retour du gradient. extra : paramètres entraînés avec l'élève, puis jetés.
    """

    macs: int
    memory: int
    extra: int


def cost(method: str, teacher: StagedNet, images: Images, *, epochs: int) -> Cost:
    """Le coût d'une méthode sur ces images, compté sur un lot (voir training_cost.py).

    Lève ValueError si la méthode est inconnue, ou s'il y a moins d'images qu'un lot.
    """
    checked_images(images)
    work = training_macs(
        # un enseignant neuf : celui qui a déjà répondu à ces images ne le referait pas, et ne serait pas compté
        lambda few: train(method, new_student(0), Teacher(teacher), few, epochs=epochs, seed=0, progress=False),
        images,
        BATCH,
    )
    student = new_student(0)
    place(student, best_device())  # les régresseurs naissent là où apprend l'élève
    objectives = METHODS[method](student, Teacher(teacher), tuple(images.pixels.shape[1:]))
    # ce lot seul : le premier lot d'un jeu entier ferait répondre l'enseignant à toutes ses images
    batch = images.subset(torch.arange(BATCH)).batch(torch.arange(BATCH), device_of(student))
    return Cost(
        macs=work,
        memory=max(kept_for_gradient(objective, student, batch) for objective in objectives),
        extra=max(sum(p.numel() for p in objective.parameters()) for objective in objectives),
    )


def frontier(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Les numéros de ceux que nul autre ne bat, du moins cher au plus cher.

    Un point est battu si un autre est au moins aussi exact et pas plus cher, et meilleur sur l'un des deux.
    """
    if len(costs) != len(accuracies):
        raise ValueError(f"Il y a {len(costs)} coûts et {len(accuracies)} exactitudes : donnez-en autant.")
    points = list(zip(costs, accuracies, strict=True))

    def beaten(i: int) -> bool:
        return any(c <= costs[i] and a >= accuracies[i] and (c, a) != points[i] for c, a in points)

    return sorted((i for i in range(len(points)) if not beaten(i)), key=lambda i: costs[i])
