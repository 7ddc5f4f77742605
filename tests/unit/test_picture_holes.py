"""Les images et les pages : des fautes d'un caractère qui apprendraient quelque chose de faux."""

import re
from collections.abc import Callable
from itertools import pairwise
from math import nan
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import relations_view as rv
from course_utils.data import load
from course_utils.drawing import svg
from course_utils.drawing.palette import colors_for
from course_utils.drawing.scales import Scale, limits_of
from course_utils.drawing.svg import alt_of
from course_utils.figures import bar_chart, heat_map, line_chart, text_panel
from course_utils.lessons import lessons
from course_utils.live import curves, live
from course_utils.pictures import read_picture
from course_utils.results_view import depth_panels
from experiments.campaign import Comparison, View
from lab import campaigns, films
from lab.lesson import _Output
from lab.site import _way
from tests.typography import plain


def clouds() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(5, 2, generator=generator), torch.randn(5, 2, generator=generator)


def test_arrows_go_down_the_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    (student, teacher), drawn, real = clouds(), [], rv.plane
    monkeypatch.setattr(rv, "plane", lambda *a, arrows, **k: drawn.append(arrows) or real(*a, arrows=arrows, **k))
    rv.relations_view(student + 0.001, teacher)
    arrows = next(found for found in drawn if found is not None)
    assert (arrows * rv.losses_and_slope(student + 0.001, teacher)[2]).sum() < 0


@pytest.mark.parametrize("loss", rv.WEIGHTS)
def test_a_descent_descends(loss: str) -> None:
    student, teacher = clouds()

    def value(x: torch.Tensor) -> float:
        return sum(w * v for w, v in zip(rv.WEIGHTS[loss], rv.losses_and_slope(x, teacher, loss), strict=False))

    places = rv.descent(student, teacher, 30, loss=loss, pace=0.5)
    assert len(places) == 31 and value(places[-1]) < value(student)


def test_a_cloud_that_left_the_frame_is_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    (student, teacher), drawn, real = clouds(), [], rv.plane
    monkeypatch.setattr(rv, "plane", lambda cloud, *a, **k: drawn.append(cloud) or real(cloud, *a, **k))
    rv.relations_view(student + 50, teacher - 50)
    assert all(cloud.abs().max() < rv.REACH for cloud in drawn) and len(drawn) == 2


def test_the_scale_bar_rises() -> None:
    drawing = heat_map([[0.0, 1.0]] * 6, list("abcdef"), ["x", "y"], alt="a", limits=(0, 1), print_values=False)
    y = {text: float(v) for v, text in re.findall('<text x="38" y="([^"]+)"[^>]*>([^<]+)<', drawing)}
    assert len(y) > 1 and y[max(y)] < y[min(y)]


def test_zero_is_in_the_middle_of_signed_colours() -> None:
    free, fixed = (
        heat_map([[-2.0, 0.5]], ["l"], ["a", "b"], alt="a", diverging=True, limits=limits)
        for limits in (None, (-2.0, 2.0))
    )
    assert free == fixed


def frame(mark: tuple[int, int]) -> list[float]:
    drawing = heat_map([[1, 2, 3], [4, 5, 6]], ["a", "b"], ["x", "y", "z"], alt="a", mark=mark)
    found = re.search('<rect x="([^"]+)" y="([^"]+)"[^>]*stroke-width="7"', drawing)
    assert found
    return [float(v) for v in found.groups()]


def test_the_frame_is_on_its_row_and_its_column() -> None:
    (x, y), (x2, y2), (x3, y3) = frame((0, 0)), frame((0, 2)), frame((1, 0))
    assert x2 > x and y2 == y and x3 == x and y3 > y


def test_bars_start_at_zero() -> None:
    widths = re.findall('width="([^"]+)" height="21"', bar_chart(["a", "b"], [-1.0, 1.0], alt="a", limits=(-1, 1)))
    assert len(widths) == 2 and widths[0] == widths[1]


def test_the_number_is_after_the_whisker() -> None:
    drawing = bar_chart(["a"], [0.5], alt="a", intervals=[(0.2, 0.8)])
    ends = [float(x) for x in re.findall('<line x1="[^"]+" y1="[^"]+" x2="([^"]+)"[^>]*stroke-width="2"', drawing)]
    number = re.search('<text x="([^"]+)"[^>]*>0,500<', drawing)
    assert number and float(number[1]) > max(ends)


def test_the_band_is_in_the_frame() -> None:
    drawing = line_chart({"a": ([1, 2], [0.5, 0.51], [0.1, 0.3], [0.7, 0.9])}, alt="a")
    band = re.search('polygon points="([^"]+)"', drawing)
    assert band and len({point.split(",")[1] for point in band[1].split()}) == 4


def test_the_marker_reads_a_log_axis() -> None:
    assert ">0,5<" in line_chart({"a": ([1, 100], [0, 1])}, alt="a", marker=10, log_x=True)


def test_a_curve_has_no_value_beyond_its_end() -> None:
    both = {"a": ([1, 2], [0.1, 0.2]), "b": ([1, 4], [0.1, 0.3])}
    assert ">NaN<" in line_chart(both, alt="a", marker=3)


def test_a_missing_point_breaks_the_line() -> None:
    assert svg.path([(0, 0), (1, 1), (nan, nan), (2, 2), (3, 3)], "#000000").count("M") == 2


def test_two_students_do_not_share_a_colour() -> None:
    assert len(set(colors_for(["élève A", "élève B", "élève distillé", "distillé à T = 4"]))) == 4


def test_accuracies_under_one_half_are_in_the_frame() -> None:
    followed = curves("Validation", epochs=2)
    followed(SimpleNamespace(accuracy=[0.1, 0.3]))
    assert len(set(re.findall('cy="([^"]+)"', followed.svg))) == 2


def test_few_round_graduations_inside_the_axis() -> None:
    assert len(Scale(1e-12, 1.0, 0, 100, log=True).ticks(5)) <= 5
    assert all(0.3 <= tick <= 40 for tick in Scale(0.3, 40.0, 0, 100, log=True).ticks(5))
    assert Scale(0.0, 10.0, 0, 100).ticks(4) == [0, 5, 10]
    assert Scale(0.0, 100.0, 0, 100).ticks(4) == [0, 25, 50, 75, 100]


@pytest.mark.parametrize(("low", "high"), [(12, 18), (1.2e-3, 1.9e-3), (25, 45), (3.1, 3.9)])
def test_a_log_axis_within_a_decade_has_graduations(low: float, high: float) -> None:
    for count in (5, 9):
        ticks = Scale(low, high, 0, 100, log=True).ticks(count)
        assert len(ticks) > 1 and all(low <= tick <= high for tick in ticks)


def test_the_axis_of_a_proportion_stays_between_zero_and_one() -> None:
    assert limits_of([0.5, 0.99])[1] == 1.0 and limits_of([0.01, 0.5])[0] == 0.0


def test_the_teacher_is_a_line_and_not_a_curve() -> None:
    rows = [
        {"data": "cifar10", "family": "resnet", "depth": d, "method": m, "seed": s, "accuracy": 0.8 + d / 100}
        for d, m in ((20, "enseignant"), (8, "seul"), (14, "seul"))
        for s in (0, 1)
    ]
    assert "enseignant" not in alt_of(depth_panels(rows))


def test_sixteen_bit_white_stays_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257, 32896, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert read_picture(str(tmp_path / "a.png")).pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_yellow_is_not_grey(tmp_path: Path) -> None:
    for k, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        for i in range(4):
            colour = np.full((8, 8, 3), (90 + 10 * i, 90 + 10 * i, 5 * k), np.uint8)
            Image.fromarray(colour).save(tmp_path / name / f"{i}.png")
    assert load(f"dossier:{tmp_path}").train.x.shape[1] == 3


def test_two_columns_of_the_same_rows_are_compared() -> None:
    rows = [{"method": "KD", "seed": s, "errors_prior": 50 + s, "errors_before": 80 + s} for s in range(3)]
    told = campaigns.told(rows, Comparison("après", {}, "avant", {}, "errors_prior", "errors_before"))
    assert plain(told).startswith("après : 51 ; avant : 81. Écart −30,")


def test_rows_without_a_value_are_not_shown() -> None:
    values = (0, 0.5), (1, 0.7), (2, "")
    rows = [{"method": "KD", "size": n, "seed": s, "test": v} for n in (1, 2) for s, v in values]
    assert plain(campaigns.table(rows, View("test", x="size"))).count("60,0 % ±") == 2


def test_a_single_seed_has_no_interval() -> None:
    rows = [{"method": "KD", "size": n, "seed": 0, "test": 0.5} for n in (1, 2)]
    table = plain(campaigns.table(rows, View("test", x="size")))
    assert table.count("<td>50,0 %</td>") == 2 and "valeur" in table and "±" not in table


def echo(**values: float) -> str:
    return text_panel(" ".join(f"{k}={v}" for k, v in values.items()))


def test_each_example_starts_from_the_beginning() -> None:
    sliders = dict.fromkeys("abcd", (0, 99, 1, 5))
    found = films.film(live(echo, **sliders, presets={"un": {"a": 30}, "deux": {"b": 40}}))
    assert "a=5 b=40 c=5 d=5" in found["frames"][2]


def test_the_last_notch_is_not_lost_to_rounding() -> None:
    assert len(films.axis_of(live(echo, t=(0.0, 0.3, 0.1)).controls["t"]).stops) == 4


def test_a_wanted_value_is_not_there_twice() -> None:
    stops = [10 ** (k / 20) for k in range(21)]
    assert len(films.thinned(stops, [stops[10] * 1.0001], 21)) == 21


def test_each_page_leads_to_its_neighbours() -> None:
    for before, path in pairwise(lessons()):
        assert ("prev", f"{before.stem}.html") in ways(_way, path)
        assert ("next", f"{path.stem}.html") in ways(_way, before)


def ways(way: Callable[[Path], str], path: Path) -> set[tuple[str, str]]:
    return {(rel, page) for page, rel in re.findall('<a href="([^"]+)" rel="(prev|next)"', way(path))}


def test_a_progress_bar_is_not_in_the_page() -> None:
    shown = {
        name: _Output({})(nbformat.v4.new_output("stream", name=name, text="Époque 1")) for name in ("stderr", "stdout")
    }
    assert shown["stderr"] == "" and "Époque 1" in shown["stdout"]
