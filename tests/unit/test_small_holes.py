"""Essais, enseignants, prose du site, images lues, inventées, dessinées : des fautes d'un caractère."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from benchmarks.report import measured
from course_utils import data, data_free, folders, losses, models, sources, training
from course_utils.adapters import lit_adapters
from course_utils.data import Images
from course_utils.download import _move
from course_utils.figures import line_chart
from course_utils.models import TEACHERS
from course_utils.pictures import read_picture
from course_utils.training import History, Teacher
from experiments import shared, teacher, transfer, worker
from experiments.campaign import Campaign, grid, load, names
from lab.prose import formula, rendered
from tests.typography import plain


def campaign(**settings: Any) -> Campaign:
    return Campaign("Essai", "?", "", grid(seed=range(3)), lambda seed: [], ("accuracy",), settings)


# --- L'ouvrier ---


def test_campaigns_are_listed_in_order_whatever_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, pattern: sorted(real(path, pattern), reverse=True))
    assert names() == sorted(names())


def test_a_library_that_lacks_is_not_an_unknown_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dossier_d_essai").mkdir()
    (tmp_path / "dossier_d_essai" / "mienne.py").write_text("import absente_de_ce_python", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="absente_de_ce_python"):
        load("dossier_d_essai.mienne")


def test_the_same_settings_in_another_order_are_the_same() -> None:
    assert worker.settings_of(campaign(a=1, b=2)) == worker.settings_of(campaign(b=2, a=1))


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Les nombres de fils demandés à torch, qui garde les siens ; un essai dure ici 1,26 seconde."""
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(worker, "time", SimpleNamespace(perf_counter=iter([10.0, 11.2567]).__next__))
    return asked


def test_a_run_is_made_on_one_thread_and_says_what_it_cost(threads: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    measured = replace(campaign(), measure=lambda seed: [{"accuracy": seed}])
    monkeypatch.setattr(worker, "load", lambda name: measured)
    found = worker.perform("essai", {"seed": 2}, worker.settings_of(measured))
    assert threads == [1] and (found["rows"], found["seconds"]) == ([{"accuracy": 2}], 1.26)


def test_an_error_is_told_on_one_line_with_its_place(threads: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(seed: int) -> list[dict[str, Any]]:
        raise KeyError("un\n  deux")

    failing = replace(campaign(), measure=measure)
    monkeypatch.setattr(worker, "load", lambda name: failing)
    told = plain(worker.perform("essai", {"seed": 2}, worker.settings_of(failing))["error"])
    line = measure.__code__.co_firstlineno + 1
    assert told == f"KeyError : 'un\\n deux' (test_small_holes.py, ligne {line})"


@pytest.mark.parametrize(("kind", "machine"), [("cpu", "cpu, 3 fil"), ("cuda", "Une carte, ")])
def test_a_row_says_the_card_or_the_threads(kind: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "best_device", lambda: torch.device(kind))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Une carte")
    assert worker.provenance.__wrapped__()["machine"].startswith(machine)


def test_a_file_beside_the_code_does_not_make_it_dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path)]
    for words in (["init", "-q"], ["commit", "-qm", "Début", "--allow-empty"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "notes.txt").touch()
    monkeypatch.setattr(worker, "CAMPAIGNS", tmp_path)
    assert worker.commit() and "+" not in worker.commit()


# --- Ce que les essais partagent, et les enseignants ---


@pytest.mark.parametrize("name", [path.stem for path in TEACHERS.glob("*.json")])
def test_a_card_says_the_optimizer_of_the_recipes(name: str) -> None:
    card = json.loads((TEACHERS / f"{name}.json").read_text(encoding="utf-8"))
    assert card["optimizer"] == teacher.OPTIMIZER


def test_a_teacher_learns_by_its_recipe_and_its_card_says_the_network_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: dict[str, Any] = {}

    def fit(model: models.StagedNet, images: Any, objective: Any, **settings: Any) -> History:
        learned.update(settings, weights=model.state_dict())
        return History(losses=[{"labels": 1.0}] * 2, accuracy=[0.9, 0.5])

    images = SimpleNamespace(train=[0], validation=[0], test=[0])
    monkeypatch.setattr(teacher, "dataset", lambda name: images)
    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(training, "evaluate", lambda model, images: 0.25)
    teacher.main(["mnist-resnet", "--sortie", str(tmp_path / "absent")])
    recipe = teacher.RECIPES["mnist-resnet"]
    assert learned.items() >= recipe.settings.items()
    expected = models.resnet(8, width=16, seed=recipe.settings["seed"]).state_dict()
    assert all(torch.equal(learned["weights"][key], value) for key, value in expected.items())
    (group,) = learned["optimizer"]([torch.nn.Parameter(torch.zeros(1))], lr=0.1).param_groups
    assert {key: group[key] for key in ("momentum", "nesterov", "weight_decay")}.items() <= teacher.OPTIMIZER.items()
    card = json.loads((tmp_path / "absent" / "mnist-resnet.json").read_text(encoding="utf-8"))
    assert card["validation_accuracy"] == 0.5


def test_a_dataset_is_cut_by_its_seed_and_a_teacher_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "load", lambda source, **asked: (source, asked))
    assert shared.dataset.__wrapped__("mnist", 100, 3) == ("mnist", {"train_size": 100, "seed": 3})
    assert shared.teacher("mnist-resnet") is shared.teacher("mnist-resnet")
    assert (
        shared.teacher("mnist-resnet")
        .model.state_dict()["head.weight"]
        .equal(models.load_teacher("mnist-resnet").state_dict()["head.weight"])
    )


def test_the_variable_comes_before_the_folder_of_the_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("mien", "data"):
        (tmp_path / place / shared.JPEG_COPY).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COURS_DONNEES", "~/mien")
    monkeypatch.setattr(shared, "PROJECT_DATA", tmp_path / "data")
    assert shared.jpeg_copy() == tmp_path / "mien" / shared.JPEG_COPY


def test_transfers_are_what_they_are_called() -> None:
    assert transfer.TRANSFERS["sans le 3"] == ([digit for digit in range(10) if digit != 3], [3])
    assert (transfer.BIASES.diff() - 0.1).abs().max() < 1e-5 and transfer.BIASES.abs().max() == 20


# --- La prose du site ---


def test_a_formula_keeps_a_function_apart_a_ratio_close_and_its_bars() -> None:
    assert formula("p \\ln q").count('<mo lspace="0.167em" rspace="0">ln</mo>') == 1
    assert '<mo lspace="0" rspace="0">/</mo>' in formula("a / b")
    for big in ("\\big", "\\Big", "\\bigl"):
        assert "<mo>‖</mo>" in formula(f"{big}\\lVert x")


def test_links_lead_where_they_say_and_a_title_has_the_anchor_of_github(tmp_path: Path) -> None:
    text = "## Mi-*temps*, déjà\n\n[ici](#mi-temps) [là](https://exemple.invalid/x)\n"
    page = rendered(text, folder=tmp_path, pages={})
    assert '<h2 id="mi-temps-déjà">Mi-<em>temps</em>, déjà</h2>' in page
    assert 'href="#mi-temps"' in page and 'href="https://exemple.invalid/x"' in page


# --- Les images lues, inventées, dessinées ---


def test_levels_beyond_sixteen_bits_stay_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 65535, 70000, -5]], np.int32)).save(tmp_path / "a.tif")
    assert read_picture(str(tmp_path / "a.tif")).pixels[0, :, 0].tolist() == [0, 255, 255, 0]


def test_a_transparent_colour_of_a_palette_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    assert read_picture(str(tmp_path / "a.png")).pixels[0].tolist() == [[255, 255, 255], [200, 0, 0]]


def test_the_order_of_the_disk_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        for i in range(6):
            Image.fromarray(np.full((8, 8, 3), 40 * i + k, np.uint8)).save(tmp_path / name / f"{i}.png")
    walk, listed, found = os.walk, Path.iterdir, []
    for backwards in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(os, "walk", lambda *a, r=backwards, **k: (
                (here, inside, sorted(files, reverse=r)) for here, inside, files in walk(*a, **k)))  # fmt: skip
            patch.setattr(Path, "iterdir", lambda path, r=backwards: iter(sorted(listed(path), reverse=r)))
            found.append(folders.read(str(tmp_path)))
    assert torch.equal(found[0].pixels, found[1].pixels) and found[0].classes == found[1].classes == ("a", "b")


def test_cifar_is_read_upright_with_its_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def reader(root: Path, train: bool) -> SimpleNamespace:
        pixels = np.random.default_rng(len(made)).integers(0, 256, (20 if train else 10, 32, 32, 3), dtype=np.uint8)
        made.append(SimpleNamespace(data=pixels, targets=[(7 * i + train) % 10 for i in range(len(pixels))]))
        return made[-1]

    monkeypatch.setattr(datasets, "CIFAR10", reader)
    (tmp_path / "cifar-10-batches-py").mkdir()
    found = sources.read("cifar10", tmp_path)
    assert found.train_count == 20 and found.labels.tolist() == made[0].targets + made[1].targets
    assert np.array_equal(found.pixels[25].permute(1, 2, 0), made[1].data[5])


def toy() -> Images:
    pixels = torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Images(pixels, torch.arange(12) % 3, torch.arange(12), ("a", "b", "c"), (0.4,), (0.2,))


def test_invented_images_are_seen_shifted_by_a_teacher_not_asked_to_be_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    network, seen, asked = models.resnet(8, width=4, classes=3, seed=1), [], []

    def watched(logits: torch.Tensor, labels: torch.Tensor, *, label_smoothing: float = 0.0) -> torch.Tensor:
        asked.append(label_smoothing)
        return losses.cross_entropy(logits, labels, label_smoothing=label_smoothing)

    monkeypatch.setattr(data_free, "cross_entropy", watched)
    given = Teacher(network)
    monkeypatch.setattr(given, "awake", lambda device: network.eval().to(device))
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().cpu()))
    data_free.invent_images(given, toy(), 6, steps=8, lr=1e-9)
    shifts = {
        (dy, dx)
        for x in seen
        for dy in range(-4, 5)
        for dx in range(-4, 5)
        if torch.allclose(x, seen[0].roll((dy, dx), (2, 3)), atol=1e-4)
    }
    assert len(shifts) > 3 and asked == [data_free.LABEL_SMOOTHING] * 8


def test_adapters_of_equal_shapes_start_apart_and_follow_their_seed() -> None:
    student, network = models.mlp((8, 8, 8), inputs=64), models.mlp((9, 9, 9), inputs=64)
    first, again, other = (
        [pair[1].weight for pair in lit_adapters(student, network, (1, 8, 8), seed=seed) if pair[1]]
        for seed in (0, 0, 50)
    )
    assert torch.equal(first[0], again[0]) and not torch.equal(first[0], other[0])
    assert first[0].shape == first[2].shape and not torch.equal(first[0], first[2])


def test_a_download_takes_its_place_and_a_move_that_fails_alone_is_told(tmp_path: Path) -> None:
    (tmp_path / "neuf").mkdir()
    _move(tmp_path / "neuf", tmp_path / "final")
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    with pytest.raises(FileNotFoundError):
        _move(tmp_path / "neuf", tmp_path / "ailleurs")
    (tmp_path / "neuf").mkdir()
    (tmp_path / "final" / "déjà").touch()
    _move(tmp_path / "neuf", tmp_path / "final")
    assert (tmp_path / "final" / "déjà").exists()


@pytest.mark.parametrize(("count", "marker", "dots"), [(12, None, 12), (13, None, 0), (12, 3.0, 1)])
def test_a_short_curve_shows_its_points_a_long_one_or_a_marked_one_does_not(
    count: int, marker: float | None, dots: int
) -> None:
    drawing = line_chart({"a": (list(range(count)), [k % 5 for k in range(count)])}, alt="a", marker=marker)
    assert drawing.count("<circle") == dots


def test_a_slow_first_round_is_set_aside() -> None:
    assert measured("x", [9.0, 1.0, 2.0], "s").value == 2.0
