"""Ce qui sort d'un axe se voit, et un axe dit d'où il part."""

import re

import pytest
import torch

from course_utils import relations_view as rv
from course_utils.drawing.palette import METHODS, PALETTE, PAPER, colors_for
from course_utils.drawing.svg import alt_of
from course_utils.figures import bar_chart, french_percent, line_chart, scatter
from tests.course import NOTEBOOKS, code
from tests.typography import plain

FROM_ZERO = "ne part pas de zéro"


def cuts(drawing: str) -> int:
    """Le nombre de traits blancs en travers d'une barre."""
    return len(re.findall(f'<line[^>]*stroke="{PAPER}"', drawing))


@pytest.mark.parametrize(
    ("values", "limits", "bars"),
    [([2.1, 1.0], (-1, 2), 1), ([-1.1, 2.1], (-1, 2), 2), ([2.0, -1.0], (-1, 2), 0), ([float("nan"), 0], (-1, 2), 0)],
)
def test_a_bar_that_leaves_the_axis_is_cut(values: list[float], limits: tuple[float, float], bars: int) -> None:
    assert cuts(bar_chart(["a", "b"], values, alt="x", limits=limits)) == 2 * bars


@pytest.mark.parametrize(("value", "bars"), [(1e-9, 0), (0.5, 0), (3.0, 1)])
def test_a_logarithmic_bar_is_cut_above_only(value: float, bars: int) -> None:
    assert cuts(bar_chart(["a"], [value], alt="x", log=True, limits=(1e-6, 1))) == 2 * bars


@pytest.mark.parametrize(
    ("limits", "log", "told"),
    [((0.5, 1), False, True), ((-2, -1), False, True), ((0, 1), False, False), ((-1, 1), False, False),
     ((1e-6, 1), True, False)],
)  # fmt: skip
@pytest.mark.parametrize("label", ["", "points"])
def test_an_axis_says_that_it_does_not_start_at_zero(
    limits: tuple[float, float], log: bool, told: bool, label: str
) -> None:
    drawing = bar_chart(["a"], [limits[1]], alt="x", limits=limits, log=log, x_label=label)
    assert (FROM_ZERO in drawing) is told
    assert label in drawing


def middles(drawing: str, names: list[str]) -> list[float]:
    return [float(re.search(f'y="([^"]+)"[^>]*>{name}<', drawing)[1]) for name in names]  # type: ignore[index]


def test_two_charts_side_by_side_have_the_same_rows() -> None:
    names = ["un", "deux", "trois"]
    pair = bar_chart(names, {"x": [1, 2, 3], "y": [1, 2, 3]}, alt="x", limits=(0, 3))
    alone = bar_chart(names, {"z": [1, 2, 3]}, alt="x", limits=(0, 3), row_height=35)
    assert middles(alone, names) == pytest.approx(middles(pair, names), abs=1.5)
    assert middles(bar_chart(names, {"z": [1, 2, 3]}, alt="x"), names) != pytest.approx(middles(pair, names), abs=1.5)


def test_a_narrow_axis_keeps_at_least_two_graduations() -> None:
    drawing = bar_chart(["un nom qui prend de la place"], [0.39], alt="x", limits=(-0.42, 0.42), width=600)
    assert len(re.findall(r">−?0,\d<", drawing)) > 2


@pytest.mark.parametrize("shift", [(-2.0, -2.0), (2.0, 0.0), (0.0, 2.0)])
@pytest.mark.parametrize("stretch", [(1.5, 0.5), (1.0, 1.0)])
def test_every_point_stays_in_its_frame(shift: tuple[float, float], stretch: tuple[float, float]) -> None:
    teacher = torch.tensor([[-2.0, -1.5], [2.0, -1.0], [1.0, 2.0], [-1.5, 1.5], [0.2, 0.0]])
    for k in range(5):
        student = teacher * torch.tensor(stretch)
        student[k] += torch.tensor(shift)
        drawing = rv._cloud("élève", "student", rv._values(student), None, k)
        frame = re.search(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" [^>]*rx="6"', drawing)
        left, top, side = map(float, frame.groups()) if frame else ()
        dots = re.findall(rf'<circle cx="(\S+)" cy="(\S+)" r="7[^>]*fill="{PALETTE["student"]}"', drawing)
        assert len(dots) == 5
        assert all(left < float(x) < left + side and top < float(y) < top + side for x, y in dots)


def test_a_name_near_the_edge_stays_in_the_picture() -> None:
    cloud = rv._values(torch.tensor([[3.4, 0.0], [-3.4, 0.0], [0.0, 1.0]]))
    drawing = rv._cloud("élève", "student", cloud, None, None)
    (text,) = re.findall("<text[^>]*>A<", drawing)
    assert 'text-anchor="end"' in text
    (text,) = re.findall("<text[^>]*>B<", drawing)
    assert "text-anchor" not in text


def test_a_method_keeps_its_colour_from_one_figure_to_the_next() -> None:
    for names in (["LIT", "autre", "KD"], ["seul", "KD", "RKD"], ["KD", "indices partout", "LIT", "seul"]):
        colors = dict(zip(names, colors_for(names), strict=True))
        assert {name: colors[name] for name in names if name in METHODS} == {
            name: PALETTE[METHODS[name]] for name in names if name in METHODS
        }
        assert len(set(colors.values())) == len(names)


def test_notebooks_name_roles_rather_than_colours() -> None:
    codes = [(path.name, found) for path in NOTEBOOKS for cell in code(path)
             for found in re.findall("#[0-9A-Fa-f]{6}\\b", cell.source)]  # fmt: skip
    assert codes == []


def shown_ticks(drawing: str) -> list[str]:
    """Les étiquettes de l'axe horizontal : celles qui partagent la plus basse des lignes."""
    labels = re.findall(r'<text x="[^"]+" y="([^"]+)"[^>]*text-anchor="middle"[^>]*>([^<]+)<', drawing)
    lowest = max(float(y) for y, _ in labels)
    return [text for y, text in labels if float(y) == lowest]


def test_an_axis_is_graduated_where_it_was_measured() -> None:
    depths = (7, 13, 19, 25)
    assert shown_ticks(line_chart({"a": (depths, (1, 2, 3, 4))}, alt="x")) == ["7", "13", "19", "25"]
    assert shown_ticks(line_chart({"a": ((1, 2.5, 8), (1, 2, 3))}, alt="x", log_x=True)) == ["1", "2,5", "8"]
    cloud = scatter({"a": ((7.5, 13.5), (1, 2))}, alt="x", x_limits=(5, 27), x_ticks=depths)
    assert shown_ticks(cloud) == ["7", "13", "19", "25"]


@pytest.mark.parametrize("xs", [(1.0, 1.01, 1.02, 50.0), tuple(range(40))], ids=["trop proches", "trop nombreuses"])
def test_measures_that_would_touch_leave_round_graduations(xs: tuple[float, ...]) -> None:
    shown = shown_ticks(line_chart({"a": (xs, xs)}, alt="x"))
    assert len(shown) > 2 and "1,01" not in shown and len(shown) < 12


def test_an_axis_fixed_for_a_film_does_not_move_with_its_points() -> None:
    first, later = (line_chart({"a": (range(1, n), range(1, n))}, alt="x", x_limits=(1, 8)) for n in (3, 6))
    assert shown_ticks(first) == shown_ticks(later)


def test_bars_tell_their_numbers_to_whom_cannot_see_them() -> None:
    alone = bar_chart(["a", "b"], [0.25, float("nan")], alt="Un titre.", intervals=[(0.2, 0.3), (0.0, 1.0)])
    assert plain(alt_of(alone)) == "Un titre : a 0,250, entre 0,200 et 0,300 ; b NaN, entre 0,000 et 1,000."
    named = bar_chart(["a"], {"x": [0.5]}, alt="Un titre")
    assert plain(alt_of(named)) == "Un titre : a 0,500."
    pair = bar_chart(["a"], {"x": [0.5], "y": [1]}, alt="Deux", value_format=french_percent)
    assert plain(alt_of(pair)) == "Deux : a x 50 %, y 100 %."


def test_a_wide_logarithmic_axis_is_all_in_powers_of_ten() -> None:
    wide = line_chart({"a": ((1, 2), (1e-9, 1))}, alt="x", log_y=True, y_limits=(1e-9, 10), height=300)
    assert "10⁻³" in wide and "0,001" not in wide and ">1<" in wide
    narrow = line_chart({"a": ((1, 2), (0.01, 1))}, alt="x", log_y=True, y_limits=(0.01, 10))
    assert "0,01" in narrow and "10⁻" not in narrow
