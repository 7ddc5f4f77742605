"""Parler en français des fichiers et des erreurs du disque."""

import errno
import os

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

_CAUSES = {
    errno.ENOSPC: "disque plein",
    errno.EDQUOT: "quota de disque atteint",
    errno.EACCES: "droits insuffisants",
    errno.EPERM: "droits insuffisants",
    errno.EROFS: "disque en lecture seule",
    errno.ENOENT: "dossier ou fichier absent",
    errno.EIO: "disque défaillant",
}


def shown(path: str | os.PathLike[str]) -> str:
    """Un chemin entre guillemets, sur une ligne et imprimable, même si le nom est étrange."""
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode()
    return f"« {' '.join(text.splitlines())} »"


def reason(error: OSError) -> str:
    """La cause d'une erreur du système, en quelques mots : « disque plein », « droits insuffisants »…"""
    return _CAUSES.get(error.errno or 0, f"erreur {error.errno} du système")
