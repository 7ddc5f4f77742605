"""Une ligne par nom : des barres, et l'arbre des ressemblances."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.drawing import svg
from course_utils.drawing.axes import heading, horizontal_axis, legend
from course_utils.drawing.palette import INK, MUTED, PALETTE, PAPER, colors_for
from course_utils.drawing.scales import Format, Limits, Scale, limits_of, numbers
from course_utils.french import french_number, french_percent, plural

LONGEST = 0.5  # la part de la largeur que peut prendre le plus long des noms


def bar_chart(
    names: Sequence[str],
    series: Mapping[str, Any] | Any,
    *,
    alt: str,
    title: str = "",
    x_label: str = "",
    log: bool = False,
    limits: Limits | None = None,
    intervals: Sequence[tuple[float, float]] = (),
    reference: tuple[str, Any] | None = None,
    highlight: str | None = None,
    colors: Sequence[str | None] = (),
    value_format: Format | None = None,
    row_height: float = 0,
    width: float = svg.WIDTH,
) -> str:
    """Des barres horizontales, une ligne par nom : des probabilités, des gradients, des scores.

    alt : ce que montre la figure ; ses valeurs y sont ajoutées. series : une suite de len(names) valeurs, ou plusieurs
    {nom de la série : valeurs}.
    log : échelle logarithmique, pour voir le « savoir noir » (1e-6) ; une valeur sous la borne basse n'a pas de barre.
    limits : bornes de l'axe (par défaut 0 à 1 pour des probabilités, 1e-6 à 1 en log) ; fixées, elles empêchent l'axe
    de bouger quand la figure vit, et une barre qui en sort est coupée de deux traits blancs ; un axe qui ne part pas
    de zéro le dit. row_height : hauteur minimale d'une ligne, pour en aligner deux figures. intervals : (bas, haut) de
    chaque barre d'une série unique, en moustaches. reference : (nom, valeurs) marquées d'un trait noir.
    highlight : le nom écrit en gras (la vraie classe). Lève ValueError si les longueurs diffèrent.
    """
    if not names:
        raise ValueError("Il n'y a aucune barre à dessiner : donnez au moins un nom et sa valeur.")
    given = series if isinstance(series, Mapping) else {"": series}
    bars = {label: numbers(values).ravel().tolist() for label, values in given.items()}
    marks = numbers(reference[1]).ravel().tolist() if reference else []
    for label, values in [*bars.items(), *([(reference[0], marks)] if reference else [])]:
        if len(values) != len(names):
            where = f", série « {label} »" if label else ""
            raise ValueError(
                f"Il faut une valeur par nom{where} : reçu {len(values)} pour {len(names)} nom{plural(len(names))}."
            )
    if intervals and (len(bars) > 1 or len(intervals) != len(names)):
        raise ValueError(
            f"Les intervalles vont avec une seule série, un par nom : reçu {len(intervals)} pour {len(bars)} "
            f"série{plural(len(bars))} de {len(names)} nom{plural(len(names))}."
        )
    everything = [value for values in (*bars.values(), marks, *intervals) for value in values]
    low, high = limits or _bar_limits(everything, log)
    form = value_format or (french_number if log else lambda value: french_number(value, 3))
    fills = colors_for(list(bars), colors)

    head, top = heading(title, width)
    keys = [(label, fill) for label, fill in zip(bars, fills, strict=True) if label]
    key, top = legend(keys, top, width, mark=reference[0] if reference else "")
    thick, gap, lift = (22, 10, 4.5) if len(bars) == 1 else (14, 7, 3.5)
    row = thick * len(bars)
    step = max(row + gap, row_height)
    bottom = top + 8 + step * len(names)
    shown = [svg.shortened(name, LONGEST * width, svg.TEXT) for name in names]
    left = 26 + max(svg.text_width(told, svg.TEXT, name == highlight) for told, name in zip(shown, names, strict=True))
    # Un nombre usuel a toujours sa place réservée : l'axe ne bouge pas quand la figure vit.
    room = max(
        svg.text_width(label, svg.SMALL) for label in (*map(form, everything), "9,9 × 10⁻¹⁰" if log else "0,000")
    )
    scale = Scale(low, high, left + (room + 10 if low < 0 else 0), width - room - 22, log)
    base = low if log else 0.0
    zero = scale(base)
    ticks = french_percent if form(0.5).endswith("%") else french_number  # l'axe dans l'unité des valeurs
    if not log and not low <= 0 <= high:
        x_label = f"{x_label} (l'axe ne part pas de zéro)" if x_label else "l'axe ne part pas de zéro"
    parts = [head, key, horizontal_axis(scale, bottom, width, x_label, ticks, grid_from=top + 4)]
    # Un NaN n'a pas de barre : son nombre, écrit, l'annonce.
    lengths = [[value if math.isfinite(value) else base for value in values] for values in bars.values()]
    for i, name in enumerate(names):
        y = top + 8 + i * step + (step - row - gap) / 2
        parts += [svg.text(shown[i], left - 10, y + row / 2 + 6, anchor="end", bold=name == highlight)]
        for j, values in enumerate(bars.values()):  # sous les barres : leur contour clair en mordrait une
            near, far = intervals[i] if intervals else (lengths[j][i], lengths[j][i])
            place, anchor = (scale(far) + 6, "start") if lengths[j][i] >= 0 else (scale(near) - 6, "end")
            if marks and place - 6 < scale(marks[i]) < place + svg.text_width(form(values[i]), svg.SMALL):
                place = max(place, scale(marks[i]) + 6)  # le nombre passe après le trait
            parts += [
                svg.text(form(values[i]), place, y + (j + 0.5) * thick + lift, size=svg.SMALL, anchor=anchor, halo=True)
            ]
        for j, ends in enumerate(lengths):
            end, at = scale(ends[i]), y + j * thick
            parts += [svg.rect(min(zero, end), at, abs(end - zero), thick - 1, fills[j], stroke=INK, radius=1)]
            if ends[i] > high or (ends[i] < low and not log):
                parts += [_cut(end - math.copysign(10, end - zero), at, thick - 1)]
        if intervals:
            parts += [_whisker(scale, intervals[i], y + thick / 2)]
        if marks:
            parts += [svg.line(scale(marks[i]), y - 3, scale(marks[i]), y + row + 2, INK, width=3)]
    parts += [svg.line(zero, top + 4, zero, bottom, MUTED)]
    labels = bars if len(bars) > 1 else [""]  # une série seule n'a pas à redire son nom à chaque barre
    told = [
        [f"{label} {form(values[i])}".strip() for label, values in zip(labels, bars.values(), strict=True)]
        for i in range(len(names))
    ]
    spans = [f", entre {form(low)} et {form(high)}" for low, high in intervals] or [""] * len(names)
    numbers_too = "\u202f; ".join(f"{n} {', '.join(t)}{s}" for n, t, s in zip(names, told, spans, strict=True))
    alt = alt.strip() and f"{alt.rstrip('. ')}\u00a0: {numbers_too}."
    return svg.document(width, bottom + (56 if x_label else 32), "".join(parts), alt)


def _cut(x: float, y: float, thick: float) -> str:
    """Deux traits blancs en travers d'une barre, autour de x : elle continue au-delà de l'axe."""
    return "".join(svg.line(at - 4, y + thick + 1, at + 4, y - 1, PAPER, width=3) for at in (x - 4, x + 4))


def _whisker(scale: Scale, ends: tuple[float, float], y: float) -> str:
    low, high = (scale(end) for end in ends)
    caps = (svg.line(x, y - 5, x, y + 5, INK, width=2) for x in (low, high))
    return svg.line(low, y, high, y, INK, width=2) + "".join(caps)


def _bar_limits(values: Sequence[float], log: bool) -> Limits:
    if log:
        return 1e-6, 1.0
    low, high = limits_of([0.0, *values])
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def tree(
    merges: Sequence[tuple[int, int, float]],
    names: Sequence[str],
    *,
    alt: str,
    title: str = "",
    x_label: str = "distance entre les groupes réunis",
    width: float = svg.WIDTH,
) -> str:
    """L'arbre des ressemblances (dendrogramme) : plus deux branches se rejoignent à gauche, plus elles se ressemblent.

    merges : n − 1 réunions (a, b, distance), par distance croissante ; a et b désignent un nom (0 à n − 1) ou une
    réunion précédente (n, n + 1, …) : c'est ce que rend `closest_merges`. Lève ValueError s'il n'y en a pas n − 1.
    """
    count = len(names)
    if len(merges) != count - 1 or not count:
        raise ValueError(
            f"L'arbre demande une réunion de moins que de noms : reçu {len(merges)} pour {count}. Donnez ce que rend "
            "closest_merges."
        )
    children = {count + k: (int(a), int(b)) for k, (a, b, _) in enumerate(merges)}
    order: list[int] = []  # les noms de haut en bas, sans croisement de branches
    waiting = [2 * count - 2]
    while waiting:
        node = waiting.pop()
        if node in children:
            waiting += reversed(children[node])
        else:
            order.append(node)
    head, top = heading(title, width)
    left, step = 28 + max(svg.text_width(name, svg.TEXT) for name in names), 28
    bottom = top + 8 + step * count
    farthest = max((distance for *_, distance in merges), default=0.0) or 1.0
    scale = Scale(0.0, 1.05 * farthest, left, width - 24)
    parts = [head, horizontal_axis(scale, bottom, width, x_label, french_number, grid_from=top + 8)]
    place = {leaf: (left, top + 8 + (i + 0.5) * step) for i, leaf in enumerate(order)}
    parts += [svg.text(names[leaf], left - 10, place[leaf][1] + 5, anchor="end") for leaf in order]
    for k, (a, b, distance) in enumerate(merges):
        (xa, ya), (xb, yb), x = place[int(a)], place[int(b)], scale(distance)
        parts += [svg.path([(xa, ya), (x, ya), (x, yb), (xb, yb)], PALETTE["teacher"])]
        place[count + k] = (x, (ya + yb) / 2)
    return svg.document(width, bottom + 56, "".join(parts), alt)


def closest_merges(distances: Any) -> list[tuple[int, int, float]]:
    """Réunit sans cesse les deux groupes les plus proches, à la distance moyenne de leurs membres.

    distances : matrice (n, n) symétrique. Rend les n − 1 réunions (a, b, distance) que dessine `tree`.
    """
    matrix = numbers(distances)
    groups = {i: [i] for i in range(len(matrix))}
    merges: list[tuple[int, int, float]] = []
    while len(groups) > 1:
        pairs = [(a, b) for a in groups for b in groups if a < b]
        gaps = [float(matrix[np.ix_(groups[a], groups[b])].mean()) for a, b in pairs]
        best = int(np.argmin(gaps))
        a, b = pairs[best]
        groups[len(matrix) + len(merges)] = groups.pop(a) + groups.pop(b)
        merges.append((a, b, gaps[best]))
    return merges
