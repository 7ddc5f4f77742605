"""La grille température × λ × graines du notebook 02. Trois quarts d'heure sur deux cœurs.

À graine égale, toutes les cases partent des mêmes poids et voient les mêmes images dans le même ordre. On choisit sur
la validation ; le test n'est noté que pour conclure.
"""

from typing import Any

from course_utils.french import french_number
from course_utils.models import mlp
from course_utils.objectives import Hinton, Supervised
from course_utils.training import evaluate, fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import ALONE, dataset, teacher

# Autant de pas, ou presque : 6 000 images demandent moins d'époques.
EPOCHS = {"1800": 20, "6000": 8}
# Pour l'élève seul, trois graines n'ont pas départagé ce pas de ses voisins (student_step.py).
SETTINGS: dict[str, Any] = {"teacher": "fashion-resnet", "hidden": (800, 800), "epochs": EPOCHS, "lr": 2e-3}
TEMPERATURES = [1.0, 2.0, 4.0, 8.0, 20.0]
SOFT_WEIGHTS = [0.1, 0.3, 1.0, 3.0]


def measure(*, train_size: int, seed: int, method: str, temperature: float, soft_weight: float) -> list[Row]:
    """Un élève entraîné, noté sur la validation et sur le test."""
    data = dataset("fashion-mnist", train_size, seed)
    student = mlp(SETTINGS["hidden"], seed=seed)
    objective = Supervised() if method == ALONE else Hinton(teacher(), temperature=temperature, soft_weight=soft_weight)
    fit(student, data.train, objective, epochs=EPOCHS[str(train_size)], lr=SETTINGS["lr"], seed=seed, progress=False)
    return [{"validation": evaluate(student, data.validation), "test": evaluate(student, data.test)}]


def points() -> list[Row]:
    """Pour chaque graine, l'élève seul puis toutes les cases."""
    alone = grid(method=[ALONE], temperature=[0.0], soft_weight=[0.0])
    cells = grid(method=["distillé"], temperature=TEMPERATURES, soft_weight=SOFT_WEIGHTS)
    return [group | choice for group in grid(train_size=[1800, 6000], seed=range(10)) for choice in (*alone, *cells)]


CHOSEN = {"method": "distillé", "temperature": 4.0, "soft_weight": 1.0}

CAMPAIGN = Campaign(
    title="Température et poids λ",
    question="Quelle température et quel poids pour un perceptron 784-800-800-10 qui n'a que peu de labels ?",
    limits=(
        "Un seul élève, un seul enseignant, un seul pas d'Adam. La case comparée (T = 4, λ = 1) était fixée d'avance ; "
        "en choisir une sur le test, après coup, serait tricher."
    ),
    points=points(),
    measure=measure,
    measured=("validation", "test"),
    settings=SETTINGS,
    views=(
        View("test", x="temperature", series="soft_weight", panel="train_size", where={"method": "distillé"}),
    ),
    comparisons=tuple(
        Comparison(
            f"{french_number(size)} labels, distillé (T = 4, λ = 1)", {"train_size": size, **CHOSEN},
            "seul", {"train_size": size, "method": ALONE}, "test",
        )
        for size in (1800, 6000)
    ),
)  # fmt: skip
