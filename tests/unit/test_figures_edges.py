"""Des figures aux bords du possible : un nom très long, un nombre qui n'existe pas, rien à dessiner."""

import math
import re

import pytest

from course_utils.drawing import svg
from course_utils.drawing.named_points import NamedPoint
from course_utils.figures import bar_chart, line_chart, named_points

LONG = "élève distillé à 8 bits, avec un très long nom qui raconte toute son histoire et même un peu plus"


@pytest.mark.parametrize("content", ["court", LONG, "x" * 90, "M" * 40])
@pytest.mark.parametrize("width", [40, 200, 340])
def test_a_shortened_text_fits_and_a_short_one_is_whole(content: str, width: float) -> None:
    found = svg.shortened(content, width, svg.SMALL)
    assert svg.text_width(found, svg.SMALL, bold=True) <= width
    assert found == content or (found.endswith("…") and content.startswith(found[:-1]))


def horizontal(figure: str) -> list[float]:
    """Les abscisses des nombres écrits sous l'axe, dans l'ordre où il les écrit."""
    labels = re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="middle"[^>]*>−?[\d,]+<', figure)
    return [float(x) for x in labels]


def test_a_long_name_never_turns_an_axis_inside_out() -> None:
    points = [NamedPoint(LONG, 1.0, 0.8, 0.8, 0.8), NamedPoint("x" * 90, 2.0, 0.9, 0.9, 0.9)]
    for figure in (named_points(points, alt="deux points"), bar_chart(["M" * 40, "b"], [0.5, 0.1], alt="a", width=560)):
        places = horizontal(figure)
        assert len(places) > 1 and places == sorted(places) and "…</text>" in figure


def test_what_is_not_a_number_is_not_drawn() -> None:
    nan = math.nan
    figures = [
        line_chart({"a": ([1, 2], [0.1, 0.2])}, alt="a", levels={"enseignant": nan}),
        bar_chart(["a", "b"], [0.2, nan], alt="a", intervals=[(0.1, 0.3), (nan, nan)]),
        named_points([NamedPoint("a", 1.0, nan, nan, nan), NamedPoint("b", 2.0, 0.5, 0.4, 0.6)], alt="a"),
    ]
    for figure in figures:
        assert not re.search(r'"[^"]*\bnan\b[^"]*"', figure), figure


def test_no_bar_is_told_in_french() -> None:
    with pytest.raises(ValueError, match="aucune barre à dessiner"):
        bar_chart([], [], alt="rien")
