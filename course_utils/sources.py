"""Trouver, vérifier et lire les jeux d'images connus. Tout le monde passe par `course_utils.data.load`."""

import difflib
import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_utils.download import download
from course_utils.files import reason, shown
from course_utils.known import IDX_SHA256, IDX_SIZES, KNOWN, LAB_FOLDER, PROJECT_DATA

# torchvision n'est importée que là où elle sert : importer course_utils.data ne coûte rien de plus que torch.


class Source(NamedTuple):
    """Un jeu entier : l'apprentissage officiel, puis le test officiel."""

    pixels: Tensor  # (N, C, H, W) uint8
    labels: Tensor  # (N,) int64
    train_count: int  # les lignes de 0 à train_count - 1 sont l'apprentissage
    classes: tuple[str, ...]
    mean: tuple[float, ...]  # par canal, sur l'échelle 0 à 1, calculés sur l'apprentissage
    std: tuple[float, ...]


def read(name: str, root: str | os.PathLike[str] | None = None) -> Source:
    """Lit le jeu `name` entier ; une seconde lecture est immédiate et partage les mêmes pixels.

    Lève ValueError (nom inconnu, fichier abîmé) ou OSError (fichier absent, disque, réseau).
    """
    if name not in KNOWN:
        names = [*KNOWN, "dossier:CHEMIN"]
        close = difflib.get_close_matches(str(name).lower(), names, n=1)
        hint = f" (vouliez-vous écrire « {close[0]} » ?)" if close else ""
        raise ValueError(f"Le jeu {name!r} n'existe pas{hint} : choisissez parmi {', '.join(names)}.")
    places = _places(name, root)
    folder = _locate(name, places)
    if folder is None and name == "fashion-mnist":
        folder = PROJECT_DATA / "FashionMNIST" / "raw"
        raise FileNotFoundError(f"Le jeu fourni manque dans {shown(folder)} : {_remedy(name, folder)}.")
    folder = folder or _downloaded(name, places)
    return _read_idx(name, folder) if name in IDX_SHA256 else _read_cifar(name, folder)


def _downloaded(name: str, places: list[Path]) -> Path:
    target = download(KNOWN[name], places)
    if (folder := _locate(name, [target])) is None:  # ce dossier existait : le jeu nouveau n'a pas pu y prendre place
        left = shown(target / KNOWN[name].folder)
        raise OSError(f"{left} existe déjà et il y manque des fichiers : supprimez-le, puis relancez.")
    return folder


def at_hand(name: str) -> bool:
    """Vrai si `read(name)` n'aurait rien à télécharger. Lève FileNotFoundError si COURS_DONNEES est faux."""
    return _locate(name, _places(name, None)) is not None


def _places(name: str, root: str | os.PathLike[str] | None) -> list[Path]:
    """Les dossiers où chercher, le plus explicite d'abord."""
    asked = {"root": root}
    if name != "fashion-mnist":  # ce jeu-là est fourni : rien d'extérieur au cours ne doit pouvoir le gêner
        asked["COURS_DONNEES"] = os.environ.get("COURS_DONNEES") or None
    given = {variable: Path(os.path.expanduser(value)) for variable, value in asked.items() if value is not None}
    for variable, folder in given.items():
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f"{variable} = {shown(folder)} n'est pas un dossier : corrigez ce chemin, ou ne le donnez pas."
            )
    lab = [LAB_FOLDER] if name == "cifar10" else []
    return [*(folder.resolve() for folder in given.values()), *lab, PROJECT_DATA]


def _locate(name: str, places: list[Path]) -> Path | None:
    """Le premier dossier qui contient le jeu, même abîmé : mieux vaut le dire que chercher ailleurs."""
    return next((spot for place in places for spot in _spots(name, place)), None)


def _spots(name: str, place: Path) -> list[Path]:
    folder = KNOWN[name].folder
    if name in IDX_SHA256:
        files = [file + end for file in IDX_SIZES for end in (".gz", "")]
        spots = [place / folder / "raw", place / folder, place / "raw", place]
        return [spot for spot in spots if any(os.path.lexists(spot / file) for file in files)]
    return [spot for spot in (place / folder, place) if spot.name == folder and os.path.isdir(spot)]


def _remedy(name: str, folder: Path) -> str:
    if folder == PROJECT_DATA / "FashionMNIST" / "raw":
        return "rétablissez-le par « git checkout -- :/data/FashionMNIST » ou depuis une autre copie du cours"
    title = KNOWN[name].title
    return f"mettez-y une bonne copie, ou retirez {shown(folder)} pour que {title} soit cherché ailleurs"


@lru_cache(maxsize=4)
def _read_idx(name: str, folder: Path) -> Source:
    """Lit les quatre fichiers IDX de `folder`, compressés ou non. Rien n'est écrit à côté d'eux."""
    known = KNOWN[name]
    with ThreadPoolExecutor(4) as pool:  # zlib et hashlib libèrent le verrou de Python
        contents = list(pool.map(lambda file: _verified(name, folder, file), IDX_SIZES))

    train, train_labels, test, test_labels = map(_array, contents)
    pixels = np.concatenate([train, test])[:, None]
    labels = np.concatenate([train_labels, test_labels]).astype(np.int64)
    return Source(torch.from_numpy(pixels), torch.from_numpy(labels), len(train), known.classes, known.mean, known.std)


def _array(content: bytes) -> np.ndarray:
    """Le tableau d'octets d'un fichier IDX vérifié : le nombre de dimensions, leurs tailles, puis les valeurs.

    Importer torchvision pour cela ferait attendre chaque notebook trois secondes.
    """
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _verified(name: str, folder: Path, file: str) -> bytes:
    """Le contenu décompressé du fichier IDX `file`, si sa taille et son empreinte sont les bonnes."""
    path = next((p for p in (folder / f"{file}.gz", folder / file) if os.path.lexists(p)), None)
    if path is None:
        raise FileNotFoundError(f"Le fichier {shown(folder / file)} manque : {_remedy(name, folder)}.")
    size = IDX_SIZES[file]
    content = b""
    try:
        if not path.is_file():
            fault = "n'est pas un fichier (lien brisé ou dossier)"
        elif path.stat().st_size > size + 1024:  # plus que l'original : on ne le lit même pas
            fault = f"est trop gros pour être le bon ({path.stat().st_size} octets)"
        else:
            content = path.read_bytes()
            fault = f"est abîmé ou incomplet ({len(content)} octets)" if content else "est vide"
    except OSError as error:
        cause = reason(error)
        raise OSError(f"Le fichier {shown(path)} ne se lit pas ({cause}) : {_remedy(name, folder)}.") from None
    data = _inflated(content, size + 1) if content.startswith(b"\x1f\x8b") else content
    if len(data) == size and hashlib.sha256(data).hexdigest() == IDX_SHA256[name][file]:
        return data
    if content.lstrip().startswith(b"<"):
        fault = "est une page web, pas des images"
    raise ValueError(f"Le fichier {shown(path)} {fault} : {_remedy(name, folder)}.")


def _inflated(content: bytes, limit: int) -> bytes:
    """Décompresse au plus `limit` octets : une « bombe » ne remplit ni la mémoire ni le disque."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, limit)
    except zlib.error:
        return b""


@lru_cache(maxsize=4)
def _read_cifar(name: str, folder: Path) -> Source:
    """Lit CIFAR par torchvision, qui vérifie la somme de chaque fichier avant de l'ouvrir."""
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    known = KNOWN[name]
    reader = getattr(datasets, known.reader)
    try:
        train, test = (reader(folder.parent, train=part) for part in (True, False))
    except OSError as error:
        cause = reason(error)
        raise OSError(
            f"{known.title} ne se lit pas dans {shown(folder)} ({cause}) : {_remedy(name, folder)}."
        ) from None
    except RuntimeError:
        sums = [*reader.train_list, *reader.test_list, (reader.meta["filename"], reader.meta["md5"])]
        bad = next((folder / file for file, md5 in sums if not check_integrity(folder / file, md5)), folder)
        fault = "est abîmé ou incomplet" if bad.exists() else "manque"
        raise ValueError(f"Le fichier {shown(bad)} {fault} : {_remedy(name, folder)}.") from None
    # torchvision rend des images (N, H, W, C) ; le fichier, lui, les range en (N, C, H, W).
    pixels = torch.cat([torch.from_numpy(part.data.transpose(0, 3, 1, 2)) for part in (train, test)])
    labels = torch.tensor([*train.targets, *test.targets], dtype=torch.int64)
    return Source(pixels, labels, len(train.targets), known.classes, known.mean, known.std)
