"""Lire un dossier d'images rangées par classe : `load("dossier:CHEMIN")`."""

import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.files import reason, shown
from course_utils.pictures import EXTENSIONS, LARGEST_KEPT, SIDE, Picture, fitted, read_picture
from course_utils.sampling import stratified_order
from course_utils.sources import Source

TEST_SHARE, TEST_SEED = 0.2, 2015  # un dossier non découpé l'est toujours de la même façon
PROGRESS_FROM = 2000  # images : au-delà, la lecture dure assez pour qu'on en montre l'avancement


def read(path: str) -> Source:
    """Lit le dossier `path`, rangé en train/CLASSE et test/CLASSE, ou seulement en CLASSE.

    Sans découpage, le test prend 20 % de chaque classe, toujours les mêmes images. Des images de tailles
    différentes, ou de plus de 64 pixels de côté, sont ramenées à 32×32. Des images toutes grises donnent un canal,
    les autres trois. Lève ValueError ou OSError, avec le nom de la classe ou de l'image en cause.
    """
    folder = Path(os.path.expanduser(path))
    if not path.strip() or not os.path.isdir(folder):
        raise FileNotFoundError(
            f"{shown(path)} n'est pas un dossier : donnez « dossier:CHEMIN », où CHEMIN est un dossier d'images "
            "rangées par classe (une archive doit d'abord être décompressée)."
        )
    try:
        train, test = _listed(folder)
        files, train_count = (*_flat(train), *_flat(test)), len(_flat(train))
        # Dates et tailles font partie de la clé : une image remplacée est relue, sinon les pixels sont partagés.
        seen = tuple(map(_date_and_size, files))
    except OSError as error:
        cause = reason(error)
        raise OSError(
            f"{shown(error.filename or folder)} ne se lit pas ({cause}) : vérifiez les droits, ou recopiez ce dossier."
        ) from None
    labels = [k for groups in (train, test) for k, names in enumerate(groups.values()) for _ in names]
    pixels, mean, std = _decoded(files, train_count, seen)
    return Source(pixels, torch.tensor(labels), train_count, tuple(train), mean, std)


def statistics(pixels: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Moyenne et écart-type de chaque canal de (N, C, H, W) uint8, sur l'échelle 0 à 1, par histogramme."""
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in pixels.unbind(1):
        share = torch.bincount(channel.flatten(), minlength=256) / channel.numel()
        mean = (levels * share).sum()
        means.append(mean.item())
        deviations.append(((levels - mean).square() * share).sum().sqrt().item() or 1.0)  # un canal uni reste fini
    return tuple(means), tuple(deviations)


def _listed(folder: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Les images d'apprentissage, puis de test, de chaque classe."""
    # « Train » aussi : Windows et macOS ne distinguent pas les majuscules, et le dossier s'y lirait autrement
    parts = {d.name.lower(): d for d in folder.iterdir() if d.name.lower() in ("train", "test") and d.is_dir()}
    if len(parts) == 1:
        lacking = folder / ("test" if "train" in parts else "train")
        raise ValueError(f"Le dossier {shown(lacking)} manque : donnez « train » et « test », ou ni l'un ni l'autre.")
    if not parts:
        return _split(_by_class(folder, least=3))
    train, test = _by_class(parts["train"], least=2), _by_class(parts["test"], least=1)
    _check_same_classes(folder, set(train), set(test))
    return train, test


def _date_and_size(file: str) -> tuple[int, int]:
    """Date (en nanosecondes) et taille du fichier. Un tube est refusé : l'ouvrir ferait attendre pour toujours."""
    seen = os.lstat(file)
    if not stat.S_ISREG(seen.st_mode) and not stat.S_ISLNK(seen.st_mode):
        raise ValueError(f"{shown(file)} n'est pas un fichier ordinaire : retirez-le du dossier.")
    return seen.st_mtime_ns, seen.st_size


def _by_class(folder: Path, *, least: int) -> dict[str, list[str]]:
    """Les images de chaque sous-dossier de `folder`, dans l'ordre des noms ; `least` au moins par classe."""
    names = sorted(d.name for d in folder.iterdir() if d.is_dir() and not d.name.startswith((".", "__")))
    if len(names) < 2:
        seen = f"que le dossier {shown(names[0])}" if names else "aucun dossier"
        raise ValueError(
            f"{shown(folder)} ne contient {seen} : il faut au moins deux sous-dossiers d'images, un par classe."
        )
    groups = {name: sorted(_images(folder / name)) for name in names}
    for name, files in groups.items():
        if len(files) < least:
            raise ValueError(
                f"La classe {shown(folder / name)} a trop peu d'images ({len(files)}) : il en faut au moins "
                f"{least}, d'extension {', '.join(EXTENSIONS)}."
            )
    return groups


def _images(folder: Path) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]  # .ipynb_checkpoints garde des copies
        yield from (
            os.path.join(here, name) for name in files if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
        )


def _refuse(error: OSError) -> None:
    raise error  # sans cela, un sous-dossier illisible serait passé sous silence


def _check_same_classes(folder: Path, train: set[str], test: set[str]) -> None:
    for name in sorted(train ^ test):
        lacking = folder / ("test" if name in train else "train") / name
        raise ValueError(f"Le dossier {shown(lacking)} manque : « train » et « test » doivent avoir les mêmes classes.")


def _split(groups: dict[str, list[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    files = _flat(groups)
    labels = np.array([k for k, names in enumerate(groups.values()) for _ in names])
    order = stratified_order(labels, TEST_SEED)
    held_out = {files[i] for i in order[: max(len(groups), round(TEST_SHARE * len(files)))].tolist()}
    train = {name: [file for file in members if file not in held_out] for name, members in groups.items()}
    test = {name: [file for file in members if file in held_out] for name, members in groups.items()}
    return train, test


def _flat(groups: dict[str, list[str]]) -> list[str]:
    return [file for files in groups.values() for file in files]


@lru_cache(maxsize=2)
def _decoded(
    files: tuple[str, ...], train_count: int, seen: tuple[tuple[int, int], ...]
) -> tuple[Tensor, tuple[float, ...], tuple[float, ...]]:
    """Toutes les images, (N, C, H, W) uint8, puis la moyenne et l'écart-type des `train_count` premières."""
    pictures = _read_all(files)
    arrays = [picture.pixels for picture in pictures]
    sizes = sorted({picture.size for picture in pictures}, key=lambda size: (size[0] * size[1], size))
    if len(sizes) > 1 or max(sizes[0]) > LARGEST_KEPT:
        ends = dict.fromkeys(f"{width}×{height}" for width, height in (sizes[0], sizes[-1]))
        span = " à ".join(ends)
        print(f"Images de {span} pixels ramenées à {SIDE}×{SIDE} : petit côté ramené à {SIDE}, puis centre gardé.")
        arrays = [fitted(array) for array in arrays]
    packed = np.empty((len(arrays), 3, *arrays[0].shape[:2]), dtype=np.uint8)
    for row, array in enumerate(arrays):
        packed[row] = array.transpose(2, 0, 1)
    grey = all((packed[:, 0] == packed[:, channel]).all() for channel in (1, 2))
    pixels = torch.from_numpy(packed[:, :1].copy() if grey else packed)
    return pixels, *statistics(pixels[:train_count])


def _read_all(files: Sequence[str]) -> list[Picture]:
    chunks = [files[start : start + 64] for start in range(0, len(files), 64)]
    pictures: list[Picture] = []
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))  # Pillow libère le verrou de Python quand il décode
    bar = tqdm(total=len(files), desc="Lecture", unit=" images", leave=False, disable=len(files) < PROGRESS_FROM)
    try:
        with bar, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # les remarques de Pillow sur des métadonnées n'aident personne
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            for chunk in pool.map(lambda names: [read_picture(name) for name in names], chunks):
                pictures += chunk
                bar.update(len(chunk))
    finally:
        pool.shutdown(cancel_futures=True)  # une image illisible ou un Ctrl-C n'attend pas les milliers suivantes
    return pictures
