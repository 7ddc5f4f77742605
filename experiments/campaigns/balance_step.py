"""Le pas de chaque méthode du bilan, choisi sur la validation. Une heure sur deux cœurs.

Six pas, avec trois graines qui ne servent à rien d'autre.
"""

from typing import Any

from course_utils.balance import BATCH, BUDGETS, METHODS, TEMPERATURE, new_student, train
from course_utils.training import evaluate
from experiments.campaign import Campaign, Row, View, grid
from experiments.shared import dataset, teacher

STEPS = (5e-3, 1e-2, 2e-2, 4e-2, 8e-2, 0.16)
SETTINGS: dict[str, Any] = {
    "teacher": "fashion-resnet",
    "batch_size": BATCH,
    "temperature": TEMPERATURE,
    "budgets": {name: budget._asdict() for name, budget in BUDGETS.items()},
}


def measure(*, budget: str, method: str, lr: float, seed: int) -> list[Row]:
    """L'élève du bilan entraîné avec ce pas, noté sur la validation."""
    images, epochs = BUDGETS[budget]
    data = dataset("fashion-mnist", images, seed)
    student = train(method, new_student(seed), teacher(), data.train, epochs=epochs, seed=seed, lr=lr, progress=False)
    return [{"validation": evaluate(student, data.validation)}]


CAMPAIGN = Campaign(
    title="Le bilan : le pas de chaque méthode",
    question="Quel pas donner à chaque méthode, pour ne pas comparer des pas au lieu de comparer des méthodes ?",
    limits=(
        "Trois graines : c'est un choix plus qu'une mesure, et entre deux pas voisins elles hésitent. Le choix n'est "
        "fait que sur la validation."
    ),
    points=grid(budget=list(BUDGETS), method=list(METHODS), lr=STEPS, seed=[100, 101, 102]),
    measure=measure,
    measured=("validation",),
    settings=SETTINGS,
    views=(View("validation", x="lr", series="method", panel="budget"),),
)
