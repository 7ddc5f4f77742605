"""Le démarrage de JupyterLab : quel navigateur, quels dossiers, quel jeton ; des fautes d'un caractère."""

import os
import shutil
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterlab.labapp import LabApp

from lab import browser, start
from lab.prompt import PromptConnection
from tests.typography import plain


def test_a_browser_is_opened_off_linux_or_when_one_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    for name in chosen:
        monkeypatch.delenv(name, raising=False)
    for platform, opened in (("darwin", True), ("win32", True), ("linux", False)):
        monkeypatch.setattr(sys, "platform", platform)
        assert start.can_open_browser() is opened
    for name in chosen:
        with monkeypatch.context() as patch:
            patch.setenv(name, "là")
            assert start.can_open_browser()


def test_the_browser_chosen_comes_first_then_the_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "absent" else f"/{name}")
    monkeypatch.delenv("COURS_CHROMIUM", raising=False)
    assert (browser.chromium("absent", "mien"), browser.chromium()) == ("/mien", "/chromium")
    monkeypatch.setenv("COURS_CHROMIUM", "choisi")
    assert browser.chromium("mien") == "choisi"


@pytest.mark.parametrize("root", [True, False])
def test_only_root_leaves_the_sandbox_and_may_open_the_lab(root: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000, raising=False)
    assert ("--no-sandbox" in browser.flags()) is root is ("--allow-root" in start.options("jeton"))
    assert {f"--ServerApp.root_dir={start.LAB.parent}", f"--LabApp.default_url=/{start.FIRST}"} <= {
        *start.options("jeton")
    }


class Full(AbstractContextManager["Full"]):
    """Un fichier qui s'ouvre sur un disque plein."""

    def __exit__(self, *_: object) -> None: ...

    def write(self, content: bytes) -> None:
        raise OSError(28, "No space left on device")


def test_a_folder_is_private_and_a_full_disk_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "réglages"
    assert start.accepts_files(str(folder))
    assert sys.platform == "win32" or folder.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: Full())
    assert not start.accepts_files(str(folder))


@pytest.mark.parametrize("refused", ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"])
def test_one_folder_that_accepts_nothing_is_enough_to_move_all(
    refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / refused).touch()
    for name in start.PRIVATE:
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(tmp_path / "abri"))
    monkeypatch.setattr(start.atexit, "register", lambda *_, **__: None)
    start.take_shelter()
    assert all(Path(os.environ[name]).parent == tmp_path / "abri" for name in start.PRIVATE)


@pytest.mark.parametrize("token", ["choisi", ""])
def test_the_lab_hands_down_its_folders_before_those_of_the_reader(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {}
    loop = SimpleNamespace(add_callback=lambda function, address: function(address))
    server = SimpleNamespace(
        identity_provider=SimpleNamespace(token=token), connection_url="http://ici/", io_loop=loop, start=lambda: None
    )
    monkeypatch.setattr(
        LabApp, "initialize_server", lambda options, **chosen: given.update(chosen, options=options) or server
    )
    monkeypatch.setattr(sys, "argv", ["start.py", "--ip=127.0.0.2"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(start, "take_shelter", lambda: None)
    for name, value in (("JUPYTER_CONFIG_PATH", "a"), ("PYTHONPATH", "b"), ("JUPYTER_WIDGETS_ECHO", "1")):
        monkeypatch.setenv(name, value)
    start.main()
    assert os.environ["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(start.LAB), "a"]
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(start.LAB.parent), "b"]
    assert os.environ["JUPYTER_WIDGETS_ECHO"] == "1" and sys.path[0] == str(start.LAB.parent)
    assert issubclass(given["kernel_websocket_connection_class"], PromptConnection)
    asked = dict(option.partition("=")[::2] for option in given["options"])
    assert asked["--ip"] == "127.0.0.2" and "--ServerApp.ip" not in asked
    assert len(asked["--IdentityProvider.token"]) == 48
    address = f"http://ici/{start.FIRST}" + (f"?token={token}" if token else "")
    assert f"adresse {address}\n" in plain(capsys.readouterr().out)
