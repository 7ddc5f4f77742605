"""Les données : les vraies valeurs, les trois parties sans fuite, les lots bien normalisés."""

import gzip
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import known
from course_utils.data import Batch, Dataset, Images, load, profile
from course_utils.folders import statistics
from course_utils.sampling import stratified_order

ROOT = Path(__file__).resolve().parents[2]
RAW = ROOT / "data" / "FashionMNIST" / "raw"
SHARED = ROOT.parent / "shared" / "donnees"

mnist_here = pytest.mark.skipif(not (SHARED / "MNIST").is_dir(), reason=f"MNIST n'est pas dans {SHARED}")
jpeg_here = pytest.mark.skipif(
    not (SHARED / "cifar10-jpeg.zip").is_file(), reason=f"cifar10-jpeg.zip n'est pas dans {SHARED}"
)


@pytest.fixture(scope="module")
def fashion() -> Dataset:
    return load()


def idx(file: str, header: int) -> np.ndarray:
    """Le contenu d'un fichier IDX, lu sans torchvision."""
    return np.frombuffer(gzip.decompress((RAW / file).read_bytes()), dtype=np.uint8, offset=header)


def rows(images: Images) -> set[int]:
    return set(images.rows.tolist())


# --- le jeu fourni ---------------------------------------------------------------------------------------------


def test_fashion_is_whole(fashion: Dataset) -> None:
    assert (len(fashion.train), len(fashion.validation), len(fashion.test)) == (54_000, 6_000, 10_000)
    assert fashion.train.pixels.shape == (70_000, 1, 28, 28)
    assert fashion.train.pixels.dtype == torch.uint8
    assert fashion.train.y.bincount().tolist() == [5_400] * 10
    assert fashion.validation.y.bincount().tolist() == [600] * 10
    assert fashion.test.y.bincount().tolist() == [1_000] * 10


def test_fashion_pixels_and_labels_are_those_of_the_files(fashion: Dataset) -> None:
    assert np.array_equal(fashion.test.x.numpy().ravel(), idx("t10k-images-idx3-ubyte.gz", 16))
    assert np.array_equal(fashion.test.y.numpy(), idx("t10k-labels-idx1-ubyte.gz", 8))
    assert np.array_equal(fashion.train.labels[:60_000].numpy(), idx("train-labels-idx1-ubyte.gz", 8))


def test_fashion_classes_in_french(fashion: Dataset) -> None:
    assert fashion.classes == (
        "T-shirt", "pantalon", "pull", "robe", "manteau", "sandale", "chemise", "basket", "sac", "bottine",
    )  # fmt: skip
    assert fashion.classes[fashion.train.labels[0]] == "bottine"  # la première image du jeu


def test_fashion_scale_is_that_of_its_training_part(fashion: Dataset) -> None:
    mean, std = statistics(fashion.train.pixels[:60_000])
    assert fashion.train.mean == pytest.approx(mean, abs=5e-5)
    assert fashion.train.std == pytest.approx(std, abs=5e-5)


def test_second_load_shares_the_pixels(fashion: Dataset) -> None:
    again = load("fashion-mnist", train_size=1_800)
    assert again.train.pixels.data_ptr() == fashion.test.pixels.data_ptr()


def test_licence_and_card_come_with_the_files() -> None:
    licence = (RAW.parent / "LICENSE").read_text(encoding="utf-8")
    assert "MIT" in licence and "2017 Zalando SE" in licence and "permission notice shall be included" in licence
    card = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for file in sorted(RAW.glob("*.gz")):
        line = next(line for line in card.splitlines() if file.name in line)
        assert hashlib.sha256(file.read_bytes()).hexdigest() in line
        assert str(file.stat().st_size) in re.sub(r"(?<=\d)\s(?=\d)", "", line)


def test_import_and_reading_cost_nothing_beyond_torch() -> None:
    probe = """import sys, torch
before = set(sys.modules)
import course_utils.data
course_utils.data.load("fashion-mnist")
print(*set(sys.modules) - before)"""
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torchvision", "PIL", "matplotlib", "ipywidgets"} & {
        name.split(".")[0] for name in loaded.stdout.split()
    }


# --- les trois parties -----------------------------------------------------------------------------------------


def test_validation_never_changes(fashion: Dataset) -> None:
    # L'empreinte fixe les images tenues à l'écart : si elle change, les enseignants fournis les auraient vues.
    digest = hashlib.sha256(fashion.validation.rows.numpy().astype("<i8").tobytes()).hexdigest()
    assert digest == "543cc7bc2d0718acdeb9eb8cf94d0ffbcb3944f959496cee1856cf341a9c86a7"
    for seed in (1, 2, 12_345):
        assert torch.equal(load(train_size=100, seed=seed).validation.rows, fashion.validation.rows)


def test_no_image_is_in_two_parts(fashion: Dataset) -> None:
    held_out = rows(fashion.validation)
    assert not held_out & rows(fashion.train)
    assert held_out | rows(fashion.train) == set(range(60_000))
    assert rows(fashion.test) == set(range(60_000, 70_000))
    for seed in range(3):
        assert not held_out & rows(load(train_size=6_000, seed=seed).train)


def test_samples_are_stratified_nested_and_seeded() -> None:
    small, large = (load(train_size=n, seed=3).train for n in (1_800, 6_000))
    assert small.y.bincount().tolist() == [180] * 10
    assert large.y.bincount().tolist() == [600] * 10
    assert rows(small) < rows(large)
    assert torch.equal(load(train_size=1_800, seed=3).train.rows, small.rows)
    assert len(rows(small) & rows(load(train_size=1_800, seed=4).train)) < 200  # 60 attendues au hasard


@pytest.mark.parametrize("train_size", [10, 54_000])
def test_smallest_and_largest_samples(train_size: int) -> None:
    train = load(train_size=train_size).train
    assert train.y.bincount().tolist() == [train_size // 10] * 10


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_every_beginning_of_the_order_is_stratified(counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    order = stratified_order(labels, seed)
    assert sorted(order.tolist()) == list(range(len(labels)))
    taken = [0] * len(counts)
    for label in labels[order].tolist():
        taken[label] += 1
        # La dernière place prise par une classe n'est jamais au-delà de la prochaine place libre d'une autre.
        assert max((t - 1) / c for t, c in zip(taken, counts, strict=True)) <= min(
            t / c for t, c in zip(taken, counts, strict=True)
        )
    assert set(labels[order][: len(counts)].tolist()) == set(range(len(counts)))


# --- une partie, un lot ----------------------------------------------------------------------------------------


@pytest.fixture
def tiny() -> Images:
    """Douze images de 2 × 3 × 4 dont six forment la partie ; le pixel de la ligne r vaut 20·r partout."""
    pixels = (20 * torch.arange(12)).view(12, 1, 1, 1).expand(12, 2, 3, 4).to(torch.uint8).contiguous()
    chosen = torch.tensor([1, 3, 5, 7, 9, 11])
    return Images(pixels, torch.arange(12) % 3, chosen, ("a", "b", "c"), (0.5, 0.25), (0.5, 0.125))


def test_batch_is_normalised(tiny: Images) -> None:
    before = tiny.pixels.clone()
    batch = tiny.batch(torch.tensor([4, 0, 0]))
    assert isinstance(batch, Batch) and batch.images is tiny and not batch.augmented
    assert batch.index.tolist() == [9, 1, 1]
    assert batch.y.tolist() == [0, 1, 1]
    assert batch.x.dtype == torch.float32 and batch.x.shape == (3, 2, 3, 4)
    expected = torch.tensor([[(180 / 255 - 0.5) / 0.5, (180 / 255 - 0.25) / 0.125]])
    torch.testing.assert_close(batch.x[:1, :, 0, 0], expected)
    assert torch.equal(tiny.pixels, before)  # les octets partagés n'ont pas bougé


def test_batch_of_a_subset_keeps_the_names_of_the_examples(tiny: Images) -> None:
    part = tiny.subset(torch.tensor([5, 2]))
    assert part.batch(torch.tensor([1, 0])).index.tolist() == [5, 11]
    assert part.pixels is tiny.pixels


def test_batch_of_nothing(tiny: Images) -> None:
    assert tiny.batch(torch.tensor([], dtype=torch.int64)).x.shape == (0, 2, 3, 4)


def test_whole_training_part_is_centred_and_reduced(fashion: Dataset) -> None:
    x = fashion.train.batch(torch.arange(0, 54_000, 3)).x
    assert x.mean().item() == pytest.approx(0, abs=0.01)
    assert x.std().item() == pytest.approx(1, abs=0.01)


def test_subset_by_mask(tiny: Images) -> None:
    assert tiny.subset(tiny.y == 0).rows.tolist() == [3, 9]


def test_only_and_without(tiny: Images) -> None:
    assert tiny.only(0, 2).y.tolist() == [0, 2, 0, 2]
    assert tiny.without(0, 2).y.tolist() == [1, 1]
    assert tiny.without().rows.tolist() == tiny.rows.tolist()
    assert len(tiny.only()) == 0
    assert tiny.without(1).classes == ("a", "b", "c")  # rien n'est renuméroté


def test_repr_is_short(tiny: Images) -> None:
    assert repr(tiny) == "Images(6 images 2×3×4, 3 classes)"


# --- les autres jeux -------------------------------------------------------------------------------------------


def test_hundred_french_names() -> None:
    names = known.CIFAR100_CLASSES
    assert len(names) == len(set(names)) == 100
    # Quelques repères, à la place de leur nom anglais dans l'ordre alphabétique du jeu.
    anchors = {0: "pomme", 19: "bétail", 47: "érable", 52: "chêne", 56: "palmier", 59: "pin", 88: "tigre", 99: "ver"}
    assert {place: names[place] for place in anchors} == anchors
    assert known.CIFAR10_CLASSES[3] == "chat" and len(set(known.CIFAR10_CLASSES)) == 10


@mnist_here
def test_mnist_is_found_in_cours_donnees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURS_DONNEES", str(SHARED))
    data = load("mnist", train_size=1_800)
    assert data.classes == tuple("0123456789")
    assert data.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test.y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (len(data.train), len(data.validation)) == (1_800, 6_000)
    mean, std = statistics(data.train.pixels[:60_000])
    assert (data.train.mean, data.train.std) == (pytest.approx(mean, abs=5e-5), pytest.approx(std, abs=5e-5))


@mnist_here
@pytest.mark.parametrize("folder", ["MNIST", "MNIST/raw"])
def test_mnist_is_found_from_its_own_folder(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURS_DONNEES", raising=False)
    assert len(load("mnist", root=SHARED / folder).test) == 10_000


@jpeg_here
def test_real_jpeg_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(SHARED / "cifar10-jpeg.zip") as archive:
        for part, count in (("train", 20), ("test", 5)):
            for name in ("bird", "ship"):
                members = [m for m in archive.namelist() if m.startswith(f"{part}/{name}/") and m.endswith(".jpg")]
                archive.extractall(tmp_path, members[:count])
    data = load(f"dossier:{tmp_path}")
    assert data.classes == ("bird", "ship")
    assert data.train.pixels.shape == (50, 3, 32, 32)
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 10)
    assert capsys.readouterr().out == ""  # toutes de la même taille : rien à signaler


# --- le profil -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "expected"), [(None, "express"), ("", "express"), ("complet", "complet")])
def test_profile(value: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURS_PROFIL", raising=False)
    if value is not None:
        monkeypatch.setenv("COURS_PROFIL", value)
    assert profile() == expected
