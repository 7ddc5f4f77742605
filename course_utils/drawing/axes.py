"""Les axes : de la valeur au pixel, des graduations rondes à virgule, un repère complet, des étiquettes sans chocs."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.drawing import svg
from course_utils.drawing.palette import GRID, INK, MUTED

Format = Callable[[float], str]
Limits = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """De la valeur au pixel, linéaire ou logarithmique (`log`) ; `whole` : des graduations entières, pour des époques.

    Lève ValueError si les bornes sont impossibles.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not (-math.inf < self.low < self.high < math.inf) or (self.log and self.low <= 0):
            wanted = "0 < bas < haut sur une échelle logarithmique" if self.log else "bas < haut"
            raise ValueError(f"Les bornes d'un axe doivent vérifier {wanted} : reçu ({self.low}, {self.high}).")

    def __call__(self, value: float) -> float:
        """La position en pixels ; une valeur hors des bornes est ramenée au bord, NaN reste NaN."""
        if math.isnan(value):
            return math.nan
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low) if value > 0 else 0.0
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.stop - self.start)

    def ticks(self, count: int) -> list[float]:
        """Environ `count` graduations rondes au plus : 1-2-5, ou des puissances de dix en logarithmique."""
        if not self.log:
            step = _round_step((self.high - self.low) / count)
            step = max(step, 1.0) if self.whole else step
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            return [round(i * step, 12) for i in range(first, last + 1)]
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = math.ceil((last - first + 1) / count)
        fractions = (1, 2, 5) if 3 * (last - first) <= count + 1 else (1,)
        values = [fraction * 10.0**k for k in range(first, last + 1) if k % every == 0 for fraction in fractions]
        inside = [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]
        # un axe qui ne couvre pas une décade n'en a parfois aucune : celles d'un axe ordinaire
        return inside if len(inside) > 1 else Scale(self.low, self.high, self.start, self.stop).ticks(count)


def _round_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    # 25 ou 250, mais pas 2,5 : il demanderait une décimale de plus que 2 et 5, et des époques n'en ont pas.
    factors = (1, 2, 2.5, 5, 10) if power >= 10 else (1, 2, 5, 10)
    return next(power * factor for factor in factors if power * factor >= raw * 0.999)


def tick_labels(scale: Scale, count: int, form: Format) -> list[tuple[float, str]]:
    """Les graduations d'un axe (valeur, étiquette) ; en linéaire, toutes avec autant de décimales."""
    values = scale.ticks(count)
    labels = [form(value) for value in values]
    if not scale.log:
        decimals = [len(found[1]) if (found := re.search(r",(\d+)", label)) else 0 for label in labels]
        labels = [_pad(label, has, max(decimals)) for label, has in zip(labels, decimals, strict=True)]
    return list(zip(values, labels, strict=True))


def _pad(label: str, has: int, wanted: int) -> str:
    """« 1 » devient « 1,0 » à côté de « 0,5 » ; les puissances de dix restent telles quelles."""
    if has == wanted or re.search("10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]", label):
        return label
    zeros = ("" if has else ",") + "0" * (wanted - has)
    return re.sub(r"(.*\d)", rf"\g<1>{zeros}", label, count=1)


def numbers(values: Any) -> np.ndarray:
    """Des nombres à dessiner, en float64 ; un tenseur peut porter un gradient ou venir d'une carte graphique."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, float)


def limits_of(values: Iterable[float], *, log: bool = False) -> Limits:
    """Des bornes d'axe un peu plus larges que les données ; les NaN et infinis ne comptent pas."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not finite:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(finite), max(finite)
    if log:
        return (low / 1.1, high * 1.1)
    margin = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    # Une borne naturelle (0, ou 1 pour une proportion) n'est pas franchie par la marge.
    return (0.0 if 0 <= low < margin else low - margin, 1.0 if 1 - margin < high <= 1 else high + margin)


def span_of(values: Iterable[float], *, log: bool = False) -> Limits:
    """L'étendue exacte des abscisses : une courbe va d'un bord à l'autre du repère."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not finite or min(finite) == max(finite):
        return limits_of(finite, log=log)
    return min(finite), max(finite)


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
    right: float = 28,
) -> Axes:
    """Un repère qui remplit `width` × `height` pixels ; les marges suivent la largeur des étiquettes.

    `right` : pixels réservés à droite (pour les noms des courbes).
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
    parts += [horizontal_axis(x, bottom, width, x_label, x_format), svg.line(left, bottom, x.stop, bottom, MUTED)]
    return Axes(x, y, "".join(parts))


def horizontal_axis(
    scale: Scale, y: float, width: float, label: str, form: Format, *, grid_from: float | None = None
) -> str:
    """Les graduations sous l'ordonnée `y`, aussi nombreuses que la place le permet, et le nom de l'axe.

    grid_from : l'ordonnée d'où descendent des lignes de grille ; sans elle, de simples petits traits.
    """
    parts = []
    room = scale.stop - scale.start
    choices = [tick_labels(scale, count, form) for count in (9, 7, 5, 4, 3, 2, 1)]
    spaced = ([t for t in choices if sum(svg.text_width(n, svg.SMALL) + gap for _, n in t) <= room] for gap in (18, 4))
    fitting = [ticks for found in spaced for ticks in found if len(ticks) > 1]  # une seule ne gradue rien
    for value, name in (fitting or choices[-1:])[0]:
        x = scale(value)
        parts += [svg.line(x, y, x, y + 5, MUTED) if grid_from is None else svg.line(x, grid_from, x, y, GRID)]
        parts += [centered(name, x, y + 21, width, MUTED)]
    if label:
        parts += [centered(label, (scale.start + scale.stop) / 2, y + 45, width, INK)]
    return "".join(parts)


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
