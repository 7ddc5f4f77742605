"""« Quelques résultats » : l'exactitude selon la profondeur, un panneau par jeu de données et famille de réseaux."""

from collections.abc import Mapping, Sequence

from course_utils import results
from course_utils.drawing.layout import side_by_side, stack
from course_utils.figures import Curve, french_percent, line_chart
from course_utils.results import Row

NAMES: Mapping[str, str] = {
    "fashion-mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "cifar10-jpeg": "CIFAR-10 en JPEG",
    "cifar100": "CIFAR-100",
    "resnet": "ResNet",
    "resnext": "ResNeXt",
}


def depth_panels(rows: Sequence[Row]) -> str:
    """Les panneaux d'une campagne : l'enseignant en tirets, une courbe par méthode avec son intervalle à 95 %.

    rows : des lignes de colonnes data, family, depth, method, seed, accuracy ; la méthode « enseignant » donne la
    droite. Deux panneaux par rangée, dans l'ordre des lignes. Une méthode qui n'a qu'une graine n'a pas d'intervalle.
    Lève ValueError s'il n'y a aucune ligne.
    """
    if not rows:
        raise ValueError("Cette campagne n'a aucune ligne : refaites-la par « make campagne NOM=… », puis relisez-la.")
    families = list(dict.fromkeys((row["data"], row["family"]) for row in rows))
    wide = 760 if len(families) == 1 else 470
    panels = [
        _panel([row for row in rows if (row["data"], row["family"]) == family], wide, *family) for family in families
    ]
    return stack(*(side_by_side(*panels[i : i + 2]) for i in range(0, len(panels), 2)))


def _panel(rows: Sequence[Row], width: float, data: str, family: str) -> str:
    title = f"{NAMES.get(data, data)}, {NAMES.get(family, family)}"
    curves = {
        method: curve(found, "depth", "accuracy")
        for method, found in results.grouped(rows, "method").items()
        if method != "enseignant"
    }
    depths = next(iter(curves.values())).x
    levels = {f"enseignant : {row['depth']} couches": row["accuracy"] for row in rows if row["method"] == "enseignant"}
    told = " ; ".join(
        f"{method} " + ", ".join(f"{french_percent(y, 1)} à {x}" for x, y in zip(line.x, line.y, strict=True))
        for method, line in curves.items()
    )
    return line_chart(
        curves,
        alt=f"{title}. Exactitude selon le nombre de couches : {told}.",
        title=title,
        x_label=f"couches de l'élève ({', '.join(str(depth) for depth in depths)})",
        levels=levels,
        y_format=french_percent,
        width=width,
        height=400,
    )


def curve(rows: Sequence[Row], x: str, value: str) -> Curve:
    """La moyenne de la colonne `value` pour chaque valeur de la colonne `x`, et son intervalle à 95 % sur les graines.

    Pas d'intervalle si une abscisse n'a qu'une graine.
    """
    by_x = results.grouped(sorted(rows, key=lambda row: row[x]), x)
    found = [[row[value] for row in group] for group in by_x.values()]
    means = [sum(values) / len(values) for values in found]
    if min(map(len, found)) < 2:
        return Curve(list(by_x), means)
    intervals = [results.interval(values) for values in found]
    return Curve(list(by_x), means, [i.low for i in intervals], [i.high for i in intervals])
