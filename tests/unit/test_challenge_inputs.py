"""Ce qu'un étudiant donne au défi de travers : une phrase, avant que rien ne soit écrit ni faussé."""

from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils.advice import advice_picture, advise
from course_utils.challenge import Placement, place_on_challenge
from course_utils.cost import challenge_score, macs, parameters
from course_utils.data import Images
from course_utils.models import StagedNet, mlp


@pytest.fixture
def images() -> Images:
    pixels = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Images(pixels, torch.arange(20) % 2, torch.arange(20), ("pile", "face"), (0.5,), (0.25,))


def small(seed: int = 0) -> StagedNet:
    return mlp((8,), inputs=16, classes=2, seed=seed)


@pytest.mark.parametrize("name", [3, None, "", "  "])
def test_a_point_without_a_name_is_refused(name: object, images: Images) -> None:
    with pytest.raises(ValueError, match=r"name vaut .*donnez le nom du point"):
        place_on_challenge(small(), name=name, images=images)  # type: ignore[arg-type]


def test_networks_already_placed_can_stand_beside(images: Images) -> None:
    first = place_on_challenge(small(), name="premier", images=images, beside=[])
    second = place_on_challenge(small(1), name="second", images=images, beside=[first, first.entry])
    assert second.others == [first.entry, first.entry] and isinstance(second, Placement)
    with pytest.raises(TypeError, match="`beside` contient un objet StagedNet"):
        place_on_challenge(small(), images=images, beside=[small()])  # type: ignore[list-item]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_network_that_answers_nan_is_not_placed(value: float, images: Images) -> None:
    broken = small()
    nn.init.constant_(broken.head.weight, value)
    with pytest.raises(ValueError, match="répond NaN ou l'infini"):
        place_on_challenge(broken, images=images)


def test_the_home_folder_may_be_written_with_a_tilde(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    place_on_challenge(small(), name="a", images=images, beside=[]).export("~/points.csv")
    assert (tmp_path / "points.csv").exists()


def test_attention_is_counted_even_where_torch_would_fuse_it() -> None:
    """Par mot, 3·d² pour q, k et v, d² en sortie, 2·d·f pour les deux couches denses ; 2·n·d pour l'attention."""
    n, d, f = 6, 8, 12
    before = torch.backends.mha.get_fastpath_enabled()
    assert macs(nn.TransformerEncoderLayer(d, 2, f, batch_first=True), (n, d)) == n * (
        4 * d * d + 2 * d * f + 2 * n * d
    )
    assert torch.backends.mha.get_fastpath_enabled() == before


def test_a_name_instead_of_a_network_and_a_side_instead_of_a_shape_are_named() -> None:
    for call in (lambda: parameters("S"), lambda: macs("S", (1, 28, 28)), lambda: challenge_score("S", (1, 28, 28))):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="Le premier argument est un objet str"):
            call()
    with pytest.raises(ValueError, match="input_shape vaut 28"):
        challenge_score(small(), 28)  # type: ignore[arg-type]


def test_an_incomplete_situation_is_refused() -> None:
    with pytest.raises(ValueError, match="La situation a 1 choix"):
        advise(("peu de labels",))  # type: ignore[arg-type]
    assert callable(advice_picture)
