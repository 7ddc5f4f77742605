"""Télécharger un jeu d'images par torchvision, sans jamais en laisser un à moitié écrit."""

import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from course_utils.files import FORBIDDEN, FULL, reason, shown
from course_utils.known import Known

PATIENCE = 30  # secondes sans réponse du réseau avant de renoncer
DRAFT = ".telechargement-"
ROOM = 6  # l'archive, gardée, et ce qu'elle contient : jusqu'à cinq fois plus pour MNIST
DAY = 24 * 3600  # secondes : aucun téléchargement ne dure autant


def download(known: Known, places: list[Path]) -> Path:
    """Range le jeu `known` dans le premier dossier de `places` où l'on peut écrire, et rend ce dossier.

    Lève OSError si le disque refuse, ConnectionError si le réseau ou le serveur ne répond pas comme il faut.
    """
    there = [place for place in places if place.is_dir()] or places
    target = next((place for place in there if os.access(place, os.W_OK)), there[0])
    print(
        f"{known.title} n'est pas sur cette machine : "
        f"téléchargement de {known.megabytes} Mo vers {shown(target)}, une fois pour toutes."
    )
    usual_patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)  # torchvision attendrait sans fin un serveur muet
    try:
        _fetch(known, target)
    except (OSError, HTTPException, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno in FORBIDDEN + FULL:
            raise OSError(
                f"{known.title} ne peut pas être écrit dans {shown(target)} ({reason(error)}) : donnez par "
                f"COURS_DONNEES un dossier où vous pouvez écrire, avec {ROOM * known.megabytes} Mo libres."
            ) from None
        raise ConnectionError(
            f"{known.title} n'a pas pu être téléchargé ({_summary(error)}) : vérifiez le réseau, ou donnez par "
            "COURS_DONNEES un dossier qui le contient, ou travaillez sur le jeu fourni, « fashion-mnist »."
        ) from None
    finally:
        socket.setdefaulttimeout(usual_patience)
    return target


def _fetch(known: Known, target: Path) -> None:
    _sweep(target)
    # Avant l'import, plus lent : un dossier où l'on ne peut pas écrire se dit tout de suite.
    beside = tempfile.TemporaryDirectory(prefix=DRAFT, dir=target, ignore_cleanup_errors=True)
    with beside as folder:
        from torchvision import datasets

        getattr(datasets, known.reader)(folder, download=True)
        _move(Path(folder, known.folder), target / known.folder)


def _sweep(target: Path) -> None:
    """Efface ce qu'un noyau tué en plein téléchargement a laissé, il y a plus d'un jour."""
    for left in target.glob(f"{DRAFT}*"):
        with suppress(OSError):  # un autre noyau l'efface aussi
            if time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left)


def _move(new: Path, final: Path) -> None:
    try:
        new.rename(final)
    except OSError:
        if not final.is_dir():  # sinon, un autre noyau a fini avant nous : son jeu vaut le nôtre
            raise


def _summary(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1][:120]
