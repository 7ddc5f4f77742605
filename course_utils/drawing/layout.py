"""Assembler des figures, et poser un encadré de texte à côté."""

import re
from collections.abc import Sequence

from course_utils.drawing import svg
from course_utils.drawing.palette import MUTED, color_of


def text_panel(content: str, *, title: str = "", color: str = "teacher", width: float = 260, height: float = 0) -> str:
    """Un encadré de texte (« \\n » passe à la ligne) ; le texte est son propre texte de remplacement.

    color : un rôle de PALETTE, pour le trait de gauche. height : hauteur minimale, en pixels.
    """
    titles = svg.wrap(title, width - 44, svg.TITLE, bold=True) if title else []
    lines = svg.wrap(content, width - 44, svg.TEXT)
    top = 16 + (1.3 * svg.TITLE * len(titles) + 8 if titles else 0)
    tall = max(height, top + 1.3 * svg.TEXT * len(lines) + 18)
    body = svg.rect(10, 12, 5, tall - 24, color_of(color), radius=2)
    body += svg.paragraph(titles, 28, 16 + svg.TITLE, size=svg.TITLE, bold=True)
    body += svg.paragraph(lines, 28, top + svg.TEXT, size=svg.TEXT)
    return svg.document(width, tall, body, f"{title}. {content}" if title else content)


def note(content: str, *, width: float) -> str:
    """Une petite phrase grise, à la ligne au besoin ; elle est son propre texte de remplacement."""
    lines = svg.wrap(content, width - 32, svg.SMALL)
    body = svg.paragraph(lines, 16, 12 + svg.SMALL, size=svg.SMALL, color=MUTED)
    return svg.document(width, 12 + 1.3 * svg.SMALL * len(lines) + 6, body, content)


def side_by_side(*svgs: str, gap: float = 12, alt: str | None = None) -> str:
    """Des figures côte à côte, titres alignés ; leurs alt sont mis bout à bout, sauf si `alt` est donné."""
    sizes = [svg.size_of(figure) for figure in svgs]
    body, x = "", 0.0
    for figure, (width, _) in zip(svgs, sizes, strict=True):
        body += _place(figure, x, 0)
        x += width + gap
    return svg.document(x - gap, max(height for _, height in sizes), body, alt or _joined(svgs))


def stack(*svgs: str, gap: float = 12, height: float = 0, alt: str | None = None) -> str:
    """Des figures l'une sous l'autre, alignées à gauche ; leurs alt sont mis bout à bout, sauf si `alt` est donné.

    height : hauteur minimale, en pixels, pour une image vivante dont le nombre de figures change.
    """
    sizes = [svg.size_of(figure) for figure in svgs]
    body, y = "", 0.0
    for figure, (_, tall) in zip(svgs, sizes, strict=True):
        body += _place(figure, 0, y)
        y += tall + gap
    return svg.document(max(width for width, _ in sizes), max(y - gap, height), body, alt or _joined(svgs))


def _joined(svgs: Sequence[str]) -> str:
    return " ".join(svg.alt_of(figure).rstrip(".") + "." for figure in svgs)


def _place(figure: str, x: float, y: float) -> str:
    """La figure posée en (x, y) dans une autre : à sa taille propre, et sans son cadre."""
    width, height = (svg.number(length) for length in svg.size_of(figure))
    inner = re.sub("^<rect[^>]*>", "", figure[figure.index(">") + 1 :])
    return (
        f'<svg x="{svg.number(x)}" y="{svg.number(y)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{inner}'
    )
