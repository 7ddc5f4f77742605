"""Le plan : les points à leur place, les flèches dans le bon sens."""

import re

import pytest
import torch

from course_utils.drawing.palette import PALETTE
from course_utils.drawing.plane import plane

CORNERS = torch.tensor([[-3.0, -3.0], [3.0, 3.0], [0.0, 0.0]])


def centres(figure: str) -> list[tuple[float, float]]:
    dots = re.findall(rf'<circle cx="([\d.]+)" cy="([\d.]+)"[^>]*fill="{PALETTE["student"]}"', figure)
    return [(float(x), float(y)) for x, y in dots]


def test_points_stand_where_their_coordinates_say() -> None:
    (left, bottom), (right, top), (x, y) = centres(plane(CORNERS, "ABC", alt="Trois points."))
    assert left < x < right and top < y < bottom  # vers le haut de l'écran, y augmente
    assert (x, y) == pytest.approx(((left + right) / 2, (bottom + top) / 2))
    assert right - left == pytest.approx(bottom - top)  # une unité a la même longueur dans les deux sens


def test_arrows_point_where_they_say_and_the_tiny_ones_are_left_out() -> None:
    steps = torch.tensor([[1.0, 0.0], [0.0, -1.0], [1e-4, 0.0]])
    figure = plane(CORNERS, "ABC", alt="Trois points.", arrows=steps)
    tips = [
        tuple(map(float, corners.split(" ")[0].split(","))) for corners in re.findall(r'polygon points="(.+?)"', figure)
    ]
    unit = (centres(figure)[1][0] - centres(figure)[0][0]) / 6
    (ax, ay), (bx, by), _ = centres(figure)
    assert len(tips) == 2
    assert tips[0] == pytest.approx((ax + unit, ay), abs=0.2) and tips[1] == pytest.approx((bx, by + unit), abs=0.2)


def test_every_point_has_its_name_and_its_arrow() -> None:
    with pytest.raises(ValueError):
        plane(CORNERS, "AB", alt="Trois points, deux noms.")
    with pytest.raises(ValueError):
        plane(CORNERS, "ABC", alt="Trois points, une flèche.", arrows=torch.zeros(1, 2))


def test_the_selected_point_is_ringed() -> None:
    rings = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="13"', plane(CORNERS, "ABC", alt="x", selected=1))
    assert [(float(x), float(y)) for x, y in rings] == [centres(plane(CORNERS, "ABC", alt="x"))[1]]
