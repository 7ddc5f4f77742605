"""Ce que coûte chaque méthode du bilan à chaque budget ; compté, donc le même sur toute machine. Une minute."""

from course_utils.balance import BUDGETS, METHODS, cost
from experiments.campaign import Campaign, Row, View, grid
from experiments.campaigns.balance_step import SETTINGS
from experiments.shared import dataset, teacher


def measure(*, budget: str, method: str) -> list[Row]:
    """Les multiplications-additions, la mémoire d'un pas et les paramètres jetés."""
    images, epochs = BUDGETS[budget]
    return [cost(method, teacher().model, dataset("fashion-mnist", images, 0).train, epochs=epochs)._asdict()]


CAMPAIGN = Campaign(
    title="Le bilan : le coût de chaque méthode",
    question="Combien de calcul et de mémoire demande chaque méthode, enseignant compris ?",
    limits="Des opérations comptées, non du temps : à opérations égales, une petite convolution dure plus longtemps.",
    points=grid(budget=list(BUDGETS), method=list(METHODS)),
    measure=measure,
    measured=("macs", "memory", "extra"),
    settings=SETTINGS,
    views=(View("macs", x="method", panel="budget"),),
)
