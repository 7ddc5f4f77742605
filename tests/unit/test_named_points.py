"""Des points nommés : chaque nom est là, aucun n'en gêne un autre, rien ne sort du cadre."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.drawing import svg
from course_utils.drawing.layout import stack, text_panel
from course_utils.drawing.named_points import NamedPoint, named_points


def texts(figure):
    return [e for e in ET.fromstring(figure).iter() if e.tag.endswith("text")]


def dots(figure):
    return [(float(e.get("cx")), float(e.get("cy"))) for e in ET.fromstring(figure).iter() if e.tag.endswith("circle")]


def dashed(figure, dash):
    return [e for e in ET.fromstring(figure).iter() if e.get("stroke-dasharray") == dash]


def point(name, x, y, half=0.0):
    return NamedPoint(name, x, y, y - half, y + half)


def draw(points, **settings):
    return named_points(points, alt="Des points.", **settings)


def extent(element):
    wide = svg.text_width(element.text, float(element.get("font-size")), element.get("font-weight") is not None)
    start = float(element.get("x")) - {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "start")] * wide
    return start, start + wide


def inside(figure):
    width, height = svg.size_of(figure)
    for element in texts(figure):
        left, right = extent(element)
        assert left >= 0 and right <= width and 0 < float(element.get("y")) < height, element.text
    assert all(0 <= x <= width and 0 <= y <= height for x, y in dots(figure))


values = st.tuples(st.floats(0.1, 100), st.floats(0, 1), st.floats(0, 0.2))


@given(st.lists(values, min_size=1, max_size=12), st.booleans())
def test_names_never_overlap_and_nothing_leaves_the_box(found, log):
    points = [point(f"méthode {i}", *value) for i, value in enumerate(found)]
    figure = draw(points, log_x=log, title="Un titre", x_label="coût", y_label="exactitude")
    names = {e.text: float(e.get("y")) for e in texts(figure) if e.text.startswith("méthode")}
    assert set(names) == {p.name for p in points}
    assert all(b - a >= 19.8 for a, b in itertools.pairwise(sorted(names.values())))
    assert len(dots(figure)) == len(points)
    inside(figure)


def test_points_that_coincide_keep_their_own_names():
    figure = draw([point(f"n {i}", 1.0, 0.5) for i in range(9)])
    assert len({e.get("y") for e in texts(figure) if e.text.startswith("n ")}) == 9
    assert len(set(dots(figure))) == 1


def test_two_points_of_the_same_name_stay_two_points():
    assert len(set(dots(draw([point("votre réseau", 1.0, 0.5), point("votre réseau", 2.0, 0.9)])))) == 2


def test_levels_and_verticals_are_dashed_and_named():
    figure = draw([point("a", 1, 0.5)], levels={"à atteindre": 0.9}, verticals={"ResNet18": 4.0, "moitié": 2.0})
    (level,) = dashed(figure, "8 5")
    assert level.get("y1") == level.get("y2")
    lines = dashed(figure, "3 4")
    assert len(lines) == 2 and all(e.get("x1") == e.get("x2") for e in lines)
    assert {"à atteindre", "ResNet18", "moitié"} <= {e.text for e in texts(figure)}
    inside(figure)


def test_a_name_stands_along_its_own_vertical():
    verticals = {"ResNet18, 16 bits": 2.0, "ResNet18, 32 bits": 2.2}
    figure = draw([point("a", 10.0, 0.5)], verticals=verticals, x_limits=(0.9, 11))
    ends = [float(line.get("x1")) for line in dashed(figure, "3 4")]
    for name, end in zip(verticals, ends, strict=True):
        (text,) = [e for e in texts(figure) if e.text == name]
        assert end - 10 < float(text.get("x")) < end and text.get("transform").startswith("rotate(-90 ")


def test_the_frontier_is_bold_and_climbs_in_stairs():
    points = [point("a", 1, 0.5), point("b", 2, 0.4), point("c", 3, 0.8)]
    figure = draw(points, frontier=["a", "c"])
    assert {e.text for e in texts(figure) if e.get("font-weight")} == {"a", "c"}
    (stairs,) = dashed(figure, "2 4")
    (x1, y1), (x2, y2), (x3, y3) = [
        tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", stairs.get("d"))
    ]
    assert y1 == y2 > y3 and x1 < x2 == x3  # à plat, puis tout droit
    assert not dashed(draw(points, frontier=["a"]), "2 4")  # un seul point ne fait pas un escalier


def test_an_interval_is_drawn_only_where_there_is_one():
    bars = [
        sum(e.get("stroke-width") == "2.5" for e in ET.fromstring(draw([point("a", 1, 0.5, half)])).iter())
        for half in (0.0, 0.1)
    ]
    assert bars[1] == bars[0] + 1


def test_no_point_at_all_is_refused():
    with pytest.raises(ValueError, match="aucun point à dessiner"):
        draw([])


def test_a_stack_is_never_shorter_than_asked():
    one, two = text_panel("Un."), text_panel("Deux.")
    natural = svg.size_of(stack(one, two))[1]
    assert svg.size_of(stack(one, two, height=natural + 50))[1] == pytest.approx(natural + 50)
    assert svg.size_of(stack(one, two, height=10))[1] == natural
    assert svg.size_of(stack(one, height=natural))[1] == pytest.approx(natural)


def columns(*points):
    return [x for x, _ in dots(draw([point("a", x, 0.5, half) for x, half in points], x_limits=(0, 10)))]


def test_points_that_would_hide_each_other_stand_side_by_side():
    middle, first, last, far = columns((5.01, 0.1), (5.0, 0.1), (5.02, 0.1), (9.0, 0.1))
    assert first < middle < last and min(middle - first, last - middle) >= 14  # l'ordre des valeurs est gardé
    assert [middle, far] == pytest.approx(columns((5.01, 0.1), (9.0, 0.1)), abs=0.2)
    bare = columns((5.0, 0.0), (5.01, 0.0))
    assert abs(bare[1] - bare[0]) < 2  # sans intervalle, rien n'est caché


def test_points_at_the_edge_stay_in_the_frame():
    assert min(columns(*[(0.0, 0.1)] * 5)) > columns((0.0, 0.1))[0]
