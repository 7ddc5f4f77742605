"""Les moustaches d'un diagramme en barres : à la bonne place, dans l'axe, et refusées quand elles ne vont pas."""

import re

import pytest

from course_utils.figures import bar_chart


def whiskers(figure: str) -> list[tuple[float, float]]:
    """Les deux bouts des traits horizontaux épais de deux pixels."""
    found = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"[^>]*stroke-width="2"', figure)
    return [(float(x1), float(x2)) for x1, y1, x2, y2 in found if y1 == y2]


def test_whisker_ends_are_on_the_scale_of_the_bars() -> None:
    figure = bar_chart(["a", "b"], [0.5, 0.5], alt="x", limits=(0, 1), intervals=[(0.25, 0.75), (0.0, 1.0)])
    (a_low, a_high), (zero, one) = whiskers(figure)
    assert a_low == pytest.approx(zero + (one - zero) / 4, abs=0.2)
    assert a_high == pytest.approx(zero + 3 * (one - zero) / 4, abs=0.2)


def test_an_interval_wider_than_the_bars_widens_the_axis() -> None:
    figure = bar_chart(["a"], [2.0], alt="x", intervals=[(1.0, 30.0)])
    assert re.search(r">30</text>|>25</text>", figure)


@pytest.mark.parametrize(("series", "count"), [([1.0, 2.0], 1), ({"u": [1.0, 2.0], "v": [1.0, 2.0]}, 2)])
def test_intervals_that_match_no_bar_are_refused(series: object, count: int) -> None:
    with pytest.raises(ValueError, match=f"reçu {count} pour"):
        bar_chart(["a", "b"], series, alt="x", intervals=[(0.0, 1.0)] * count)
