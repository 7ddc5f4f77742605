"""Les données, quand tout va mal : la bonne valeur, ou une phrase de français qui dit quoi faire.

Les fautes de fichiers se jouent sur un jeu IDX minuscule (420 images de 4 × 5 pixels), lu par le même code que le vrai.
"""

import errno
import gc
import gzip
import hashlib
import os
import pickle
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from course_utils import download, known, sources
from course_utils.data import Images, load, profile
from tests.course import ROOT, read
from tests.typography import plain

TRAIN_COUNT, TEST_COUNT, CLASSES = 400, 20, 10


def sentence(error: pytest.ExceptionInfo[BaseException], *expected: str) -> str:
    """Vérifie que le message est une seule phrase, sur une ligne, avec les morceaux attendus ; la rend."""
    text = plain(str(error.value))
    assert "\n" not in text and text.endswith(".") and re.match(r"[A-Z«]|\w+ (=|vaut) ", text), text
    assert not re.search(r"(?<![.…])\. [A-ZÀÉ]", text), text  # une seule phrase
    for part in map(plain, expected):
        assert part in text, (part, text)
    return text


# --- un jeu minuscule ------------------------------------------------------------------------------------------


def idx_bytes(array: np.ndarray) -> bytes:
    header = np.array([0x800 + array.ndim, *array.shape], dtype=">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fait relire les fichiers, sans vider la mémoire où le vrai jeu attend les autres tests."""
    monkeypatch.setattr(sources, "_read_idx", lru_cache(sources._read_idx.__wrapped__))


@pytest.fixture
def tiny_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Les quatre fichiers IDX, décompressés ; le cours croit que ce sont ceux de MNIST et de Fashion-MNIST."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, count in (("train", TRAIN_COUNT), ("t10k", TEST_COUNT)):
        contents[f"{part}-images-idx3-ubyte"] = idx_bytes(rng.integers(0, 256, (count, 4, 5)))
        contents[f"{part}-labels-idx1-ubyte"] = idx_bytes(np.arange(count) % CLASSES)
    digests = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    monkeypatch.setattr(sources, "IDX_SIZES", {file: len(content) for file, content in contents.items()})
    monkeypatch.setattr(sources, "IDX_SHA256", {"mnist": digests, "fashion-mnist": digests})
    monkeypatch.setattr(sources, "PROJECT_DATA", Path("/nulle-part"))
    monkeypatch.delenv("COURS_DONNEES", raising=False)
    forget(monkeypatch)
    return contents


@pytest.fixture
def tiny(tiny_files: dict[str, bytes], tmp_path: Path) -> Path:
    """Le dossier raw du jeu, dans un chemin accentué avec des espaces."""
    raw = tmp_path / "Données de l'été « 1 »" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file, content in tiny_files.items():
        (raw / f"{file}.gz").write_bytes(gzip.compress(content))
    return raw


def load_tiny(raw: Path) -> Images:
    return load("mnist", root=raw.parent.parent).train


IMAGES, LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


# --- arguments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cifar-10", "cifar10"),
        ("CIFAR100", "cifar100"),
        ("fashion_mnist", "fashion-mnist"),
        ("Fashion-MNIST", "fashion-mnist"),
    ],
)
def test_misspelt_name_gets_the_right_one(name: str, hint: str) -> None:
    with pytest.raises(ValueError) as error:
        load(name)
    sentence(
        error,
        repr(name),
        f"vouliez-vous écrire « {hint} » ?",
        "fashion-mnist, mnist, cifar10, cifar100, dossier:CHEMIN",
    )


@pytest.mark.parametrize("name", ["", "xyz", None, 3, Path("dossier")])
def test_unknown_name_lists_the_names(name: Any) -> None:
    with pytest.raises(ValueError) as error:
        load(name)
    sentence(error, repr(name), "choisissez parmi fashion-mnist, mnist")


@pytest.mark.parametrize("train_size", [0, 9, -1, 54_001, 1_800.0, "1800", True, float("nan")])
def test_impossible_sample(train_size: Any) -> None:
    with pytest.raises(ValueError) as error:
        load(train_size=train_size)
    sentence(error, f"train_size = {train_size!r}", "de 10 (une image par classe) à 54000")


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0", None])
def test_impossible_seed(seed: Any) -> None:
    with pytest.raises(ValueError) as error:
        load(seed=seed)
    sentence(error, f"seed vaut {seed!r}", "de 0 à 2**32 - 1")


def test_unknown_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURS_PROFIL", "nimporte")
    with pytest.raises(ValueError) as error:
        profile()
    sentence(error, "COURS_PROFIL = 'nimporte'", "« express » ou « complet »")


@pytest.mark.parametrize(
    "positions",
    [torch.tensor([54_000]), torch.tensor([-1]), torch.tensor([0.5]), torch.tensor([[0]]), torch.tensor([True])],
)
def test_impossible_positions_of_a_batch(positions: torch.Tensor) -> None:
    with pytest.raises(ValueError) as error:
        load().train.batch(positions)
    sentence(error, "Positions impossibles", "de 0 à 53999")


def test_a_list_of_positions_is_a_batch(tiny: Path) -> None:
    images = load_tiny(tiny)
    assert torch.equal(images.batch([2, 0]).x, images.batch(torch.tensor([2, 0])).x)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["sac", [8], 8.0])
def test_a_class_that_is_no_number_is_refused_with_the_numbers(wrong: Any, tiny: Path) -> None:
    for choose in (load_tiny(tiny).only, load_tiny(tiny).without):
        with pytest.raises(ValueError) as error:
            choose(wrong)
        sentence(error, f"La classe {wrong!r} n'existe pas", "de 0 à 9")


def test_impossible_subset() -> None:
    train = load().train
    with pytest.raises(ValueError) as error:
        train.subset(torch.tensor([True, False]))
    sentence(error, "(2,)", "(54000,)")
    for call in (train.only, train.without):
        with pytest.raises(ValueError) as error:
            call(3, 10)
        sentence(error, "La classe 10", "de 0 à 9")


# --- où l'on cherche -------------------------------------------------------------------------------------------


def test_root_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        load("mnist", root=tmp_path / "absent")
    sentence(error, "root =", str(tmp_path / "absent"), "corrigez ce chemin")


def test_cours_donnees_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURS_DONNEES", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError) as error:
        load("cifar10")
    sentence(error, "COURS_DONNEES =", str(tmp_path / "absent"))
    assert len(load().test) == 10_000  # le jeu fourni n'a besoin de rien d'autre


def test_embedded_set_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PROJECT_DATA", tmp_path)
    with pytest.raises(FileNotFoundError) as error:
        load()
    sentence(error, str(tmp_path / "FashionMNIST" / "raw"), "git checkout -- :/data/FashionMNIST")


def test_embedded_file_damaged(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.parent.mkdir(parents=True)
    tiny.rename(raw)
    monkeypatch.setattr(sources, "PROJECT_DATA", tmp_path / "data")
    assert len(load().test) == TEST_COUNT
    forget(monkeypatch)
    (raw / f"{LABELS}.gz").write_bytes(b"")
    with pytest.raises(ValueError) as error:
        load()
    sentence(error, f"{LABELS}.gz", "est vide", "git checkout -- :/data/FashionMNIST")


# --- des fichiers abîmés ---------------------------------------------------------------------------------------


def test_accented_path_with_spaces_is_read_and_left_untouched(tiny: Path, tiny_files: dict[str, bytes]) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny.parent.parent.rglob("*")}
    train = load_tiny(tiny)
    assert train.pixels[:TRAIN_COUNT].numpy().tobytes() == tiny_files[IMAGES][16:]
    assert {path: path.stat().st_mtime_ns for path in tiny.parent.parent.rglob("*")} == before


def test_uncompressed_files_are_read(tiny: Path, tiny_files: dict[str, bytes]) -> None:
    for file, content in tiny_files.items():
        (tiny / f"{file}.gz").unlink()
        (tiny / file).write_bytes(content)
    assert len(load_tiny(tiny)) == 360


def test_symbolic_links_are_read(tiny: Path, tmp_path: Path) -> None:
    for file in list(tiny.iterdir()):
        (tmp_path / file.name).symlink_to(file)
    assert len(load("mnist", root=tmp_path).train) == 360


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def html(content: bytes) -> bytes:
    return b"\n<!DOCTYPE html><html><body>Connectez-vous au Wi-Fi</body></html>"


def other_content(content: bytes) -> bytes:
    data = bytearray(gzip.decompress(content))
    data[-1] ^= 1
    return gzip.compress(bytes(data))


def bomb(content: bytes) -> bytes:
    return gzip.compress(bytes(50_000_000))


@pytest.mark.parametrize("file", [IMAGES, LABELS])
@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda content: b"", "est vide"),
        (truncated, "est abîmé ou incomplet"),
        (lambda content: content + b"x" * 50_000, "est trop gros pour être le bon"),
        (html, "est une page web, pas des images"),
        (other_content, "est abîmé ou incomplet"),
        (lambda content: b"\x00" * len(content), "est abîmé ou incomplet"),
    ],
    ids=["vide", "tronqué", "trop long", "page web", "autre contenu", "zéros"],
)
def test_damaged_file(file: str, damage: Callable[[bytes], bytes], fault: str, tiny: Path) -> None:
    path = tiny / f"{file}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError) as error:
        load_tiny(tiny)
    sentence(error, path.name, fault, "mettez-y une bonne copie, ou retirez")


def test_any_flipped_bit_gives_the_right_images_or_the_sentence(tiny: Path, tiny_files: dict[str, bytes]) -> None:
    path = tiny / f"{LABELS}.gz"
    good = path.read_bytes()
    refused = 0
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        try:
            assert sources._verified("mnist", tiny, LABELS) == tiny_files[LABELS]  # un bit sans effet (date…)
        except ValueError:
            refused += 1
    assert refused > 6 * len(good) / 2


def test_decompression_bomb_is_stopped_at_once() -> None:
    assert len(sources._inflated(bomb(b""), 1_000)) == 1_000


def test_missing_file(tiny: Path) -> None:
    (tiny / f"{LABELS}.gz").unlink()
    with pytest.raises(FileNotFoundError) as error:
        load_tiny(tiny)
    sentence(error, LABELS, "manque", "mettez-y une bonne copie")


@pytest.mark.parametrize("kind", ["lien brisé", "dossier", "tube"])
def test_not_a_file(kind: str, tiny: Path) -> None:
    path = tiny / f"{LABELS}.gz"
    path.unlink()
    if kind == "lien brisé":
        path.symlink_to(tiny / "absent")
    elif kind == "dossier":
        path.mkdir()
    elif hasattr(os, "mkfifo"):
        os.mkfifo(path)  # un tube sans écrivain bloquerait pour toujours
    else:
        pytest.skip("ce système n'a pas de tubes nommés")
    with pytest.raises(ValueError) as error:
        load_tiny(tiny)
    sentence(error, path.name, "n'est pas un fichier (lien brisé ou dossier)")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (errno.EACCES, "droits insuffisants"),
        (errno.EIO, "disque défaillant"),
        (errno.ESTALE, f"erreur {errno.ESTALE} du système"),
    ],
)
def test_unreadable_file(code: int, cause: str, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(OSError) as error:
        load_tiny(tiny)
    sentence(error, IMAGES, "ne se lit pas", cause)


def test_reading_writes_nothing(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))  # un disque plein n'empêche pas de lire
    before = sorted(tmp_path.rglob("*"))
    assert len(load_tiny(tiny)) == 360
    assert sorted(tmp_path.rglob("*")) == before


def test_two_threads_load_at_once(tiny: Path) -> None:
    found: list[Images] = []
    threads = [threading.Thread(target=lambda: found.append(load_tiny(tiny))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(torch.equal(one.x, found[0].x) for one in found)


# --- CIFAR : des fichiers pickle, jamais ouverts sans leur somme --------------------------------------------------


class Trap:
    """Un pickle qui exécute du code quand on l'ouvre."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("piège-déclenché",))


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Un CIFAR-10 de 60 images, dans la disposition et le format du vrai."""
    from torchvision import datasets

    folder = tmp_path / "salle" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    sums: dict[str, str] = {}

    def write(file: str, content: object) -> None:
        (folder / file).write_bytes(pickle.dumps(content))
        sums[file] = hashlib.md5((folder / file).read_bytes(), usedforsecurity=False).hexdigest()

    for number, file in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        data = np.full((40, 3 * 32 * 32), 10 * number, dtype=np.uint8)
        data[:, :1024] += 1  # le plan rouge vient d'abord
        write(file, {"data": data, "labels": [k % 10 for k in range(40)]})
    write("batches.meta", {"label_names": [str(k) for k in range(10)]})
    monkeypatch.setattr(
        datasets.CIFAR10, "train_list", [[f"data_batch_{k}", sums[f"data_batch_{k}"]] for k in range(1, 6)]
    )
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(
        datasets.CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    )
    monkeypatch.delenv("COURS_DONNEES", raising=False)
    monkeypatch.setattr(sources, "LAB_FOLDER", tmp_path / "pas-de-salle")
    return folder


def test_the_start_given_for_the_challenge_runs(cifar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Le code que le notebook 08 donne à recopier, sur peu d'images."""
    from course_utils import data, models, objectives, training
    from course_utils.challenge import place_on_challenge

    monkeypatch.setattr(sources, "LAB_FOLDER", cifar.parent)
    text = "\n".join(cell.source for cell in read(ROOT / "notebooks" / "08_bilan_et_defi.ipynb"))
    (start,) = re.findall(r"```python\n(.*?)```", text, re.S)
    known = {"load": data.load, "load_teacher": models.load_teacher, "Hinton": objectives.Hinton}
    known |= {"Teacher": training.Teacher, "fit": training.fit, "place_on_challenge": place_on_challenge}
    small = start.replace("train_size=10_000", "train_size=40").replace("epochs=10", "epochs=1, progress=False")
    assert small.count("train_size=40") == small.count("epochs=1,") == 1
    exec(small, known)
    placed = known["place_on_challenge"](known["student"], name="le même")
    assert placed.entry.data == "CIFAR-10" and "cifar10" in start


def test_cifar_in_the_folder_of_the_lab(cifar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LAB_FOLDER", cifar.parent)
    data = load("cifar10")
    assert data.train.pixels.shape == (240, 3, 32, 32) and data.train.pixels.is_contiguous()
    assert (len(data.train), len(data.validation), len(data.test)) == (180, 20, 40)
    assert data.train.pixels[40, :, 5, 5].tolist() == [11, 10, 10]  # deuxième lot : rouge, vert, bleu
    assert data.classes[3] == "chat"


@pytest.mark.parametrize("itself", [True, False])
def test_cifar_in_root(itself: bool, cifar: Path) -> None:
    assert len(load("cifar10", root=cifar if itself else cifar.parent).test) == 40


@pytest.mark.parametrize(
    ("damage", "fault"), [("vidé", "est abîmé ou incomplet"), ("ôté", "manque"), ("piégé", "est abîmé")]
)
@pytest.mark.parametrize("file", ["data_batch_3", "test_batch", "batches.meta"])
def test_damaged_cifar(
    damage: str, fault: str, file: str, cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (cifar / file).unlink()
    if damage != "ôté":
        (cifar / file).write_bytes(pickle.dumps(Trap()) if damage == "piégé" else b"")
    with pytest.raises(ValueError) as error:
        load("cifar10", root=cifar.parent)
    sentence(error, f"{file} »", fault, "mettez-y une bonne copie")
    assert not (tmp_path / "piège-déclenché").exists()


# --- le téléchargement -----------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Un vrai serveur HTTP, sur cette machine, à la place de celui de MNIST ; `answer` dit ce qu'il répond."""
    from torchvision import datasets

    state: dict[str, Any] = {"answer": lambda file: (404, b"")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = state["answer"](self.path.rsplit("/")[-1])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # les réponses en retard finissent avant le test

        def handle_error(self, *args: object) -> None:
            pass  # le client est parti : c'est l'objet du test

    with Server(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{http.server_port}/"])
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def remote(tiny_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Les fichiers que le serveur devrait donner, dont torchvision connaît les sommes."""
    from torchvision import datasets

    files = {f"{file}.gz": gzip.compress(content) for file, content in tiny_files.items()}
    sums = [(name, hashlib.md5(content, usedforsecurity=False).hexdigest()) for name, content in files.items()]
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    return files


def test_download_then_found(
    server: dict[str, Any],
    remote: dict[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server["answer"] = lambda file: (200, remote[file])
    assert len(load("mnist", root=tmp_path).test) == TEST_COUNT
    said = plain(capsys.readouterr().out)
    expected = (
        f"MNIST n'est pas sur cette machine : téléchargement de 12 Mo vers « {tmp_path} », une fois pour toutes.\n"
    )
    assert said == plain(expected)
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"]
    forget(monkeypatch)
    server["answer"] = lambda file: (500, b"")
    assert len(load("mnist", root=tmp_path).test) == TEST_COUNT  # plus besoin du réseau
    assert capsys.readouterr().out == ""


def test_download_goes_to_cours_donnees(
    server: dict[str, Any], remote: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server["answer"] = lambda file: (200, remote[file])
    monkeypatch.setenv("COURS_DONNEES", str(tmp_path))
    load("mnist")
    assert (tmp_path / "MNIST" / "raw").is_dir()


@pytest.mark.parametrize(
    "answer",
    [lambda file: (404, b"absent"), lambda file: (200, b"<html>portail</html>"), lambda file: (503, b"")],
    ids=["absent", "page web", "en panne"],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # torchvision ne ferme pas la réponse d'une erreur
def test_server_gives_something_else(
    answer: Callable[[str], tuple[int, bytes]], server: dict[str, Any], remote: dict[str, bytes], tmp_path: Path
) -> None:
    server["answer"] = answer
    with pytest.raises(ConnectionError) as error:
        load("mnist", root=tmp_path)
    sentence(error, "MNIST n'a pas pu être téléchargé", "vérifiez le réseau", "COURS_DONNEES", "« fashion-mnist »")
    assert list(tmp_path.iterdir()) == []
    del error
    gc.collect()  # la réponse non fermée disparaît ici, sous le filtre, et non dans un autre test


def test_silent_server(
    server: dict[str, Any], remote: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.1)

    given_up = threading.Event()

    def silent(file: str) -> tuple[int, bytes]:
        given_up.wait(60)
        return 500, b""

    server["answer"] = silent
    with pytest.raises(ConnectionError) as error:
        load("mnist", root=tmp_path)
    given_up.set()
    sentence(error, "MNIST n'a pas pu être téléchargé", "vérifiez le réseau")
    assert socket.getdefaulttimeout() is None and list(tmp_path.iterdir()) == []


def test_no_network(remote: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import datasets

    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://serveur.invalid/"])
    with pytest.raises(ConnectionError) as error:
        load("mnist", root=tmp_path)
    sentence(error, "MNIST n'a pas pu être téléchargé", "« fashion-mnist »")


@pytest.mark.parametrize(
    ("code", "cause"),
    [(errno.ENOSPC, "disque plein"), (errno.EACCES, "droits insuffisants"), (errno.EROFS, "disque en lecture seule")],
)
def test_download_that_cannot_be_written(
    code: int, cause: str, remote: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**kwargs: object) -> None:
        raise OSError(code, "refused")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with pytest.raises(OSError) as error:
        load("mnist", root=tmp_path)
    sentence(error, f"« {tmp_path} »", cause, "COURS_DONNEES", "72 Mo libres")


def test_a_folder_left_by_another_download_is_named(
    remote: dict[str, bytes], server: dict[str, Any], tmp_path: Path
) -> None:
    server["answer"] = lambda file: (200, remote[file])
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    with pytest.raises(OSError) as error:
        load("mnist", root=tmp_path)
    sentence(error, f"« {tmp_path / 'MNIST'} » existe déjà", "supprimez-le")
    assert list(tmp_path.iterdir()) == [tmp_path / "MNIST"]


def test_a_place_that_does_not_exist_is_not_chosen_for_a_download(
    remote: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    monkeypatch.setattr(download, "_fetch", lambda known, target: (target / "x").write_bytes(b""))
    assert download.download(known.KNOWN["mnist"], [tmp_path / "absent", tmp_path]) == tmp_path


def test_interrupted_download_leaves_nothing(
    remote: dict[str, bytes], server: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import mnist

    fetch = mnist.download_and_extract_archive

    def interrupted(url: str, **kwargs: Any) -> None:
        if "labels" in url:
            raise KeyboardInterrupt
        fetch(url, **kwargs)

    server["answer"] = lambda file: (200, remote[file])
    monkeypatch.setattr(mnist, "download_and_extract_archive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load("mnist", root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_kernel_finished_first(remote: dict[str, bytes], server: dict[str, Any], tiny: Path) -> None:
    server["answer"] = lambda file: (200, remote[file])
    download.download(known.KNOWN["mnist"], [tiny.parent.parent])  # le jeu y est déjà
    assert sorted(path.suffix for path in tiny.iterdir()) == [".gz"] * 4  # l'autre jeu n'a pas été touché
    assert [path.name for path in tiny.parent.parent.iterdir()] == ["MNIST"]
