"""FitNets : des réseaux fins de plus en plus profonds, seuls, avec KD ou guidés. Trois quarts d'heure sur deux cœurs.

Une graine fixe les 3 000 images et les poids initiaux, les mêmes pour toutes les méthodes (sauf « initialisation de
He », qui ne change qu'eux). Même nombre d'époques pour toutes : celles de l'étape 1 comptent. Même pas aussi ; les
lignes « seul » d'un autre pas sont un contrôle : échoue-t-il à cause de lui ? Rien n'est choisi sur le test.
"""

from typing import Any

from course_utils.adapters import feature_shapes, regressor
from course_utils.data import Images
from course_utils.fitnets import he_initialised
from course_utils.models import StagedNet, plain
from course_utils.objectives import Hint, Hinton, Supervised, fading
from course_utils.training import evaluate, fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import ALONE, dataset, teacher

DEPTHS = (7, 13, 19, 25)
HINTS = {"indice à l'étage 2, puis KD": (2, 6), "indice à l'étage 1, puis KD": (1, 4)}  # étage, époques de l'étape 1
KD = {"temperature": 3.0, "start": 4.0, "stop": 1.0}  # τ et λ de l'article
HE = "seul, initialisation de He"
OTHER_STEPS = (5e-4, 1e-3)
IMAGE = (1, 28, 28)
SETTINGS: dict[str, Any] = {"train_size": 3000, "batch_size": 64, "lr": 2e-3, "epochs": 12, "kd": KD, "hints": HINTS}


def measure(*, seed: int, depth: int, method: str, lr: float) -> list[Row]:
    """Un réseau fin de cette profondeur, entraîné par cette méthode, noté sur le test."""
    data = dataset("fashion-mnist", SETTINGS["train_size"], seed)
    student = he_initialised(plain(depth, seed=seed), seed) if method == HE else plain(depth, seed=seed)
    if method in (ALONE, HE):
        fit(student, data.train, Supervised(), epochs=SETTINGS["epochs"], lr=lr, batch_size=SETTINGS["batch_size"],
            seed=seed, progress=False)  # fmt: skip
    else:
        stage, stage_1 = HINTS.get(method, (0, 0))
        if stage_1:
            guided(student, data.train, stage=stage, epochs=stage_1, lr=lr, seed=seed)
        distilled(student, data.train, epochs=SETTINGS["epochs"] - stage_1, lr=lr, seed=seed)
    return [{"accuracy": evaluate(student, data.test)}]


def distilled(student: StagedNet, train: Images, *, epochs: int, lr: float, seed: int) -> None:
    """KD, dont le poids descend comme dans l'article."""
    objective = Hinton(teacher(), temperature=KD["temperature"])
    fade = fading(objective, start=KD["start"], stop=KD["stop"], epochs=epochs)
    fit(student, train, objective, epochs=epochs, lr=lr, batch_size=SETTINGS["batch_size"], seed=seed, progress=False,
        on_epoch=fade)  # fmt: skip


def guided(student: StagedNet, train: Images, *, stage: int, epochs: int, lr: float, seed: int) -> None:
    """L'étape 1 : l'élève imite l'étage `stage` de l'enseignant."""
    ours, theirs = (feature_shapes(model, IMAGE)[stage] for model in (student, teacher().model))
    hint = Hint(teacher(), regressor(ours, theirs, seed=seed), guided=stage, hint=stage)
    fit(student, train, hint, epochs=epochs, lr=lr, batch_size=SETTINGS["batch_size"], seed=seed, progress=False)


def points() -> list[Row]:
    """Toutes les méthodes à toutes les profondeurs ; l'élève seul aussi à d'autres pas, là où il échoue."""
    main = grid(seed=range(3), depth=DEPTHS, method=[ALONE, "KD", *HINTS, HE], lr=[SETTINGS["lr"]])
    return main + grid(seed=range(3), depth=DEPTHS[2:], method=[ALONE], lr=OTHER_STEPS)


CAMPAIGN = Campaign(
    title="FitNets : fin et profond",
    question="Un indice permet-il d'entraîner un réseau que l'apprentissage seul n'entraîne pas ?",
    limits=(
        "Trois graines, et des réseaux qui apprennent ou restent au hasard : leur moyenne cache ces deux mondes, que "
        "le notebook 05 montre point par point. L'initialisation de He, plus récente que l'article, suffit souvent."
    ),
    points=points(),
    measure=measure,
    measured=("accuracy",),
    settings=SETTINGS,
    views=(View("accuracy", x="depth", series="method", where={"lr": SETTINGS["lr"]}),),
    comparisons=tuple(
        Comparison(f"{depth} couches, indice à l'étage 2, puis KD",
                   {"depth": depth, "method": "indice à l'étage 2, puis KD", "lr": SETTINGS["lr"]},
                   "seul", {"depth": depth, "method": ALONE, "lr": SETTINGS["lr"]}, "accuracy")
        for depth in DEPTHS
    ),
)  # fmt: skip
