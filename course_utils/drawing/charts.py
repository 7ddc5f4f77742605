"""Courbes et nuages de points."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from course_utils.drawing import svg
from course_utils.drawing.axes import Axes, axes, legend, spread
from course_utils.drawing.palette import INK
from course_utils.drawing.scales import Format, Limits, Scale, limits_of, span_of
from course_utils.drawing.series import Curves, Level, Line, band, heights, interval, level_line, prepare
from course_utils.french import french_number

DOTTED = 12  # points au plus : au-delà, une courbe n'en montre aucun


def line_chart(
    curves: Curves,
    *,
    alt: str,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    levels: Mapping[str, float] | None = None,
    marker: float | None = None,
    log_x: bool = False,
    log_y: bool = False,
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
    x_format: Format = french_number,
    y_format: Format = french_number,
    width: float = svg.WIDTH,
    height: float = 400,
) -> str:
    """Des courbes nommées à leur extrémité droite.

    curves : {nom : (x, y)}, {nom : (x, y, low, high)} avec une bande d'intervalle, ou {nom : Curve(…)}.
    levels : {nom : ordonnée} de droites horizontales en tirets (l'enseignant).
    marker : une abscisse courante ; la valeur de chaque courbe y est pointée, et écrite après son nom.
    y_format=french_percent écrit une exactitude en pourcentage. Lève ValueError si x et y n'ont pas autant de valeurs.
    """
    lines, level_lines = prepare(curves, levels)
    seen = {x for line in lines for x in line.x}
    x_ticks = seen if x_limits is None and len(seen) <= DOTTED else ()  # gradué là où l'on a mesuré
    x_limits = x_limits or span_of(seen, log=log_x)
    y_limits = y_limits or limits_of(heights(lines, level_lines), log=log_y)
    names, right = _end_labels(lines, level_lines, marker, log_x, y_format)
    box = axes(
        width,
        height,
        x_limits,
        y_limits,
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_format=x_format,
        y_format=y_format,
        log_x=log_x,
        log_y=log_y,
        whole_x=all(float(x).is_integer() for x in seen),
        x_ticks=x_ticks,
        right=right,
    )
    ends = [(_last_height(line, box), line.color) for line in lines]
    ends += [(box.y(level.y), level.color) for level in level_lines]
    parts = [box.svg, *(level_line(level, box) for level in level_lines), *(band(line, box) for line in lines)]
    parts += [_trace(line, box.x, box.y, len(line.x) <= DOTTED and marker is None) for line in lines]
    if marker is not None:
        parts += [svg.line(box.x(marker), box.y.start, box.x(marker), box.y.stop, INK, width=1.5, dash="3 3")]
        for line in lines:
            y = _at(line, marker, log_x)
            parts += [svg.dot(box.x(marker), box.y(y), line.color, radius=6)] if math.isfinite(y) else []
    rows = [svg.wrap(name, right - 40, svg.SMALL) for name in names]
    tall_rows = [1.3 * svg.SMALL * len(row) + 3 for row in rows]
    places = spread([y for y, _ in ends], tall_rows, box.y.stop - 8, box.y.start + 8)
    for (y, color), row, tall, place in zip(ends, rows, tall_rows, places, strict=True):
        parts += [svg.path([(box.x.stop + 3, y), (box.x.stop + 22, place)], color, width=3)]
        parts += [svg.paragraph(row, box.x.stop + 28, place - tall / 2 + svg.SMALL + 2, size=svg.SMALL)]
    return svg.document(width, height, "".join(parts), alt)


def scatter(
    groups: Curves,
    *,
    alt: str,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    levels: Mapping[str, float] | None = None,
    log_x: bool = False,
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
    x_ticks: Iterable[float] = (),
    x_format: Format = french_number,
    y_format: Format = french_number,
    width: float = svg.WIDTH,
    height: float = 400,
) -> str:
    """Des points par groupes nommés, chacun son signe et sa couleur ; (x, y, low, high) ajoute une barre d'intervalle.

    levels : droites horizontales nommées (le seuil de 90 %). x_ticks : les abscisses à graduer. Pour nommer chaque
    point : `named_points`. Lève ValueError si les longueurs diffèrent.
    """
    lines, level_lines = prepare(groups, levels)
    keys, key_height = legend([(line.name, line.color) for line in lines if len(lines) > 1], 0, width, key=svg.sign)
    box = axes(
        width,
        height - key_height,
        x_limits or limits_of((x for line in lines for x in line.x), log=log_x),
        y_limits or limits_of(heights(lines, level_lines)),
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_format=x_format,
        y_format=y_format,
        log_x=log_x,
        x_ticks=x_ticks,
    )
    parts = [box.svg]
    for level in level_lines:
        parts += [level_line(level, box)]
        parts += [svg.text(level.name, box.x.start + 6, box.y(level.y) - 6, size=svg.SMALL, halo=True)]
    for group, line in enumerate(lines):
        for i, (x, y) in enumerate(zip(line.x, line.y, strict=True)):
            if line.low:
                parts += [interval(line, i, box)]
            parts += [svg.sign(group, box.x(x), box.y(y), line.color)]
    parts += [f'<g transform="translate(0 {svg.number(height - key_height - 4)})">{keys}</g>']
    return svg.document(width, height, "".join(parts), alt)


def _end_labels(
    lines: Sequence[Line], levels: Sequence[Level], marker: float | None, log_x: bool, form: Format
) -> tuple[list[str], float]:
    """Les noms écrits à droite (avec la valeur au marqueur), et la place à leur réserver en pixels."""
    names = [level.name for level in levels]
    if marker is None:
        now = widest = [line.name for line in lines]
    else:
        now = [f"{line.name}\u00a0: {form(_at(line, marker, log_x))}" for line in lines]
        # La place ne dépend pas de la valeur courante : le repère ne bouge pas quand on déplace le curseur.
        widest = [f"{line.name}\u00a0: {_longest(line.y, form)}" for line in lines]
    rows = [row for name in [*widest, *names] for row in svg.wrap(name, 200, svg.SMALL)]
    return [*now, *names], 42 + max((svg.text_width(row, svg.SMALL) for row in rows), default=0)


def _at(line: Line, x: float, log: bool) -> float:
    """L'ordonnée de la courbe à l'abscisse x, interpolée (NaN hors de la courbe)."""
    if not line.x:
        return math.nan
    place, order = np.log if log else np.asarray, np.argsort(line.x)
    known = np.asarray(line.x)[order], np.asarray(line.y)[order]
    return float(np.interp(place(x), place(known[0]), known[1], left=math.nan, right=math.nan))


def _last_height(line: Line, box: Axes) -> float:
    """La hauteur en pixels où la courbe finit (le bas du repère pour une courbe encore vide)."""
    return next((box.y(y) for y in reversed(line.y) if math.isfinite(y)), box.y.start)


@lru_cache(maxsize=64)  # dans une image vivante, le marqueur bouge et les courbes restent
def _longest(values: tuple[float, ...], form: Format) -> str:
    """L'étiquette la plus longue parmi celles de ces valeurs."""
    return max(map(form, values), key=len, default="")


@lru_cache(maxsize=64)
def _trace(line: Line, x: Scale, y: Scale, dots: bool) -> str:
    points = [(x(a), y(b)) for a, b in zip(line.x, line.y, strict=True)]
    marks = [svg.dot(a, b, line.color) for a, b in points if dots and math.isfinite(b)]
    return svg.path(points, line.color, dash=line.dash) + "".join(marks)
