"""Le bilan : toutes les méthodes de la séance, cinq graines, deux budgets. Un quart d'heure sur deux cœurs.

Après balance_step, qui choisit le pas de chaque méthode. Pour une graine et un budget, toutes les méthodes ont les
mêmes images, le même élève aux mêmes poids initiaux et autant de pas. Le test n'est regardé qu'ici.

Le pas est lu dans data/results, même avec --resultats : qui refait balance_step refait ensuite cette campagne entière.
"""

from course_utils import results
from course_utils.balance import BUDGETS, METHODS, new_student, train
from course_utils.training import evaluate
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.campaigns.balance_step import SETTINGS, STEPS
from experiments.shared import ALONE, TEACHER, dataset, teacher


def measure(*, budget: str, method: str, seed: int) -> list[Row]:
    """L'élève du bilan, ou l'enseignant, noté sur le test."""
    images, epochs = BUDGETS[budget]
    data = dataset("fashion-mnist", images, seed)
    if method == TEACHER:
        return [{"lr": "", "accuracy": evaluate(teacher().model, data.test)}]
    lr = best_step(budget, method)
    student = train(method, new_student(seed), teacher(), data.train, epochs=epochs, seed=seed, lr=lr, progress=False)
    return [{"lr": lr, "accuracy": evaluate(student, data.test)}]


def best_step(budget: str, method: str) -> float:
    """Le pas dont la validation, en moyenne sur les graines de balance_step, est la plus haute."""
    rows = results.load("balance_step")

    def validation(lr: float) -> float:
        return results.interval(results.column(rows, "validation", budget=budget, method=method, lr=lr)).mean

    return max(STEPS, key=validation)


def points() -> list[Row]:
    """Pour chaque budget, l'enseignant une fois, puis toutes les méthodes à toutes les graines."""
    return [
        point
        for budget in BUDGETS
        for point in (
            {"budget": budget, "method": TEACHER, "seed": 0},
            *grid(budget=[budget], method=list(METHODS), seed=range(5)),
        )
    ]


CAMPAIGN = Campaign(
    title="Le bilan de toutes les méthodes",
    question="À élève, images et nombre de pas égaux, quelle méthode de la séance enseigne le mieux ?",
    limits=(
        "Un élève, un enseignant, un jeu d'images et deux budgets courts. Seul le pas de chaque méthode est réglé. "
        "Les poids de RKD et de la phase 1 de LIT sont publiés ; KD est partout à T = 4 et λ = 1, même après la phase "
        "1 de FitNets ou de LIT, qui publient d'autres valeurs. Régresseurs et adaptateurs partent des mêmes poids à "
        "toutes les graines."
    ),
    points=points(),
    measure=measure,
    measured=("lr", "accuracy"),
    settings=SETTINGS,
    views=(View("accuracy", x="method", panel="budget"),),
    comparisons=tuple(
        Comparison(f"budget {budget}, {method}", {"budget": budget, "method": method},
                   ALONE, {"budget": budget, "method": ALONE}, "accuracy")
        for budget in BUDGETS for method in METHODS if method != ALONE
    ),
)  # fmt: skip
