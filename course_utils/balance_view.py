"""Le bilan en une figure et un tableau."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from course_utils import results
from course_utils.balance import BATCH, BORN_AGAIN, Cost, frontier
from course_utils.drawing.named_points import NamedPoint, named_points
from course_utils.drawing.palette import METHODS
from course_utils.french import french_number, french_percent, plural, typography
from course_utils.results import Interval, Row

# Les couleurs de toutes les figures, et pour une variante celle de sa méthode.
COLORS: Mapping[str, str] = METHODS | {BORN_AGAIN: "distilled", "KD + RKD": "relation"}


def accuracies(rows: Sequence[Row]) -> dict[str, list[float]]:
    """{méthode : une exactitude par graine}, sans l'enseignant."""
    methods = [method for method in results.grouped(rows, "method") if method != "enseignant"]
    return {method: results.column(rows, "accuracy", method=method) for method in methods}


def stored_costs(budget: str) -> dict[str, Cost]:
    """{méthode : coût} à ce budget, relus dans data/results/balance_cost.csv."""
    rows = [row for row in results.load("balance_cost") if row["budget"] == budget]
    return {row["method"]: Cost(row["macs"], row["memory"], row["extra"]) for row in rows}


class Axis(NamedTuple):
    """Ce qui se paie, porté en abscisse : ce que l'on lit d'un coût, comment on le dit, et le nom de l'axe."""

    read: Callable[[Cost, Cost], float]  # le coût de la méthode, celui de l'élève seul
    told: str
    label: str
    log: bool


AXES: Mapping[str, Axis] = {
    "calcul": Axis(
        lambda spent, alone: spent.macs / alone.macs,
        "{} fois le coût",
        "calcul de l'apprentissage, en fois celui de l'élève seul",
        True,
    ),
    "mémoire": Axis(
        lambda spent, alone: spent.memory / alone.memory,
        "{} fois la mémoire",
        "mémoire d'un pas, en fois celle de l'élève seul",
        True,
    ),
    "paramètres en plus": Axis(
        lambda spent, alone: spent.extra,
        "{} paramètre{s} en plus",
        "paramètres entraînés avec l'élève, puis jetés",
        False,
    ),
}


def balance_chart(rows: Sequence[Row], costs: Mapping[str, Cost], *, title: str, axis: str = "calcul") -> str:
    """Exactitude (moyenne et intervalle à 95 %) contre ce qui se paie (l'un des AXES), et la frontière.

    rows : les lignes d'un seul budget. Lève ValueError si une méthode n'a pas de coût.
    """
    found = {method: results.interval(values) for method, values in accuracies(rows).items()}
    _check_costs(found, costs)
    chosen = AXES[axis]
    paid = {method: chosen.read(costs[method], costs["seul"]) for method in found}
    best = [list(found)[i] for i in frontier(list(paid.values()), [i.mean for i in found.values()])]
    names = {method: f"{method} : {french_percent(i.mean, 1)}" for method, i in found.items()}
    decimals = 2 if chosen.log else 0
    told = [
        f"{method}, {_with_half(i)} pour {chosen.told.format(french_number(cost, decimals), s=plural(cost))}"
        for (method, i), cost in zip(found.items(), paid.values(), strict=True)
    ]
    return named_points(
        [NamedPoint(names[method], paid[method], i.mean, i.low, i.high, COLORS[method]) for method, i in found.items()],
        alt=f"{title}. {' ; '.join(told)}. En gras, les méthodes que nulle autre ne bat : {', '.join(best)}.",
        title=title,
        x_label=f"{chosen.label} (à coût presque égal, points côte à côte)",
        y_label="exactitude sur le test (en gras : les méthodes que nulle autre ne bat)",
        frontier=[names[method] for method in best],
        log_x=chosen.log,
        x_limits=(0.8, 1.35 * max(paid.values())) if chosen.log else None,
        y_format=french_percent,
        width=900,
        height=440,
    )


class BalanceTable:
    """Le tableau du bilan, une ligne par méthode, de la plus exacte à la moins exacte ; affichable dans un notebook.

    Lève ValueError si une méthode n'a pas de coût.
    """

    def __init__(self, rows: Sequence[Row], costs: Mapping[str, Cost]) -> None:
        self._values, self._costs = accuracies(rows), costs
        _check_costs(self._values, costs)

    def _repr_markdown_(self) -> str:
        head = [
            "méthode", "exactitude", "écart à « seul »", "calcul (10⁹ MAC)", f"mémoire d'un lot de {BATCH} (Mo)",
            "paramètres en plus",
        ]  # fmt: skip
        lines = [head, ["---", *["---:"] * (len(head) - 1)], *self._lines()]
        return typography("\n".join(f"| {' | '.join(line)} |" for line in lines))

    def __repr__(self) -> str:
        return typography("\n".join(" ; ".join(line) for line in self._lines()))

    def _lines(self) -> list[list[str]]:
        means = {method: results.interval(values) for method, values in self._values.items()}
        order = sorted(means, key=lambda method: -means[method].mean)
        return [[method, _with_half(means[method]), self._gap(method), *self._spent(method)] for method in order]

    def _gap(self, method: str) -> str:
        if method == "seul":
            return "—"
        gap = results.paired(self._values[method], self._values["seul"])
        return f"{results.signed(100 * gap.mean)}{'' if gap.significant else ' (n. s.)'}"

    def _spent(self, method: str) -> list[str]:
        spent = self._costs[method]
        return [french_number(spent.macs / 1e9, 0), french_number(spent.memory / 1e6, 1), french_number(spent.extra, 0)]


def _check_costs(methods: Iterable[str], costs: Mapping[str, Cost]) -> None:
    if missing := [method for method in methods if method not in costs]:
        raise ValueError(f"Il manque le coût de {', '.join(missing)} : comptez-le avec cost(…).")


def _with_half(found: Interval) -> str:
    return f"{french_percent(found.mean, 1)} ± {french_number(100 * found.half, 1)}"
