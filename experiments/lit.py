"""LIT contre KD, indices et apprentissage seul, selon la profondeur de l'élève : data/results/lit.csv.

    python -m experiments.lit      # environ une demi-heure sur deux cœurs

Un panneau = un jeu de données et une famille de réseaux. Pour une graine, toutes les méthodes ont les mêmes images, les
mêmes poids initiaux (le stem et la couche finale y sont ceux de l'enseignant) et le même nombre d'époques : les phases
s'additionnent. Les réglages de LIT sont ceux du code officiel ; le pas est le même pour tous. Rien n'est choisi sur le
test.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from course_utils.adapters import feature_shapes, inherit_ends, regressor
from course_utils.data import Images, load
from course_utils.models import BUILDERS, StagedNet, load_teacher
from course_utils.objectives import Hint, Hinton, Hints, Lit, Objective, Supervised
from course_utils.training import Teacher, evaluate, fit
from experiments.records import Campaign

SEEDS = list(range(5))
SETTINGS = {"train_size": 2000, "batch_size": 64, "lr": 5e-3, "phase_1": 8, "phase_2": 4, "temperature": 6.0}
SHARES = {"hard_share": 0.95, "kd_share": 0.75}  # α et β du code officiel


@dataclass(frozen=True)
class Panel:
    """Un panneau de « Quelques résultats » : l'enseignant livré, les profondeurs et la largeur de ses élèves."""

    data: str
    family: str
    teacher: str
    teacher_depth: int
    depths: tuple[int, ...]
    width: int


PANELS = (Panel("fashion-mnist", "resnet", "fashion-resnet20", 20, (8, 14), 8),)

run = partial(fit, lr=SETTINGS["lr"], batch_size=SETTINGS["batch_size"], progress=False)


def in_one_go(objective: Callable[[Teacher], Objective]) -> Callable[..., None]:
    """La méthode qui n'a qu'une phase : le même objectif pendant toutes les époques."""

    def method(student: StagedNet, teacher: Teacher, train: Images, seed: int) -> None:
        run(student, train, objective(teacher), epochs=SETTINGS["phase_1"] + SETTINGS["phase_2"], seed=seed)

    return method


def in_two_phases(objective: Callable[[Teacher], Objective], *, frozen_ends: bool) -> Callable[..., None]:
    """Phase 1 avec cet objectif, puis KD sur tout l'élève. frozen_ends : geler stem et couche finale en phase 1."""

    def method(student: StagedNet, teacher: Teacher, train: Images, seed: int) -> None:
        for end in (student.stem, student.head):
            end.requires_grad_(not frozen_ends)
        run(student, train, objective(teacher), epochs=SETTINGS["phase_1"], seed=seed)
        student.requires_grad_(True)
        run(student, train, kd(teacher), epochs=SETTINGS["phase_2"], seed=seed)

    return method


def kd(teacher: Teacher) -> Objective:
    """La distillation, avec les poids qu'elle a dans LIT."""
    alpha = SHARES["hard_share"]
    return Hinton(teacher, temperature=SETTINGS["temperature"], hard_weight=alpha, soft_weight=1 - alpha)


def one_hint(teacher: Teacher) -> Objective:
    """FitNets : l'étage 2 guidé par l'étage 2."""
    shape = feature_shapes(teacher.model, (1, 28, 28))[2]
    return Hint(teacher, regressor(shape, shape), guided=2, hint=2)


LIT = partial(Lit, **SHARES, temperature=SETTINGS["temperature"])
HINTS = partial(Hints, **SHARES, temperature=SETTINGS["temperature"])
METHODS = {
    "seul": in_one_go(lambda _: Supervised()),
    "KD": in_one_go(kd),
    "FitNets": in_two_phases(one_hint, frozen_ends=False),
    "indices partout": in_two_phases(HINTS, frozen_ends=True),
    "LIT": in_two_phases(LIT, frozen_ends=True),
}


def main() -> None:
    campaign = Campaign(
        "lit", ("data", "family", "depth", "method", "seed", "accuracy"), ("data", "family", "depth", "method", "seed")
    )
    for panel in PANELS:
        network = load_teacher(panel.teacher)
        teacher = Teacher(network)
        where = {"data": panel.data, "family": panel.family}
        if not campaign.has(*where.values(), panel.teacher_depth, "enseignant", 0):
            accuracy = evaluate(network, load(panel.data).test)
            campaign.write(**where, depth=panel.teacher_depth, method="enseignant", seed=0, accuracy=accuracy)
        for seed in SEEDS:
            data = load(panel.data, train_size=SETTINGS["train_size"], seed=seed)
            for depth in panel.depths:
                for name, method in METHODS.items():
                    if campaign.has(*where.values(), depth, name, seed):
                        continue
                    student = BUILDERS[panel.family](depth, width=panel.width, seed=seed)
                    inherit_ends(student, network)
                    method(student, teacher, data.train, seed)
                    accuracy = evaluate(student, data.test)
                    campaign.write(**where, depth=depth, method=name, seed=seed, accuracy=accuracy)
    settings = SETTINGS | SHARES | {"panels": [asdict(panel) for panel in PANELS]}
    campaign.finish(seeds=SEEDS, settings=settings)


if __name__ == "__main__":
    main()
