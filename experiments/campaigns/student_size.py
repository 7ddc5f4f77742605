"""La taille de l'élève et la température : un petit élève en veut-il une petite ? Dix minutes sur deux cœurs.

Hinton et ses coauteurs le disent de leurs élèves de MNIST : à 300 unités ou plus par couche, toute température
au-dessus de 8 convient ; à 30 unités, celles de 2,5 à 4 sont nettement meilleures.
"""

from typing import Any

from course_utils.models import mlp
from course_utils.objectives import Hinton
from course_utils.training import evaluate, fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import dataset, teacher

SETTINGS: dict[str, Any] = {
    "teacher": "fashion-resnet", "layers": 2, "train_size": 6000, "epochs": 8, "lr": 2e-3, "hard_weight": 0.0,
}  # fmt: skip
UNITS = [10, 30, 100, 300]
TEMPERATURES = [1.0, 2.5, 4.0, 8.0, 20.0]


def measure(*, seed: int, units: int, temperature: float) -> list[Row]:
    """Un élève de deux couches de `units` unités, qui n'apprend que des labels doux."""
    data = dataset("fashion-mnist", SETTINGS["train_size"], seed)
    student = mlp([units] * SETTINGS["layers"], seed=seed)
    objective = Hinton(teacher(), temperature=temperature, hard_weight=SETTINGS["hard_weight"])
    fit(student, data.train, objective, epochs=SETTINGS["epochs"], lr=SETTINGS["lr"], seed=seed, progress=False)
    return [{"validation": evaluate(student, data.validation), "test": evaluate(student, data.test)}]


CAMPAIGN = Campaign(
    title="Taille de l'élève et température",
    question="Un petit élève préfère-t-il une petite température, comme le rapportent Hinton et ses coauteurs ?",
    limits=(
        "Fashion-MNIST et 6 000 images, non MNIST entier ; un même pas d'Adam pour toutes les tailles, et huit époques "
        "qu'un petit élève finit loin de sa limite."
    ),
    points=grid(seed=range(10), units=UNITS, temperature=TEMPERATURES),
    measure=measure,
    measured=("validation", "test"),
    settings=SETTINGS,
    views=(View("test", x="temperature", series="units"),),
    comparisons=tuple(
        Comparison(f"{units} unités, T = 2,5", {"units": units, "temperature": 2.5},
                   "T = 20", {"units": units, "temperature": 20.0}, "test")
        for units in UNITS
    ),
)  # fmt: skip
