"""Ce qui reste d'une grille plus grande : des valeurs comme les autres, et des échecs qui ne comptent plus."""

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.campaign import Campaign, grid
from experiments.journal import Journal
from experiments.run import summary
from lab.prose import Renderer
from tests.unit.test_campaign_holes import PLACE, campaign, perform_all


def axis(values: list[Any]) -> Campaign:
    return Campaign("Essai", "?", "", grid(seed=[0], w=values), lambda **point: [], ("accuracy",), {})


@pytest.mark.parametrize(
    ("wide", "narrow", "kept"),
    [
        ([0, 0.5, 1], [0, 1], [0, 1, "0.5"]),
        ([None, "a"], [None], [None, "a"]),
        ([True, False], [True], [True, "False"]),
        ([0.1, 0.2], [0.1], [0.1, 0.2]),
        ([1, 2], [1], [1, 2]),
    ],
)
def test_a_grid_made_smaller_keeps_every_value_that_it_had(
    wide: list[Any], narrow: list[Any], kept: list[Any], tmp_path: Path
) -> None:
    journal = Journal("essai", axis(wide), tmp_path)
    for point in journal.missing():
        journal.add(point, {"rows": [{"accuracy": 0.5}], **PLACE})
    journal.finish()
    Journal("essai", axis(narrow), tmp_path).finish()
    found = json.loads((tmp_path / "essai.json").read_text(encoding="utf-8"))["grid"]["w"]
    assert found == kept and list(map(type, found)) == list(map(type, kept))


def test_a_failure_that_left_the_grid_is_not_counted(tmp_path: Path) -> None:
    journal = Journal("essai", campaign(), tmp_path)
    journal.add({"seed": 2}, {"error": "non"})
    smaller = Journal("essai", campaign(2), tmp_path)
    assert "Échecs" in summary(journal) and not smaller.failed
    perform_all(smaller)
    assert "Échecs" not in summary(smaller)


def test_the_description_of_a_picture_is_escaped_once(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>", encoding="utf-8")
    page = Renderer.__new__(Renderer)
    page.folder = tmp_path
    assert 'alt="Un &quot;mot&quot; &amp; deux"' in page.image("Un &quot;mot&quot; &amp; deux", "a.svg")
