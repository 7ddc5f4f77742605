"""Des courbes et des points prêts à dessiner : vérifiés, colorés, avec leur intervalle."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from course_utils.drawing import svg
from course_utils.drawing.axes import Axes
from course_utils.drawing.palette import INK, PALETTE, colors_for
from course_utils.drawing.scales import numbers


class Curve(NamedTuple):
    """Une courbe ou un groupe de points ; un tuple (x, y) ou (x, y, low, high) suffit aux fonctions.

    low, high : les bornes de l'intervalle autour de y ; color : un rôle de PALETTE ou « #RRGGBB » ;
    dash : un motif de tirets SVG, « 7 5 » par exemple.
    """

    x: Any
    y: Any
    low: Any = None
    high: Any = None
    color: str | None = None
    dash: str = ""


Curves = Mapping[str, Curve | tuple[Any, ...]]


class Line(NamedTuple):
    """Une courbe prête à dessiner : des suites de nombres (vides sans intervalle) et une vraie couleur."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    color: str
    dash: str


class Level(NamedTuple):
    """Une droite horizontale nommée."""

    name: str
    y: float
    color: str


def prepare(curves: Curves, levels: Mapping[str, float] | None) -> tuple[list[Line], list[Level]]:
    """Les courbes et les droites, vérifiées et colorées."""
    level_lines = [
        Level(name, float(y), PALETTE["teacher"] if "enseignant" in name.lower() else INK)
        for name, y in (levels or {}).items()
    ]
    given = {name: Curve(*curve) for name, curve in curves.items()}
    taken = [level.color for level in level_lines]
    # La couleur de l'enseignant n'est pas donnée à une courbe quand il est déjà là, en tirets.
    colors = colors_for(
        [*(level.name for level in level_lines), *given], [*taken, *(curve.color for curve in given.values())]
    )[len(taken) :]
    lines = []
    for (name, curve), color in zip(given.items(), colors, strict=True):
        x, y, low, high = (() if v is None else tuple(numbers(v).ravel().tolist()) for v in curve[:4])
        if len(x) != len(y) or len(low) not in (0, len(y)) or len(high) != len(low):
            raise ValueError(
                f"La courbe « {name} » n'a pas autant de valeurs partout (x : {len(x)}, y : {len(y)}, "
                f"low : {len(low)}, high : {len(high)}) : donnez-en autant de chaque."
            )
        lines.append(Line(name, x, y, low, high, color, curve.dash))
    return lines, level_lines


def heights(lines: Sequence[Line], levels: Sequence[Level]) -> list[float]:
    """Toutes les ordonnées, celles des intervalles et des droites comprises."""
    return [y for line in lines for y in (*line.y, *line.low, *line.high)] + [level.y for level in levels]


def level_line(level: Level, box: Axes) -> str:
    """La droite, en tirets d'un bord à l'autre."""
    y = box.y(level.y)
    return svg.line(box.x.start, y, box.x.stop, y, level.color, width=2, dash="8 5")


def band(line: Line, box: Axes) -> str:
    """L'intervalle autour de la courbe ; celui d'un point seul est une barre verticale."""
    if len(line.low) < 2:
        return interval(line, 0, box) if line.low else ""
    edge = [*zip(line.x, line.high, strict=True), *reversed([*zip(line.x, line.low, strict=True)])]
    points = " ".join(f"{svg.number(box.x(x))},{svg.number(box.y(y))}" for x, y in edge if math.isfinite(y))
    return f'<polygon points="{points}" fill="{line.color}" fill-opacity="0.18"/>'


def interval(line: Line, i: int, box: Axes) -> str:
    """La barre verticale de l'intervalle du point i."""
    x = box.x(line.x[i])
    return svg.line(x, box.y(line.low[i]), x, box.y(line.high[i]), line.color, width=2.5)
