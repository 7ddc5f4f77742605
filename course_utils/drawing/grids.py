"""Des cases : cartes de chaleur et planches d'images."""

import base64
import io
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from course_utils.drawing import svg
from course_utils.drawing.axes import centered, heading
from course_utils.drawing.palette import BLACK, GRID, INK, MUTED, PALETTE, PAPER, ink_on
from course_utils.drawing.scales import Format, Limits, Scale, limits_of, numbers, tick_labels
from course_utils.french import french_number

# Du clair au foncé (la luminance suffit à lire), et bleu – blanc – vermillon pour les valeurs signées.
_SEQUENTIAL = ((247, 251, 255), (198, 219, 239), (107, 174, 214), (33, 113, 181), (8, 48, 107))
_DIVERGING = ((0, 68, 136), (86, 160, 211), (255, 255, 255), (236, 140, 80), (160, 58, 0))
_Stops = tuple[tuple[int, int, int], ...]
_TILT = math.radians(40)
_MARGIN = 12.0  # à droite d'une carte sans barre


@lru_cache(maxsize=4096)
def _shade(share: float, stops: _Stops) -> tuple[str, str]:
    """La couleur d'une part entre 0 et 1, et celle de l'encre qui s'y lit.

    Une part arrondie au millième, ce que l'œil ne voit pas, se retrouve sans calcul d'une image à l'autre.
    """
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    i = min(int(place), len(stops) - 2)
    red, green, blue = (round(a + (place - i) * (b - a)) for a, b in zip(stops[i], stops[i + 1], strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}", ink_on(red, green, blue)


def _two_decimals(value: float) -> str:
    return french_number(value, 2)


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
    limits: Limits | None = None,
    value_format: Format = _two_decimals,
    print_values: bool | None = None,
    mark: tuple[int, int] | None = None,
    width: float = svg.WIDTH,
    cell_height: float = 34,
) -> str:
    """Une matrice (len(rows), len(columns)) en couleurs ; une barre d'échelle remplace les nombres non écrits.

    diverging : échelle bleu – blanc – vermillon centrée sur zéro. log : échelle logarithmique (valeurs > 0).
    limits : bornes de l'échelle (fixées, elles ne bougent pas quand la figure vit). print_values : écrire les
    nombres (par défaut, s'ils tiennent dans les cases). mark : la case (ligne, colonne) à encadrer.
    Lève ValueError si les dimensions ne sont pas celles des noms.
    """
    matrix = numbers(values)
    if matrix.shape != (len(rows), len(columns)) or not matrix.size:
        raise ValueError(
            f"La matrice a la forme {matrix.shape}, et les noms {(len(rows), len(columns))} : donnez un nom par ligne "
            "et par colonne."
        )
    table = matrix.tolist()
    limits = limits or _color_limits([value for row in table for value in row], diverging, log)
    stops = _DIVERGING if diverging else _SEQUENTIAL
    share = Scale(*limits, 0.0, 1.0, log)

    head, top = heading(title, width)
    top += 6
    bottom = top + cell_height * len(rows)
    left = 22 + max(svg.text_width(name, svg.SMALL) for name in rows) + (24 if row_label else 0)
    longest = max(svg.text_width(name, svg.SMALL) for name in columns)
    printed = [[value_format(value) if math.isfinite(value) else "—" for value in row] for row in table]
    if print_values is None:
        room = (width - left - _MARGIN) / len(columns) - 4
        print_values = all(svg.text_width(label, svg.SMALL) <= room for row in printed for label in row)
    bar, bar_room = ("", _MARGIN) if print_values else _color_bar(limits, log, stops, top, bottom)
    turned = longest > (width - left - bar_room) / len(columns) - 6  # des noms trop longs s'inclinent
    if turned:
        left = max(left, longest * math.cos(_TILT) + 10)
    cell = (width - left - bar_room) / len(columns)
    foot = (longest * math.sin(_TILT) + 26 if turned else 28) + (24 if column_label else 0)

    shades = [[_shade(round(share(v), 3), stops) if math.isfinite(v) else (GRID, MUTED) for v in row] for row in table]
    parts = [head, _cells([[fill for fill, _ in row] for row in shades], left, top, cell, cell_height)]
    if row_label:
        parts += [svg.text(row_label, 22, (top + bottom) / 2, size=svg.SMALL, anchor="middle", rotate=-90)]
    for i, name in enumerate(rows):
        y = top + i * cell_height + cell_height / 2 + 5
        parts += [svg.text(name, left - 8, y, size=svg.SMALL, anchor="end")]
        for j, label in enumerate(printed[i] if print_values else []):
            x = left + (j + 0.5) * cell
            parts += [svg.text(label, x, y, size=svg.SMALL, anchor="middle", color=shades[i][j][1])]
    for j, name in enumerate(columns):
        x = left + (j + 0.5) * cell
        parts += [
            svg.text(name, x + 4, bottom + 16, size=svg.SMALL, anchor="end", rotate=-40)
            if turned
            else svg.text(name, x, bottom + 19, size=svg.SMALL, anchor="middle")
        ]
    if column_label:
        parts += [centered(column_label, (left + width - bar_room) / 2, bottom + foot - 10, width, INK)]
    if mark:
        x, y = left + mark[1] * cell, top + mark[0] * cell_height
        # encre sur blanc : vu sur n'importe quelle couleur de case
        for color, thick in ((PAPER, 7), (INK, 3)):
            parts += [svg.rect(x, y, cell, cell_height, "none", stroke=color, stroke_width=thick)]
    if bar:
        parts += [f'<g transform="translate({svg.number(width - bar_room)} 0)">{bar}</g>']
    return svg.document(width, bottom + foot, "".join(parts), alt)


def _cells(fills: Sequence[Sequence[str]], x: float, y: float, width: float, height: float) -> str:
    """Les cases, en deux éléments : une image d'un pixel par case, et les traits blancs qui les séparent."""
    down, across = len(fills), len(fills[0])
    right, bottom = x + across * width, y + down * height
    colors = np.frombuffer(bytes.fromhex("".join(fill[1:] for row in fills for fill in row)), np.uint8)
    lines = [((x, y + i * height), (right, y + i * height)) for i in range(down + 1)]
    lines += [((x + j * width, y), (x + j * width, bottom)) for j in range(across + 1)]
    picture = _picture(colors.reshape(down, across, 3), x, y, right - x, bottom - y)
    return picture + svg.segments(lines, PAPER, width=1)


def _color_limits(values: Sequence[float], diverging: bool, log: bool) -> Limits:
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if diverging:
        most = max(map(abs, finite), default=0.0) or 1.0
        return -most, most
    if finite and min(finite) < max(finite):
        return min(finite), max(finite)
    return limits_of(finite, log=log)


@lru_cache(maxsize=64)  # la barre d'une image vivante ne change pas
def _color_bar(limits: Limits, log: bool, stops: _Stops, top: float, bottom: float) -> tuple[str, float]:
    """La barre d'échelle, dessinée à partir de x = 0, et la largeur qu'elle demande."""
    slices = 64  # une seule image, et non 64 éléments que le navigateur devrait relire à chaque pas de curseur
    shades = "".join(_shade(1 - (k + 0.5) / slices, stops)[0].removeprefix("#") for k in range(slices))
    parts = [_picture(np.frombuffer(bytes.fromhex(shades), np.uint8).reshape(slices, 1, 3), 16, top, 14, bottom - top)]
    place = Scale(*limits, bottom, top, log)
    ticks = tick_labels(place, max(2, min(5, int((bottom - top) / 28))), french_number)
    for value, label in ticks:
        parts += [svg.line(30, place(value), 34, place(value), MUTED)]
        parts += [svg.text(label, 38, place(value) + 5, size=svg.SMALL, color=MUTED)]
    return "".join(parts), 50 + max((svg.text_width(label, svg.SMALL) for _, label in ticks), default=0)


def image_grid(
    images: Any,
    *,
    alt: str,
    title: str = "",
    labels: Sequence[str] | None = None,
    marks: Sequence[bool | None] | None = None,
    columns: int | None = None,
    pixel: float | None = None,
    width: float = svg.WIDTH,
) -> str:
    """Une planche d'images, agrandies sans flou.

    images : uint8 de forme (n, H, W), (n, 1, H, W), (n, 3, H, W) ou (n, H, W, 3). labels : une légende par image.
    marks : True (✓), False (✗) ou None par image. columns : images par ligne. pixel : côté d'un pixel à l'écran.
    Lève ValueError si ce ne sont pas des images uint8, ou si les légendes ou les marques ne sont pas une par image.
    """
    array = _as_pictures(images)
    count, tall, wide = array.shape[:3]
    for what, given in (("légende", labels), ("marque", marks)):
        if given is not None and len(given) != count:
            raise ValueError(f"Il faut une {what} par image : reçu {len(given)} pour {count} images.")
    columns = min(columns or 8, count)
    share = (width - 24) / columns
    pixel = pixel or min((share - 12) / wide, 112 / tall)
    w, h = wide * pixel, tall * pixel
    # Une case fait la largeur de l'image ou du plus long mot, et davantage pour une longue légende s'il y a la place.
    widest = max((svg.text_width(label, svg.SMALL) for label in labels or []), default=0)
    word = max((svg.text_width(word, svg.SMALL) for label in labels or [] for word in label.split(" ")), default=0)
    slot = max(w + 12, word + 12, min(share, widest + 12))
    captions = [svg.wrap(label, slot - 8, svg.SMALL) for label in labels or []]
    caption_room = max((len(rows) for rows in captions), default=0) * 1.3 * svg.SMALL + (8 if captions else 0)
    across = max(24 + columns * slot, 60)
    head, top = heading(title, across)
    step = h + caption_room + 12
    parts = [head]
    for i, pixels in enumerate(array):
        x = 12 + (i % columns) * slot + (slot - w) / 2
        y = top + 4 + (i // columns) * step
        parts += [_picture(pixels, x, y, w, h), svg.rect(x, y, w, h, "none", stroke=GRID)]
        if marks is not None and marks[i] is not None:
            parts += [_mark(bool(marks[i]), x, y, w, h)]
        if captions:
            middle = x + w / 2
            parts += [svg.paragraph(captions[i], middle, y + h + svg.SMALL + 4, size=svg.SMALL, anchor="middle")]
    return svg.document(across, top + 8 + math.ceil(count / columns) * step, "".join(parts), alt)


def _as_pictures(images: Any) -> np.ndarray:
    """Les images sous la forme (n, H, W) ou (n, H, W, 3)."""
    array = np.asarray(images)
    if array.ndim == 4 and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.dtype != np.uint8 or not len(array) or (array.ndim != 3 and array.shape[3:] != (3,)):
        raise ValueError(
            "Des images uint8 de 0 à 255, de forme (n, H, W) ou (n, C, H, W), sont attendues : "
            f"reçu {array.dtype} {array.shape}."
        )
    return array


def _picture(pixels: np.ndarray, x: float, y: float, width: float, height: float) -> str:
    data = _png(pixels.tobytes(), pixels.shape)
    return (
        f'<image x="{svg.number(x)}" y="{svg.number(y)}" width="{svg.number(width)}" height="{svg.number(height)}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


@lru_cache(maxsize=512)  # une image déjà montrée revient sans être encodée de nouveau
def _png(pixels: bytes, shape: tuple[int, ...]) -> str:
    """L'image PNG en base64 ; peu compressée : pour de petites images, c'est le temps qui compte."""
    buffer = io.BytesIO()
    Image.fromarray(np.frombuffer(pixels, np.uint8).reshape(shape)).save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()


def _mark(right: bool, x: float, y: float, width: float, height: float) -> str:
    """Un cadre de couleur et un symbole : le sens ne tient pas à la couleur seule."""
    color = PALETTE["right" if right else "wrong"]
    return (
        svg.rect(x, y, width, height, "none", stroke=color, stroke_width=3)
        + svg.rect(x + width - 20, y, 20, 20, color)
        + svg.text(
            "✓" if right else "✗", x + width - 10, y + 15, size=svg.SMALL, anchor="middle", color=BLACK, bold=True
        )
    )
