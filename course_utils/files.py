"""Écrire un fichier en entier ou pas du tout, et parler en français des fichiers et des erreurs du disque."""

import errno
import os
from contextlib import suppress
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

_CAUSES = {
    errno.ENOSPC: "disque plein",
    errno.EDQUOT: "quota de disque atteint",
    errno.EACCES: "droits insuffisants",
    errno.EPERM: "droits insuffisants",
    errno.EROFS: "disque en lecture seule",
    errno.ENOENT: "dossier ou fichier absent",
    errno.ENOTDIR: "dossier ou fichier absent",
    errno.EISDIR: "c'est un dossier",
    errno.EEXIST: "un fichier porte déjà ce nom",
    errno.EINVAL: "nom refusé par le système",
    errno.ELOOP: "liens qui tournent en rond",
    errno.ENAMETOOLONG: "nom trop long",
    errno.EIO: "disque défaillant",
}


def shown(path: str | os.PathLike[str]) -> str:
    """Un chemin entre guillemets, sur une ligne et imprimable, même si le nom est étrange."""
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode()
    return f"« {' '.join(text.splitlines())} »"


def reason(error: OSError) -> str:
    """La cause d'une erreur du système, en quelques mots : « disque plein », « droits insuffisants »…"""
    if error.errno is None:
        return "cause inconnue"
    return _CAUSES.get(error.errno, f"erreur {error.errno} du système")


def write_whole(path: Path, content: bytes) -> None:
    """Écrit `content` à côté, puis renomme : personne ne voit jamais un fichier à moitié écrit.

    Crée le dossier s'il manque ; un lien symbolique reste un lien, et c'est son but qui est remplacé. Lève OSError,
    avec une phrase, si le dossier n'accepte pas l'écriture.
    """
    path = Path(os.path.realpath(path))
    draft = path.with_name(f"{path.name}.{os.getpid()}.partiel")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        with draft.open("rb+") as written:
            os.fsync(written.fileno())  # sans quoi une coupure de courant laisserait le nouveau nom sur un fichier vide
        draft.replace(path)
    except OSError as error:
        raise OSError(
            f"Impossible d'écrire {shown(path)} ({reason(error)}) : choisissez un dossier où vous pouvez écrire."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)  # une interruption en laisserait la moitié
