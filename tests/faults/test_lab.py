"""JupyterLab tel que « make lab » le démarre : cette machine seulement, avec un jeton, même sans dossier personnel."""

import importlib.util
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from tests.browser.jupyter import free_port, lab
from tests.course import ROOT
from tests.processes import command_line


class Server:
    """Un vrai serveur, et un noyau qu'il a démarré."""

    def __init__(self, address: str, home: Path) -> None:
        parts = urlsplit(address)
        self.port, self.token, self.home = int(parts.port or 0), parse_qs(parts.query)["token"][0], home

    def ask(self, path: str, *, method: str = "GET", token: str | None = None, **headers: str) -> HTTPResponse:
        """La réponse, sans suivre les redirections."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, headers=sent | ({"Authorization": f"token {token}"} if token else {}))
            response = connection.getresponse()
            response.body = response.read()  # type: ignore[attr-defined]
            return response
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("jupyter")
    with lab(home) as address:
        started = Server(address, home)
        assert started.ask("/api/kernels", method="POST", token=started.token).status == 201
        yield started


def family(port: int) -> list[psutil.Process]:
    """Le serveur qui écoute sur ce port, et ses noyaux."""
    for process in psutil.Process().children(recursive=True):
        if f"--ServerApp.port={port}" in command_line(process):
            return [process, *process.children(recursive=True)]
    raise AssertionError(f"aucun serveur sur le port {port}")


def listening(port: int) -> list[tuple[str, int]]:
    """Les adresses où écoutent le serveur et ses noyaux."""
    places = []
    for process in family(port):
        with suppress(psutil.NoSuchProcess):  # un processus du démarrage peut finir pendant qu'on le regarde
            links = process.net_connections(kind="inet")
            places += [(link.laddr.ip, link.laddr.port) for link in links if link.status == psutil.CONN_LISTEN]
    return places


def test_only_this_machine_can_connect(server: Server) -> None:
    end = time.monotonic() + 60
    while len(listening(server.port)) < 6:  # les cinq prises du noyau, qui démarre encore
        assert time.monotonic() < end
        time.sleep(0.1)
    places = listening(server.port)
    assert ("127.0.0.1", server.port) in places
    assert {host for host, _ in places} == {"127.0.0.1"}


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 n'existe d'office que sous Linux")
def test_another_address_of_this_machine_is_refused(server: Server) -> None:
    """Un serveur ouvert à tous répondrait aussi à 127.0.0.2."""
    socket.create_connection(("127.0.0.1", server.port), timeout=10).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=10)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/contents"),
        ("GET", "/api/contents/README.md"),
        ("GET", "/api/kernels"),
        ("POST", "/api/kernels"),
        ("POST", "/api/sessions"),
        ("POST", "/api/terminals"),
        ("POST", "/api/shutdown"),
        ("PUT", "/api/contents/piège.txt"),
        ("DELETE", "/api/contents/README.md"),
        ("GET", "/files/README.md"),
        ("GET", "/lab"),
        ("GET", "/terminals/websocket/1"),
    ],
)
def test_without_the_token_nothing_is_given(method: str, path: str, server: Server) -> None:
    path = path.replace("è", "%C3%A8")
    for token in (None, "faux", server.token[:-1]):
        response = server.ask(path, method=method, token=token)
        sent_away = response.status == 302 and (response.headers["Location"] or "").startswith("/login")
        assert response.status in (403, 404) or sent_away, (response.status, path)
        assert b"Distillation" not in response.body  # type: ignore[attr-defined]
    assert (ROOT / "README.md").exists() and not (ROOT / "piège.txt").exists()


def test_with_the_token_the_course_is_there(server: Server) -> None:
    listed = json.loads(server.ask("/api/contents", token=server.token).body)  # type: ignore[attr-defined]
    assert {"notebooks", "README.md"} <= {item["name"] for item in listed["content"]}


def test_kernel_refuses_a_stranger(server: Server) -> None:
    (kernel,) = json.loads(server.ask("/api/kernels", token=server.token).body)  # type: ignore[attr-defined]
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    upgrade["Sec_WebSocket_Key"] = "A" * 22 + "=="
    assert server.ask(f"/api/kernels/{kernel['id']}/channels", **upgrade).status == 403


def test_a_page_of_the_web_cannot_pass_for_this_machine(server: Server) -> None:
    """Un nom de domaine qu'un attaquant ferait pointer vers 127.0.0.1."""
    assert server.ask("/api/contents", token=server.token, Host="exemple.invalid").status == 403


def test_files_outside_the_course_are_out_of_reach(server: Server) -> None:
    for path in (
        "/files/../../../../../etc/hosts",
        "/files/%2e%2e/%2e%2e/%2e%2e/etc/hosts",
        "/api/contents/..%2f..%2f",
    ):
        assert server.ask(path, token=server.token).status in (400, 403, 404)


def test_token_is_in_no_command_line_and_its_file_is_private(server: Server) -> None:
    """Sur une machine partagée, chacun voit les commandes des autres."""
    assert len(server.token) >= 32
    for process in family(server.port):
        assert server.token not in command_line(process)
    kept = [path for path in server.home.rglob("*.json") if server.token in path.read_text(encoding="utf-8")]
    assert kept
    for path in [*kept, *server.home.rglob("kernel-*.json")]:
        assert sys.platform == "win32" or stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


# --- un dossier personnel qui n'accepte rien ---------------------------------------------------------------------


@contextmanager
def opened(settings: Mapping[str, str], *options: str) -> Iterator[tuple[str, str]]:
    """Une séance ouverte par lab/start.py, arrêtée à la fin : l'adresse affichée, et tout ce qui l'a été avant."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON", "XDG_"))}
    command = [sys.executable, str(ROOT / "lab" / "start.py"), "--no-browser", f"--ServerApp.port={free_port()}"]
    session = subprocess.Popen(
        [*command, *options],
        env=env | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert session.stdout
    said, address = "", None
    for line in session.stdout:
        said += line
        if address := re.search(r"http://127\.0\.0\.1:\S+", line):
            break
    try:
        assert address, said
        yield address[0], said
    finally:
        session.send_signal(signal.SIGTERM)
        session.communicate(timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="le dossier personnel n'y est pas désigné par HOME")
def test_lab_opens_without_a_home(tmp_path: Path) -> None:
    with opened({"HOME": os.devnull + "/absent", "TMPDIR": str(tmp_path)}) as (address, said):
        assert "dossier personnel n'accepte pas de fichiers" in said
        reached = Server(address, tmp_path)
        assert reached.ask("/api/contents", token=reached.token).status == 200
    assert list(tmp_path.glob("seance-*")) == []  # rien n'en reste


def test_the_address_that_is_told_has_the_token_that_one_chose(tmp_path: Path) -> None:
    with opened({"HOME": str(tmp_path)}, "--IdentityProvider.token=choisi") as (address, _):
        reached = Server(address, tmp_path)
        assert reached.token == "choisi" and reached.ask("/api/contents", token="choisi").status == 200


@pytest.fixture
def start() -> ModuleType:
    spec = importlib.util.spec_from_file_location("start", ROOT / "lab" / "start.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(sys.platform == "win32", reason="un pseudo-terminal demande Unix")
def test_one_ctrl_c_in_the_terminal_stops_everything(tmp_path: Path) -> None:
    import pexpect

    options = [str(ROOT / "lab" / "start.py"), "--no-browser", f"--ServerApp.port={free_port()}"]
    home = os.environ | {"HOME": str(tmp_path)}
    session = pexpect.spawn(sys.executable, options, env=home, timeout=60, encoding="utf-8")  # un pseudo-terminal
    try:
        session.expect("Ctrl-C, ici, l'arrête")
        session.sendintr()
        session.expect(pexpect.EOF)
    finally:
        session.close(force=True)
    assert session.exitstatus == 0 and "?" not in session.before


def test_an_option_of_the_command_line_takes_the_place_of_ours(start: ModuleType) -> None:
    ours = ["--ServerApp.ip=127.0.0.1", "--ServerApp.open_browser=True", "--allow-root"]
    short = {"ip": "ServerApp.ip", "port": "ServerApp.port", "log-level": "Application.log_level"}
    assert start.without(ours, ["--ServerApp.open_browser=False", "--no-browser"], short) == [ours[0], ours[2]]
    assert start.without(ours, ["--ServerApp.port=8889"], short) == ours
    assert start.without(ours, ["--ip=0.0.0.0", "--port", "8889"], short) == ours[1:]
    levels = ["--ServerApp.log_level=ERROR", "--LabApp.log_level=ERROR"]
    assert start.without([*ours, *levels], ["--log-level=DEBUG"], short) == ours


def test_kernels_stay_quick_on_a_busy_machine(server: Server) -> None:
    """Chaque noyau reçoit les réglages de la séance, même si son notebook n'importe jamais course_utils."""
    kernels = [process for process in family(server.port) if "ipykernel_launcher" in command_line(process)]
    assert kernels
    for kernel in kernels:
        assert kernel.environ().items() >= {"JUPYTER_WIDGETS_ECHO": "0", "GOMP_SPINCOUNT": "2000"}.items()


def test_usual_home_is_used_as_it_is(start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in start.PRIVATE:
        monkeypatch.setenv(name, str(tmp_path / name))
    start.take_shelter()
    assert [os.environ[name] for name in start.PRIVATE] == [str(tmp_path / name) for name in start.PRIVATE]


def test_no_room_anywhere_is_one_sentence(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(SystemExit, match=r"^Ni votre dossier personnel ni .* : libérez de la place\.$"):
        start.take_shelter()
