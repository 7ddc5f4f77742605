"""Des poids et des fiches d'enseignants abîmés ou piégés : jamais exécutés, jamais chargés à moitié."""

import errno
import hashlib
import json
import os
import pickle
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import models, weights
from tests.faults.damage import HTML, cuts, flips
from tests.faults.said import refused


class Trap:
    """Un pickle qui crée un dossier quand on l'ouvre."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("piège-déclenché",)


def network() -> nn.Module:
    return nn.Linear(3, 2)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Les poids d'un petit réseau."""
    path = tmp_path / "réseau de l'été.safetensors"
    weights.save_weights(network(), path)
    return path


def legacy(path: Path) -> None:
    torch.save(Trap(), path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(pickle.dumps(Trap(), protocol=0)),
        lambda path: torch.save(Trap(), path),
        lambda path: torch.save({"weight": Trap(), "bias": torch.zeros(2)}, path),
        legacy,
        lambda path: np.save(path.open("wb"), np.array([Trap()]), allow_pickle=True),
    ],
    ids=["pickle texte", "torch zip", "torch zip, dictionnaire", "torch d'avant", "numpy"],
)
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # le fichier de numpy est celui du piège
def test_pickle_disguised_as_weights_is_never_executed(
    write: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "poids.safetensors")
    refused(lambda: weights.load_weights(network(), tmp_path / "poids.safetensors"), "poids.safetensors", "safetensors")
    assert not (tmp_path / "piège-déclenché").exists()


def test_any_flipped_bit_of_the_weights_is_refused(stored: Path) -> None:
    good = stored.read_bytes()
    sha256 = hashlib.sha256(good).hexdigest()
    weights.load_weights(network(), stored, sha256=sha256)  # intacts, ils sont acceptés
    for damaged in list(flips(good))[::3]:
        stored.write_bytes(damaged)
        with pytest.raises(ValueError, match="abîmé"):
            weights.load_weights(network(), stored, sha256=sha256)


def test_weights_without_a_fingerprint_are_loaded_or_refused_in_a_sentence(stored: Path) -> None:
    good, refusals = stored.read_bytes(), 0
    for damaged in [*flips(good), *cuts(good)]:
        stored.write_bytes(damaged)
        try:
            weights.load_weights(network(), stored)  # un nombre un peu changé ne se voit pas sans empreinte
        except ValueError:
            refusals += 1
    assert refusals >= 8 * len(good) * 0.7


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def weight(**changes: object) -> bytes:
    """Les poids d'un petit réseau, avec un en-tête menteur."""
    header = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes
    return safetensors({"weight": header, "bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]}}, bytes(32))


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**63) + bytes(50),
        safetensors(b"[" * 100_000),
        safetensors(b"null"),
        safetensors(b"\xff\xfe"),
        safetensors({"weight": {"dtype": "F4", "shape": [2, 4], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"weight": {"dtype": "F8_E8M0", "shape": [2, 3], "data_offsets": [0, 6]}}, bytes(6)),
        weight(data_offsets=[-1, 24]),
        weight(shape=[2**40, 2**40]),
        safetensors({"a\nb": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        HTML,
    ],
    ids=["en-tête immense", "profond", "vide", "octets", "type", "autre type", "avant", "taille", "nom", "page web"],
)
def test_hostile_header_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "poids.safetensors"
    path.write_bytes(content)
    refused(lambda: weights.load_weights(network(), path), "poids.safetensors")


def test_file_too_big_for_the_network_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "géant.safetensors"
    with path.open("wb") as file:
        file.truncate(10**12)  # un fichier creux : il ne prend pas de place
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("mille gigaoctets ont été lus"))
    refused(lambda: weights.load_weights(network(), path), "trop gros pour ce réseau", str(10**12))


@pytest.mark.skipif(sys.platform == "win32", reason="ce système n'a pas de tubes nommés")
@pytest.mark.parametrize("kind", ["lien brisé", "lien en rond", "dossier", "tube"])
def test_weights_that_are_not_a_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "poids.safetensors"
    if kind.startswith("lien"):
        path.symlink_to(path if kind == "lien en rond" else tmp_path / "absent")
    elif kind == "dossier":
        path.mkdir()
    else:
        os.mkfifo(path)  # l'ouvrir attendrait pour toujours
    refused(lambda: weights.load_weights(network(), path), "poids.safetensors", "n'existe pas")


@pytest.mark.parametrize(
    ("code", "cause"), [(errno.EACCES, "droits insuffisants"), (errno.EIO, "disque défaillant"), (errno.ELOOP, "rond")]
)
def test_weights_on_a_disk_that_refuses(code: int, cause: str, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    refused(lambda: weights.load_weights(network(), stored), stored.name, "ne se lit pas", cause)


def test_weights_are_read_through_a_link(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "lien.safetensors").symlink_to(stored)
    twin = network()
    weights.load_weights(twin, tmp_path / "lien.safetensors")
    assert torch.equal(twin.state_dict()["bias"], load_bias(stored))


def load_bias(path: Path) -> torch.Tensor:
    from safetensors.torch import load_file

    return load_file(path)["bias"]


# --- la fiche d'un enseignant ------------------------------------------------------------------------------------


@pytest.fixture
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """La fiche d'un petit enseignant."""
    monkeypatch.setattr(models, "TEACHERS", tmp_path)
    sha256 = weights.save_weights(models.mlp((4,)), tmp_path / "essai.safetensors")
    card = {"architecture": {"builder": "mlp", "hidden": [4]}, "sha256": sha256}
    (tmp_path / "essai.json").write_text(json.dumps(card), encoding="utf-8")
    return tmp_path / "essai.json"


def test_teacher_is_built_as_its_card_says(teacher: Path) -> None:
    assert models.load_teacher("essai").state_dict().keys() == models.mlp((4,)).state_dict().keys()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"architecture": {"bui',
        HTML,
        b"\xff\xfe{}",
        b"[" * 100_000,
        b"[1, 2]",
        b"null",
        b'{"sha256": "a"}',
        b'{"architecture": {"builder": "mlp", "hidden": [4]}}',
        b'{"architecture": "mlp", "sha256": "a"}',
        b'{"architecture": {}, "sha256": "a"}',
        b'{"architecture": {"builder": "os.system", "hidden": [4]}, "sha256": "a"}',
        b'{"architecture": {"builder": ["mlp"]}, "sha256": "a"}',
        b'{"architecture": {"builder": "mlp", "hidden": [4], "profondeur": 3}, "sha256": "a"}',
        b'{"architecture": {"builder": "mlp", "hidden": [-4]}, "sha256": "a"}',
        b'{"architecture": {"builder": "resnet", "depth": 15}, "sha256": "a"}',
    ],
    ids=[
        "vide",
        "tronquée",
        "page web",
        "octets",
        "profonde",
        "liste",
        "rien",
        "sans architecture",
        "sans empreinte",
        "architecture en texte",
        "architecture vide",
        "constructeur étranger",
        "constructeur en liste",
        "réglage inconnu",
        "largeur négative",
        "profondeur impossible",
    ],
)
def test_damaged_card_of_a_teacher(content: bytes, teacher: Path) -> None:
    teacher.write_bytes(content)
    refused(lambda: models.load_teacher("essai"), "essai.json", "est abîmée", "git checkout")


@pytest.mark.parametrize("sha256", ["null", '""', "0", '"eae9"'])
def test_card_cannot_waive_the_fingerprint(sha256: str, teacher: Path) -> None:
    teacher.write_text(f'{{"architecture": {{"builder": "mlp", "hidden": [4]}}, "sha256": {sha256}}}', encoding="utf-8")
    refused(lambda: models.load_teacher("essai"), "essai.safetensors", "empreinte inattendue")


def test_teacher_swapped_for_a_pickle_is_never_executed(teacher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(teacher.parent)
    torch.save(Trap(), teacher.with_suffix(".safetensors"))
    refused(lambda: models.load_teacher("essai"), "essai.safetensors", "abîmé")
    assert not (teacher.parent / "piège-déclenché").exists()
