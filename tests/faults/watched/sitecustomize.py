"""Chargé par Python à son démarrage si ce dossier est dans PYTHONPATH : un poste verrouillé, qui note ce qu'on y tente.

WATCHED_LOG : le fichier où chaque tentative est notée, « nature<tabulation>objet ».
WATCHED_FROZEN : le dossier où toute écriture est refusée, comme sur un disque en lecture seule.
Tout accès au réseau hors de cette machine est noté, et refusé comme si le câble était débranché.
"""

import errno
import os
import sys
from typing import Any

LOG = os.open(os.environ["WATCHED_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
FROZEN = os.environ["WATCHED_FROZEN"]
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "sqlite3.connect"}
LOCAL = ("127.0.0.1", "::1", "localhost", "", None)


def watch(event: str, args: tuple[Any, ...]) -> None:
    """Ce que Python appelle avant chaque action sensible ; lever une erreur l'empêche."""
    if (event == "open" and args[2] & WRITES) or event in CHANGES:
        for path in args[: 2 if event in ("os.rename", "os.link") else 1]:
            if not isinstance(path, int) and path != ":memory:":
                write(os.path.abspath(os.fsdecode(path)))
    elif event == "socket.connect" and isinstance(args[1], tuple):
        call(args[1][0])
    elif event == "socket.getaddrinfo":
        call(args[0])


def write(path: str) -> None:
    """Une écriture : notée, et refusée dans le dossier en lecture seule."""
    note("écrit", path)
    if path.startswith(FROZEN + os.sep):
        raise OSError(errno.EROFS, "Read-only file system", path)


def call(host: Any) -> None:
    """Un appel sur le réseau : hors de cette machine, il est noté et refusé."""
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOCAL:
        note("appelle", str(host))
        raise OSError(errno.ENETUNREACH, "Network is unreachable")


def note(kind: str, what: str) -> None:
    """Une ligne du journal."""
    os.write(LOG, f"{kind}\t{what}\n".encode())


sys.addaudithook(watch)
