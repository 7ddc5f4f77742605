"""Les données de la séance : des images et leurs étiquettes, tout entières en mémoire.

    >>> data = load("fashion-mnist", train_size=1800, seed=0)
    >>> data.train.batch(torch.arange(128)).x.shape
    torch.Size([128, 1, 28, 28])

Les pixels restent des octets (uint8) : Fashion-MNIST tient ainsi dans 55 Mo. Un lot n'est converti en nombres à virgule
et normalisé qu'au moment où on le prend, sur l'appareil qui calcule ; aucun processus auxiliaire n'est nécessaire.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from course_utils import sources

VALIDATION_SHARE = 0.1
VALIDATION_SEED = 20_151_503  # constante : l'enseignant fourni n'a jamais vu ces images-là, quelle que soit la graine
PROFILES = ("express", "complet")


@dataclass(frozen=True, eq=False)
class Images:
    """Une partie (apprentissage, validation ou test) d'un jeu d'images.

    Plusieurs parties partagent le même tenseur `pixels` : on ne le modifie donc jamais.

    pixels  : (N, C, H, W) uint8, la source entière, train et test officiels à la suite.
    labels  : (N,) int64, la classe de chaque image de la source.
    rows    : (n,) int64, les lignes de `pixels` qui forment cette partie.
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
        size = "×".join(map(str, self.pixels.shape[1:]))
        return f"Images({len(self)} images {size}, {len(self.classes)} classes)"

    @property
    def x(self) -> Tensor:
        """Les images de la partie, (n, C, H, W) uint8. C'est une copie : pour apprendre, préférer `batch`."""
        return self.pixels[self.rows]

    @property
    def y(self) -> Tensor:
        """Les classes des images de la partie, (n,) int64."""
        return self.labels[self.rows]

    def subset(self, positions: Tensor) -> Images:
        """Garde les images aux `positions` : un tenseur d'entiers entre 0 et n - 1, ou un masque de n booléens.

        Aucun pixel n'est copié. Lève ValueError si une position n'existe pas.
        """
        positions = torch.as_tensor(positions)
        if positions.dtype == torch.bool and positions.shape != self.rows.shape:
            raise ValueError(
                f"Le masque a la forme {tuple(positions.shape)} : donnez un booléen par image, ({len(self)},)."
            )
        return replace(self, rows=_pick(self.rows, positions.nonzero()[:, 0] if positions.dtype == torch.bool else positions))

    def only(self, *class_indices: int) -> Images:
        """Ne garde que les images de ces classes (numéros 0 à K - 1) ; les étiquettes ne sont pas renumérotées."""
        return self.subset(self._of_classes(class_indices))

    def without(self, *class_indices: int) -> Images:
        """Retire les images de ces classes (numéros 0 à K - 1) ; les étiquettes ne sont pas renumérotées."""
        return self.subset(~self._of_classes(class_indices))

    def batch(self, positions: Tensor, device: torch.device | str | None = None) -> Batch:
        """Prend les images aux `positions` (entiers, 0 à n - 1), normalisées en float32 sur `device`.

        Le transfert vers l'appareil se fait en octets, quatre fois plus légers que des float32.
        """
        index = _pick(self.rows, positions)
        pixels = self.pixels.index_select(0, index).to(device)
        mean, scale = _normalisation(self.mean, self.std, pixels.device)
        x = torch.sub(pixels, mean).mul_(scale)
        return Batch(x, self.labels.index_select(0, index).to(device), index.to(device), self)

    def _of_classes(self, class_indices: Iterable[int]) -> Tensor:
        wanted = torch.tensor([operator.index(k) for k in class_indices], dtype=torch.int64)
        last = len(self.classes) - 1
        for k in wanted.tolist():
            if not 0 <= k <= last:
                raise ValueError(f"La classe {k} n'existe pas : donnez des numéros de 0 à {last}.")
        return torch.isin(self.y, wanted)


@dataclass
class Batch:
    """Un lot prêt pour le réseau.

    x      : (n, C, H, W) float32, normalisé.
    y      : (n,) int64, la classe.
    index  : (n,) int64, la ligne de chaque image dans `images.pixels` : le nom stable d'un exemple, quel que soit
             l'ordre des lots. C'est à lui que l'on range les logits de l'enseignant.
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
    """Un jeu de données coupé en trois : on apprend sur `train`, on choisit sur `validation`, on conclut sur `test`."""

    name: str
    train: Images
    validation: Images
    test: Images

    @property
    def classes(self) -> tuple[str, ...]:
        """Les noms français des classes."""
        return self.train.classes


def load(
    name: str = "fashion-mnist", *, root: str | os.PathLike[str] | None = None, train_size: int | None = None, seed: int = 0
) -> Dataset:
    """Charge un jeu de données : "fashion-mnist" (fourni), "mnist", "cifar10", "cifar100" ou "dossier:CHEMIN".

    La validation prend 10 % de la partie d'apprentissage officielle, classe par classe : toujours les mêmes images,
    quelle que soit `seed`, pour qu'aucun enseignant ne les ait vues. Du reste, `train_size` garde un échantillon
    stratifié choisi par `seed` ; à graine égale les échantillons s'emboîtent (les 1 800 sont dans les 6 000).

    `root` est le premier dossier où chercher ; puis viennent la variable COURS_DONNEES et le dossier data du projet.
    Les pixels sont lus une fois par processus et partagés : on ne les modifie jamais.

    Lève ValueError si le nom, `train_size` ou `seed` ne conviennent pas ou si un fichier est abîmé, et
    OSError si un fichier manque ou si le disque refuse.
    """
    source = sources.read(name, root)
    official = stratified_order(source.labels[: source.train_count], VALIDATION_SEED)
    held_out = max(len(source.classes), round(VALIDATION_SHARE * source.train_count))
    validation, train = official[:held_out].sort().values, official[held_out:].sort().values
    if train_size is not None:
        size = _checked_size(train_size, len(source.classes), len(train))
        train = train[stratified_order(source.labels[train], seed)[:size]].sort().values
    test = torch.arange(source.train_count, len(source.labels))

    def part(rows: Tensor) -> Images:
        return Images(source.pixels, source.labels, rows, source.classes, source.mean, source.std)

    return Dataset(name, part(train), part(validation), part(test))


def stratified_order(labels: Tensor, seed: int) -> Tensor:
    """Un ordre des exemples dont tout début est stratifié : ses classes sont dans les proportions de `labels`.

    labels : (n,) int64. Rend une permutation de 0 à n - 1, la même sur toute machine et toute version.

    Le r-ième exemple d'une classe de c exemples vient à la place r / c : les classes avancent du même pas. Prendre
    les premiers éléments donne ainsi des échantillons stratifiés et emboîtés.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"seed = {seed!r} ne convient pas : donnez un entier de 0 à 2**32 - 1.")
    # RandomState est le seul générateur dont NumPy promet qu'il donnera toujours la même suite (NEP 19).
    shuffled = torch.from_numpy(np.random.RandomState(seed).permutation(len(labels))).long()
    by_class = shuffled[torch.argsort(labels[shuffled], stable=True)]
    place = torch.cat([torch.arange(c, dtype=torch.float64) / c for c in torch.bincount(labels).tolist()])
    return by_class[torch.argsort(place, stable=True)]


def profile() -> str:
    """Le profil choisi par la variable COURS_PROFIL : "express" (par défaut) ou "complet"."""
    value = os.environ.get("COURS_PROFIL") or PROFILES[0]
    if value not in PROFILES:
        raise ValueError(f"COURS_PROFIL = {value!r} n'existe pas : choisissez « express » ou « complet ».")
    return value


def _checked_size(train_size: int, smallest: int, largest: int) -> int:
    whole = isinstance(train_size, int | np.integer) and not isinstance(train_size, bool)
    if not whole or not smallest <= train_size <= largest:
        raise ValueError(
            f"train_size = {train_size!r} ne convient pas : donnez un entier de {smallest} (une image par classe) à {largest}."
        )
    return int(train_size)


def _pick(rows: Tensor, positions: Tensor) -> Tensor:
    try:
        return rows.index_select(0, positions.to(rows.device))
    except (IndexError, RuntimeError):
        seen = f"{positions.dtype}, de {positions.min()} à {positions.max()}" if positions.numel() else "vide"
        raise ValueError(
            f"Positions impossibles ({seen}) : donnez un tenseur d'entiers de 0 à {len(rows) - 1}, à une dimension."
        ) from None


@lru_cache(maxsize=32)
def _normalisation(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Moyenne et inverse de l'écart-type, (1, C, 1, 1) float32, à l'échelle des octets (0 à 255)."""
    as_pixels = torch.tensor([mean, std], dtype=torch.float64).mul(255).view(2, 1, -1, 1, 1)
    return as_pixels[0].float().to(device), as_pixels[1].reciprocal().float().to(device)
