"""Les couleurs du cours, pour tous les yeux : distinctes pour un daltonien, lisibles sur leur fond.

La vision de chaque daltonisme complet est simulée (Machado, Oliveira et Fernandes, 2009, sévérité 1), et l'écart entre
deux couleurs est mesuré par CIEDE2000.
"""

import itertools
from collections.abc import Sequence

import pytest
from coloraide import Color
from ipywidgets import Button

from course_utils.drawing import grids, svg
from course_utils.drawing.charts import scatter
from course_utils.drawing.palette import CATEGORIES, GRID, INK, MUTED, PALETTE, PAPER
from course_utils.exercises import predict
from course_utils.interaction import panels

# Deux aplats voisins se distinguent dès 2 ou 3 ; nos signes sont petits (8 pixels), séparés, et il faut les retrouver
# dans une légende : quatre fois ce seuil. La paire la plus proche de la palette, bleu et rose en protanopie, est à 12.
APART = 10.0
VISIONS = (None, "protan", "deutan", "tritan")
every_vision = pytest.mark.parametrize("vision", VISIONS, ids=["ordinaire", "protanopie", "deutéranopie", "tritanopie"])
SCALES = {"du clair au foncé": grids._SEQUENTIAL, "signée": grids._DIVERGING}


def seen(color: str, vision: str | None) -> Color:
    """La couleur telle que la voit un œil."""
    simulated = Color(color).filter(vision, 1, method="machado") if vision else Color(color)
    return simulated.clip("srgb")


def gap(a: str, b: str, vision: str | None) -> float:
    return seen(a, vision).delta_e(seen(b, vision), method="2000")


def contrast(a: str, b: str) -> float:
    return Color(a).contrast(b)


def too_close(colors: Sequence[str], vision: str | None) -> list[tuple[str, str]]:
    """Les paires de couleurs différentes que cet œil confondrait."""
    return [(a, b) for a, b in itertools.combinations(dict.fromkeys(colors), 2) if gap(a, b, vision) < APART]


@every_vision
def test_colours_stay_apart_for_every_eye(vision: str | None) -> None:
    assert too_close([*CATEGORIES, *PALETTE.values()], vision) == []


@pytest.mark.parametrize(
    ("a", "b", "vision"),
    [("#009E73", "#E43080", "deutan"), ("#D55E00", "#7A7A00", "protan"), ("#0072B2", "#007A6B", "tritan")],
)
def test_the_simulation_refuses_pairs_that_only_some_eyes_separate(a: str, b: str, vision: str) -> None:
    assert too_close([a, b], None) == [] and too_close([a, b], vision) == [(a, b)]


@pytest.mark.parametrize("color", [*CATEGORIES, *PALETTE.values()])
def test_a_drawn_colour_is_seen_on_white(color: str) -> None:
    assert contrast(color, PAPER) >= 3  # WCAG 1.4.11, pour ce qui n'est pas du texte


@pytest.mark.parametrize(("ink", "ground"), [(INK, PAPER), (MUTED, PAPER), (MUTED, GRID)])
def test_a_text_is_read_on_its_ground(ink: str, ground: str) -> None:
    assert contrast(ink, ground) >= 4.5  # WCAG 1.4.3


@pytest.mark.parametrize("scale", SCALES)
def test_numbers_are_read_in_every_cell_of_a_heat_map(scale: str) -> None:
    worst = min(contrast(*grids._shade(k / 200, SCALES[scale])) for k in range(201))
    assert worst >= 4.5


@every_vision
def test_a_heat_map_is_read_by_its_lightness(vision: str | None) -> None:
    steps = [grids._shade(k / 10, grids._SEQUENTIAL)[0] for k in range(11)]
    lightness = [seen(color, vision).convert("lab")["lightness"] for color in steps]
    assert all(lighter - darker > 4 for lighter, darker in itertools.pairwise(lightness))


@every_vision
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.4])
def test_the_sign_of_a_value_is_seen(vision: str | None, share: float) -> None:
    minus, plus = (grids._shade(place, grids._DIVERGING)[0] for place in (share, 1 - share))
    assert gap(minus, plus, vision) >= APART


def test_a_verdict_is_read_without_its_colour() -> None:
    symbols = [symbol for _, _, symbol in panels._TONES.values()]
    assert len(set(symbols)) == len(symbols)
    for background, color, _ in panels._TONES.values():
        assert contrast(color, background) >= 4.5 and contrast(INK, background) >= 4.5


def test_groups_of_points_differ_by_their_shape_too() -> None:
    shapes = [svg.sign(group, 0, 0, INK) for group in range(6)]
    assert len(set(shapes)) == 6
    drawn = scatter({name: ([k], [k]) for k, name in enumerate(["seul", "KD", "RKD", "LIT"])}, alt="Quatre points.")
    # Chaque signe deux fois, dans le repère et dans la légende : un rond, et trois polygones.
    assert drawn.count("<circle") == 2 and drawn.count("<polygon") == 6


def test_the_button_of_a_bet_brings_its_colours_to_every_front_end() -> None:
    """Le bleu du style « primary » change avec l'interface ; VS Code en a un trop clair pour un texte blanc."""
    button = next(child for child in predict("?", ["oui", "non"]).widget.children if isinstance(child, Button))
    assert not button.button_style and contrast(PAPER, button.style.button_color) >= 4.5
    assert f".{button._dom_classes[0]} {{color: {PAPER}}}" in panels.CHOICES_STYLE
