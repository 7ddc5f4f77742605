"""Les exercices du notebook 05 : le régresseur, l'indice, ce que l'étape 1 fait bouger, une sonde sans trace."""

import copy
from collections.abc import Sequence
from operator import index
from typing import Any

import torch
from torch import Tensor, nn

from course_utils import losses, models
from course_utils.exercises import Exercise
from course_utils.verdicts.short_net import ShortNet
from course_utils.verdicts.slopes import reaches, slope


def kernel_and_stride(student_side: int, teacher_side: int) -> tuple[int, int]:
    """Le plus grand pas qui n'oublie aucun pixel, puis le noyau qui tombe juste."""
    stride = student_side // teacher_side
    return student_side - (teacher_side - 1) * stride, stride


def hint(student: Tensor, teacher: Tensor) -> Tensor:
    """La moyenne des carrés des écarts, l'enseignant détaché."""
    return losses.hint_loss(student, teacher)


def _features(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(shape, generator=generator), 2 * torch.randn(shape, generator=generator)


def _squares(student: Tensor, teacher: Tensor) -> Tensor:
    return (student - teacher).square().flatten(1).sum(dim=1)


def _reaches_the_student(answer: Any) -> bool:
    student, teacher = _features(3, 4)
    return reaches(answer(student.requires_grad_(), teacher), student)


def _spares_the_teacher(answer: Any) -> bool:
    student, teacher = _features(3, 4)
    return slope(answer(student, teacher.requires_grad_()), teacher) is None


def _leaves_the_teacher(answer: Any) -> bool:
    student, teacher = _features(3, 4)
    answer(student, teacher.requires_grad_())
    return teacher.requires_grad


def _whole(answer: Any) -> bool:
    try:
        return all(index(value) for value in answer(16, 14))
    except TypeError:
        return False


def moving(names: Sequence[str], guided: int) -> list[str]:
    """Les noms des paramètres en amont de l'étage guidé, lui compris."""
    return _starting(names, "stem.", *_stages(guided))


def _starting(names: Sequence[str], *beginnings: str) -> list[str]:
    return [name for name in names if name.startswith(beginnings)]


def _stages(count: int) -> list[str]:
    return [f"stages.{i}." for i in range(count)]


def _name_cases() -> list[tuple[list[str], int]]:
    networks = (models.plain(7), models.resnet(8, width=4), models.mlp([4] * 12, inputs=16))
    plain, resnet, deep = ([name for name, _ in network.named_parameters()] for network in networks)
    # d'abord peu de noms, et l'étage 2 : chaque erreur y donne une autre liste
    few = [name for name in plain if name.endswith("weight")]
    return [(few, 2), *((names, guided) for names in (plain, resnet) for guided in range(4)), (deep, 2)]


def probe(model: models.StagedNet, images: Tensor) -> list[tuple[int, ...]]:
    """Les formes de `model.features(images)`, lues sur une copie en mode évaluation."""
    return _shapes(copy.deepcopy(model).eval(), images)


def _shapes(model: models.StagedNet, images: Tensor) -> list[tuple[int, ...]]:
    with torch.no_grad():
        return [tuple(feature.shape) for feature in model.features(images)]


def _without_momentum(model: models.StagedNet, images: Tensor) -> list[tuple[int, ...]]:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    return _shapes(model, images)


def _probe_cases() -> list[tuple[models.StagedNet, Tensor]]:
    images, _ = _features(3, 1, 8, 8)
    return [
        (ShortNet(models.resnet(8, width=4), "resnet(8, width=4), en mode train").train(), images),
        (ShortNet(models.plain(7), "plain(7), en mode évaluation").eval(), images[:1]),
        (ShortNet(models.mlp((6, 5), inputs=64), "mlp((6, 5), inputs=64), en mode train").train(), images),
    ]


def _probed(answer: Any, training: bool = True) -> tuple[dict[str, Tensor], list[Any], models.StagedNet]:
    model = models.resnet(8, width=4).train()
    model(_features(6, 1, 8, 8)[1])  # des statistiques que la remise à zéro effacerait
    model.train(training)
    before, settings = copy.deepcopy(model.state_dict()), _settings(model)
    answer(model, _features(5, 1, 8, 8)[0])
    return before, settings, model


def _settings(model: models.StagedNet) -> list[Any]:
    """Ce qu'une sonde pourrait changer sans toucher au mode ni aux tenseurs : réglages, gradients, hooks."""
    marks: list[Any] = [(p.requires_grad, p.grad is None) for p in model.parameters()]
    for module in model.modules():
        marks += [(name, value) for name, value in vars(module).items() if isinstance(value, bool | int | float)]
        marks += [len(module._forward_hooks), len(module._forward_pre_hooks)]
    return marks


def _keeps(answer: Any, *endings: str) -> bool:
    before, _, model = _probed(answer)
    return all(torch.equal(before[name], x) for name, x in model.state_dict().items() if name.endswith(endings))


def _keeps_everything(answer: Any) -> bool:
    _, settings, model = _probed(answer)
    return _keeps(answer, "") and settings == _settings(model)


def _keeps_mode(answer: Any, training: bool) -> bool:
    return all(module.training == training for module in _probed(answer, training)[-1].modules())


NO_STUDENT = "La valeur est juste, mais le gradient n'atteint pas l'élève : seul l'enseignant est à détacher."
NO_DETACH = "La valeur est juste, mais un gradient remonte vers l'enseignant : `teacher.detach()` l'arrête."
ALTERED = "La valeur est juste, mais vous changez `teacher` lui-même : `teacher.detach()`, sans `_`, n'y touche pas."
STATISTICS = "En mode train, les BatchNorm ont compté la sonde, même sous `torch.no_grad()` : passez en évaluation."
COUNTER = "Un compteur a bougé : en mode train, `num_batches_tracked` compte chaque passage, sonde comprise."
TRACES = "Les formes sont justes, mais le réseau a changé : un poids, un gradient, un réglage ou un *hook* y reste."
LEFT_IN_EVAL = (
    "Le réseau, arrivé en mode train, repart en mode évaluation, lui ou ses couches : `model.train(mode)` leur rend "
    "le mode d'avant. (Une copie ? `copy.copy` partage les couches ; `copy.deepcopy` les copie.)"
)
LEFT_IN_TRAIN = "Le réseau, arrivé en mode évaluation, repart en mode train : retenez `model.training` au départ."

EXERCISES = {
    "05-regresseur": Exercise(
        reference=kernel_and_stride,
        why="Sans marge, un noyau k et un pas s mènent de H à (H − k)/s + 1 : ici, la division tombe toujours juste.",
        cases=[(14, 14), (28, 14), (15, 7), (16, 14), (15, 8), (28, 7), (7, 1)],
        mistakes={
            "Le noyau n'est égal au pas que si les côtés se divisent sans reste.": lambda a, b: (a // b, a // b),
            "Un noyau 1×1 de pas 1 ne convient qu'à des cartes égales.": lambda a, b: (1, 1),
            "Ce noyau est immense : prenez le plus grand pas qui n'oublie aucun pixel.": lambda a, b: (a - b + 1, 1),
            "Sans marge, un noyau 3×3 rogne deux pixels, même entre cartes égales.": lambda a, b: (3, a // b),
            "Entre n fenêtres, il n'y a que n − 1 pas.": lambda a, b: (a - b * (a // b), a // b),
            "Les deux nombres sont échangés : d'abord k, puis s.": lambda a, b: kernel_and_stride(a, b)[::-1],
            "Un pas est un entier : `//` donne la division entière.": lambda a, b: (a - (b - 1) * a / b, a / b),
            "La taille est juste, mais le pas dépasse le noyau : des pixels ne sont vus par aucune fenêtre.": (
                lambda a, b: (a - (b - 1) * ((a - 1) // (b - 1)), (a - 1) // (b - 1))
            ),
        },
        properties={"Les valeurs sont justes, mais une convolution veut des entiers : `//` les donne.": _whole},
    ),
    "05-indice": Exercise(
        reference=hint,
        why="Une moyenne garde son ordre de grandeur, quelles que soient les tailles du lot et des cartes.",
        cases=[_features(3, 5), _features(4, 2, 3, 3), _features(1, 6)],
        mistakes={
            "C'est la somme : divisez par le nombre de valeurs.": lambda s, t: _squares(s, t).sum(),
            "Prenez aussi la moyenne sur les canaux et sur les pixels.": lambda s, t: _squares(s, t).mean(),
            "C'est la norme ‖·‖₂ de chaque exemple : gardez les carrés.": lambda s, t: _squares(s, t).sqrt().mean(),
            "C'est la norme ‖·‖₂ de tout le lot : gardez les carrés.": lambda s, t: _squares(s, t).sum().sqrt(),
            "Ce sont les valeurs absolues : élevez les écarts au carré.": lambda s, t: (s - t).abs().mean(),
            "Retirez le ½ de l'article, ½‖·‖² : il ne change que l'échelle.": lambda s, t: hint(s, t) / 2,
            "C'est le ½‖·‖² de l'article : prenez la moyenne des carrés.": lambda s, t: _squares(s, t).mean() / 2,
            "C'est le ½‖·‖² de tout le lot : prenez la moyenne des carrés.": lambda s, t: _squares(s, t).sum() / 2,
            "Une racine de trop : la moyenne des carrés suffit.": lambda s, t: hint(s, t).sqrt(),
            "C'est une perte de Huber, qui ménage les grands écarts : la moyenne des carrés, simplement.": (
                nn.functional.smooth_l1_loss
            ),
            "Il manque la moyenne : la perte est un seul nombre.": lambda s, t: (s - t).square(),
            NO_STUDENT: lambda s, t: hint(s.detach(), t),
            NO_DETACH: lambda s, t: (s - t).square().mean(),
        },
        properties={
            NO_STUDENT: _reaches_the_student,
            NO_DETACH: _spares_the_teacher,
            ALTERED: _leaves_the_teacher,
        },
    ),
    "05-qui-bouge": Exercise(
        reference=moving,
        why="Le gradient remonte de l'étage guidé vers le stem ; en aval, rien n'en reçoit.",
        cases=_name_cases,
        mistakes={
            "Tout ne bouge pas : en aval de l'étage guidé, il n'y a aucun gradient.": lambda n, g: list(n),
            "Un étage de trop : dans les noms, le premier étage porte le numéro 0.": lambda n, g: moving(n, g + 1),
            "Dans les noms, le premier étage porte le numéro 0 : il manque ici, et l'un des vôtres est de trop.": (
                lambda n, g: _starting(n, "stem.", *_stages(g + 1)[1:])
            ),
            "L'étage guidé n° g s'appelle `stages.{g-1}` : comptez à partir de 0, et gardez tous les étages d'avant.": (
                lambda n, g: _starting(n, "stem.", f"stages.{g}.")
            ),
            "Entre le stem et l'étage guidé, les étages d'avant apprennent aussi.": lambda n, g: _starting(
                n, "stem.", f"stages.{g - 1}."
            ),
            "Un étage manque : c'est la sortie de l'étage guidé que l'on compare.": lambda n, g: moving(n, g - 1),
            "Le gradient remonte aussi en amont de l'étage guidé.": lambda n, g: _starting(n, f"stages.{g - 1}."),
            "Le stem est oublié : il est en amont de tous les étages.": lambda n, g: _starting(n, *_stages(g)),
            "La couche finale est en aval de l'étage guidé.": lambda n, g: [*moving(n, g), *_starting(n, "head.")],
            "Tout sauf la couche finale ? Ce qui bouge dépend de l'étage guidé, `guided`.": lambda n, g: [
                x for x in n if not x.startswith("head.")
            ],
            "On demande ce qui bouge, et non ce qui reste fixe.": lambda n, g: [x for x in n if x not in moving(n, g)],
            "`stages.1` est aussi le début de `stages.10` : comparez jusqu'au point qui suit le numéro.": (
                lambda n, g: _starting(n, "stem", *(beginning[:-1] for beginning in _stages(g)))
            ),
        },
    ),
    "05-bug": Exercise(
        reference=probe,
        why="La sonde ne laisse plus de trace : ni dans le mode du réseau, ni dans les statistiques de ses BatchNorm.",
        cases=_probe_cases,
        mistakes={
            "Gardez la dimension du lot.": lambda model, images: [shape[1:] for shape in probe(model, images)],
            "La première forme manque : celle de la sortie du stem.": lambda model, images: probe(model, images)[1:],
            STATISTICS: _shapes,
            COUNTER: _without_momentum,
            LEFT_IN_EVAL: lambda model, images: _shapes(model.eval(), images),
            LEFT_IN_TRAIN: lambda model, images: (_shapes(model.eval(), images), model.train())[0],
        },
        properties={
            STATISTICS: lambda answer: _keeps(answer, "running_mean", "running_var"),
            COUNTER: lambda answer: _keeps(answer, "num_batches_tracked"),
            LEFT_IN_EVAL: lambda answer: _keeps_mode(answer, True),
            LEFT_IN_TRAIN: lambda answer: _keeps_mode(answer, False),
            TRACES: _keeps_everything,
        },
    ),
}
