"""Un JupyterLab privé pour les tests : celui de « make lab », avec ses propres dossiers de réglages."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.course import ROOT

# Tout est dessiné, même hors de l'écran, et rien n'est enregistré : les notebooks du dépôt restent intacts.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}


@contextlib.contextmanager
def lab(home: Path) -> Iterator[str]:
    """Démarre le serveur et donne l'adresse que « make lab » affiche ; home reçoit tout ce qu'il écrit.

    Lève RuntimeError, avec son journal, s'il ne démarre pas.
    """
    settings = home / "settings"
    for name, values in SETTINGS.items():
        file = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    private = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    # ce que start.py doit régler lui-même, et que les tests, qui ont chargé course_utils, lui auraient soufflé
    inherited = {n: v for n, v in os.environ.items() if n not in ("JUPYTER_WIDGETS_ECHO", "GOMP_SPINCOUNT")}
    command = [
        sys.executable,
        str(ROOT / "lab" / "start.py"),
        "--no-browser",
        "--expose-app-in-browser",
        f"--ServerApp.port={free_port()}",
        "--ServerApp.port_retries=0",
        f"--LabApp.user_settings_dir={settings}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
    ]
    log = home / "journal.txt"
    with log.open("w", encoding="utf-8") as errors:
        server = subprocess.Popen(
            command,
            env=inherited | {name: str(home / folder) for name, folder in private.items()},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # pour arrêter aussi les noyaux
        )
        try:
            yield address(server, log)
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.communicate()


def address(server: subprocess.Popen[str], log: Path) -> str:
    """L'adresse affichée au démarrage."""
    assert server.stdout
    for line in server.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\S+", line):
            return found[0]
    raise RuntimeError(f"JupyterLab n'a pas démarré :\n{log.read_text(encoding='utf-8')}")


def free_port() -> int:
    """Un port libre de la machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
