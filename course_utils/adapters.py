"""Amener une représentation de l'élève à la forme de celle de l'enseignant : régresseurs, adaptateurs, extrémités."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from course_utils.inference import staged
from course_utils.models import StagedNet, copied, seeded

Shape = tuple[int, ...]
Adapter = tuple[nn.Module | None, nn.Module | None]  # avant et après un bloc de l'élève


def feature_shapes(model: StagedNet, image_shape: Sequence[int]) -> list[Shape]:
    """Les formes de ce que rend `model.features`, sans la dimension du lot : celle du stem, puis de chaque étage.

    image_shape : (C, H, W). Une image noire traverse une copie en mode évaluation : sonder un réseau ne doit déplacer
    ni son mode, ni les statistiques de ses BatchNorm.
    """
    probe = copied(staged(model, "Le réseau")).cpu().eval()
    black = torch.zeros(1, *image_shape, dtype=torch.float32)
    with torch.no_grad():
        return [tuple(feature.shape[1:]) for feature in probe.features(black)]


def regressor(student_shape: Sequence[int], teacher_shape: Sequence[int], *, seed: int = 0) -> nn.Module:
    """Le régresseur de FitNets : une convolution qui change le nombre de canaux et, au besoin, la taille des cartes.

    Formes (C, H, W), cartes carrées ; pour des vecteurs, de formes (D,), une couche dense. Sans marge, un noyau k et
    un pas s mènent de H à (H − k)/s + 1 : on prend le plus grand pas qui n'oublie aucun pixel (s ≤ k), puis le noyau
    qui tombe juste (1×1 entre cartes égales). Lève ValueError si les deux formes n'ont pas autant de
    dimensions, si les cartes ne sont pas carrées, ou si celles de l'élève sont plus petites que celles de l'enseignant.
    Source : Romero et al. 2014 (FitNets), équation 3.
    """
    student_shape, teacher_shape = tuple(student_shape), tuple(teacher_shape)
    told = f"L'élève rend {student_shape} et l'enseignant {teacher_shape} : "
    if len(student_shape) != len(teacher_shape) or len(student_shape) not in (1, 3):
        raise ValueError(f"{told}donnez deux formes (canaux, hauteur, largeur), ou deux formes (dimension,).")
    with seeded(seed):
        if len(student_shape) == 1:
            return nn.Linear(student_shape[0], teacher_shape[0])
        side, wanted = student_shape[1], teacher_shape[1]
        if (side, wanted) != (student_shape[2], teacher_shape[2]):
            raise ValueError(f"{told}donnez des cartes carrées, de même hauteur et largeur.")
        if side < wanted:
            raise ValueError(
                f"{told}une convolution ne peut pas agrandir une carte ; "
                "guidez un étage de l'élève placé plus tôt, ou prenez l'indice plus loin chez l'enseignant."
            )
        stride = side // wanted
        return nn.Conv2d(student_shape[0], teacher_shape[0], side - (wanted - 1) * stride, stride)


def lit_adapters(student: StagedNet, teacher: StagedNet, image_shape: Sequence[int], *, seed: int = 0) -> list[Adapter]:
    """Un couple (entrée, sortie) par bloc de l'élève, pour `Lit` : None là où les largeurs sont déjà égales.

    Chacun est une convolution 1×1 (une couche dense entre des vecteurs). Lève ValueError si les deux réseaux n'ont pas
    le même nombre d'étages, ou des cartes de tailles différentes.
    Source : Koratana, Kang, Bailis et Zaharia 2019 (LIT).
    """
    student, teacher = staged(student, "L'élève"), staged(teacher, "L'enseignant")
    ours, theirs = feature_shapes(student, image_shape), feature_shapes(teacher, image_shape)
    if len(ours) != len(theirs) or any(a[1:] != b[1:] for a, b in zip(ours, theirs, strict=True)):
        raise ValueError(
            f"L'élève rend {ours} et l'enseignant {theirs} : LIT demande autant d'étages des deux côtés, "
            "avec des cartes de mêmes tailles ; seul le nombre de canaux peut différer."
        )

    def adapter(before: Shape, after: Shape, number: int) -> nn.Module | None:
        return None if before == after else regressor(before, after, seed=seed + number)

    return [
        (adapter(theirs[i], ours[i], 2 * i), adapter(ours[i + 1], theirs[i + 1], 2 * i + 1))
        for i in range(len(student.stages))
    ]


def inherit_ends(student: StagedNet, teacher: StagedNet) -> None:
    """Copie dans l'élève le stem et la couche finale de l'enseignant, comme le code officiel de LIT.

    Ces poids restent entraînables : c'est à l'appelant de les geler. Lève ValueError si les formes diffèrent.
    """
    student, teacher = staged(student, "L'élève"), staged(teacher, "L'enseignant")
    for mine, theirs in ((student.stem, teacher.stem), (student.head, teacher.head)):
        wanted, found = ([tuple(v.shape) for v in part.state_dict().values()] for part in (mine, theirs))
        if wanted != found:
            raise ValueError(
                f"Les extrémités de l'élève ont les formes {wanted} et celles de l'enseignant {found} : "
                "elles ne se copient qu'entre réseaux de mêmes largeurs."
            )
    student.stem.load_state_dict(teacher.stem.state_dict())
    student.head.load_state_dict(teacher.head.state_dict())


@contextmanager
def still_statistics(model: nn.Module) -> Iterator[None]:
    """À l'intérieur, chaque BatchNorm en apprentissage normalise par le lot, sans le compter dans ses statistiques.

    Sans cela, un bloc de LIT compterait deux flux à la fois : les entrées de l'enseignant, et les siennes. Au test il
    ne verra que les siennes : elles seules doivent être comptées.
    """
    counting = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    try:
        for module in counting:
            module.track_running_stats = False
        yield
    finally:
        for module in counting:
            module.track_running_stats = True
