"""Figures en grille : cartes de chaleur, planches d'images, arbre de ressemblances (à importer de `figures`)."""

import base64
import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from course_utils.french import french_number
from course_utils.svg import (
    GRID,
    INK,
    MUTED,
    PALETTE,
    PAPER,
    SMALL,
    TEXT,
    WIDTH,
    Scale,
    document,
    heading,
    limits_of,
    line,
    paragraph,
    path,
    rect,
    text,
    text_width,
    tick_labels,
    wrap,
)

# Du clair au foncé (la luminance suffit à lire), et bleu – blanc – vermillon pour les valeurs signées.
_SEQUENTIAL = np.array([[247, 251, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]], float)
_DIVERGING = np.array([[0, 68, 136], [86, 160, 211], [255, 255, 255], [236, 140, 80], [160, 58, 0]], float)


def _shade(share: float, stops: np.ndarray) -> tuple[str, str]:
    """La couleur d'une part entre 0 et 1, et celle de l'encre qui s'y lit."""
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    i = min(int(place), len(stops) - 2)
    red, green, blue = (stops[i] + (place - i) * (stops[i + 1] - stops[i])).round().astype(int).tolist()
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
    return f"#{red:02x}{green:02x}{blue:02x}", PAPER if dark else INK


def heat_map(
    values: Any,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    alt: str,
    title: str = "",
    row_label: str = "",
    column_label: str = "",
    diverging: bool = False,
    log: bool = False,
    limits: tuple[float, float] | None = None,
    value_format: Callable[[float], str] = lambda v: french_number(v, 2),
    print_values: bool | None = None,
    mark: tuple[int, int] | None = None,
    width: float = WIDTH,
    cell_height: float = 34,
) -> str:
    """Une matrice (len(rows), len(columns)) en couleurs, avec sa barre d'échelle.

    diverging : échelle bleu – blanc – vermillon centrée sur zéro. log : échelle logarithmique (valeurs > 0).
    limits : bornes de l'échelle (données, elles ne bougent pas quand la figure vit). print_values : écrire les
    nombres (par défaut, s'ils tiennent dans les cases). mark : la case (ligne, colonne) à encadrer.
    Lève ValueError si les dimensions ne sont pas celles des noms.
    """
    matrix = np.asarray(values, float)
    if matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"La matrice est de forme {matrix.shape} pour {len(rows)} lignes et {len(columns)} colonnes nommées."
        )
    finite = matrix[np.isfinite(matrix) & ((matrix > 0) | (not log))]
    if limits is None and diverging:
        most = float(np.abs(finite).max()) if finite.size else 1.0
        limits = (-(most or 1.0), most or 1.0)
    elif limits is None:
        limits = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        limits = limits if limits[0] < limits[1] else limits_of(limits, log=log)
    stops = _DIVERGING if diverging else _SEQUENTIAL
    share = Scale(*limits, 0.0, 1.0, log)

    head, top = heading(title, "", width)
    bar_ticks = tick_labels(Scale(*limits, 1.0, 0.0, log), 5, french_number)
    bar_room = 48 + max((text_width(label, SMALL) for _, label in bar_ticks), default=0)
    left = 22 + max(text_width(name, SMALL) for name in rows) + (24 if row_label else 0)
    cell = (width - left - bar_room - 16) / len(columns)
    names_width = max(text_width(name, SMALL) for name in columns)
    turned = names_width > cell - 6  # des noms trop longs s'inclinent
    if turned and names_width * 0.77 + 12 > left + cell / 2:
        left = names_width * 0.77 + 12 - cell / 2
        cell = (width - left - bar_room - 16) / len(columns)
    top += 6
    bottom = top + cell_height * len(rows)
    foot = (names_width * 0.64 + 24 if turned else 26) + (24 if column_label else 0)
    printed = [[value_format(v) if math.isfinite(v) else "—" for v in row] for row in matrix.tolist()]
    fits = all(text_width(label, SMALL) <= cell - 4 for row in printed for label in row)
    print_values = fits if print_values is None else print_values

    parts = [head]
    if row_label:
        middle = (top + bottom) / 2
        parts += [text(row_label, 22, middle, size=SMALL, anchor="middle", rotate=-90)]
    for i, name in enumerate(rows):
        y = top + i * cell_height
        parts += [text(name, left - 8, y + cell_height / 2 + 5, size=SMALL, anchor="end")]
        for j, value in enumerate(matrix[i].tolist()):
            fill, ink = _shade(share(value), stops) if math.isfinite(value) else (GRID, MUTED)
            parts += [rect(left + j * cell, y, cell, cell_height, fill, stroke=PAPER)]
            if print_values:
                center = left + (j + 0.5) * cell
                parts += [text(printed[i][j], center, y + cell_height / 2 + 5, size=SMALL, anchor="middle", color=ink)]
    for j, name in enumerate(columns):
        x = left + (j + 0.5) * cell
        if turned:
            parts += [text(name, x + 4, bottom + 16, size=SMALL, anchor="end", rotate=-40)]
        else:
            parts += [text(name, x, bottom + 19, size=SMALL, anchor="middle")]
    if column_label:
        parts += [text(column_label, left + cell * len(columns) / 2, bottom + foot - 10, size=SMALL, anchor="middle")]
    if mark:
        x, y = left + mark[1] * cell, top + mark[0] * cell_height
        parts += [
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{cell:.1f}" height="{cell_height:.1f}" fill="none" '
            f'stroke="{PALETTE["wrong"]}" stroke-width="3.5"/>'
        ]
    bar = left + cell * len(columns) + 16
    slices = 40
    for k in range(slices):
        fill, _ = _shade(1 - (k + 0.5) / slices, stops)
        parts += [rect(bar, top + k * (bottom - top) / slices, 14, (bottom - top) / slices + 0.6, fill)]
    place = Scale(*limits, bottom, top, log)
    for value, label in bar_ticks:
        parts += [line(bar + 14, place(value), bar + 18, place(value), MUTED)]
        parts += [text(label, bar + 22, place(value) + 5, size=SMALL, color=MUTED)]
    return document(width, bottom + foot, "".join(parts), alt)


def image_grid(
    images: Any,
    *,
    alt: str,
    title: str = "",
    labels: Sequence[str] | None = None,
    marks: Sequence[bool | None] | None = None,
    columns: int | None = None,
    pixel: float | None = None,
    width: float = WIDTH,
) -> str:
    """Une planche d'images uint8, agrandies sans flou.

    images : (n, H, W), (n, 1, H, W), (n, 3, H, W) ou (n, H, W, 3), de 0 à 255. labels : une légende par image.
    marks : True (✓), False (✗) ou None par image. columns : images par ligne. pixel : côté d'un pixel à l'écran.
    Lève ValueError si les images ne sont pas en uint8 ou si les légendes ne sont pas en nombre égal.
    """
    array = np.asarray(images)
    if array.dtype != np.uint8 or array.ndim not in (3, 4) or not len(array):
        raise ValueError(
            f"Des images uint8 de 0 à 255, de forme (n, H, W) ou (n, C, H, W), sont attendues : reçu {array.dtype} {array.shape}."
        )
    if array.ndim == 4 and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    array = array[..., 0] if array.ndim == 4 and array.shape[-1] == 1 else array
    for what, given in (("légendes", labels), ("marques", marks)):
        if given is not None and len(given) != len(array):
            raise ValueError(f"{len(given)} {what} pour {len(array)} images : il en faut une par image.")
    count, tall, wide = array.shape[:3]
    columns = min(columns or 8, count)
    slot = (width - 24) / columns
    pixel = pixel or min((slot - 12) / wide, 112 / tall)
    w, h = wide * pixel, tall * pixel
    # Une légende a la place de son plus long mot, et le reste de la place s'il y en a.
    widest = max((text_width(label, SMALL) for label in labels or []), default=0)
    word = max((text_width(word, SMALL) for label in labels or [] for word in label.split()), default=0)
    slot = max(w + 12, word + 12, min(slot, widest + 12))
    captions = [wrap(label, slot - 8, SMALL) for label in labels] if labels else []
    head, top = heading(title, "", width)
    mark_room = 0 if marks is None else 20
    line_room = max((len(c) for c in captions), default=0) * 1.3 * SMALL + (8 if captions else 0)
    step = h + line_room + 12
    parts = [head]
    for i, pixels in enumerate(array):
        x = 12 + (i % columns) * slot + (slot - w) / 2
        y = top + 4 + (i // columns) * step
        stroke = GRID
        if marks is not None and marks[i] is not None:
            stroke = PALETTE["right" if marks[i] else "wrong"]
        parts += [_picture(pixels, x, y, w, h)]
        parts += [
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="none" stroke="{stroke}" '
            f'stroke-width="{1 if stroke == GRID else 3}"/>'
        ]
        if marks is not None and marks[i] is not None:
            symbol = "✓" if marks[i] else "✗"
            parts += [rect(x + w - mark_room, y, mark_room, mark_room, stroke)]
            parts += [text(symbol, x + w - mark_room / 2, y + 15, size=SMALL, anchor="middle", color=PAPER, bold=True)]
        if captions:
            parts += [paragraph(captions[i], x + w / 2, y + h + SMALL + 4, size=SMALL, anchor="middle")]
    rows = math.ceil(count / columns)
    return document(max(24 + columns * slot, 60), top + 8 + rows * step, "".join(parts), alt)


def _picture(pixels: np.ndarray, x: float, y: float, width: float, height: float) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<image x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def tree(
    merges: Sequence[tuple[int, int, float]],
    names: Sequence[str],
    *,
    alt: str,
    title: str = "",
    x_label: str = "distance entre les groupes réunis",
    width: float = WIDTH,
) -> str:
    """L'arbre des ressemblances (dendrogramme) : plus deux branches se rejoignent tôt, plus elles se ressemblent.

    merges : n − 1 réunions (a, b, distance) par distance croissante ; a et b sont des noms (0 à n − 1) ou des
    réunions précédentes (n, n + 1, …) : la forme que rend `closest_merges`.
    """
    count = len(names)
    if len(merges) != count - 1:
        raise ValueError(f"{len(merges)} réunions pour {count} noms : il en faut {count - 1}.")
    children = {count + k: (int(a), int(b)) for k, (a, b, _) in enumerate(merges)}
    order: list[int] = []
    waiting = [2 * count - 2]
    while waiting:
        node = waiting.pop()
        if node < count:
            order.append(node)
        else:
            waiting += reversed(children[node])
    head, top = heading(title, "", width)
    left, step = 28 + max(text_width(name, TEXT) for name in names), 28
    bottom = top + 8 + step * count
    farthest = max((distance for *_, distance in merges), default=1.0) or 1.0
    scale = Scale(0.0, 1.05 * farthest, left, width - 24)
    place = {leaf: (left, top + 8 + (i + 0.5) * step) for i, leaf in enumerate(order)}
    parts = [head]
    for value, label in tick_labels(scale, 6, french_number):
        parts += [line(scale(value), top + 8, scale(value), bottom, GRID)]
        parts += [text(label, scale(value), bottom + 20, size=SMALL, anchor="middle", color=MUTED)]
    parts += [text(names[leaf], left - 10, place[leaf][1] + 5, anchor="end") for leaf in order]
    for k, (a, b, distance) in enumerate(merges):
        (xa, ya), (xb, yb), x = place[int(a)], place[int(b)], scale(distance)
        parts += [path([(xa, ya), (x, ya), (x, yb), (xb, yb)], PALETTE["teacher"])]
        place[count + k] = (x, (ya + yb) / 2)
    parts += [text(x_label, (left + width - 24) / 2, bottom + 44, size=SMALL, anchor="middle")]
    return document(width, bottom + 56, "".join(parts), alt)


def closest_merges(distances: Any) -> list[tuple[int, int, float]]:
    """Réunit sans cesse les deux groupes les plus proches, à la distance moyenne de leurs membres.

    distances : matrice (n, n) symétrique. Rend les n − 1 réunions (a, b, distance) que dessine `tree`.
    """
    matrix = np.asarray(distances, float)
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
