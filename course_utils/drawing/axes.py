"""Les axes : un repère complet, ses graduations, sa légende, des étiquettes sans chocs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from course_utils.drawing import svg
from course_utils.drawing.palette import GRID, INK, MUTED
from course_utils.drawing.scales import Format, Limits, Scale, tick_labels


@dataclass(frozen=True)
class Axes:
    """Un repère dessiné : les deux échelles, et le SVG de la grille, des graduations et des titres."""

    x: Scale
    y: Scale
    svg: str


def axes(
    width: float,
    height: float,
    x_limits: Limits,
    y_limits: Limits,
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_format: Format,
    y_format: Format,
    log_x: bool = False,
    log_y: bool = False,
    whole_x: bool = False,
    x_ticks: Iterable[float] = (),
    right: float = 28,
) -> Axes:
    """Un repère qui remplit `width` × `height` pixels ; les marges suivent la largeur des étiquettes.

    `x_ticks` : les abscisses à graduer, si la place le permet. `right` : pixels réservés à droite (pour les noms des
    courbes).
    """
    head, top = heading(title, width, subtitle=y_label)
    bottom = height - 30 - (26 if x_label else 0)
    y = Scale(*y_limits, bottom, top + 10, log_y)
    y_ticks = tick_labels(y, max(2, int((bottom - top) / 45)), y_format)
    left = 22 + max((svg.text_width(label, svg.SMALL) for _, label in y_ticks), default=0)
    x = Scale(*x_limits, left, width - right, log_x, whole_x)
    parts = [head]
    for value, label in y_ticks:
        parts += [svg.line(left, y(value), x.stop, y(value), GRID)]
        parts += [svg.text(label, left - 8, y(value) + 5, size=svg.SMALL, anchor="end", color=MUTED)]
    parts += [horizontal_axis(x, bottom, width, x_label, x_format, wanted=x_ticks)]
    parts += [svg.line(left, bottom, x.stop, bottom, MUTED)]
    return Axes(x, y, "".join(parts))


def horizontal_axis(
    scale: Scale,
    y: float,
    width: float,
    label: str,
    form: Format,
    *,
    grid_from: float | None = None,
    wanted: Iterable[float] = (),
) -> str:
    """Les graduations sous l'ordonnée `y`, aussi nombreuses que la place le permet, et le nom de l'axe.

    grid_from : l'ordonnée d'où descendent des lignes de grille ; sans elle, de simples petits traits. wanted : les
    valeurs à graduer, si leurs étiquettes ne se touchent pas.
    """
    parts = []
    asked = [(value, form(value)) for value in sorted(set(wanted))]
    for value, name in asked if asked and _apart(asked, scale) else _round_ticks(scale, form):
        x = scale(value)
        parts += [svg.line(x, y, x, y + 5, MUTED) if grid_from is None else svg.line(x, grid_from, x, y, GRID)]
        parts += [centered(name, x, y + 21, width, MUTED)]
    if label:
        parts += [centered(label, (scale.start + scale.stop) / 2, y + 45, width, INK)]
    return "".join(parts)


def _apart(ticks: Sequence[tuple[float, str]], scale: Scale) -> bool:
    """Vrai si aucune étiquette n'en touche une autre."""
    halves = [(scale(value), svg.text_width(name, svg.SMALL) / 2) for value, name in ticks]
    return all(b - a > half + next_half + 4 for (a, half), (b, next_half) in pairwise(halves))


def _round_ticks(scale: Scale, form: Format) -> list[tuple[float, str]]:
    """Des graduations rondes, aussi nombreuses que la place le permet."""
    for gap in (18, 4):  # pixels entre deux étiquettes : serrées, plutôt qu'une seule, qui ne gradue rien
        for count in (9, 7, 5, 4, 3, 2):
            ticks = tick_labels(scale, count, form)
            wide = sum(svg.text_width(name, svg.SMALL) + gap for _, name in ticks)
            if len(ticks) > 1 and wide <= scale.stop - scale.start:
                return ticks
    return tick_labels(scale, 1, form)


def centered(content: str, x: float, y: float, width: float, color: str) -> str:
    """Un petit texte centré en x, décalé s'il le faut pour tenir dans une image de cette largeur."""
    half = svg.text_width(content, svg.SMALL) / 2 + 6
    place = min(max(x, half), max(width - half, width / 2))
    return svg.text(content, place, y, size=svg.SMALL, anchor="middle", color=color)


def heading(title: str, width: float, *, subtitle: str = "") -> tuple[str, float]:
    """Le titre et le sous-titre (le nom de l'axe vertical, écrit à plat), et l'ordonnée où ils finissent."""
    top = 12.0
    parts = []
    for content, size, color, bold in ((title, svg.TITLE, INK, True), (subtitle, svg.SMALL, MUTED, False)):
        if content:
            lines = svg.wrap(content, width - 32, size, bold)
            parts += [svg.paragraph(lines, 16, top + size, size=size, color=color, bold=bold)]
            top += 1.3 * size * len(lines) + 4
    return "".join(parts), top


def patch(_: int, x: float, y: float, fill: str) -> str:
    """La pastille d'une légende, autour de (x, y)."""
    return svg.rect(x - 8, y - 7, 16, 14, fill, stroke=INK, radius=2)


def legend(
    items: Iterable[tuple[str, str]],
    top: float,
    width: float,
    *,
    mark: str = "",
    key: Callable[[int, float, float, str], str] = patch,
) -> tuple[str, float]:
    """Des couleurs nommées (à la ligne au besoin), et l'ordonnée où elles finissent.

    mark : le nom d'un trait. key : dessine le signe d'une série, de son numéro, de son centre et de sa couleur.
    """
    parts = []
    x, y = 16.0, top + 8
    for i, (name, fill) in enumerate([*items, *([(mark, "")] if mark else [])]):
        wide = 24 + svg.text_width(name, svg.SMALL)
        if x > 16 and x + wide > width - 16:
            x, y = 16.0, y + 22
        parts += [key(i, x + 8, y + 7, fill) if fill else svg.line(x + 8, y - 2, x + 8, y + 16, INK, width=3)]
        parts += [svg.text(name, x + 24, y + 12, size=svg.SMALL)]
        x += wide + 24
    return "".join(parts), (y + 22 if parts else top)


def spread(targets: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Déplace au plus près des hauteurs voulues des étiquettes qui se chevaucheraient, entre low et high."""
    order = sorted(range(len(targets)), key=lambda i: targets[i])
    places = list(targets)
    edge = low
    for i in order:
        places[i] = max(targets[i], edge + heights[i] / 2)
        edge = places[i] + heights[i] / 2
    edge = high
    for i in reversed(order):
        places[i] = min(places[i], edge - heights[i] / 2)
        edge = places[i] - heights[i] / 2
    return places
