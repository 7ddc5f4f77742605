"""Les briques des figures : tailles, textes mesurés, traits, et le document avec son texte de remplacement.

Tout est du texte SVG (des `str`) : rien à installer, rien à télécharger, quelques millisecondes par image.
Aucun identifiant (`id`) n'est écrit : deux figures dans une même page ne peuvent pas se gêner.
"""

import math
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from html import escape, unescape

from course_utils.drawing.palette import GRID, INK, PAPER

# Une seule échelle de tailles, en pixels pour une figure large de 760 px, lisible au projecteur.
TITLE, TEXT, SMALL = 19, 16, 14
WIDTH = 760
Point = tuple[float, float]
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


@lru_cache(maxsize=4096)  # une image vivante réécrit presque toujours les mêmes mots
def text_width(content: str, size: float, bold: bool = False) -> float:
    """Une majoration de la largeur d'un texte, en pixels : c'est elle qui décide des marges."""
    return sum(_WIDTHS.get(character, 70) for character in content) * size * (1.1 if bold else 1.0) / 100


def wrap(content: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Coupe un texte entre ses mots en lignes d'au plus `width` pixels (un mot trop long reste entier)."""
    lines: list[str] = []
    for part in content.split("\n"):
        current = ""
        for word in part.split(" "):
            longer = f"{current} {word}" if current else word
            if current and text_width(longer, size, bold) > width:
                lines.append(current)
                longer = word
            current = longer
        lines.append(current)
    return lines


def shortened(content: str, width: float, size: float) -> str:
    """Le texte s'il tient en `width` pixels, même en gras, sinon son début et « … »."""
    if text_width(content, size, bold=True) <= width:
        return content
    fits = (content[:n] for n in range(len(content), 0, -1) if text_width(f"{content[:n]}…", size, bold=True) <= width)
    return f"{next(fits, '').rstrip()}…"


@lru_cache(maxsize=16384)  # … et presque toutes les mêmes coordonnées
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
    if not (math.isfinite(x) and math.isfinite(y)):
        return ""
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


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    *,
    stroke: str = "none",
    stroke_width: float = 1,
    radius: float = 0,
) -> str:
    """Un rectangle, de coin haut gauche (x, y)."""
    outline = f' stroke="{stroke}" stroke-width="{number(stroke_width)}"' if stroke != "none" else ""
    round_corners = f' rx="{number(radius)}"' if radius else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" '
        f'height="{number(max(height, 0))}" fill="{fill}"{outline}{round_corners}/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, color: str, *, width: float = 1, dash: str = "") -> str:
    """Un trait droit ; `dash` : un motif de tirets, « 7 5 » par exemple."""
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        return ""  # un niveau ou un intervalle qui n'existe pas
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" '
        f'stroke="{color}" stroke-width="{number(width)}"{dashes}/>'
    )


def dot(x: float, y: float, color: str, *, radius: float = 4) -> str:
    """Un point cerné de blanc, pour rester visible sur une courbe ; rien pour un point sans coordonnées (NaN)."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return ""
    return (
        f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{color}" '
        f'stroke="{PAPER}" stroke-width="1.5"/>'
    )


# Les coins d'un signe autour de son centre, pour une même surface que le rond de rayon 1.
_CORNERS = (
    ((-0.89, -0.89), (0.89, -0.89), (0.89, 0.89), (-0.89, 0.89)),
    ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    ((0, -1.4), (1.3, 0.9), (-1.3, 0.9)),
    ((0, 1.4), (1.3, -0.9), (-1.3, -0.9)),
    ((0, -1.5), (0.4, -0.4), (1.5, 0), (0.4, 0.4), (0, 1.5), (-0.4, 0.4), (-1.5, 0), (-0.4, -0.4)),
)


def sign(group: int, x: float, y: float, color: str) -> str:
    """Le signe d'un groupe : rond, carré, losange, deux triangles, étoile, et l'on recommence."""
    kind = group % (len(_CORNERS) + 1)
    if kind == 0 or not (math.isfinite(x) and math.isfinite(y)):
        return dot(x, y, color, radius=6)
    corners = " ".join(f"{number(x + 6 * dx)},{number(y + 6 * dy)}" for dx, dy in _CORNERS[kind - 1])
    return f'<polygon points="{corners}" fill="{color}" stroke="{PAPER}" stroke-width="1.5"/>'


def path(points: Iterable[Point], color: str, *, width: float = 2.5, dash: str = "") -> str:
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


def segments(ends: Iterable[tuple[Point, Point]], color: str, *, width: float) -> str:
    """Des traits séparés, en un seul tracé : une image vivante gagne à avoir peu d'éléments."""
    breaks = (math.nan, math.nan)
    return path((point for start, end in ends for point in (start, end, breaks)), color, width=width)


def zoom() -> float:
    """Le grossissement : 1,3 en mode présentation (variable d'environnement COURS_PRESENTATEUR=1), sinon 1."""
    return 1.3 if os.environ.get("COURS_PRESENTATEUR") == "1" else 1.0


def document(width: float, height: float, body: str, alt: str) -> str:
    """Une figure complète : fond blanc arrondi (lisible aussi sur thème sombre) et texte de remplacement.

    Lève ValueError si `alt` est vide : une image sans description exclut une partie des lecteurs.
    """
    if not alt.strip():
        raise ValueError("Il manque le texte de remplacement `alt` : dites en une phrase ce que montre l'image.")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt)}" '
        f'viewBox="0 0 {number(width)} {number(height)}" width="{number(width * zoom())}" '
        f'height="{number(height * zoom())}" font-family="{FONT}" style="max-width:100%;height:auto">'
        f"{rect(0.5, 0.5, width - 1, height - 1, PAPER, stroke=GRID, radius=8)}{body}</svg>"
    )


def size_of(svg: str) -> tuple[float, float]:
    """Largeur et hauteur d'une figure, lues dans sa viewBox. Lève ValueError si ce n'est pas une figure."""
    match = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg) if isinstance(svg, str) else None
    if not match:
        seen = "Ce texte" if isinstance(svg, str) else f"Un objet {type(svg).__name__}"
        raise ValueError(
            f"{seen} n'est pas une figure de course_utils : rendez (return) celle de bar_chart(…), par exemple."
        )
    return float(match[1]), float(match[2])


def alt_of(svg: str) -> str:
    """Le texte de remplacement d'une figure (chaîne vide s'il n'y en a pas)."""
    match = re.search(r'aria-label="([^"]*)"', svg)
    return unescape(match[1]) if match else ""
