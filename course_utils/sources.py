"""Trouver, vérifier et lire les fichiers des jeux d'images. Tout le monde passe par `course_utils.data.load`."""

from __future__ import annotations

import difflib
import errno
import gzip
import hashlib
import os
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

PROJECT_DATA = Path(__file__).resolve().parent.parent / "data"


class Source(NamedTuple):
    """Un jeu entier : train officiel puis test officiel."""

    pixels: Tensor  # (N, C, H, W) uint8
    labels: Tensor  # (N,) int64
    train_count: int  # les lignes 0 … train_count - 1 sont l'apprentissage officiel
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


# Taille et SHA-256 de chaque fichier IDX *décompressé* : l'empreinte est celle des images elles-mêmes, et une copie
# compressée par un autre outil reste bonne.
IDX_FILES = {
    "FashionMNIST": {
        "train-images-idx3-ubyte": (47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        "train-labels-idx1-ubyte": (60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        "t10k-images-idx3-ubyte": (7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        "t10k-labels-idx1-ubyte": (10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    },
}
CLASSES = {
    "fashion-mnist": ("T-shirt", "pantalon", "pull", "robe", "manteau", "sandale", "chemise", "basket", "sac", "bottine"),
}


def read(name: str, root: str | os.PathLike[str] | None = None) -> Source:
    """Lit le jeu `name` entier ; une seconde lecture est immédiate et partage les mêmes pixels."""
    if name != "fashion-mnist":
        close = difflib.get_close_matches(str(name), ["fashion-mnist"], n=1)
        raise ValueError(f"Jeu de données inconnu : {name!r}{close}.")
    return _read_idx("FashionMNIST", PROJECT_DATA / "FashionMNIST" / "raw")


@lru_cache(maxsize=8)
def _read_idx(kind: str, raw: Path) -> Source:
    from torchvision import datasets  # import tardif : `import course_utils.data` ne coûte rien de plus que torch

    with tempfile.TemporaryDirectory(prefix="cours-") as folder:
        target = Path(folder) / kind / "raw"
        target.mkdir(parents=True)
        with ThreadPoolExecutor(4) as pool:  # zlib et hashlib libèrent le verrou de Python
            list(pool.map(lambda item: _unpack(raw, target, item[0], *item[1]), IDX_FILES[kind].items()))
        train, test = (getattr(datasets, kind)(folder, train=part) for part in (True, False))
    pixels = torch.cat([train.data, test.data]).unsqueeze(1)
    labels = torch.cat([train.targets, test.targets])
    return Source(pixels, labels, len(train.data), CLASSES["fashion-mnist"], (0.2860,), (0.3530,))


def _unpack(raw: Path, target: Path, name: str, size: int, sha256: str) -> None:
    """Écrit dans `target` le fichier IDX `name` de `raw`, décompressé s'il le faut, une fois vérifié."""
    path = raw / f"{name}.gz"
    digest, written = hashlib.sha256(), 0
    try:
        with gzip.open(path, "rb") as source, open(target / name, "wb") as copy:
            while block := source.read(min(1 << 20, size + 1 - written)):
                written += len(block)
                digest.update(block)
                copy.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        written = -1
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(f"Disque plein en décompressant {path}.") from None
        raise
    if (written, digest.hexdigest()) != (size, sha256):
        raise ValueError(f"Le fichier {path} est abîmé.")
