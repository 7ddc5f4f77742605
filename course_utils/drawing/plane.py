"""Des points nommés dans le plan, leurs arêtes, et des flèches."""

import math
from collections.abc import Sequence
from itertools import combinations

from torch import Tensor

from course_utils.drawing import svg
from course_utils.drawing.axes import heading
from course_utils.drawing.palette import GRID, INK, MUTED, PALETTE


def plane(
    points: Tensor,
    names: Sequence[str],
    *,
    alt: str,
    title: str = "",
    color: str = "student",
    arrows: Tensor | None = None,
    selected: int | None = None,
    reach: float = 3.0,
    width: float = 374,
) -> str:
    """Les points (N, 2) d'un plan carré qui va de −reach à reach, toutes leurs arêtes, et une flèche (N, 2) par point.

    color : un rôle de PALETTE. selected : le numéro du point à cercler. Les flèches sont dans l'unité des points.
    """
    head, top = heading(title, width) if title else ("", 8.0)
    side = width - 16

    def place(x: float, y: float) -> svg.Point:
        return 8 + side * (x + reach) / (2 * reach), top + side * (reach - y) / (2 * reach)

    dots = [place(*point) for point in points.tolist()]
    parts = [head, svg.rect(8, top, side, side, "none", stroke=GRID, radius=6)]
    units = range(-int(reach), int(reach) + 1)
    grid = [((u, -reach), (u, reach)) for u in units] + [((-reach, u), (reach, u)) for u in units]
    parts += [svg.segments([(place(*start), place(*end)) for start, end in grid], GRID, width=0.6)]
    parts += [svg.segments(list(combinations(dots, 2)), MUTED, width=1.2)]
    if selected is not None:
        cx, cy = (svg.number(value) for value in dots[selected])
        parts += [f'<circle cx="{cx}" cy="{cy}" r="13" fill="none" stroke="{INK}" stroke-width="2"/>']
    for (x, y), step in zip(points.tolist(), [] if arrows is None else arrows.tolist(), strict=arrows is not None):
        parts += [_arrow(place(x, y), place(x + step[0], y + step[1]))]
    for (x, y), name in zip(dots, names, strict=True):
        near, anchor = (x + 10, "start") if x < width - 30 else (x - 10, "end")
        parts += [svg.dot(x, y, PALETTE[color], radius=7)]
        parts += [svg.text(name, near, y - 9, anchor=anchor, bold=True, halo=True)]
    return svg.document(width, top + side + 8, "".join(parts), alt)


def _arrow(start: svg.Point, end: svg.Point) -> str:
    length = math.dist(start, end)
    if length < 3:  # pixels : trop courte pour se voir
        return ""
    back = [(s - e) / length * min(9, length / 2) for s, e in zip(start, end, strict=True)]
    head = [end, (end[0] + back[0] - back[1] / 2, end[1] + back[1] + back[0] / 2)]
    head += [(end[0] + back[0] + back[1] / 2, end[1] + back[1] - back[0] / 2)]
    corners = " ".join(f"{svg.number(x)},{svg.number(y)}" for x, y in head)
    return svg.line(*start, *end, INK, width=2.5) + f'<polygon points="{corners}" fill="{INK}"/>'
