"""Les données de la séance : des images et leurs étiquettes, tout entières en mémoire.

    >>> data = load("fashion-mnist", train_size=1800, seed=0)
    >>> data.train.batch(torch.arange(128)).x.shape
    torch.Size([128, 1, 28, 28])

Les pixels restent des octets (uint8) : Fashion-MNIST tient ainsi dans 55 Mo. Un lot n'est converti en nombres à
virgule et normalisé que sur l'appareil qui calcule, quand on le prend ; aucun processus auxiliaire n'est nécessaire.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np
import torch
from torch import Tensor

from course_utils import sources
from course_utils.french import plural
from course_utils.sampling import stratified_order

VALIDATION_SHARE = 0.1
VALIDATION_SEED = 2015  # constante, quelle que soit la graine de l'élève : aucun enseignant n'a jamais vu ces images
FOLDER_PREFIX = "dossier:"
PROFILES = ("express", "complet")


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """Une partie (apprentissage, validation ou test) d'un jeu d'images.

    Les trois parties d'un jeu partagent les mêmes `pixels` : on ne les modifie jamais.

    pixels : (N, C, H, W) uint8, la source entière, apprentissage puis test officiels.
    labels : (N,) int64, la classe de chaque image de la source.
    rows : (n,) int64, les lignes de `pixels` qui forment cette partie.
    classes : les noms français des classes.
    mean, std : moyenne et écart-type de chaque canal, sur l'échelle 0 à 1.
    """

    pixels: Tensor
    labels: Tensor
    rows: Tensor
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.pixels.shape[1:]))
        return f"Images({len(self)} image{plural(len(self))} {shape}, {len(self.classes)} classes)"

    @property
    def x(self) -> Tensor:
        """Les images de la partie, (n, C, H, W) uint8. C'est une copie : pour apprendre, préférer `batch`."""
        return self.pixels[self.rows]

    @property
    def y(self) -> Tensor:
        """La classe de chaque image de la partie, (n,) int64."""
        return self.labels[self.rows]

    def subset(self, positions: Tensor) -> Self:
        """Ne garde que les images aux `positions` : des entiers de 0 à n - 1, ou un masque de n booléens.

        Aucun pixel n'est copié. Lève ValueError si une position n'existe pas.
        """
        positions = _as_tensor(positions)
        if positions.dtype == torch.bool:
            if positions.shape != self.rows.shape:
                shape = tuple(positions.shape)
                raise ValueError(f"Le masque a la forme {shape} : donnez un booléen par image, soit ({len(self)},).")
            positions = positions.nonzero()[:, 0]
        return replace(self, rows=_pick(self.rows, positions))

    def only(self, *class_indices: int) -> Self:
        """Ne garde que les images de ces classes (0 à K - 1). Les étiquettes ne sont pas renumérotées."""
        return self.subset(self._belongs_to(class_indices))

    def without(self, *class_indices: int) -> Self:
        """Retire les images de ces classes (0 à K - 1). Les étiquettes ne sont pas renumérotées."""
        return self.subset(~self._belongs_to(class_indices))

    def batch(self, positions: Tensor, device: torch.device | str | None = None) -> "Batch":
        """Les images aux `positions` (entiers de 0 à n - 1), normalisées en float32 sur `device`.

        Le transfert vers l'appareil se fait en octets, quatre fois plus légers que des float32.
        """
        index = _pick(self.rows, _as_tensor(positions))
        # NumPy copie ces quelques octets sur un seul fil : sur une machine partagée, réveiller ceux de torch pour si
        # peu coûte dix fois la copie.
        pixels = torch.from_numpy(self.pixels.numpy()[index.numpy()]).to(device)
        mean, scale = _normalisation(self.mean, self.std, pixels.device)
        x = torch.sub(pixels, mean).mul_(scale)
        return Batch(x, self.labels.index_select(0, index).to(device), index.to(device), self)

    def _belongs_to(self, class_indices: Iterable[int]) -> Tensor:
        wanted, last = list(class_indices), len(self.classes) - 1
        for k in wanted:
            if not hasattr(k, "__index__") or not 0 <= k <= last:
                raise ValueError(f"La classe {k!r} n'existe pas : donnez des numéros, de 0 à {last}, sans liste.")
        return torch.isin(self.y, torch.tensor(wanted, dtype=torch.int64))


@dataclass
class Batch:
    """Un lot prêt pour le réseau.

    x : (n, C, H, W) float32, normalisé.
    y : (n,) int64, la classe.
    index : (n,) int64, la ligne de chaque image dans `images.pixels` : le nom stable d'un exemple, quel que
        soit l'ordre des lots. C'est à ce nom que l'on range les logits de l'enseignant.
    images : la partie d'où vient le lot.
    augmented : vrai si `x` a été retourné ou décalé, donc n'est plus l'image de la ligne `index`.
    """

    x: Tensor
    y: Tensor
    index: Tensor
    images: Images
    augmented: bool = False


@dataclass(frozen=True, eq=False)
class Dataset:
    """Un jeu coupé en trois : on apprend sur `train`, on choisit sur `validation`, on conclut sur `test`."""

    name: str
    train: Images
    validation: Images
    test: Images

    @property
    def classes(self) -> tuple[str, ...]:
        """Les noms français des classes."""
        return self.train.classes


def checked_images(images: Images, name: str = "images") -> Images:
    """Les images ; TypeError si c'est autre chose (un jeu entier, un réseau), ValueError s'il n'y en a aucune."""
    if not isinstance(images, Images):
        raise TypeError(
            f"`{name}` est un objet {type(images).__name__} : donnez une partie d'un jeu, par exemple data.train."
        )
    if not len(images):
        raise ValueError(f"`{name}` ne contient aucune image (0) : donnez un jeu d'images non vide.")
    return images


def load(
    name: str = "fashion-mnist",
    *,
    root: str | os.PathLike[str] | None = None,
    train_size: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Charge un jeu : "fashion-mnist" (fourni), "mnist", "cifar10", "cifar100" ou "dossier:CHEMIN".

    La validation prend 10 % de l'apprentissage officiel, dans chaque classe : toujours les mêmes images, quelle que
    soit `seed`, pour qu'aucun enseignant ne les ait vues. Du reste, `train_size` garde un échantillon stratifié
    choisi par `seed` ; à graine égale les échantillons s'emboîtent (les 1 800 sont dans les 6 000).

    `root` est le premier dossier où chercher ; puis viennent la variable COURS_DONNEES, pour CIFAR-10 le dossier des
    salles de TP, et le dossier data du cours. Fashion-MNIST, fourni, ignore COURS_DONNEES ; un dossier d'images ignore
    tout cela.
    Les pixels sont lus une fois par processus et partagés : on ne les modifie jamais.

    Lève ValueError si le nom, `train_size` ou `seed` ne conviennent pas ou si un fichier est abîmé, OSError si un
    fichier manque ou si le disque ou le réseau refuse.
    """
    source = _read(name, root)
    labels = source.labels.numpy()
    official = stratified_order(labels[: source.train_count], VALIDATION_SEED)
    held_out = max(len(source.classes), round(VALIDATION_SHARE * source.train_count))
    validation, train = np.sort(official[:held_out]), np.sort(official[held_out:])
    order = stratified_order(labels[train], seed)
    if train_size is not None:
        size = _checked_size(train_size, len(source.classes), len(train))
        train = np.sort(train[order[:size]])
    test = np.arange(source.train_count, len(labels), dtype=np.int64)

    def part(rows: np.ndarray) -> Images:
        return Images(source.pixels, source.labels, torch.from_numpy(rows), source.classes, source.mean, source.std)

    return Dataset(name, part(train), part(validation), part(test))


def profile() -> str:
    """Le profil choisi par la variable COURS_PROFIL : "express" (par défaut) ou "complet".

    Lève ValueError pour toute autre valeur.
    """
    value = os.environ.get("COURS_PROFIL") or PROFILES[0]
    if value not in PROFILES:
        raise ValueError(f"COURS_PROFIL = {value!r} n'existe pas : choisissez « express » ou « complet ».")
    return value


def _read(name: str, root: str | os.PathLike[str] | None) -> sources.Source:
    if isinstance(name, str) and name.startswith(FOLDER_PREFIX):
        from course_utils import folders  # tardif : Pillow et tqdm ne servent qu'ici

        return folders.read(name.removeprefix(FOLDER_PREFIX))
    return sources.read(name, root)


def _checked_size(train_size: int, smallest: int, largest: int) -> int:
    whole = isinstance(train_size, int | np.integer) and not isinstance(train_size, bool)
    if not whole or not smallest <= train_size <= largest:
        raise ValueError(
            f"train_size = {train_size!r} ne convient pas : "
            f"donnez un entier de {smallest} (une image par classe) à {largest}."
        )
    return int(train_size)


def _as_tensor(positions: Tensor) -> Tensor:
    try:
        return torch.as_tensor(positions)
    except (TypeError, ValueError, RuntimeError):  # une tranche, un texte, None…
        kind = type(positions).__name__
        raise ValueError(
            f"Positions impossibles (un objet {kind}) : donnez un tenseur d'entiers, comme torch.arange(64)."
        ) from None


def _pick(rows: Tensor, positions: Tensor) -> Tensor:
    try:
        return rows.index_select(0, positions.to(rows.device))
    except (IndexError, RuntimeError):
        seen = f"de {positions.min()} à {positions.max()}" if positions.numel() else "aucune"
        raise ValueError(
            f"Positions impossibles ({seen}, {positions.dtype}, forme {tuple(positions.shape)}) : "
            f"donnez un tenseur d'entiers de 0 à {len(rows) - 1}, à une dimension."
        ) from None


@lru_cache(maxsize=32)
def _normalisation(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Moyenne et inverse de l'écart-type, (1, C, 1, 1) float32, à l'échelle des octets (0 à 255)."""
    mean_255, std_255 = torch.tensor([mean, std], dtype=torch.float64).mul(255).view(2, 1, -1, 1, 1)
    return mean_255.float().to(device), std_255.reciprocal().float().to(device)
