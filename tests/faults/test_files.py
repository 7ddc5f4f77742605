"""Les fichiers abîmés, ou sur un disque qui refuse : campagnes, quiz, points du défi ; et leur écriture.

Les poids sont dans test_weights.py, les dossiers d'images dans test_images.py, les jeux d'images dans
tests/unit/test_data_faults.py.
"""

import csv
import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from torch import nn

from course_utils import results, sources, weights
from course_utils.challenge import Placement
from course_utils.challenge_points import COLUMNS, Entry, points_csv, read_points
from course_utils.files import write_whole
from course_utils.interaction.quiz import read_quiz
from tests.course import QUIZZES
from tests.faults.damage import HTML, cuts, flips
from tests.faults.said import refused

linux_and_mac = pytest.mark.skipif(sys.platform == "win32", reason="ni tubes ni limites de taille sous Windows")

# --- les campagnes -----------------------------------------------------------------------------------------------

ROWS = "method,seed,accuracy\nkd,0,0.25\nkd,1,0.5\nseul,0,0.2\nseul,1,0.3\n"


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Une campagne de quatre réseaux, avec sa fiche."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "essai.csv").write_text(ROWS, encoding="utf-8")
    card = {"seeds": [0, 1], "sha256": results.fingerprint(ROWS)}
    (tmp_path / "essai.json").write_text(json.dumps(card), encoding="utf-8")
    return tmp_path


def test_any_damage_to_a_campaign_is_seen(campaign: Path) -> None:
    assert len(results.load("essai")) == 4
    path = campaign / "essai.csv"
    for damaged in [*flips(ROWS.encode()), *cuts(ROWS.encode()), ROWS.encode() + b"kd,2,0.9\n", HTML]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"essai\.csv.*est abîmé ou incomplet.*git checkout"):
            results.load("essai")


def test_ends_of_line_of_windows_are_no_damage(campaign: Path) -> None:
    (campaign / "essai.csv").write_bytes(ROWS.replace("\n", "\r\n").encode())
    assert results.column(results.load("essai"), "accuracy", method="kd") == [0.25, 0.5]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"method,seed,accuracy\n",
        ROWS.encode()[:-10],
        b"method,seed,accuracy\nkd,0,0.25,1\n",
        b'method,seed\n"kd,0\n',
        b'method,seed\n"kd"x,0\n',
        HTML,
        "méthode,graine\nkd,0\n".encode("latin-1"),
        b"a,b\n" + b"x" * 200_000 + b",1\n",
    ],
    ids=[
        "vide",
        "sans ligne",
        "tronqué",
        "case de trop",
        "guillemet",
        "autre guillemet",
        "page web",
        "latin-1",
        "case immense",
    ],
)
def test_campaign_without_a_fingerprint_is_still_checked(content: bytes, campaign: Path) -> None:
    (campaign / "essai.json").write_text("{}", encoding="utf-8")
    (campaign / "essai.csv").write_bytes(content)
    refused(lambda: results.load("essai"), "essai.csv", "est abîmé ou incomplet", "git checkout -- :/data/results")


@pytest.mark.parametrize("content", [b"", b'{"seeds": [0', HTML, b"[1, 2]", b'"texte"', b"\xff\xfe{}", b"[" * 100_000])
def test_damaged_card_of_a_campaign(content: bytes, campaign: Path) -> None:
    (campaign / "essai.json").write_bytes(content)
    for read in (results.card, results.load):
        refused(lambda read=read: read("essai"), "essai.json", "est abîmé ou incomplet", "git checkout")


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_lost_half_of_a_campaign(kind: str, campaign: Path) -> None:
    (campaign / f"essai.{kind}").unlink()
    refused(lambda: results.load("essai"), f"essai.{kind}", "manque", "git checkout")


def test_campaign_on_a_disk_that_refuses(campaign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> str:
        raise OSError(errno.EIO, "refused")

    monkeypatch.setattr(Path, "read_text", refuse)
    refused(lambda: results.load("essai"), "essai.csv", "ne se lit pas", "disque défaillant")


# --- les quiz et les points du défi --------------------------------------------------------------------------------


def test_damaged_quiz_gives_its_questions_or_a_sentence(tmp_path: Path) -> None:
    whole, path, refusals = QUIZZES[0].read_bytes(), tmp_path / "01.toml", 0
    damaged = [*list(cuts(whole))[::7], *(start + whole[900:] for start in list(flips(whole[:900]))[::11])]
    for content in [*damaged, HTML, b"\x00" * 50]:
        path.write_bytes(content)
        try:
            assert read_quiz(path)
        except ValueError as error:
            assert "\n" not in str(error) and "01.toml" in str(error)
            refusals += 1
    assert refusals > len(damaged) / 2


def test_mark_that_windows_puts_before_a_text_is_no_damage(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    (tmp_path / "01.toml").write_bytes(mark + QUIZZES[0].read_bytes())
    assert read_quiz(tmp_path / "01.toml") == read_quiz(QUIZZES[0])
    (tmp_path / "points.csv").write_bytes(mark + POINTS.encode())
    assert [row["nom"] for row in read_points(tmp_path / "points.csv")] == ["élève, 8 bits"]


@pytest.mark.parametrize("name", ["dossier.toml", "x" * 300])
def test_quiz_that_cannot_be_read_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "dossier.toml").mkdir()
    refused(lambda: read_quiz(tmp_path / name), name, "ne se lit pas")


def test_points_exported_to_an_impossible_name_are_one_sentence(tmp_path: Path) -> None:
    point = Placement(Entry("élève", "CIFAR-10", 0.9, 0.5, 10, 10), [])
    refused(lambda: point.export(tmp_path / ("x" * 300)), "Impossible d'écrire", "nom trop long")


POINTS = points_csv([dict.fromkeys(COLUMNS.values(), "1") | {"nom": "élève, 8 bits"}])


def test_damaged_points_are_rows_or_a_sentence(tmp_path: Path) -> None:
    path, refusals = tmp_path / "points.csv", 0
    for content in [*list(flips(POINTS.encode()))[::3], *cuts(POINTS.encode()), HTML]:
        path.write_bytes(content)
        try:
            rows = read_points(path)
        except ValueError as error:
            assert "\n" not in str(error) and "points.csv" in str(error)
            refusals += 1
        else:
            assert [list(row) for row in rows] == [list(COLUMNS.values())] * len(rows)
    assert refusals > 8 / 3 * POINTS.index("\n")  # toute faute de l'en-tête


# --- écrire --------------------------------------------------------------------------------------------------------


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Un disque où tout fichier s'arrête vraiment à `size` octets, en pleine écriture."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@linux_and_mac
def test_disk_full_in_the_middle_of_a_write_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    write_whole(path, b"avant")
    with full_disk(1000):
        refused(lambda: write_whole(path, bytes(100_000)), "Impossible d'écrire", "points.csv")
    assert path.read_bytes() == b"avant" and os.listdir(tmp_path) == ["points.csv"]


def test_an_interrupted_write_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(draft: Path, _: object) -> None:
        assert draft.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "points.csv", b"moitie")
    assert os.listdir(tmp_path) == []


@linux_and_mac
def test_disk_full_while_saving_weights_leaves_no_file(tmp_path: Path) -> None:
    with full_disk(100):
        refused(lambda: weights.save_weights(nn.Linear(3, 2), tmp_path / "poids.safetensors"), "Impossible d'écrire")
    assert os.listdir(tmp_path) == []


def test_write_through_a_link_reaches_its_target(tmp_path: Path) -> None:
    shared = tmp_path / "disque partagé" / "points.csv"
    write_whole(shared, b"avant")
    link = tmp_path / "points.csv"
    link.symlink_to(shared)
    write_whole(link, "après".encode())
    assert link.is_symlink() and shared.read_text(encoding="utf-8") == "après"
    assert os.listdir(shared.parent) == ["points.csv"]


def test_write_through_a_broken_link_creates_its_target(tmp_path: Path) -> None:
    (tmp_path / "lien").symlink_to(tmp_path / "nouveau" / "points.csv")
    write_whole(tmp_path / "lien", b"a")
    assert (tmp_path / "nouveau" / "points.csv").read_bytes() == b"a"


@pytest.mark.parametrize("name", ["x" * 300, "fichier/points.csv", "lien/points.csv"])
def test_impossible_path_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "fichier").write_bytes(b"")
    (tmp_path / "lien").symlink_to("lien")
    refused(lambda: write_whole(tmp_path / name, b"a"), "Impossible d'écrire")
    assert sorted(os.listdir(tmp_path)) == ["fichier", "lien"]


# --- où l'on cherche -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["~personne-ici/données", "x" * 5000, "a\0b"])
def test_impossible_folder_of_data_is_one_sentence(root: str) -> None:
    refused(lambda: sources.read("mnist", root), "root = ", "n'est pas un dossier")


def test_every_stored_campaign_is_whole() -> None:
    for path in sorted(results.RESULTS.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            assert len(results.load(path.stem)) == len(list(csv.DictReader(file)))
        assert results.card(path.stem)["sha256"], "une campagne garde l'empreinte de son tableau"
