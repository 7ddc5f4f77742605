"""LIT contre KD, indices et apprentissage seul, selon la profondeur de l'élève : les panneaux du notebook 06.

Un panneau = un jeu de données et une famille de réseaux. Pour une graine, toutes les méthodes ont les mêmes images, les
mêmes poids initiaux (le stem et la couche finale y sont ceux de l'enseignant) et le même nombre d'époques : les phases
s'additionnent. Les réglages de LIT sont ceux du code officiel ; le pas est le même pour tous. Rien n'est choisi sur le
test.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from course_utils.adapters import feature_shapes, inherit_ends, regressor
from course_utils.data import Images
from course_utils.models import BUILDERS, StagedNet
from course_utils.objectives import Hint, Hinton, Hints, Lit, Objective, Supervised
from course_utils.results_view import NAMES
from course_utils.training import Teacher, evaluate, fit
from experiments.campaign import Campaign, Comparison, Point, Row, View, grid
from experiments.shared import ALONE, JPEG_COPY, TEACHER, dataset, teacher

SHARES = {"hard_share": 0.95, "kd_share": 0.75}  # α et β du code officiel


@dataclass(frozen=True)
class Budget:
    """Ce qu'ont tous les élèves d'un panneau : l'enseignant livré, leur forme, leurs images, les époques des phases."""

    teacher: str
    shape: dict[str, Any]
    train_size: int
    phase_1: int
    phase_2: int


@dataclass(frozen=True)
class Panel:
    """Un panneau de « Quelques résultats » : les profondeurs de l'enseignant et des élèves, et leur budget."""

    data: str
    family: str
    teacher_depth: int
    depths: tuple[int, ...]
    seeds: int
    budget: Budget


THIN, GROUPED, COLOR = {"width": 8}, {"cardinality": 2, "base_width": 4}, {"in_channels": 3}
PANELS = (
    Panel("fashion-mnist", "resnet", 20, (8, 14, 20), 5, Budget("fashion-resnet20", THIN, 2000, 8, 4)),
    Panel("fashion-mnist", "resnext", 29, (11, 20, 29), 5, Budget("fashion-resnext29", GROUPED, 2000, 8, 4)),
    Panel(JPEG_COPY, "resnet", 20, (8, 14, 20), 3, Budget("cifar10-resnet20", THIN | COLOR, 10_000, 3, 2)),
    Panel(JPEG_COPY, "resnext", 29, (11, 20, 29), 3, Budget("cifar10-resnext29", GROUPED | COLOR, 10_000, 3, 2)),
)
BUDGETS = {f"{panel.data}, {panel.family}": asdict(panel.budget) for panel in PANELS}
SETTINGS: dict[str, Any] = {"batch_size": 64, "lr": 5e-3, "temperature": 6.0, **SHARES, "panels": BUDGETS}

train_for = partial(fit, lr=SETTINGS["lr"], batch_size=SETTINGS["batch_size"], progress=False)


def measure(*, seed: int, data: str, family: str, depth: int, method: str) -> list[Row]:
    """Un élève, ou l'enseignant, noté sur le test."""
    budget = next(panel.budget for panel in PANELS if (panel.data, panel.family) == (data, family))
    known = dataset(data, budget.train_size, seed)
    guide = teacher(budget.teacher)
    if method == TEACHER:
        return [{"accuracy": evaluate(guide.model, known.test)}]
    student = BUILDERS[family](depth, **budget.shape, seed=seed)
    inherit_ends(student, guide.model)
    METHODS[method](student, guide, known.train, budget, seed)
    return [{"accuracy": evaluate(student, known.test)}]


Recipe = Callable[[Teacher, Images], Objective]


def in_one_go(recipe: Recipe) -> Callable[..., None]:
    """La méthode qui n'a qu'une phase : le même objectif pendant toutes les époques."""

    def method(student: StagedNet, guide: Teacher, train: Images, budget: Budget, seed: int) -> None:
        train_for(student, train, recipe(guide, train), epochs=budget.phase_1 + budget.phase_2, seed=seed)

    return method


def in_two_phases(recipe: Recipe, *, frozen_ends: bool) -> Callable[..., None]:
    """Phase 1 avec cet objectif, puis KD sur tout l'élève. frozen_ends : geler stem et couche finale en phase 1."""

    def method(student: StagedNet, guide: Teacher, train: Images, budget: Budget, seed: int) -> None:
        for end in (student.stem, student.head):
            end.requires_grad_(not frozen_ends)
        train_for(student, train, recipe(guide, train), epochs=budget.phase_1, seed=seed)
        student.requires_grad_(True)
        train_for(student, train, kd(guide, train), epochs=budget.phase_2, seed=seed)

    return method


def kd(guide: Teacher, _: Images) -> Objective:
    """La distillation, avec les poids qu'elle a dans LIT."""
    alpha = SHARES["hard_share"]
    return Hinton(guide, temperature=SETTINGS["temperature"], hard_weight=alpha, soft_weight=1 - alpha)


def one_hint(guide: Teacher, train: Images) -> Objective:
    """FitNets : l'étage 2 guidé par l'étage 2."""
    shape = feature_shapes(guide.model, train.pixels.shape[1:])[2]
    return Hint(guide, regressor(shape, shape), guided=2, hint=2)


WEIGHTS = {**SHARES, "temperature": SETTINGS["temperature"]}
METHODS = {
    ALONE: in_one_go(lambda guide, train: Supervised()),
    "KD": in_one_go(kd),
    "FitNets": in_two_phases(one_hint, frozen_ends=False),
    "indices partout": in_two_phases(lambda guide, train: Hints(guide, **WEIGHTS), frozen_ends=True),
    "LIT": in_two_phases(lambda guide, train: Lit(guide, **WEIGHTS), frozen_ends=True),
}


def points() -> list[Point]:
    """Panneau par panneau, l'enseignant puis les élèves."""
    return [
        {"seed": point["seed"], "data": panel.data, "family": panel.family, **point}
        for panel in PANELS
        for point in (
            {"seed": 0, "depth": panel.teacher_depth, "method": TEACHER},
            *grid(seed=range(panel.seeds), depth=panel.depths, method=list(METHODS)),
        )
    ]


CAMPAIGN = Campaign(
    title="LIT : quelques résultats",
    question="LIT réduit-il la profondeur d'un réseau mieux que KD, que des indices, que l'apprentissage seul ?",
    limits=(
        "Des réseaux étroits, peu d'images et peu d'époques : l'article entraîne des réseaux bien plus profonds "
        "jusqu'au bout. CIFAR-10 est une copie en JPEG. Les réglages de LIT sont ceux de son code, jamais réglés ici. "
        "Le régresseur de FitNets part des mêmes poids à toutes les graines."
    ),
    points=points(),
    measure=measure,
    measured=("accuracy",),
    settings=SETTINGS,
    views=tuple(
        View("accuracy", x="depth", series="method", where={"data": panel.data, "family": panel.family},
             title=f"{NAMES[panel.data]}, {NAMES[panel.family]}")
        for panel in PANELS
    ),
    comparisons=tuple(
        Comparison(f"{NAMES[panel.data]}, {NAMES[panel.family]}, {depth} couches, LIT",
                   {"data": panel.data, "family": panel.family, "depth": depth, "method": "LIT"},
                   other, {"data": panel.data, "family": panel.family, "depth": depth, "method": other}, "accuracy")
        for panel in PANELS for depth in panel.depths for other in ("KD", "indices partout")
    ),
)  # fmt: skip
