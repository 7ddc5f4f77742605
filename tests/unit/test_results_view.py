"""Les panneaux de « Quelques résultats » : un par jeu et par famille, avec leurs intervalles."""

import xml.etree.ElementTree as ET

import pytest

from course_utils.drawing.svg import alt_of, size_of
from course_utils.results_view import depth_panels


def rows(data="fashion-mnist", family="resnet", seeds=3):
    teacher = {"data": data, "family": family, "depth": 20, "method": "enseignant", "seed": 0, "accuracy": 0.92}
    students = [
        {"data": data, "family": family, "depth": d, "method": m, "seed": s, "accuracy": 0.8 + d / 500 + s / 100 + g}
        for d in (14, 8)
        for m, g in (("seul", 0.0), ("LIT", 0.02))
        for s in range(seeds)
    ]
    return [teacher, *students]


def test_one_panel_per_data_set_and_family_two_by_two():
    four = [row for d in ("cifar10", "cifar100") for f in ("resnet", "resnext") for row in rows(d, f)]
    one, two, all_four = (depth_panels(r) for r in (rows(), rows() + rows("cifar10"), four))
    assert size_of(two)[1] == pytest.approx(size_of(one)[1], abs=1)
    assert size_of(all_four)[1] > 1.9 * size_of(two)[1]
    for title in ("CIFAR-10, ResNet", "CIFAR-10, ResNeXt", "CIFAR-100, ResNet", "CIFAR-100, ResNeXt"):
        assert title in all_four
    ET.fromstring(all_four)


def test_the_alternative_text_tells_the_means_in_order_of_depth():
    told = alt_of(depth_panels(rows())).replace("\u202f", " ").replace("\u00a0", " ")
    assert "seul 82,6 % à 8, 83,8 % à 14" in told and "LIT 84,6 % à 8, 85,8 % à 14" in told


def test_intervals_need_two_seeds():
    assert "<polygon" in depth_panels(rows(seeds=2))
    assert "<polygon" not in depth_panels(rows(seeds=1))


def test_the_teacher_is_a_dashed_line_named_with_its_depth():
    drawing = depth_panels(rows())
    assert "20" in drawing and 'stroke-dasharray="8 5"' in drawing


def test_an_empty_campaign_is_refused():
    with pytest.raises(ValueError, match="aucune ligne"):
        depth_panels([])
