"""Les briques des figures : palette, tailles, textes mesurés, échelles, axes, assemblage de SVG.

Tout est du texte SVG (des `str`) : rien à installer, rien à télécharger, quelques millisecondes par image.
Aucun identifiant (`id`) n'est écrit : deux figures dans une même page ne peuvent pas se gêner.
"""

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from course_utils.french import french_number

# Okabe et Ito (2008), « Color Universal Design » : distinguables par les daltoniens.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, INK = "#E69F00", "#56B4E9", "#1B1F24"
MUTED, GRID, PAPER = "#57606A", "#DDE2E7", "#FFFFFF"

PALETTE: dict[str, str] = {
    "teacher": BLUE,
    "student": VERMILLION,
    "distilled": GREEN,
    "other": PURPLE,
    "truth": INK,
    "right": GREEN,
    "wrong": VERMILLION,
    "muted": MUTED,
}
# L'ordre compte : les quatre premières ont un contraste d'au moins 3 sur fond blanc.
CATEGORIES: tuple[str, ...] = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK)

# Une seule échelle de tailles, en pixels pour une figure large de 760 px, lisible au projecteur.
TITLE, TEXT, SMALL = 19, 16, 14
WIDTH = 760
FONT = "system-ui,'Segoe UI',Roboto,Helvetica,Arial,'DejaVu Sans',sans-serif"

# Largeurs de DejaVu Sans (la plus large des polices courantes), en centièmes de la taille.
_WIDTHS = {
    character: width
    for width, characters in {
        20: "\u202f",
        29: "'ijlîïIJÎ",
        34: " ,.’·\u00a0/:;\\|",
        40: "f-()[]t!r²³⁰¹⁴⁵⁶⁷⁸⁹",
        53: '*_`–‖°"sz?⁻',
        56: "cçL",
        64: "FkvxyλPτTYaoàâäôö«»θeéèêëESbdghnpquùûüÉÈÊρ$0123456789{}",
        79: "KAVÀÂΔBRXZCÇUÙÛHNDG&OQÔ",
        86: "w∞#+<=>^~×−≤≥≈→←↑↓✓✗M",
        102: "%mW@—…œ",
    }.items()
    for character in characters
}


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Une majoration de la largeur d'un texte, en pixels : c'est elle qui décide des marges."""
    return sum(_WIDTHS.get(character, 70) for character in text) * size * (1.1 if bold else 1.0) / 100


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Coupe un texte entre ses mots en lignes d'au plus `width` pixels (un mot trop long reste entier)."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and text_width(longer, size, bold) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def number(value: float) -> str:
    """Une coordonnée, arrondie au dixième de pixel."""
    return f"{value:.1f}".removesuffix(".0")


def text(
    content: str,
    x: float,
    y: float,
    *,
    size: float = TEXT,
    anchor: str = "start",
    color: str = INK,
    bold: bool = False,
    rotate: float = 0.0,
    halo: bool = False,
) -> str:
    """Une ligne de texte ; `y` est la ligne de base, `rotate` un angle en degrés autour de (x, y).

    halo : un liseré blanc, pour rester lisible au-dessus d'un trait.
    """
    extra = ' font-weight="600"' if bold else ""
    extra += f' transform="rotate({number(rotate)} {number(x)} {number(y)})"' if rotate else ""
    extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
    extra += f' stroke="{PAPER}" stroke-width="4" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" fill="{color}"{extra}>'
        f"{escape(content)}</text>"
    )


def paragraph(
    lines: Iterable[str],
    x: float,
    y: float,
    *,
    size: float = TEXT,
    anchor: str = "start",
    color: str = INK,
    bold: bool = False,
) -> str:
    """Des lignes l'une sous l'autre, à partir de la ligne de base `y`, espacées de 1,3 fois la taille."""
    return "".join(
        text(line, x, y + 1.3 * size * i, size=size, anchor=anchor, color=color, bold=bold)
        for i, line in enumerate(lines)
    )


def rect(x: float, y: float, width: float, height: float, fill: str, *, stroke: str = "none", radius: float = 0) -> str:
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" '
        f'height="{number(max(height, 0))}" fill="{fill}" stroke="{stroke}" rx="{number(radius)}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, color: str, *, width: float = 1, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" '
        f'stroke="{color}" stroke-width="{number(width)}"{dashes}/>'
    )


def dot(x: float, y: float, color: str, *, radius: float = 4) -> str:
    return (
        f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{color}" '
        f'stroke="{PAPER}" stroke-width="1.5"/>'
    )


def path(points: Iterable[tuple[float, float]], color: str, *, width: float = 2.5, dash: str = "") -> str:
    """Une ligne brisée ; un point NaN l'interrompt."""
    steps, pen_down = [], False
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            steps.append(f"{'L' if pen_down else 'M'}{number(x)} {number(y)}")
            pen_down = True
        else:
            pen_down = False
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{"".join(steps)}" fill="none" stroke="{color}" stroke-width="{number(width)}" '
        f'stroke-linejoin="round" stroke-linecap="round"{dashes}/>'
    )


def color_of(role: str) -> str:
    """La couleur d'un rôle (« teacher »), ou un code « #RRGGBB » tel quel."""
    if role in PALETTE or role.startswith("#"):
        return PALETTE.get(role, role)
    raise ValueError(
        f"Couleur inconnue : {role!r} ; choisissez un rôle parmi {', '.join(PALETTE)} ou un code « #RRGGBB »."
    )


def colors_for(names: Sequence[str], chosen: Sequence[str | None] = ()) -> list[str]:
    """Une couleur par nom, toujours la même pour un même rôle d'une figure à l'autre du cours.

    Une couleur choisie l'emporte ; sinon un nom qui contient « enseignant », « distillé » ou « élève » prend la
    couleur de ce rôle (une seule fois par figure) ; les autres se partagent ce qui reste de CATEGORIES.
    """
    given = [*chosen, *[None] * (len(names) - len(chosen))]
    colors = [color_of(role) if role else "" for role in given]
    for word, role in (("enseignant", "teacher"), ("distillé", "distilled"), ("élève", "student")):
        for i, name in enumerate(names):
            if not colors[i] and word in name.lower() and PALETTE[role] not in colors:
                colors[i] = PALETTE[role]
    left = [color for color in CATEGORIES if color not in colors] or list(CATEGORIES)
    rest = [i for i, color in enumerate(colors) if not color]
    for k, i in enumerate(rest):
        colors[i] = left[k % len(left)]
    return colors


def document(width: float, height: float, body: str, alt: str) -> str:
    """Une figure complète : fond blanc arrondi (lisible aussi sur thème sombre) et texte de remplacement.

    En mode présentation (variable d'environnement COURS_PRESENTATEUR=1) elle est affichée 1,3 fois plus
    grande. Lève ValueError si `alt` est vide : une image sans description exclut une partie des lecteurs.
    """
    if not alt.strip():
        raise ValueError("Il manque le texte de remplacement `alt` : dites en une phrase ce que montre l'image.")
    zoom = 1.3 if os.environ.get("COURS_PRESENTATEUR") == "1" else 1.0
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt)}" '
        f'viewBox="0 0 {number(width)} {number(height)}" width="{number(width * zoom)}" '
        f'height="{number(height * zoom)}" font-family="{FONT}" style="max-width:100%;height:auto">'
        f"{rect(0.5, 0.5, width - 1, height - 1, PAPER, stroke=GRID, radius=8)}{body}</svg>"
    )


def size_of(svg: str) -> tuple[float, float]:
    """Largeur et hauteur d'une figure, lues dans sa viewBox."""
    match = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if not match:
        raise ValueError("Ce texte n'est pas une figure de course_utils : sa viewBox est introuvable.")
    return float(match[1]), float(match[2])


def alt_of(svg: str) -> str:
    """Le texte de remplacement d'une figure (chaîne vide s'il n'y en a pas)."""
    from html import unescape

    match = re.search(r'aria-label="([^"]*)"', svg)
    return unescape(match[1]) if match else ""


@dataclass(frozen=True)
class Scale:
    """De la valeur au pixel, linéaire ou logarithmique (`log`)."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """La position en pixels ; une valeur hors des bornes est ramenée au bord, NaN reste NaN."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low / 1e3))
        share = (value - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.stop - self.start) if share == share else math.nan

    def ticks(self, count: int = 6) -> list[float]:
        """Au plus `count` graduations rondes environ : 1-2-5, ou des puissances de dix en logarithmique."""
        if not self.log:
            step = _round_step((self.high - self.low) / max(count, 1))
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            return [round(i * step, 12) for i in range(first, last + 1)]
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = max(1, math.ceil((last - first + 1) / count))
        fractions = (1, 2, 5) if 3 * (last - first) <= count + 1 else (1,)
        values = [f * 10.0**k for k in range(first, last + 1) if k % every == 0 for f in fractions]
        return [v for v in values if self.low * 0.999 <= v <= self.high * 1.001]


def _round_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * f for f in (1, 2, 2.5, 5, 10) if power * f >= raw * 0.999)


def limits_of(values: Iterable[float], *, log: bool = False) -> tuple[float, float]:
    """Des bornes d'axe un peu plus larges que les données ; les NaN et infinis ne comptent pas."""
    finite = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not finite:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(finite), max(finite)
    if log:
        return (low / 1.1, high * 1.1)
    margin = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    # Une borne naturelle (0, ou 1 pour une proportion) n'est pas franchie par la marge.
    return (0.0 if 0 <= low < margin else low - margin, 1.0 if 1 - margin < high <= 1 else high + margin)


def tick_labels(scale: Scale, count: int, form: Callable[[float], str]) -> list[tuple[float, str]]:
    """Les graduations d'un axe (valeur, étiquette) ; en linéaire, toutes avec autant de décimales."""
    labels = [form(value) for value in scale.ticks(count)]
    if not scale.log and not any("10" + sign in label for label in labels for sign in "⁻²³⁴⁵⁶⁷⁸⁹"):
        decimals = [len(m[1]) if (m := re.search(r",(\d+)", label)) else 0 for label in labels]
        labels = [
            label if missing == 0 else re.sub(r"\d(?!.*\d)", rf"\g<0>{'' if d else ','}{'0' * missing}", label)
            for label, d in zip(labels, decimals, strict=True)
            for missing in [max(decimals) - d]
        ]
    return list(zip(scale.ticks(count), labels, strict=True))


@dataclass(frozen=True)
class Axes:
    """Un repère dessiné : les deux échelles, et le SVG de la grille, des graduations et des titres."""

    x: Scale
    y: Scale
    svg: str


def axes(
    width: float,
    height: float,
    x_limits: tuple[float, float],
    y_limits: tuple[float, float],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
    log_y: bool = False,
    x_format: Callable[[float], str] = french_number,
    y_format: Callable[[float], str] = french_number,
    right: float = 20,
) -> Axes:
    """Un repère qui remplit `width` × `height` pixels ; les marges suivent la largeur des étiquettes.

    `right` : pixels réservés à droite (pour les noms des courbes).
    """
    head, top = heading(title, y_label, width)
    bottom = height - 30 - (26 if x_label else 0)
    y = Scale(*y_limits, bottom, top + 10, log_y)
    y_ticks = tick_labels(y, max(2, int((bottom - top) / 45)), y_format)
    left = 22 + max((text_width(label, SMALL) for _, label in y_ticks), default=0)
    x = Scale(*x_limits, left, width - right, log_x)
    for count in (9, 7, 5, 4, 3, 2, 1):
        x_ticks = tick_labels(x, count, x_format)
        if sum(text_width(label, SMALL) + 16 for _, label in x_ticks) <= x.stop - x.start:
            break
    parts = [head]
    for value, label in y_ticks:
        parts += [line(left, y(value), width - right, y(value), GRID)]
        parts += [text(label, left - 8, y(value) + 5, size=SMALL, anchor="end", color=MUTED)]
    for value, label in x_ticks:
        parts += [line(x(value), bottom, x(value), bottom + 5, MUTED)]
        half = text_width(label, SMALL) / 2  # une étiquette du bord rentre dans l'image
        center = min(max(x(value), half + 6), width - half - 6)
        parts += [text(label, center, bottom + 21, size=SMALL, anchor="middle", color=MUTED)]
    parts += [line(left, bottom, width - right, bottom, MUTED)]
    if x_label:
        half = text_width(x_label, SMALL) / 2
        center = min(max((left + width - right) / 2, half + 8), width - half - 8)
        parts += [text(x_label, center, height - 11, size=SMALL, anchor="middle", color=INK)]
    return Axes(x, y, "".join(parts))


def heading(title: str, subtitle: str, width: float) -> tuple[str, float]:
    """Le titre et le sous-titre (le nom de l'axe vertical, écrit à plat), et l'ordonnée où ils finissent."""
    top = 12.0
    parts = []
    for content, size, color, bold in ((title, TITLE, INK, True), (subtitle, SMALL, MUTED, False)):
        if content:
            lines = wrap(content, width - 32, size, bold)
            parts += [paragraph(lines, 16, top + size, size=size, color=color, bold=bold)]
            top += 1.3 * size * len(lines) + 4
    return "".join(parts), top


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
