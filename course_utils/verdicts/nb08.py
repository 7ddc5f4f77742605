"""Les exercices du notebook 08 : le score du défi, la frontière, l'époque que l'on a le droit de publier."""

from collections.abc import Callable, Sequence
from typing import Any

from course_utils.balance import frontier
from course_utils.cost import REFERENCE_MACS, REFERENCE_WEIGHTS, challenge_terms
from course_utils.exercises import Exercise

Point = tuple[float, float]


def score(w: float, f: float, *, q_w: int = 32, q_a: int = 32, p_s: float = 0.0, p_u: float = 0.0) -> float:
    """[1 − (p_s + p_u)] · (q_w/32) · w/5,6·10⁶ + (1 − p_s) · (max(q_w, q_a)/32) · f/2,8·10⁸."""
    bits = {"weight_bits": q_w, "activation_bits": q_a}
    return sum(challenge_terms(w, f, **bits, structured_pruning=p_s, unstructured_pruning=p_u))  # type: ignore[arg-type]


def _score_cases() -> list[dict[str, Any]]:
    settings: list[dict[str, Any]] = [
        {},
        {"q_w": 8, "q_a": 8},
        {"q_w": 16, "q_a": 8},
        {"q_w": 8, "q_a": 32},
        {"q_w": 4, "q_a": 16, "p_s": 0.25},
        {"q_w": 16, "q_a": 8, "p_s": 0.1, "p_u": 0.4},
    ]
    return [{"w": 11.2e6, "f": 5.6e8} | chosen for chosen in settings] + [{"w": 2.8e6, "f": 7e7, "p_u": 0.5}]


def _terms(w: float, f: float, memory_share: float, work_share: float) -> float:
    return memory_share * w / REFERENCE_WEIGHTS + work_share * f / REFERENCE_MACS


def _weight_bits_only(w: float, f: float, *, q_w: int = 32, q_a: int = 32, p_s: float = 0.0, p_u: float = 0.0) -> float:
    return _terms(w, f, (1 - p_s - p_u) * q_w / 32, (1 - p_s) * q_w / 32)


def _activation_bits_only(
    w: float, f: float, *, q_w: int = 32, q_a: int = 32, p_s: float = 0.0, p_u: float = 0.0
) -> float:
    return _terms(w, f, (1 - p_s - p_u) * q_w / 32, (1 - p_s) * q_a / 32)


def _smallest_bits(w: float, f: float, *, q_w: int = 32, q_a: int = 32, p_s: float = 0.0, p_u: float = 0.0) -> float:
    return _terms(w, f, (1 - p_s - p_u) * q_w / 32, (1 - p_s) * min(q_w, q_a) / 32)


def _zeros_are_free(w: float, f: float, *, q_w: int = 32, q_a: int = 32, p_s: float = 0.0, p_u: float = 0.0) -> float:
    return _terms(w, f, (1 - p_s - p_u) * q_w / 32, (1 - p_s - p_u) * max(q_w, q_a) / 32)


def _wide_memory(w: float, f: float, *, q_w: int = 32, q_a: int = 32, p_s: float = 0.0, p_u: float = 0.0) -> float:
    return _terms(w, f, (1 - p_s - p_u) * max(q_w, q_a) / 32, (1 - p_s) * max(q_w, q_a) / 32)


def _one_after_another(
    w: float, f: float, *, q_w: int = 32, q_a: int = 32, p_s: float = 0.0, p_u: float = 0.0
) -> float:
    return _terms(w, f, (1 - p_s) * (1 - p_u) * q_w / 32, (1 - p_s) * max(q_w, q_a) / 32)


def _flops(w: float, f: float, **compression: Any) -> float:
    return score(w, 2 * f, **compression)


def report(validation: Sequence[float], test: Sequence[float]) -> float:
    """L'exactitude de test à l'époque que la validation a choisie (la première, en cas d'égalité)."""
    return test[max(range(len(validation)), key=lambda epoch: validation[epoch])]


def _keeps_equal_points(answer: Any) -> bool:
    """Dans quel ordre, l'énoncé ne le dit pas."""
    return sorted(map(int, answer([1.0, 1.0, 2.0], [0.8, 0.8, 0.9]))) == [0, 1, 2]


def _unbeaten(beats: Callable[[Point, Point], bool]) -> Callable[[Sequence[float], Sequence[float]], list[int]]:
    """La frontière, si `beats(autre, point)` disait qui est battu ; un point : (coût, exactitude)."""

    def found(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
        points = list(enumerate(zip(costs, accuracies, strict=True)))
        kept = [i for i, mine in points if not any(beats(other, mine) for j, other in points if j != i)]
        return sorted(kept, key=lambda i: costs[i])

    return found


REPORT_CASES = [
    ([0.70, 0.80, 0.85, 0.84], [0.71, 0.84, 0.82, 0.83]),
    ([0.60, 0.90, 0.88, 0.80], [0.65, 0.86, 0.91, 0.89]),
    ([0.50, 0.45, 0.75, 0.60, 0.70, 0.65], [0.52, 0.44, 0.73, 0.61, 0.76, 0.64]),
    ([0.70, 0.80, 0.80], [0.60, 0.90, 0.70]),
    ([0.70, 0.80, 0.80, 0.75], [0.60, 0.70, 0.90, 0.95]),
]

EXERCISES = {
    "08-score": Exercise(
        reference=score,
        why="La mémoire suit tout ce qui est élagué et les bits des poids ; le calcul, ce qui est retiré par blocs "
        "entiers et le plus large des deux formats.",
        cases=_score_cases,
        mistakes={
            "Le terme de calcul prend le plus large des deux formats, `max(q_w, q_a)` ici.": _weight_bits_only,
            "C'est le plus large des deux formats qui compte : `max(q_w, q_a)` et non le plus étroit.": _smallest_bits,
            "L'élagage non structuré laisse des zéros que la machine multiplie : seul p_s allège le calcul.": (
                _zeros_are_free
            ),
            "La mémoire ne range que les poids : seul `q_w` y compte.": _wide_memory,
            "Les deux parts élaguées s'ajoutent, 1 − (p_s + p_u) ; elles ne se multiplient pas.": _one_after_another,
            "Les activations seules ne font pas le calcul : `max(q_w, q_a)`, le plus large des deux formats.": (
                _activation_bits_only
            ),
            "La mémoire perd tout ce qui est élagué, p_s et p_u : 1 − (p_s + p_u).": [
                lambda w, f, p_u=0.0, **x: score(w, 0.0, p_u=0.0, **x) + score(0.0, f, p_u=p_u, **x),
                lambda w, f, p_s=0.0, **x: score(w, 0.0, p_s=0.0, **x) + score(0.0, f, p_s=p_s, **x),
            ],
            "f compte des multiplications-additions : une vaut deux opérations, ne doublez pas.": _flops,
        },
    ),
    "08-frontiere": Exercise(
        reference=frontier,
        why="Sur la frontière, gagner en exactitude se paie toujours ; ailleurs, un autre fait mieux sans coûter plus.",
        cases=[
            ([1.0, 1.5, 2.0, 5.0], [0.84, 0.86, 0.83, 0.87]),
            ([3.0, 1.0, 2.0], [0.9, 0.7, 0.8]),
            ([2.0, 1.0, 3.0, 1.0], [0.85, 0.80, 0.85, 0.70]),
            ([1.0, 2.0, 4.0], [0.9, 0.8, 0.7]),
            ([1.0, 1.0, 2.0], [0.7, 0.8, 0.9]),
        ],
        mistakes={
            "C'est la liste des plus exacts sans regarder le coût : un point cher et moins exact est battu.": (
                lambda costs, accuracies: sorted(range(len(costs)), key=lambda i: -accuracies[i])
            ),
            "Rangez-les du moins cher au plus cher.": lambda costs, accuracies: frontier(costs, accuracies)[::-1],
            "Les points sont les bons : rangez-les par coût, et non par numéro.": lambda costs, accuracies: sorted(
                frontier(costs, accuracies)
            ),
            "À coût égal, seul le plus exact reste.": [
                lambda costs, accuracies: [
                    i
                    for i in sorted(range(len(costs)), key=lambda i: costs[i])
                    if all(accuracies[i] > accuracies[j] for j in range(len(costs)) if (costs[j], j) < (costs[i], i))
                ],
                _unbeaten(lambda other, mine: other[0] < mine[0] and other[1] >= mine[1]),
            ],
            "À exactitude égale, le plus cher est battu : il suffit d'être aussi exact, sans coûter plus.": _unbeaten(
                lambda other, mine: other[0] <= mine[0] and other[1] > mine[1]
            ),
            "À exactitude égale, le plus cher est battu : comparez avec `>=` et non `>` seul.": _unbeaten(
                lambda other, mine: other[0] < mine[0] and other[1] > mine[1]
            ),
            "Rien ne reste : chaque point se bat lui-même, comparez-le aux seuls autres.": lambda costs, accuracies: [],
            "Rendez les numéros des points, et non leurs coûts.": lambda costs, accuracies: [
                costs[i] for i in frontier(costs, accuracies)
            ],
            "Triez d'abord par coût : ici, un point n'est comparé qu'à ceux qui le précèdent dans la liste.": (
                lambda costs, accuracies: [
                    i for i in range(len(costs)) if all(accuracies[i] > accuracies[j] for j in range(i))
                ]
            ),
            "Il n'y a pas qu'un gagnant : rendez tous ceux que nul autre ne bat.": (
                lambda costs, accuracies: [max(range(len(costs)), key=lambda i: accuracies[i])]
            ),
        },
        properties={"De deux points égaux, aucun n'est meilleur : gardez-les tous les deux.": _keeps_equal_points},
    ),
    "08-epoque": Exercise(
        reference=report,
        why="Le test n'a servi à rien choisir : il peut donc juger.",
        cases=REPORT_CASES,
        mistakes={
            "C'est la meilleure époque *du test* : le test a choisi, il ne peut plus juger.": (
                lambda validation, test: max(test)
            ),
            "C'est l'exactitude de validation : elle a choisi, elle est donc trop belle. Rendez celle du test.": (
                lambda validation, test: max(validation)
            ),
            "À validation égale, c'est encore le test qui a choisi : prenez la première de ces époques.": (
                lambda validation, test: max(zip(validation, test, strict=True))[1]
            ),
            "À validation égale, vous gardez la dernière de ces époques : prenez la première.": (
                lambda validation, test: test[max(range(len(test)), key=lambda epoch: (validation[epoch], epoch))]
            ),
            "C'est la dernière époque : un choix honnête, mais pas celui de la validation.": (
                lambda validation, test: test[-1]
            ),
            "Les deux listes sont échangées : la validation choisit, le test juge.": lambda validation, test: report(
                test, validation
            ),
            "C'est le numéro de l'époque ; rendez l'exactitude de test à cette époque.": (
                lambda validation, test: max(range(len(validation)), key=lambda i: validation[i])
            ),
        },
    ),
}
