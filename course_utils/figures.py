"""Les figures du cours : des fonctions pures qui rendent du texte SVG.

Courbes, barres, nuages de points ici ; cartes de chaleur, images et arbres dans `grids.py` ; tout s'importe d'ici.
Chaque figure demande `alt`, la phrase lue à qui ne voit pas l'image.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from course_utils.french import french_number, french_percent
from course_utils.grids import closest_merges, heat_map, image_grid, tree
from course_utils.svg import (
    CATEGORIES,
    GRID,
    INK,
    MUTED,
    PALETTE,
    PAPER,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    Scale,
    alt_of,
    axes,
    color_of,
    colors_for,
    document,
    dot,
    heading,
    limits_of,
    line,
    paragraph,
    path,
    rect,
    size_of,
    spread,
    text,
    text_width,
    tick_labels,
    wrap,
)

__all__ = [
    "CATEGORIES",
    "PALETTE",
    "Curve",
    "bar_chart",
    "closest_merges",
    "french_number",
    "french_percent",
    "from_matplotlib",
    "heat_map",
    "image_grid",
    "line_chart",
    "matplotlib_style",
    "scatter",
    "show",
    "side_by_side",
    "stack",
    "text_panel",
    "tree",
]

Values = Sequence[float] | Any  # une liste, un tableau numpy ou un tenseur : tout ce que np.asarray comprend
Format = Callable[[float], str]


class Curve(NamedTuple):
    """Une courbe ou un groupe de points ; (x, y) ou (x, y, low, high) suffisent aux fonctions.

    low, high : les bornes de l'intervalle autour de y ; color : un rôle de PALETTE ou « #RRGGBB » ;
    dash : un motif de tirets SVG, « 7 5 » par exemple.
    """

    x: Values
    y: Values
    low: Values | None = None
    high: Values | None = None
    color: str | None = None
    dash: str = ""


def bar_chart(
    names: Sequence[str],
    series: Mapping[str, Values] | Values,
    *,
    alt: str,
    title: str = "",
    x_label: str = "",
    log: bool = False,
    limits: tuple[float, float] | None = None,
    reference: tuple[str, Values] | None = None,
    highlight: str | None = None,
    colors: Sequence[str | None] | None = None,
    value_format: Format | None = None,
    width: float = WIDTH,
) -> str:
    """Des barres horizontales, une ligne par nom : des probabilités, des gradients, des scores.

    series : une suite de len(names) valeurs, ou plusieurs {nom de la série : valeurs}.
    log : échelle logarithmique, pour voir le « savoir noir » (1e-6) ; les valeurs sous la borne basse n'ont
    pas de barre. limits : bornes de l'axe (par défaut 0 à 1 pour des probabilités, 1e-6 à 1 en log) ; données,
    elles empêchent l'axe de bouger quand la figure vit. reference : (nom, valeurs) dessinées d'un trait.
    highlight : le nom écrit en gras (la vraie classe). Lève ValueError si les longueurs diffèrent.
    """
    rows = dict(series) if isinstance(series, Mapping) else {"": series}
    rows = {name: [float(v) for v in values] for name, values in rows.items()}
    marks = [float(v) for v in reference[1]] if reference else []
    for label, values in [*rows.items(), *([(reference[0], marks)] if reference else [])]:
        if len(values) != len(names):
            raise ValueError(f"La série « {label} » a {len(values)} valeurs pour {len(names)} noms : une par nom.")
    everything = [v for values in rows.values() for v in values] + marks
    if limits is None:
        low, high = limits_of([0.0, *everything])
        limits = (1e-6, 1.0) if log else (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    form = value_format or (french_number if log else lambda v: french_number(v, 3))
    fills = colors_for(list(rows), colors or ())

    head, top = heading(title, "", width)
    legend = [(name, fill) for name, fill in zip(rows, fills, strict=True) if name]
    keys, top = _legend(legend, reference[0] if reference else None, top, width)
    thick = 22 if len(rows) == 1 else 15
    step = thick * len(rows) + 10
    bottom = top + 8 + step * len(names)
    left = 26 + max(text_width(name, TEXT, name == highlight) for name in names)
    widest = max(text_width(form(v), SMALL) for v in everything) if everything else 0
    room = max(widest, text_width("9,9 × 10⁻¹⁰" if log else "0,000", SMALL))
    signed = min(everything, default=0) < 0 and not log
    scale = Scale(*limits, left + (room + 10 if signed else 0), width - room - 22, log)
    zero = scale(limits[0] if log else 0.0)
    parts = [head, keys]
    for value, label in tick_labels(scale, 6 if log else 5, french_number):
        parts += [line(scale(value), top + 4, scale(value), bottom, GRID)]
        parts += [text(label, scale(value), bottom + 20, size=SMALL, anchor="middle", color=MUTED)]
    for i, name in enumerate(names):
        y = top + 8 + i * step
        middle = y + (step - 10) / 2
        parts += [text(name, left - 10, middle + 6, anchor="end", bold=name == highlight)]
        if marks:
            parts += [line(scale(marks[i]), y - 3, scale(marks[i]), y + step - 8, INK, width=3)]
        for j, values in enumerate(rows.values()):
            end, bar = scale(values[i]), y + j * thick
            parts += [rect(min(zero, end), bar, abs(end - zero), thick - 1, fills[j], stroke=INK, radius=1)]
            place, anchor = (end + 6, "start") if end >= zero else (end - 6, "end")
            parts += [text(form(values[i]), place, bar + thick / 2 + 4.5, size=SMALL, anchor=anchor, halo=True)]
    parts += [line(zero, top + 4, zero, bottom, MUTED)]
    if x_label:
        half = text_width(x_label, SMALL) / 2
        center = min(max((left + scale.stop) / 2, half + 8), width - half - 8)
        parts += [text(x_label, center, bottom + 44, size=SMALL, anchor="middle")]
    return document(width, bottom + (56 if x_label else 32), "".join(parts), alt)


def _legend(items: list[tuple[str, str]], mark: str | None, top: float, width: float) -> tuple[str, float]:
    """Une ligne de pastilles nommées (elle passe à la ligne au besoin), et l'ordonnée où elle finit."""
    parts, x, y = [], 16.0, top + 8
    for name, fill in [*items, *([(mark, "")] if mark else [])]:
        if x > 16 and x + 24 + text_width(name, SMALL) > width - 16:
            x, y = 16.0, y + 22
        swatch = (
            rect(x, y, 16, 14, fill, stroke=INK, radius=2) if fill else line(x + 8, y - 2, x + 8, y + 16, INK, width=3)
        )
        parts += [swatch, text(name, x + 24, y + 12, size=SMALL)]
        x += 24 + text_width(name, SMALL) + 24
    return "".join(parts), (y + 22 if parts else top)


def line_chart(
    curves: Mapping[str, Curve | tuple[Any, ...]],
    *,
    alt: str,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    levels: Mapping[str, float] | None = None,
    marker: float | None = None,
    log_x: bool = False,
    log_y: bool = False,
    x_limits: tuple[float, float] | None = None,
    y_limits: tuple[float, float] | None = None,
    x_format: Format = french_number,
    y_format: Format = french_number,
    width: float = WIDTH,
    height: float = 400,
) -> str:
    """Des courbes nommées à leur extrémité droite.

    curves : {nom : (x, y)} ou {nom : (x, y, low, high)} avec une bande d'intervalle, ou {nom : Curve(…)}.
    levels : {nom : ordonnée} de droites horizontales en tirets (l'enseignant).
    marker : une abscisse courante ; la valeur de chaque courbe y est pointée et écrite après son nom.
    y_format=french_percent écrit une exactitude en pourcentage. Lève ValueError si x et y n'ont pas la même longueur.
    """
    ready, levels, level_colors = _prepare(curves, levels)
    xs = [v for curve in ready.values() for v in curve.x]
    ys = [v for curve in ready.values() for values in (curve.y, curve.low, curve.high) for v in values]
    x_limits = x_limits or _span(xs, log_x)
    y_limits = y_limits or limits_of([*ys, *levels.values()], log=log_y)
    values = {name: "" if marker is None else y_format(_at(curve, marker, log_x)) for name, curve in ready.items()}
    names = {name: f"{name} : {value}" if value else name for name, value in values.items()}
    # La marge ne dépend pas de la valeur courante : le repère ne bouge pas quand on déplace le curseur.
    widest = (
        {n: f"{n} : {max(map(y_format, c.y), key=len, default='')}" for n, c in ready.items()}
        if marker is not None
        else names
    )
    labels = [wrap(text_, 200, SMALL) for text_ in [*names.values(), *levels]]
    right = 40 + max((min(text_width(w, SMALL), 200) for w in [*widest.values(), *levels]), default=0)
    right = max([right, *(40 + text_width(row, SMALL) for rows in labels for row in rows)])
    box = axes(
        width,
        height,
        x_limits,
        y_limits,
        title=title,
        x_label=x_label,
        y_label=y_label,
        log_x=log_x,
        log_y=log_y,
        x_format=x_format,
        y_format=y_format,
        right=right,
    )
    parts, anchors = [box.svg], []
    for value, color in zip(levels.values(), level_colors, strict=True):
        parts += [line(box.x.start, box.y(value), box.x.stop, box.y(value), color, width=2, dash="8 5")]
        anchors += [(box.y(value), color)]
    for curve in ready.values():
        parts += [_band(curve, box)]
    curve_anchors = []
    for curve in ready.values():
        points = [(box.x(x), box.y(y)) for x, y in zip(curve.x, curve.y, strict=True)]
        parts += [path(points, curve.color, dash=curve.dash)]
        if len(points) <= 12 and marker is None:
            parts += [dot(x, y, curve.color) for x, y in points if math.isfinite(y)]
        last = next((y for _, y in reversed(points) if math.isfinite(y)), box.y.start)
        curve_anchors += [(last, curve.color)]
    if marker is not None:
        parts += [line(box.x(marker), box.y.start, box.x(marker), box.y.stop, INK, width=1.5, dash="3 3")]
        for curve in ready.values():
            y = _at(curve, marker, log_x)
            parts += [dot(box.x(marker), box.y(y), curve.color, radius=6)] if math.isfinite(y) else []
    anchors = [*curve_anchors, *anchors]
    heights = [1.3 * SMALL * len(rows) + 3 for rows in labels]
    for (y, color), rows, tall, place in zip(
        anchors, labels, heights, spread([a[0] for a in anchors], heights, box.y.stop - 8, box.y.start + 8), strict=True
    ):
        parts += [path([(box.x.stop + 3, y), (box.x.stop + 22, place)], color, width=3)]
        parts += [paragraph(rows, box.x.stop + 28, place - tall / 2 + SMALL + 2, size=SMALL)]
    return document(width, height, "".join(parts), alt)


def _prepare(
    curves: Mapping[str, Curve | tuple[Any, ...]], levels: Mapping[str, float] | None
) -> tuple[dict[str, Curve], dict[str, float], list[str]]:
    """Les courbes en listes de nombres avec leur couleur, les niveaux, et la couleur de chaque niveau."""
    levels = dict(levels or {})
    given = {name: Curve(*curve) for name, curve in curves.items()}
    level_colors = [PALETTE["teacher"] if "enseignant" in name.lower() else INK for name in levels]
    chosen = [curve.color for curve in given.values()]
    # La couleur de l'enseignant n'est pas donnée à une courbe quand il est déjà là, en tirets.
    colors = colors_for([*levels, *given], [*level_colors, *chosen])[len(levels) :]
    ready = {}
    for (name, curve), color in zip(given.items(), colors, strict=True):
        x, y, low, high = ([] if v is None else np.asarray(v, float).ravel().tolist() for v in curve[:4])
        if len(x) != len(y) or len(low) not in (0, len(y)) or len(high) != len(low):
            raise ValueError(
                f"La courbe « {name} » a {len(x)} abscisses, {len(y)} ordonnées et {len(low)} et {len(high)} bornes : "
                "il en faut autant de chaque."
            )
        ready[name] = Curve(x, y, low, high, color, curve.dash)
    return ready, levels, level_colors


def _span(xs: Sequence[float], log: bool) -> tuple[float, float]:
    """L'étendue exacte des abscisses : une courbe va d'un bord à l'autre."""
    finite = [x for x in xs if math.isfinite(x) and (x > 0 or not log)]
    if not finite or min(finite) == max(finite):
        return limits_of(finite, log=log)
    return min(finite), max(finite)


def _at(curve: Curve, x: float, log: bool) -> float:
    """L'ordonnée de la courbe à l'abscisse x, interpolée (NaN hors de la courbe)."""
    if not curve.x:
        return math.nan
    place = np.log if log else np.asarray
    return float(np.interp(place(x), place(curve.x), curve.y, left=math.nan, right=math.nan))


def _band(curve: Curve, box: Any) -> str:
    """L'intervalle autour de la courbe ; un point seul devient une barre verticale."""
    if not curve.low:
        return ""
    if len(curve.x) == 1:
        x = box.x(curve.x[0])
        return line(x, box.y(curve.low[0]), x, box.y(curve.high[0]), curve.color, width=3)
    edge = [*zip(curve.x, curve.high, strict=True), *reversed([*zip(curve.x, curve.low, strict=True)])]
    points = " ".join(f"{box.x(x):.1f},{box.y(y):.1f}" for x, y in edge if math.isfinite(y))
    return f'<polygon points="{points}" fill="{curve.color}" fill-opacity="0.18"/>'


def scatter(
    groups: Mapping[str, Curve | tuple[Any, ...]],
    *,
    alt: str,
    labels: Mapping[str, Sequence[str]] | None = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    levels: Mapping[str, float] | None = None,
    log_x: bool = False,
    x_limits: tuple[float, float] | None = None,
    y_limits: tuple[float, float] | None = None,
    x_format: Format = french_number,
    y_format: Format = french_number,
    width: float = WIDTH,
    height: float = 400,
) -> str:
    """Des points par groupes nommés ; (x, y, low, high) ajoute à chaque point sa barre d'intervalle.

    labels : {nom du groupe : une étiquette par point}. levels : droites horizontales nommées (le seuil de 90 %).
    """
    ready, levels, level_colors = _prepare(groups, levels)
    xs = [v for curve in ready.values() for v in curve.x]
    ys = [v for curve in ready.values() for values in (curve.y, curve.low, curve.high) for v in values]
    x_limits = x_limits or limits_of(xs, log=log_x)
    y_limits = y_limits or limits_of([*ys, *levels.values()])
    keys = [(name, curve.color) for name, curve in ready.items() if len(ready) > 1]
    key_svg, key_height = _legend(keys, None, 0, width)
    box = axes(
        width,
        height - key_height,
        x_limits,
        y_limits,
        title=title,
        x_label=x_label,
        y_label=y_label,
        log_x=log_x,
        x_format=x_format,
        y_format=y_format,
        right=28,
    )
    parts = [box.svg]
    for (name, value), color in zip(levels.items(), level_colors, strict=True):
        parts += [line(box.x.start, box.y(value), box.x.stop, box.y(value), color, width=2, dash="8 5")]
        parts += [text(name, box.x.start + 6, box.y(value) - 6, size=SMALL, halo=True)]
    for name, curve in ready.items():
        for i, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
            px, py = box.x(x), box.y(y)
            if curve.low:
                parts += [line(px, box.y(curve.low[i]), px, box.y(curve.high[i]), curve.color, width=2.5)]
            parts += [dot(px, py, curve.color, radius=6)]
            label = (labels or {}).get(name, [""] * (i + 1))[i]
            if label:
                fits = px + 10 + text_width(label, SMALL) < width - 4
                place, anchor = (px + 10, "start") if fits else (px - 10, "end")
                parts += [text(label, place, py + 5, size=SMALL, anchor=anchor, halo=True)]
    parts += [f'<g transform="translate(0 {height - key_height - 4:.1f})">{key_svg}</g>' if keys else ""]
    return document(width, height, "".join(parts), alt)


def text_panel(content: str, *, title: str = "", color: str = "teacher", width: float = 260, height: float = 0) -> str:
    """Un encadré de texte (« \\n » passe à la ligne) à poser à côté d'une figure ; le texte est son propre alt.

    color : un rôle de PALETTE, pour le trait de gauche. height : hauteur minimale, en pixels.
    """
    titles = wrap(title, width - 44, TITLE, bold=True) if title else []
    lines = wrap(content, width - 44, TEXT)
    top = 16 + 1.3 * TITLE * len(titles)
    tall = max(height, top + 1.3 * TEXT * len(lines) + 18)
    body = rect(10, 12, 5, tall - 24, color_of(color), radius=2)
    body += paragraph(titles, 28, 16 + TITLE, size=TITLE, bold=True)
    body += paragraph(lines, 28, top + (8 if titles else 0) + TEXT, size=TEXT)
    return document(width, tall + (8 if titles else 0), body, f"{title}. {content}" if title else content)


def side_by_side(*svgs: str, gap: float = 12, alt: str | None = None) -> str:
    """Des figures côte à côte, centrées en hauteur ; leurs alt sont mis bout à bout sauf si `alt` est donné."""
    sizes = [size_of(svg) for svg in svgs]
    tall = max(height for _, height in sizes)
    xs = [sum(w + gap for w, _ in sizes[:i]) for i in range(len(sizes))]
    body = [_place(svg, x, (tall - h) / 2) for svg, x, (_, h) in zip(svgs, xs, sizes, strict=True)]
    return document(sum(w for w, _ in sizes) + gap * (len(svgs) - 1), tall, "".join(body), _join(svgs, alt))


def stack(*svgs: str, gap: float = 12, alt: str | None = None) -> str:
    """Des figures l'une sous l'autre, alignées à gauche."""
    sizes = [size_of(svg) for svg in svgs]
    ys = [sum(h + gap for _, h in sizes[:i]) for i in range(len(sizes))]
    body = [_place(svg, 0, y) for svg, y in zip(svgs, ys, strict=True)]
    return document(max(w for w, _ in sizes), ys[-1] + sizes[-1][1], "".join(body), _join(svgs, alt))


def _join(svgs: Sequence[str], alt: str | None) -> str:
    return alt or " ".join(alt_of(svg).rstrip(".") + "." for svg in svgs)


def _place(svg: str, x: float, y: float) -> str:
    """La figure posée en (x, y) dans une autre : ses dimensions redeviennent celles de sa viewBox."""
    width, height = size_of(svg)
    inner = re.sub("^<rect[^>]*>", "", svg[svg.index(">") + 1 :])  # un seul cadre, celui de l'ensemble
    return (
        f'<svg x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}">{inner}'
    )


class _Shown:
    """Une figure fixe qui s'affiche dans un notebook, avec son texte de remplacement."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.svg, "image/svg+xml": self.svg, "text/plain": alt_of(self.svg)}

    def __repr__(self) -> str:
        return alt_of(self.svg)


def show(svg: str) -> _Shown:
    """Affiche une figure fixe : `show(line_chart(…))` en dernière ligne d'une cellule."""
    size_of(svg)  # refuse tout de suite ce qui n'est pas une figure
    return _Shown(svg)


@contextmanager
def matplotlib_style() -> Iterator[None]:
    """`with matplotlib_style(): …` : les couleurs et les tailles du cours, et la virgule sur les axes."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import ScalarFormatter

    class Comma(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return super().__call__(x, pos).replace(".", ",")

    before = set(plt.get_fignums())
    settings = {
        "axes.prop_cycle": plt.cycler(color=CATEGORIES),
        "font.size": 12,
        "axes.titlesize": 14,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": GRID,
        "axes.edgecolor": MUTED,
        "text.color": INK,
        "axes.labelcolor": INK,
        "lines.linewidth": 2.5,
        "figure.figsize": (8, 4.4),
        "figure.dpi": 110,
        "figure.facecolor": PAPER,
        "savefig.bbox": "tight",
        "svg.fonttype": "none",
        "image.cmap": "cividis",
    }
    with plt.rc_context(settings):
        yield
        for number in set(plt.get_fignums()) - before:
            for ax in plt.figure(number).axes:
                for axis in (ax.xaxis, ax.yaxis):
                    if type(axis.get_major_formatter()) is ScalarFormatter:
                        axis.set_major_formatter(Comma())


def from_matplotlib(figure: Any, *, alt: str) -> str:
    """Une figure matplotlib changée en SVG avec son texte de remplacement, puis fermée ; à donner à `show`."""
    import io

    import matplotlib.pyplot as plt

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    plt.close(figure)
    drawing = buffer.getvalue()
    width, height = (float(v) for v in drawing.split('viewBox="0 0 ')[1].split('"')[0].split())
    ratio = WIDTH / width
    inner = drawing[drawing.index("<svg") :].split(">", 1)[1]
    body = f'<svg width="{WIDTH}" height="{height * ratio:.1f}" viewBox="0 0 {width} {height}">{inner}'
    return document(WIDTH, height * ratio, body, alt)
