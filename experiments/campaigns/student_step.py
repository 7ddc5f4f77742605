"""L'élève seul à quatre pas d'Adam, contrôle du notebook 02. Une minute sur deux cœurs.

Le pas commun aux deux élèves désavantage-t-il le contrôle ? Seule la validation est lue.
"""

from typing import Any

from course_utils.models import mlp
from course_utils.objectives import Supervised
from course_utils.training import evaluate, fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import dataset

STEPS = [1e-3, 2e-3, 3e-3, 4e-3]
SETTINGS: dict[str, Any] = {"hidden": (800, 800), "train_size": 1800, "epochs": 20}


def measure(*, seed: int, lr: float) -> list[Row]:
    """L'élève seul, noté sur la validation."""
    data = dataset("fashion-mnist", SETTINGS["train_size"], seed)
    student = mlp(SETTINGS["hidden"], seed=seed)
    fit(student, data.train, Supervised(), epochs=SETTINGS["epochs"], lr=lr, seed=seed, progress=False)
    return [{"validation": evaluate(student, data.validation)}]


CAMPAIGN = Campaign(
    title="Le pas de l'élève seul",
    question="Le pas d'Adam que partagent les deux élèves du notebook 02 désavantage-t-il l'élève seul ?",
    limits="Trois graines seulement, et la validation seule : assez pour choisir un pas, non pour conclure.",
    points=grid(seed=range(3), lr=STEPS),
    measure=measure,
    measured=("validation",),
    settings=SETTINGS,
    views=(View("validation", x="lr"),),
    comparisons=(Comparison("pas de 0,002", {"lr": 2e-3}, "pas de 0,001", {"lr": 1e-3}, "validation"),),
)
