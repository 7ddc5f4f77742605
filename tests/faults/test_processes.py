"""De vrais processus : des noyaux qui chargent un jeu en même temps, un noyau tué quand il écrit ou télécharge."""

import errno
import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_utils import download, known
from tests.course import ROOT
from tests.faults.said import refused
from tests.processes import Launch


def idx_bytes(array: np.ndarray) -> bytes:
    header = np.array([0x800 + array.ndim, *array.shape], dtype=">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def tiny_files() -> dict[str, bytes]:
    """Un MNIST de 420 images de 4 × 5 pixels."""
    rng, files = np.random.default_rng(0), {}
    for part, count in (("train", 400), ("t10k", 20)):
        files[f"{part}-images-idx3-ubyte"] = idx_bytes(rng.integers(0, 256, (count, 4, 5)))
        files[f"{part}-labels-idx1-ubyte"] = idx_bytes(np.arange(count) % 10)
    return files


# Trois noyaux chargent MNIST, qu'un serveur de cette machine donne à la place du vrai. Ils naissent d'un même
# processus : importer torch trois fois ne ferait qu'attendre.
KERNELS = """
import json, os, sys
from torchvision import datasets
from course_utils import sources
from course_utils.data import load
facts = json.loads(sys.argv[1])
datasets.MNIST.mirrors, datasets.MNIST.resources = [facts["url"]], [tuple(pair) for pair in facts["md5"]]
sources.IDX_SIZES, sources.IDX_SHA256 = facts["sizes"], {"mnist": facts["sha256"]}
def say(sentence):
    os.write(1, f"\\n{sentence}\\n".encode())
for _ in range(3):
    child = os.fork()
    if child == 0:
        data = load("mnist", root=facts["root"])
        say(f"lu {len(data.train)} {len(data.test)} {int(data.train.x.sum())}")
        os._exit(0)
    say(f"né {child}")
for _ in range(3):
    os.wait()
"""


class Mirror:
    """Le serveur ; `facts` est ce qu'un noyau doit en savoir, `hold` retient les réponses, `asked` les dénombre."""

    def __init__(self, url: str, root: Path) -> None:
        files = tiny_files()
        self.packed = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
        self.hold = threading.Event()
        self.asked: list[str] = []
        self.facts: dict[str, Any] = {
            "url": url,
            "root": str(root),
            "md5": [(f, hashlib.md5(c, usedforsecurity=False).hexdigest()) for f, c in self.packed.items()],
            "sizes": {name: len(content) for name, content in files.items()},
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        }

    def answer(self, file: str) -> bytes:
        self.asked.append(file)
        if file.startswith("t10k"):
            self.hold.wait(120)
        return self.packed[file]


@contextmanager
def mirror(root: Path) -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = state.answer(self.path.rsplit("/")[-1])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, *args: object) -> None:
            pass  # le noyau a été tué : c'est l'objet du test

    with Server(("127.0.0.1", 0), Handler) as http:
        state = Mirror(f"http://127.0.0.1:{http.server_port}/", root)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            state.hold.set()
            http.shutdown()
            thread.join()


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ce système ne sait pas dédoubler un processus")
def test_three_kernels_download_at_once_and_one_is_killed(tmp_path: Path, launch: Launch) -> None:
    with mirror(tmp_path) as state:
        process = launch(
            [sys.executable, "-c", KERNELS, json.dumps(state.facts)],
            cwd=ROOT,
            env=os.environ | {"no_proxy": "*", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        until(lambda: sum(file.startswith("t10k") for file in state.asked) >= 3)  # tous trois à mi-chemin
        drafts = list(tmp_path.iterdir())
        assert len(drafts) == 3
        assert process.stdout
        born = next(line for line in process.stdout if line.startswith("né"))
        os.kill(int(born.split()[1]), signal.SIGKILL)
        state.hold.set()
        said = [line for line in process.communicate()[0].splitlines() if line.startswith("lu")]

    files = tiny_files()
    pixels = np.frombuffer(files["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(400, 20)
    assert said == [said[0]] * 2 and said[0].startswith("lu 360 20 ")
    assert 0 < int(said[0].split()[-1]) < pixels.sum(dtype=int)
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 2 and "MNIST" in names and names < {path.name for path in drafts} | {"MNIST"}


def test_draft_of_a_killed_download_is_swept_a_day_later(tmp_path: Path) -> None:
    old, new = tmp_path / ".telechargement-vieux", tmp_path / ".telechargement-neuf"
    for draft in (old, new):
        (draft / "MNIST" / "raw").mkdir(parents=True)
    os.utime(old, (time.time() - 1.1 * download.DAY,) * 2)
    download._sweep(tmp_path)
    assert os.listdir(tmp_path) == [new.name]  # peut-être un téléchargement en cours : on n'y touche pas


def test_disk_full_in_the_middle_of_a_download_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import MNIST, utils

    class Full(io.BytesIO):
        def write(self, content: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with mirror(tmp_path) as state:
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(MNIST, "mirrors", [state.facts["url"]])
        monkeypatch.setattr(utils, "open", lambda *args: Full(), raising=False)
        refused(lambda: download.download(known.KNOWN["mnist"], [tmp_path]), "MNIST", "disque plein", "72 Mo libres")
    assert state.asked and os.listdir(tmp_path) == []


WRITER = """
import sys
from itertools import cycle
from pathlib import Path
from course_utils.files import write_whole
print("prêt", flush=True)
for letter in cycle("ab"):
    write_whole(Path(sys.argv[1]), letter.encode() * 3_000_000)
"""


def writer(launch: Launch, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path)]
    process = launch(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == "prêt\n"
    until(path.exists)
    return process


def is_whole(path: Path) -> bool:
    content = path.read_bytes()
    return content in (b"a" * 3_000_000, b"b" * 3_000_000)


def test_killed_writer_leaves_a_whole_file(tmp_path: Path, launch: Launch) -> None:
    path = tmp_path / "points.csv"
    for pause in (0.0, 0.013, 0.029):
        process = writer(launch, path)
        time.sleep(pause)
        process.kill()
        process.communicate()
        assert is_whole(path)
    assert {file.suffix for file in tmp_path.iterdir()} <= {".csv", ".partiel"}


def test_two_writers_at_once_leave_a_whole_file(tmp_path: Path, launch: Launch) -> None:
    path = tmp_path / "points.csv"
    both = [writer(launch, path) for _ in range(2)]
    for _ in range(50):
        assert is_whole(path)
    assert [process.poll() for process in both] == [None, None]
    for process in both:
        process.kill()
        process.communicate()
