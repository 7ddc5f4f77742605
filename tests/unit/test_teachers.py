"""Les enseignants livrés sont ceux des recettes, et la copie de CIFAR-10 en JPEG se trouve ou le dit."""

import json
from pathlib import Path

import pytest

from course_utils import models, training
from course_utils.models import TEACHERS, load_teacher
from course_utils.training import History
from experiments import shared
from experiments.teacher import RECIPES
from experiments.teacher import main as remake

CARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in TEACHERS.glob("*.json")}


def test_each_recipe_has_its_teacher_and_no_teacher_is_without_a_recipe() -> None:
    assert set(CARDS) == set(RECIPES)


@pytest.mark.parametrize("name", CARDS)
def test_a_teacher_is_the_one_of_its_recipe(name: str) -> None:
    recipe, card = RECIPES[name], CARDS[name]
    assert (card["architecture"], card["settings"]) == (recipe.architecture, recipe.settings)
    assert card["data"].lower().startswith(f"{recipe.dataset}, ")
    assert not load_teacher(name).training  # et son empreinte est la bonne


def test_the_jpeg_copy_is_found_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    monkeypatch.setenv("COURS_DONNEES", str(tmp_path))
    assert shared.jpeg_copy() == tmp_path / "cifar10-jpeg"


def test_without_the_jpeg_copy_one_sentence_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURS_DONNEES", str(tmp_path))
    monkeypatch.setattr(shared, "PROJECT_DATA", tmp_path / "data")
    with pytest.raises(FileNotFoundError, match=r"décompressez-la dans .*cifar10-jpeg.* ou donnez par COURS_DONNEES"):
        shared.dataset(shared.JPEG_COPY, 100)


@pytest.mark.parametrize("epochs", [0, 1])
def test_an_interrupted_teacher_is_not_written(epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(losses=[{"labels": 1.0}] * epochs, accuracy=[0.5] * epochs, interrupted=True)
    monkeypatch.setattr(training, "fit", lambda *_, **__: history)
    with pytest.raises(SystemExit, match="rien n'est écrit"):
        remake(["fashion-resnet20", "--sortie", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_a_finished_teacher_is_written_with_the_card_that_describes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history = History(losses=[{"labels": 1.0}], accuracy=[0.5], seconds=2.4)
    monkeypatch.setattr(training, "fit", lambda *_, **__: history)
    monkeypatch.setattr(training, "evaluate", lambda *_: 0.25)
    remake(["fashion-resnet20", "--sortie", str(tmp_path)])
    monkeypatch.setattr(models, "TEACHERS", tmp_path)
    assert not load_teacher("fashion-resnet20").training  # et son empreinte est la bonne
    card = json.loads((tmp_path / "fashion-resnet20.json").read_text(encoding="utf-8"))
    assert (card["validation_accuracy"], card["test_accuracy"], card["seconds"]) == (0.5, 0.25, 2)
    assert set(card) == set(CARDS["fashion-resnet20"])
