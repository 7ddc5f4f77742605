"""De quoi apprendre en quelques millisecondes : des images minuscules, de petits réseaux, chaque objectif du cours."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_utils import models
from course_utils.absent import Renormalised
from course_utils.adapters import feature_shapes, lit_adapters, regressor
from course_utils.born_again import Cwtm, Dkpp
from course_utils.data import Images
from course_utils.models import StagedNet
from course_utils.mutual import Mutual, Pair
from course_utils.objectives import BornAgain, Hint, Hinton, Hints, Lit, Objective, Rkd, Supervised
from course_utils.training import History, Teacher, fit

SHAPE = (1, 8, 8)


def toy(n: int = 24, seed: int = 0) -> Images:
    """n images 1×8×8 de trois classes, qui se lisent dans la luminosité."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    noise = torch.randint(0, 60, (n, *SHAPE), generator=generator)
    pixels = (noise + 60 * labels.view(-1, 1, 1, 1)).to(torch.uint8)
    return Images(pixels, labels, torch.arange(n), ("a", "b", "c"), (0.4,), (0.2,))


def perceptron(seed: int = 0, width: int = 6) -> StagedNet:
    """Deux étages, du dropout."""
    return models.mlp((width, width), inputs=64, classes=3, dropout=0.3, seed=seed)


def convolutional(seed: int = 0, width: int = 3) -> StagedNet:
    """Trois étages, des BatchNorm."""
    return models.resnet(8, width=width, classes=3, seed=seed)


FAMILIES: dict[str, Callable[..., StagedNet]] = {"mlp": perceptron, "resnet": convolutional}


def hint(student: StagedNet, teacher: Teacher) -> Hint:
    """Le premier étage de l'un guidé par le premier de l'autre."""
    ours, theirs = feature_shapes(student, SHAPE)[1], feature_shapes(teacher.model, SHAPE)[1]
    return Hint(teacher, regressor(ours, theirs), guided=1, hint=1)


# Chaque objectif qui a un enseignant, construit à neuf pour cet élève et cet enseignant
TAUGHT: dict[str, Callable[[StagedNet, Teacher], Objective]] = {
    "Hinton": lambda student, teacher: Hinton(teacher),
    "BornAgain": lambda student, teacher: BornAgain(teacher),
    "Rkd": lambda student, teacher: Rkd(teacher, hard_weight=1.0, soft_weight=0.5),
    "Hint": hint,
    "Lit": lambda student, teacher: Lit(teacher, lit_adapters(student, teacher.model, SHAPE)),
    "Hints": lambda student, teacher: Hints(teacher, lit_adapters(student, teacher.model, SHAPE)),
    "Cwtm": lambda student, teacher: Cwtm(teacher),
    "Dkpp": lambda student, teacher: Dkpp(teacher),
    "Renormalised": lambda student, teacher: Renormalised(teacher, 2, temperature=4.0),
}
KINDS = ["Supervised", "Mutual", *TAUGHT]


@dataclass
class Lesson:
    """Un élève, son enseignant et l'objectif qui les lie."""

    student: nn.Module
    teacher: Teacher
    objective: Objective


def lesson(kind: str = "Hinton", family: str = "mlp") -> Lesson:
    """Tout à neuf, toujours pareil."""
    build = FAMILIES[family]
    student, teacher = build(seed=0), Teacher(build(seed=1, width=5))
    if kind == "Supervised":
        return Lesson(student, teacher, Supervised(label_smoothing=0.1))
    if kind == "Mutual":
        return Lesson(Pair(student, build(seed=2)), teacher, Mutual())
    return Lesson(student, teacher, TAUGHT[kind](student, teacher))


def quick(student: nn.Module, objective: Objective, images: Images | None = None, **settings: object) -> History:
    """Deux époques de trois pas."""
    settings = {"epochs": 2, "lr": 1e-2, "batch_size": 8, "progress": False} | settings
    return fit(student, toy() if images is None else images, objective, **settings)  # type: ignore[arg-type]


def weights_of(model: nn.Module) -> Tensor:
    """Tous les poids et toutes les statistiques du réseau, bout à bout."""
    return torch.cat([value.detach().flatten().double().cpu() for value in model.state_dict().values()])


def fingerprint(kind: str, family: str) -> str:
    """L'empreinte de tout ce qu'un apprentissage laisse : poids, statistiques, pertes."""
    made = lesson(kind, family)
    history = quick(made.student, made.objective, augment=True)
    content = weights_of(made.student).numpy().tobytes() + repr(history.losses).encode()
    return hashlib.sha256(content).hexdigest()
