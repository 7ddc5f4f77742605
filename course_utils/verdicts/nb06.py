"""Les exercices du notebook 06 : les blocs nourris de l'enseignant, le mélange des termes, ce qu'une phase entraîne."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_utils import models
from course_utils.exercises import Exercise
from course_utils.verdicts import block_checks as checks
from course_utils.verdicts.short_net import ShortNet
from course_utils.verdicts.slopes import reaches

Blocks = Sequence[Callable[[Tensor], Tensor]]
Features = Sequence[Tensor]


def block_losses(blocks: Blocks, teacher_features: Features) -> Tensor:
    """L'écart quadratique moyen de chaque bloc, nourri de l'enseignant, à la représentation suivante."""
    return _gaps(blocks, _fixed(teacher_features[:-1]), _fixed(teacher_features[1:]))


def _fixed(features: Features) -> list[Tensor]:
    return [x.detach() for x in features]


def _gaps(blocks: Blocks, inputs: Features, targets: Features) -> Tensor:
    triplets = zip(blocks, inputs, targets, strict=True)
    return torch.stack([(block(before) - after).square().mean() for block, before, after in triplets])


def _chained(blocks: Blocks, teacher_features: Features) -> Tensor:
    inputs = [teacher_features[0]]
    for block in blocks[:-1]:
        inputs.append(block(inputs[-1]))
    return _gaps(blocks, inputs, teacher_features[1:])


def mix(hard: Tensor, soft: Tensor, blocks: Tensor, *, hard_share: float, kd_share: float) -> Tensor:
    """β·[α·labels + (1 − α)·enseignant] + (1 − β)·blocs."""
    return kd_share * (hard_share * hard + (1 - hard_share) * soft) + (1 - kd_share) * blocks


def _three_shares(hard: Tensor, soft: Tensor, blocks: Tensor, *, hard_share: float, kd_share: float) -> Tensor:
    return hard_share * hard + kd_share * soft + (1 - hard_share - kd_share) * blocks


def _mix_cases() -> list[dict[str, Any]]:
    names = ("hard", "soft", "blocks", "hard_share", "kd_share")
    values = [(2.0, 5.0, 30.0, 0.9, 0.7), (1.5, 4.0, 0.25, 0.95, 0.75), (1.0, 7.0, 3.0, 0.4, 0.0)]
    return [dict(zip(names, (*map(torch.tensor, v[:3]), *v[3:]), strict=True)) for v in values]


def _every_term_learns(answer: Any) -> bool:
    terms = [torch.tensor(value, requires_grad=True) for value in (2.0, 5.0, 3.0)]
    loss = answer(*terms, hard_share=0.9, kd_share=0.7)
    return all(reaches(loss, term) for term in terms)


def prepare(student: models.StagedNet, phase: int) -> list[str]:
    """Phase 1 : tout s'entraîne, sauf le stem et la couche finale ; phase 2 : tout."""
    return _all_but(student, student.stem, student.head) if phase == 1 else _all_but(student)


def _all_but(student: models.StagedNet, *frozen: nn.Module) -> list[str]:
    student.requires_grad_(True)
    return _freeze(student, *frozen)


def _freeze(student: models.StagedNet, *frozen: nn.Module) -> list[str]:
    for part in frozen:
        part.requires_grad_(False)
    return [name for name, parameter in student.named_parameters() if parameter.requires_grad]


def _by_phase(*frozen: str) -> Callable[[models.StagedNet, int], list[str]]:
    """Ce qui prépare un élève dont tout s'entraîne, sauf ces parties : celles de la phase 1, puis celles de la 2."""
    return lambda student, phase: _all_but(student, *map(student.get_submodule, frozen[phase - 1].split()))


def _never_freed(student: models.StagedNet, phase: int) -> list[str]:
    return _freeze(student, student.stem, student.head) if phase == 1 else _freeze(student)


def _phase_cases() -> list[tuple[models.StagedNet, int]]:
    free, ends, frozen = (
        ShortNet(models.resnet(8, width=4), f"resnet(8, width=4), {words}")
        for words in ("rien de gelé", "stem et couche finale gelés", "tout gelé")
    )
    _freeze(ends, ends.stem, ends.head)
    _freeze(frozen, frozen)
    return [(free, 1), (free, 2), (ends, 2), (frozen, 1), (frozen, 2), (ends, 1)]


def _trained_after(answer: Any, *phases: int) -> list[str]:
    """Ce qui s'entraîne vraiment, après ces phases l'une après l'autre."""
    student = models.plain(7)
    for phase in phases:
        answer(student, phase)
    return _freeze(student)


def _trains_what_it_names(answer: Any) -> bool:
    return all(list(answer(student, phase)) == _freeze(student) for student, phase in _phase_cases())


def _named_only(student: models.StagedNet, phase: int) -> list[str]:
    return [name for name, _ in student.named_parameters() if phase == 2 or name.startswith("stages.")]


ALTERED = "`detach_()` et `requires_grad_()` changent l'enseignant sur place : `detach()` en rend une version à part."
ALONE = (
    "Chaque écart doit garder son gradient, dans son bloc et dans aucun autre. `torch.tensor([…])`, `.item()`, "
    "`no_grad` ou un `.detach()` sur la sortie du bloc le coupent ; `torch.stack` le garde."
)
INPUT = "Un gradient remonte vers l'enseignant par l'entrée des blocs : `teacher_features[i]` est à détacher."
TARGET = "Un gradient remonte vers l'enseignant par la cible : `teacher_features[i + 1]` est à détacher."
MIDDLE = "Un gradient remonte vers l'enseignant, entre deux blocs : détachez chaque entrée et chaque cible."
NOTHING_FROZEN = (
    "En phase 1, vous rendez tous les noms. Soit rien n'est gelé : ni `.eval()`, ni `student.stem.requires_grad = "
    "False` ne touchent aux paramètres, `requires_grad_(False)` les gèle ; soit vous ne lisez pas `requires_grad`."
)
TERMS = "Chacun des trois termes doit recevoir un gradient : ne détachez rien ici."
UNCHANGED = (
    "Les noms sont justes, mais `student` n'est pas gelé : appelez `requires_grad_(False)` sur ses propres extrémités, "
    "et non sur celles d'une copie."
)
NAMED = "Les noms sont justes, mais la phase 1 doit geler les deux extrémités, et elles seules."
FREED = "Les noms sont justes, mais ce que la phase 1 a gelé l'est encore en phase 2 : `requires_grad_(True)` manque."
STATE = "Les noms sont justes, mais un élève arrivé gelé le reste en partie : libérez-le d'abord en entier."

EXERCISES = {
    "06-blocs": Exercise(
        reference=block_losses,
        why="Chaque bloc a son entrée et sa cible, toutes deux de l'enseignant : aucun n'attend le précédent.",
        cases=checks.block_cases,
        mistakes={
            "Chaque bloc reçoit ici la sortie du bloc précédent de l'élève : ce sont des indices à chaque étage. "
            "Dans LIT, `teacher_features[i]` est l'entrée du bloc i.": _chained,
            "C'est l'entrée du bloc ; `teacher_features[i + 1]` est sa cible.": lambda b, f: _gaps(b, f[:-1], f[:-1]),
            "Le bloc i reçoit sa cible ; `teacher_features[i]` est son entrée.": lambda b, f: _gaps(b, f[1:], f[1:]),
            "Ce sont des sommes : prenez la moyenne des carrés.": lambda b, f: (
                block_losses(b, f) * torch.tensor([x.numel() for x in f[1:]])
            ),
            "Rendez les B écarts séparés : `torch.stack` les assemble.": [
                lambda b, f: block_losses(b, f).sum(),
                lambda b, f: block_losses(b, f).mean(),
            ],
            ALONE: lambda b, f: block_losses(b, f).detach(),
            INPUT: lambda b, f: _gaps(b, f[:-1], _fixed(f[1:])),
            TARGET: lambda b, f: _gaps(b, _fixed(f[:-1]), f[1:]),
        },
        properties={
            ALONE: checks.each_block_learns_alone,
            ALTERED: checks.leaves_the_flags,
            INPUT: lambda answer: checks.spares(answer, 0),
            TARGET: lambda answer: checks.spares(answer, -1),
            MIDDLE: lambda answer: all(checks.spares(answer, place) for place in (1, 2)),
        },
    ),
    "06-melange": Exercise(
        reference=mix,
        why="Dans le code officiel, α = 0,95 et β = 0,75 : labels 0,7125, enseignant 0,0375, blocs 0,25.",
        cases=_mix_cases,
        mistakes={
            "Vous avez mis α sur l'enseignant, comme on le lit souvent ; dans le code officiel de LIT, α "
            "(ici hard_share) pèse les labels.": lambda hard_share, **x: mix(**x, hard_share=1 - hard_share),
            "α et β sont échangés : β (`kd_share`) est à l'extérieur du crochet, α (`hard_share`) à l'intérieur.": (
                lambda hard_share, kd_share, **x: mix(**x, hard_share=kd_share, kd_share=hard_share)
            ),
            "Les deux parts sont à l'envers : α pèse les labels, et β la distillation.": (
                lambda hard_share, kd_share, **x: mix(**x, hard_share=1 - hard_share, kd_share=1 - kd_share)
            ),
            "Les trois poids ne sont pas α, β et le reste : la distillation entière pèse β, et α la partage.": [
                _three_shares,
                lambda hard, hard_share, **x: _three_shares(hard, hard_share=0.0, **x) + hard_share * hard,
            ],
            "β pèse la distillation, et 1 − β les blocs.": lambda kd_share, **x: mix(**x, kd_share=1 - kd_share),
            "La distillation tout entière pèse β : ici, β manque devant le crochet.": lambda kd_share, **x: (
                mix(**x, kd_share=1.0) + (1 - kd_share) * x["blocks"]
            ),
            "Les blocs pèsent 1 − β, et non 1.": lambda **x: mix(**x) + x["kd_share"] * x["blocks"],
            "α n'est pas appliqué.": lambda hard, soft, **x: mix(hard + soft, hard + soft, **x),
            "Le terme de l'enseignant doit peser 1 − α.": lambda soft, **x: mix(soft=soft / (1 - x["hard_share"]), **x),
            "β pèse les deux termes : gare aux parenthèses.": lambda soft, **x: mix(soft=soft / x["kd_share"], **x),
            "Retirez la division par 2 du code officiel : elle ne change que le pas.": lambda **x: mix(**x) / 2,
            TERMS: lambda **x: mix(**x).detach(),
        },
        properties={TERMS: _every_term_learns},
    ),
    "06-phases": Exercise(
        reference=prepare,
        why="Tout libérer d'abord, geler ensuite : l'état de départ ne compte plus. Les statistiques des BatchNorm, "
        "elles, ne suivent pas `requires_grad` mais le mode.",
        cases=_phase_cases,
        mistakes={
            NOTHING_FROZEN: [_by_phase("", ""), lambda s, phase: _freeze(s)],
            "La couche finale est oubliée : elle reste fixe, comme le stem.": _by_phase("stem", ""),
            "Le stem est oublié : il reste fixe, comme la couche finale.": _by_phase("head", ""),
            "En phase 2, tout s'entraîne : la couche finale y reste gelée.": _by_phase("stem head", "head"),
            "En phase 2, tout s'entraîne : le stem y reste gelé.": _by_phase("stem head", "stem"),
            "En phase 2, tout s'entraîne : les deux extrémités y restent gelées, ou leurs noms manquent.": _by_phase(
                "stem head", "stem head"
            ),
            "C'est l'inverse : ce sont les étages qui s'entraînent.": _by_phase("stages", ""),
            "Un élève peut arriver déjà gelé : la phase 1 doit aussi libérer les étages.": lambda s, phase: (
                prepare(s, 2) if phase == 2 else _never_freed(s, 1)
            ),
            "Ce que la phase 1 a gelé l'est encore en phase 2. C'est aussi le défaut du code officiel : "
            "`requires_grad` n'y est jamais remis à True.": _never_freed,
            "Les deux phases sont échangées : c'est la première qui gèle.": _by_phase("", "stem head"),
            UNCHANGED: _named_only,
            FREED: lambda s, phase: prepare(s, 1) if phase == 1 else _named_only(s, 2),
        },
        properties={
            UNCHANGED: lambda f: _trained_after(f, 1) != _trained_after(f),
            NAMED: lambda f: _trained_after(f, 1) == _trained_after(f, 1, 1) == _trained_after(prepare, 1),
            FREED: lambda f: _trained_after(f, 1, 2) == _trained_after(prepare, 2),
            STATE: _trains_what_it_names,
        },
    ),
}
