"""Les figures : du SVG bien formé, décrit, lisible, à virgule, et dont aucune étiquette n'est coupée."""

import base64
import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from course_utils.drawing import svg
from course_utils.drawing.axes import spread
from course_utils.drawing.palette import CATEGORIES, PALETTE, colors_for
from course_utils.drawing.scales import Scale, limits_of, tick_labels
from course_utils.figures import (
    Curve,
    bar_chart,
    closest_merges,
    french_number,
    french_percent,
    from_matplotlib,
    heat_map,
    image_grid,
    line_chart,
    matplotlib_style,
    scatter,
    show,
    side_by_side,
    stack,
    text_panel,
    tree,
)
from course_utils.french import plural

CLASSES = ["T-shirt ou haut", "Pantalon", "Pull", "Robe", "Manteau", "Sandale", "Chemise", "Basket", "Sac", "Bottine"]
P = torch.softmax(torch.linspace(-12, 3, 10), 0)
X = [1, 2, 3, 4, 5]
Y = [0.61, 0.72, 0.78, 0.81, 0.825]
IMAGES = torch.randint(0, 256, (6, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

FIGURES: dict[str, Callable[[], str]] = {
    "barres": lambda: bar_chart(CLASSES, P, alt="Dix barres.", title="À T = 4", x_label="probabilité"),
    "barres log": lambda: bar_chart(CLASSES, {"enseignant": P, "élève": P.flip(0)}, alt="Barres.", log=True),
    "barres signées": lambda: bar_chart(CLASSES, P - 0.1, alt="Gradient.", reference=("zéro", torch.zeros(10))),
    "barres étroites": lambda: bar_chart(CLASSES, P, alt="Barres.", width=420, x_label="un nom d'axe plutôt long"),
    "courbes": lambda: line_chart(
        {"élève seul, entraîné sur les seules étiquettes": (X, Y, np.array(Y) - 0.02, np.array(Y) + 0.02), "b": (X, Y)},
        alt="Courbes.",
        title="Un titre très long qui doit passer à la ligne plutôt que sortir de l'image par la droite, bien sûr",
        levels={"enseignant": 0.935},
        x_label="époque",
        y_label="exactitude de validation",
        y_format=french_percent,
    ),
    "courbes log": lambda: line_chart(
        {"norme du gradient": (np.geomspace(0.5, 20, 30), np.geomspace(0.5, 20, 30) ** -2.0)},
        alt="Gradient.",
        log_x=True,
        log_y=True,
        marker=4.0,
        x_label="température T",
    ),
    "courbe vide": lambda: line_chart({"élève": ([], [])}, alt="Rien encore.", x_limits=(1, 8), y_limits=(0.5, 1)),
    "nuage": lambda: scatter(
        {"élève seul": (X, Y, Y, Y), "distillé": Curve(X, Y, color="distilled")},
        alt="Nuage.",
        levels={"seuil de 90 %": 0.9},
    ),
    "carte": lambda: heat_map(
        np.outer(P, P), CLASSES, CLASSES, alt="Carte.", row_label="vraie classe", column_label="classe prédite"
    ),
    "carte signée": lambda: heat_map(
        np.array([[-1, 0.5], [math.nan, 2]]), ["a", "b"], ["c", "d"], alt="Carte.", diverging=True
    ),
    "carte log": lambda: heat_map(np.outer(P, P), CLASSES, CLASSES, alt="Carte.", log=True, mark=(2, 6), width=480),
    "images": lambda: image_grid(
        IMAGES, alt="Six images.", title="Six images", labels=CLASSES[:6], marks=[True, False, None] * 2, columns=4
    ),
    "image": lambda: image_grid(IMAGES[:1], alt="Une image.", pixel=3, labels=["Chemise"]),
    "arbre": lambda: tree(closest_merges(torch.cdist(P[:, None], P[:, None])), CLASSES, alt="Arbre."),
    "encadré": lambda: text_panel("Entropie : 1,23 bits.\nDeux lignes, dont une qui est coupée.", title="À T = 4"),
    "côte à côte": lambda: side_by_side(FIGURES["image"](), FIGURES["barres"]()),
    "empilées": lambda: stack(FIGURES["encadré"](), FIGURES["courbes"]()),
}
every_figure = pytest.mark.parametrize("name", FIGURES)

Box = tuple[float, float, float, float]


def labels(element: ET.Element, x0: float = 0.0, y0: float = 0.0) -> list[tuple[str, Box]]:
    """Chaque texte et le rectangle qui le contient, dans le repère de la figure entière."""
    x0 += float(element.get("x", 0)) if element.tag.endswith("svg") else 0.0
    y0 += float(element.get("y", 0)) if element.tag.endswith("svg") else 0.0
    if moved := re.fullmatch(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", "")):
        x0, y0 = x0 + float(moved[1]), y0 + float(moved[2])
    found = [label for child in element for label in labels(child, x0, y0)]
    if element.tag.endswith("text"):
        found += [(element.text or "", _box(element, x0, y0))]
    return found


def _box(element: ET.Element, x0: float, y0: float) -> Box:
    size = float(element.get("font-size", 0))
    wide = svg.text_width(element.text or "", size, bold=element.get("font-weight") is not None)
    shift = {"start": 0.0, "middle": -wide / 2, "end": -wide}[element.get("text-anchor", "start")]
    x, y = float(element.get("x", 0)), float(element.get("y", 0))
    angle = math.radians(float(element.get("transform", "rotate(0 ").removeprefix("rotate(").split()[0]))
    corners = [(dx, dy) for dx in (shift, shift + wide) for dy in (-0.75 * size, 0.22 * size)]
    xs = [x0 + x + dx * math.cos(angle) - dy * math.sin(angle) for dx, dy in corners]
    ys = [y0 + y + dx * math.sin(angle) + dy * math.cos(angle) for dx, dy in corners]
    return min(xs), min(ys), max(xs), max(ys)


@every_figure
def test_a_figure_is_well_formed_and_described(name: str) -> None:
    root = ET.fromstring(FIGURES[name]())
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert not [element for element in root.iter() if element.get("id")]  # deux figures ne peuvent pas se gêner
    sizes = [float(element.get("font-size", 0)) for element in root.iter() if element.tag.endswith("text")]
    assert min(sizes, default=14) >= 14


@every_figure
def test_no_label_leaves_the_figure(name: str) -> None:
    figure = FIGURES[name]()
    width, height = svg.size_of(figure)
    for label, (left, top, right, bottom) in labels(ET.fromstring(figure)):
        assert left >= 0 and top >= 0 and right <= width and bottom <= height, (label, left, top, right, bottom)


@every_figure
def test_numbers_have_a_decimal_comma(name: str) -> None:
    for label, _ in labels(ET.fromstring(FIGURES[name]())):
        assert not re.search(r"\d\.\d|(?<!\w)-\d", label), label


def test_a_missing_description_is_refused() -> None:
    with pytest.raises(ValueError, match="texte de remplacement"):
        bar_chart(CLASSES, P, alt=" ")


def test_text_is_escaped() -> None:
    figure = line_chart({"a < b & c": (X, Y)}, alt='« "T" < 4 & plus »', title="<b>gras</b>")
    assert svg.alt_of(figure) == '« "T" < 4 & plus »'
    assert {"<b>gras</b>", "a < b & c"} <= {label for label, _ in labels(ET.fromstring(figure))}


def test_curve_labels_do_not_overlap_and_keep_their_order() -> None:
    figure = line_chart({f"courbe {i}": (X, [0.8 + i * 1e-4] * 5) for i in range(6)}, alt="Six courbes proches.")
    boxes = [box for label, box in labels(ET.fromstring(figure)) if label.startswith("courbe")]
    assert all(above[1] >= below[3] for below, above in pairwise(boxes[::-1])) or all(
        below[1] >= above[3] - 1e-6 for below, above in pairwise(boxes)
    )


@given(st.lists(st.floats(0, 300), min_size=1, max_size=8))
def test_spread_keeps_labels_apart_and_inside(targets: list[float]) -> None:
    places = spread(targets, [20.0] * len(targets), 0, 300)
    assert all(9.999 <= place <= 290.001 for place in places)
    assert all(b - a >= 19.999 for a, b in pairwise(sorted(places)))


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_linear_ticks_are_round_inside_and_written_alike(low: float, span: float) -> None:
    scale = Scale(low, low + span, 0, 700)
    ticks = scale.ticks(6)
    slack = 1e-6 * (span + abs(low))
    assert 1 <= len(ticks) <= 8
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)


def test_tick_labels_share_their_decimals() -> None:
    assert [label for _, label in tick_labels(Scale(0, 2, 0, 100), 4, french_number)] == [
        "0,0",
        "0,5",
        "1,0",
        "1,5",
        "2,0",
    ]
    percents = [label for _, label in tick_labels(Scale(0.9, 0.95, 0, 100), 4, french_percent)]
    assert percents == ["90,0\u00a0%", "92,5\u00a0%", "95,0\u00a0%"] or percents == [
        f"{p}\u00a0%" for p in (90, 92, 94)
    ]


def test_log_scale_shows_the_dark_knowledge() -> None:
    scale = Scale(1e-6, 1.0, 0, 600, log=True)
    assert scale(1e-6) == 0 and scale(1.0) == 600 and scale(1e-3) == pytest.approx(300)
    assert scale(0.0) == 0  # une probabilité nulle n'a pas de barre, et n'arrête rien
    assert math.isnan(scale(math.nan))
    figure = bar_chart(["a", "b"], [1e-6, 1 - 1e-6], alt="Barres.", log=True, limits=(1e-8, 1))
    assert "10⁻⁶" in [label for label, _ in labels(ET.fromstring(figure))]


def test_limits_ignore_what_is_not_a_number() -> None:
    assert limits_of([math.nan, math.inf]) == (0.0, 1.0)
    low, high = limits_of([0.5, math.nan, 0.5])
    assert low < 0.5 < high


def test_a_live_figure_does_not_move_its_axes() -> None:
    """L'image change avec le marqueur, jamais le repère : même largeur réservée aux étiquettes."""
    y = [1 / x**2 for x in X]
    starts = {
        re.findall(r'<line x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', line_chart({"a": (X, y)}, alt="a", marker=m))[0]
        for m in (1, 2.5, 3, 5)
    }
    assert len(starts) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bar_chart(CLASSES, [0.1, 0.9], alt="a"), "reçu 2 pour 10 noms"),
        (
            lambda: line_chart({"élève": ([1, 2], [1])}, alt="a"),
            "« élève » n'a pas autant de valeurs partout (x : 2, y : 1",
        ),
        (lambda: heat_map([[1, 2]], ["a"], ["b"], alt="a"), "la forme (1, 2)"),
        (lambda: image_grid(IMAGES.float(), alt="a"), "uint8"),
        (lambda: image_grid(IMAGES, alt="a", labels=["une"]), "une légende par image : reçu 1 pour 6"),
        (lambda: tree([], ["a", "b"], alt="a"), "reçu 0 pour 2"),
        (lambda: line_chart({"a": Curve(X, Y, color="rose")}, alt="a"), "Couleur inconnue"),
        (lambda: line_chart({"a": (X, Y)}, alt="a", y_limits=(1, 0)), "bas < haut : reçu (1, 0)"),
        (lambda: line_chart({"a": (X, Y)}, alt="a", log_y=True, y_limits=(0, 1)), "0 < bas < haut"),
        (lambda: side_by_side("<svg></svg>"), "Ce texte n'est pas une figure"),
        (lambda: show("rien"), "Ce texte n'est pas une figure"),
    ],
)
def test_bad_arguments_get_one_french_sentence(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_side_by_side_keeps_both_descriptions_and_sizes() -> None:
    left, right = FIGURES["image"](), FIGURES["barres"]()
    both = side_by_side(left, right, gap=10)
    assert svg.alt_of(both) == f"Une image. {svg.alt_of(right)}"
    assert svg.size_of(both)[0] == pytest.approx(svg.size_of(left)[0] + svg.size_of(right)[0] + 10, abs=0.2)
    assert svg.alt_of(side_by_side(both, left, alt="Tout.")) == "Tout."


def test_images_are_exact_and_not_smoothed() -> None:
    figure = image_grid(IMAGES, alt="Six images.")
    assert figure.count("image-rendering:pixelated") == 6
    first = base64.b64decode(re.findall(r"base64,([^\"]+)", figure)[0])
    assert (np.asarray(Image.open(io.BytesIO(first))) == IMAGES[0, 0].numpy()).all()
    colour = image_grid(IMAGES.expand(6, 3, 28, 28), alt="Six images.")
    assert Image.open(io.BytesIO(base64.b64decode(re.findall(r"base64,([^\"]+)", colour)[0]))).mode == "RGB"


def test_a_picture_drawn_again_shows_what_its_data_have_become() -> None:
    """Ce qui est déjà écrit n'est pas réécrit : encore faut-il que les valeurs, et non l'objet, le décident."""
    heights, pixels = np.array([0.0, 0.5, 1.0]), IMAGES[:1].clone()

    def drawn() -> tuple[str, str]:
        curve = line_chart({"a": ([1, 2, 3], heights)}, alt="Courbe.", y_limits=(0, 2), marker=2, width=500)
        return curve, image_grid(pixels, alt="Image.")

    before = drawn()
    assert drawn() == before
    heights[0], pixels[0, 0, 0, 0] = 2.0, 255 - pixels[0, 0, 0, 0]
    after = drawn()
    assert after[0] != before[0] and after[1] != before[1]
    heights[0], pixels[0, 0, 0, 0] = 0.0, 255 - pixels[0, 0, 0, 0]
    assert drawn() == before


def test_the_colour_bar_goes_from_the_lowest_value_below_to_the_highest_above() -> None:
    cells, bar = pictures_of(heat_map([[0.0, 1.0]], ["a"], ["b", "c"], alt="Carte.", print_values=False))
    brightness = bar.mean(axis=(1, 2))
    assert bar.shape[1:] == (1, 3) and (np.diff(brightness) > 0).all()
    lowest, highest = cells.mean(axis=2)[0]
    assert brightness[-1] == pytest.approx(lowest, abs=4) and brightness[0] == pytest.approx(highest, abs=4)


def test_a_heat_map_has_one_pixel_per_cell_and_a_bar_only_if_its_numbers_are_not_written() -> None:
    values = [[0.0, 0.5, 1.0], [math.nan, 0.25, 0.75]]
    named = {"rows": ["a", "b"], "columns": ["c", "d", "e"], "alt": "Carte."}
    (written,) = pictures_of(heat_map(values, **named))
    (cells, _bar) = pictures_of(heat_map(values, **named, print_values=False))
    assert written.shape == (2, 3, 3) and np.array_equal(written, cells)
    lightness = written.mean(axis=2)
    assert lightness[0, 0] > lightness[1, 1] > lightness[0, 1] > lightness[1, 2] > lightness[0, 2]
    assert np.ptp(written[1, 0]) < 12  # une valeur absente : un gris
    for drawing in (heat_map(values, **named), heat_map(values, **named, width=90)):
        assert ("0,75" in drawing) == (len(pictures_of(drawing)) == 1)


def pictures_of(drawing: str) -> list[np.ndarray]:
    """Les images contenues dans un dessin, en nombres."""
    found = re.findall(r"base64,([^\"]+)", drawing)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(code))), float) for code in found]


def test_merges_are_average_linkage() -> None:
    # Quatre points sur une droite : 0, 1, 10, 12. Paires (0,1) à 1 et (10,12) à 2, puis la moyenne des quatre : 10,5.
    points = np.array([0.0, 1.0, 10.0, 12.0])
    merges = closest_merges(np.abs(points[:, None] - points))
    assert merges == [(0, 1, 1.0), (2, 3, 2.0), (4, 5, 10.5)]


def test_presenter_mode_enlarges_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = ET.fromstring(FIGURES["barres"]())
    monkeypatch.setenv("COURS_PRESENTATEUR", "1")
    large = ET.fromstring(FIGURES["barres"]())
    assert float(large.get("width", 0)) == pytest.approx(1.3 * float(usual.get("width", 0)))
    assert large.get("viewBox") == usual.get("viewBox")


def test_roles_keep_their_colour_from_one_figure_to_the_next() -> None:
    assert colors_for(["élève seul", "élève distillé", "enseignant"]) == [
        PALETTE["student"],
        PALETTE["distilled"],
        PALETTE["teacher"],
    ]
    colors = colors_for(["a", "enseignant", "b", "c"], [None, None, "other"])
    assert len(set(colors)) == 4 and colors[1] == PALETTE["teacher"] and colors[2] == PALETTE["other"]


def test_show_gives_the_picture_and_its_description(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = FIGURES["barres"]()
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    show(figure)
    show(figure)  # deux figures dans une même cellule se voient toutes les deux
    assert len(shown) == 2
    bundle = shown[0]._repr_mimebundle_()
    assert bundle == {"text/html": figure, "image/svg+xml": figure, "text/plain": svg.alt_of(figure)}
    assert repr(shown[0]) == svg.alt_of(figure)


def test_matplotlib_figures_follow_the_course() -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with matplotlib_style():
        figure, ax = plt.subplots()
        ax.plot([0, 0.5, 1.0], [0.1, 0.25, 0.3])
    figure.canvas.draw()
    ticks = [label.get_text() for label in ax.get_yticklabels()]
    assert any("," in tick for tick in ticks) and not any("." in tick for tick in ticks)
    assert ax.lines[0].get_color() == CATEGORIES[0]
    drawing = from_matplotlib(figure, alt="Une courbe.")
    ET.fromstring(drawing)
    assert svg.alt_of(drawing) == "Une courbe."
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.25, None, "0,25"),
        (1800, None, "1\u202f800"),
        (-3, None, "−3"),
        (0.0, None, "0"),
        (1.2e-6, None, "1,2\u00a0×\u00a010⁻⁶"),
        (1e-6, None, "10⁻⁶"),
        (1e6, None, "1\u202f000\u202f000"),
        (2.5e9, None, "2,5\u00a0×\u00a010⁹"),
        (math.nan, None, "NaN"),
        (-math.inf, None, "−∞"),
        (0.5, 3, "0,500"),
        (-0.0001, 2, "0,00"),
        (12345.678, 1, "12\u202f345,7"),
    ],
)
def test_french_numbers(value: float, digits: int | None, text: str) -> None:
    assert french_number(value, digits) == text


def test_french_percent() -> None:
    assert french_percent(0.934) == "93,4\u00a0%"
    assert french_percent(0.9, 1) == "90,0\u00a0%"


@pytest.mark.parametrize(("count", "mark"), [(0, ""), (1, ""), (1.99, ""), (2, "s"), (-1.5, ""), (-3, "s")])
def test_the_plural_begins_at_two(count: float, mark: str) -> None:
    assert plural(count) == mark


@pytest.mark.parametrize(("epochs", "ticks"), [(2, {"1", "2"}), (4, {"1", "2", "3", "4"}), (3, {"1", "2", "3"})])
def test_epochs_are_whole_numbers_on_their_axis(epochs, ticks):
    drawing = line_chart(
        {"élève": (range(1, epochs + 1), [0.5] * epochs)}, alt="a", y_limits=(0, 1), y_format=lambda y: ""
    )
    written = set(re.findall(r">([\d,]+)</text>", drawing))
    assert written == ticks


def test_a_tensor_that_carries_its_gradient_is_drawn() -> None:
    logits = torch.zeros(2, requires_grad=True)
    assert bar_chart(["a", "b"], logits.softmax(0), alt="a") == bar_chart(["a", "b"], [0.5, 0.5], alt="a")
    for drawn in (
        line_chart({"a": ([1, 2], logits)}, alt="a"),
        heat_map(logits[None], ["a"], ["b", "c"], alt="a"),
    ):
        assert "<svg" in drawn


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_bar_that_is_not_a_number_stays_drawable(value: float) -> None:
    drawn = bar_chart(["a", "b"], [value, 0.5], limits=(0, 1), alt="a")
    places = re.findall(r' (?:x|y|width|height|x1|x2|cx)="([^"]*)"', drawn)
    assert places and all(math.isfinite(float(place)) for place in places)


def test_a_marker_is_read_on_a_curve_given_backwards() -> None:
    forwards = line_chart({"g": ([1, 2, 3], [10, 20, 30])}, marker=2.5, alt="a")
    backwards = line_chart({"g": ([3, 2, 1], [30, 20, 10])}, marker=2.5, alt="a")
    for drawn in (forwards, backwards):
        assert "g\u00a0: 25" in drawn


def test_a_picture_that_returns_nothing_is_told_to_return_it() -> None:
    with pytest.raises(ValueError, match=r"NoneType n'est pas une figure.*return"):
        show(None)  # type: ignore[arg-type]


def test_a_point_without_coordinates_is_not_drawn() -> None:
    whole = scatter({"a": ([1, 2], [1, 2]), "b": ([1, 3], [3, 4])}, alt="a", x_limits=(0, 4), y_limits=(0, 5))
    holed = scatter(
        {"a": ([1, math.nan], [1, 2]), "b": ([1, 3], [math.nan, 4])}, alt="a", x_limits=(0, 4), y_limits=(0, 5)
    )
    assert "nan" not in holed
    assert whole.count("<circle") - holed.count("<circle") == 1  # un rond de « a », un carré de « b »
    assert whole.count("<polygon") - holed.count("<polygon") == 1
