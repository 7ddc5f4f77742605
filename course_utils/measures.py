"""Les mesures sous les conseils d'advice.py : des phrases calculées depuis data/results."""

from collections.abc import Mapping
from functools import cache

from course_utils import results
from course_utils.french import french_percent
from course_utils.results import Row


@cache
def _rows(campaign: str) -> list[Row]:
    return results.load(campaign)


def balance(budget: str, name: str, other: str) -> str:
    """Deux méthodes du bilan comparées, graine par graine, à ce budget (« court » ou « long »)."""
    first, second = (results.column(_rows("balance"), "accuracy", method=m, budget=budget) for m in (name, other))
    return f"Mesuré, budget {budget} : " + results.compared(name, first, other, second) + " Campagne balance."


def patience() -> str:
    """Ce que l'élève seul gagne à voir plus d'images, plus longtemps."""
    short, long = (
        results.interval(results.column(_rows("balance"), "accuracy", method="seul", budget=budget)).mean
        for budget in ("court", "long")
    )
    return (
        f"Mesuré : seul, il atteint {french_percent(short, 1)} au budget court, et {french_percent(long, 1)} au budget "
        "long, avec plus d'images et d'époques. Campagne balance."
    )


def deep_starts() -> str:
    """Combien de réseaux de 25 couches sont restés au hasard, méthode par méthode."""
    deep = [row for row in _rows("fitnets") if row["depth"] == 25]
    chance = {m: (sum(r["accuracy"] < 0.2 for r in rows), len(rows)) for m, rows in _at_the_common_step(deep).items()}
    told = " ; ".join(f"{name}, {stuck} sur {count}" for name, (stuck, count) in chance.items())
    return f"Mesuré à 25 couches, au pas commun, réseaux restés au hasard : {told}. Campagne fitnets."


def _at_the_common_step(rows: list[Row]) -> Mapping[str, list[Row]]:
    """Les lignes au pas commun de la campagne ; les autres pas n'ont servi qu'à vérifier le contrôle."""
    common = results.card("fitnets")["settings"]["lr"]
    return results.grouped([row for row in rows if row["lr"] == common], "method")


def absent_class() -> str:
    """Le rappel d'une classe sans image, avant et après la correction par la règle de fréquence."""
    rows = [row for row in _rows("absent") if row["method"] == "distillé"]
    before, after = (sum(row[key] for row in rows) / len(rows) for key in ("recall_before", "recall_prior"))
    return (
        f"Mesuré : la classe absente est reconnue {french_percent(before, 0)} du temps, et {french_percent(after, 0)} "
        f"après correction par la règle de fréquence, sans aucun label ({len(rows)} élèves). Campagne absent."
    )


def other_world() -> str:
    """Ce que donne un transfert sans label, sur des images du même monde ou d'un autre."""
    means = {
        world: sum(row["test"] for row in rows) / len(rows)
        for world, rows in results.grouped(_rows("other_world"), "world").items()
    }
    return (
        f"Mesuré : {french_percent(means['fashion-mnist'], 1)} avec des images du même monde sans label, "
        f"{french_percent(means['mnist'], 1)} avec des chiffres. Campagne other_world."
    )


def blocks() -> str:
    """Contre qui LIT est significativement devant, panneau par panneau et profondeur par profondeur."""
    students = {(r["data"], r["family"], r["depth"]) for r in _rows("lit") if r["method"] == "LIT"}

    def ahead(student: tuple[str, str, int], other: str) -> bool:
        where = dict(zip(("data", "family", "depth"), student, strict=True))
        ours, theirs = (results.column(_rows("lit"), "accuracy", method=m, **where) for m in ("LIT", other))
        return results.paired(ours, theirs).low > 0

    counts = {other: sum(ahead(x, other) for x in students) for other in ("seul", "KD", "indices partout")}
    told = ", ".join(f"« {other} » {count} fois" for other, count in counts.items())
    return f"Mesuré : sur {len(students)} élèves, LIT devance significativement {told}. Campagne lit."


CLEAN = "labels propres"  # la condition de la campagne born_again où tous les labels sont justes


def born_again() -> str:
    """Une génération contre la précédente, avec des labels bruités."""
    noisy = next(condition for condition in results.grouped(_rows("born_again"), "condition") if condition != CLEAN)
    return _against_the_first(noisy, "génération 1")


def smoothing() -> str:
    """Le lissage des labels contre l'apprentissage ordinaire, avec des labels justes."""
    return _against_the_first(CLEAN, "lissage des labels")


def _against_the_first(condition: str, method: str) -> str:
    one, first = (
        results.column(_rows("born_again"), "accuracy", condition=condition, method=name)
        for name in (method, "génération 0")
    )
    return f"Mesuré, {condition} : " + results.compared(method, one, "génération 0", first) + " Campagne born_again."


def neighbours() -> str:
    """Le rappel à 1 d'un élève appris par RKD, contre celui d'un élève qui n'apprend que des réponses."""
    return f"Mesuré, rappel à 1 : {_relational('recall', 'RKD distances et angles', 'KD sans label')}"


def unlabelled_neighbours() -> str:
    """Le rappel à 1 d'un élève qui n'apprend que des réponses, contre celui d'un élève appris avec les labels."""
    return f"Mesuré, rappel à 1 : {_relational('recall', 'KD sans label', 'labels')}"


def labelled_neighbours(*, with_answers: bool) -> str:
    """Le rappel à 1 d'un élève appris avec les labels, et les réponses d'un enseignant s'il y en a un."""
    methods = ("labels et KD", "labels") if with_answers else ("labels", "triplets")
    return f"Mesuré, rappel à 1, labels justes : {_relational('recall', *methods)}"


def relations_added() -> str:
    """L'exactitude de RKD ajoutée à KD, avec l'élève du notebook 07."""
    return f"Au notebook 07, avec un perceptron : {_relational('accuracy', 'labels, KD et RKD', 'labels et KD')}"


def _relational(measured: str, name: str, other: str) -> str:
    first, second = (results.column(_rows("rkd"), measured, dimension=16, method=method) for method in (name, other))
    return f"{results.compared(name, first, other, second)} Campagne rkd."
