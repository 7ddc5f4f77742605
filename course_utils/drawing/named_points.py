"""Des points nommés un à un : les noms dans une colonne à droite, chacun relié à son point, sans jamais se gêner."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from course_utils.drawing import svg
from course_utils.drawing.axes import axes, spread
from course_utils.drawing.palette import INK, MUTED, PALETTE, color_of
from course_utils.drawing.scales import Format, Limits, Scale, limits_of
from course_utils.french import french_number

APART = 16.0  # pixels entre deux points qui se cacheraient
LONGEST = 0.45  # la part de la largeur que peut prendre le plus long des noms


class NamedPoint(NamedTuple):
    """Un point et son nom ; low, high : les bornes de son intervalle vertical (égales à y s'il n'en a pas).

    color : un rôle de PALETTE ou « #RRGGBB ».
    """

    name: str
    x: float
    y: float
    low: float
    high: float
    color: str = "student"


def named_points(
    points: Sequence[NamedPoint],
    *,
    alt: str,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    levels: Mapping[str, float] | None = None,
    verticals: Mapping[str, float] | None = None,
    frontier: Sequence[str] = (),
    log_x: bool = False,
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
    x_format: Format = french_number,
    y_format: Format = french_number,
    width: float = svg.WIDTH,
    height: float = 420,
) -> str:
    """levels, verticals : {nom : ordonnée} et {nom : abscisse} de droites en tirets. frontier : les noms, de gauche à
    droite, des points que relie un escalier (ceux que nul autre ne bat). Lève ValueError s'il n'y a aucun point.
    """
    if not points:
        raise ValueError("Il n'y a aucun point à dessiner : donnez-en au moins un.")
    levels, verticals = levels or {}, verticals or {}
    shown = [svg.shortened(point.name, LONGEST * width, svg.SMALL) for point in points]
    column = 52 + max(svg.text_width(name, svg.SMALL) for name in shown)
    seen = [y for point in points for y in (point.low, point.y, point.high)]
    box = axes(
        width,
        height,
        x_limits or limits_of([*(point.x for point in points), *verticals.values()], log=log_x),
        y_limits or limits_of([*seen, *levels.values()]),
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_format=x_format,
        y_format=y_format,
        log_x=log_x,
        right=column,
    )
    parts = [box.svg]
    for name, level in levels.items():
        parts += [svg.line(box.x.start, box.y(level), box.x.stop, box.y(level), INK, width=2, dash="8 5")]
        parts += [svg.text(name, box.x.start + 8, box.y(level) + 18, size=svg.SMALL, halo=True)]
    for name, x in verticals.items():
        parts += [svg.line(box.x(x), box.y.start, box.x(x), box.y.stop, MUTED, width=2, dash="3 4")]
        # debout le long de sa droite : couché, il croiserait la voisine
        parts += [svg.text(name, box.x(x) - 6, box.y.start - 8, rotate=-90, size=svg.SMALL, color=MUTED, halo=True)]
    across = _side_by_side(points, box.x)
    at = [(x, box.y(point.y)) for x, point in zip(across, points, strict=True)]  # deux points peuvent partager un nom
    named = {point.name: place for point, place in zip(points, at, strict=True)}
    steps = [named[name] for name in frontier]
    stairs = [corner for (x, y), (x2, _) in pairwise(steps) for corner in ((x, y), (x2, y))]
    parts += [svg.path([*stairs, *steps[-1:]], PALETTE["right"], width=2, dash="2 4")] if len(steps) > 1 else []
    places = spread([y for _, y in at], [20.0] * len(points), box.y.stop - 6, box.y.start + 6)
    for point, name, (x, y), place in zip(points, shown, at, places, strict=True):
        color = color_of(point.color)
        parts += [svg.path([(x + 8, y), (box.x.stop + 4, place), (box.x.stop + 12, place)], color, width=1)]
        parts += [svg.text(name, box.x.stop + 16, place + 5, size=svg.SMALL, bold=point.name in frontier)]
    for point, (x, y) in zip(points, at, strict=True):
        color = color_of(point.color)
        if point.high > point.low:
            parts += [svg.line(x, box.y(point.low), x, box.y(point.high), color, width=2.5)]
        parts += [svg.dot(x, y, color, radius=7)]
    return svg.document(width, height, "".join(parts), alt)


def _side_by_side(points: Sequence[NamedPoint], scale: Scale) -> list[float]:
    """Les abscisses en pixels ; des points presque au même endroit, dont les intervalles se cacheraient, sont écartés
    de part et d'autre de leur milieu.
    """
    places = [scale(point.x) for point in points]
    order = sorted((i for i, point in enumerate(points) if point.high > point.low), key=lambda i: places[i])
    groups: list[list[int]] = []
    for i in order:
        near = bool(groups) and places[i] - places[groups[-1][-1]] < APART
        groups = [*groups[:-1], [*groups[-1], i]] if near else [*groups, [i]]
    for group in (found for found in groups if len(found) > 1):
        middle = sum(places[i] for i in group) / len(group)
        first = max(middle - APART * (len(group) - 1) / 2, scale.start + APART / 2)
        for k, i in enumerate(group):
            places[i] = first + APART * k
    return places
