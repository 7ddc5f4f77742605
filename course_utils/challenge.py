"""Le défi du cours : placer un réseau sur le plan score – exactitude, et emporter le point pour la présentation.

>>> place = place_on_challenge(student, name="élève distillé, 8 bits", weight_bits=8)
>>> place.export("mes_points.csv")
"""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_utils.arguments import network
from course_utils.challenge_peers import known_entries
from course_utils.challenge_points import Entry, entry, points_csv, read_points, row_of
from course_utils.challenge_view import challenge_chart
from course_utils.cost import ImageShapeError, macs
from course_utils.data import Images, checked_images, load
from course_utils.drawing.svg import alt_of
from course_utils.files import shown, write_whole
from course_utils.french import plural
from course_utils.inference import evaluate, predict
from course_utils.known import KNOWN
from course_utils.sources import at_hand

TARGET = 0.90  # l'exactitude à atteindre sur CIFAR-10


def place_on_challenge(
    model: nn.Module,
    *,
    name: str = "votre réseau",
    images: Images | None = None,
    beside: "Iterable[Entry | Placement] | None" = None,
    weight_bits: int = 32,
    activation_bits: int = 32,
    structured_pruning: float = 0.0,
    unstructured_pruning: float = 0.0,
) -> "Placement":
    """Mesure `model` et le place à côté de ResNet18 et des réseaux du cours, à laisser en dernière ligne d'une cellule.

    images : où mesurer ; sans elles, le test de CIFAR-10 si ce jeu est sur la machine et si le réseau accepte ses
    images, sinon celui de Fashion-MNIST, et c'est dit. beside : les autres points, ou réseaux déjà placés (par
    défaut, `known_entries`).
    La compression est déclarée, non appliquée : arrondissez les poids et élaguez d'abord, dans un réseau qui reste en
    float32, pour que l'exactitude soit la bonne.
    Lève ValueError si le réseau n'accepte aucun de ces jeux, ou si une compression est impossible.
    """
    network(model, "Le premier argument")
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"name vaut {name!r} : donnez le nom du point, un texte d'au moins une lettre.")
    images, where = (checked_images(images), _name_of(images)) if images is not None else challenge_images(model)
    compression = {
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "structured_pruning": structured_pruning,
        "unstructured_pruning": unstructured_pruning,
    }
    shape = tuple(images.pixels.shape[1:])
    counted = entry(model, shape, name=name, data=where, accuracy=math.nan, **compression)  # refuse avant de mesurer
    if structured_pruning + unstructured_pruning > 1 - 1e-9:  # une somme de décimaux s'arrondit
        raise ValueError(
            f"Tout est élagué (structured_pruning={structured_pruning:g}, unstructured_pruning="
            f"{unstructured_pruning:g}) : il ne reste pas de réseau à placer."
        )
    answer, classes = predict(model, images.subset(torch.arange(1))), len(images.classes)
    output = tuple(answer.shape[1:])
    if output != (classes,):
        raise ValueError(
            f"Le réseau rend une sortie de forme {output} par image, pour {classes} classes ({where}) : "
            f"donnez un réseau de {classes} sorties."
        )
    others = known_entries(where, shape) if beside is None else checked_entries(beside)
    return Placement(replace(counted, accuracy=evaluate(model, images)), others)


def checked_entries(beside: "Iterable[Entry | Placement]") -> list[Entry]:
    """Les points, ou TypeError si ce n'est pas une suite de points."""
    if not isinstance(beside, Iterable):
        raise TypeError(
            f"`beside` est un objet {type(beside).__name__} : donnez une liste de réseaux placés, comme [placement]."
        )
    return [checked_entry(point) for point in beside]


def checked_entry(point: "Entry | Placement") -> Entry:
    """Le point, ou celui d'un réseau déjà placé ; TypeError si c'est autre chose."""
    found = point.entry if isinstance(point, Placement) else point
    if not isinstance(found, Entry):
        raise TypeError(f"`beside` contient un objet {type(point).__name__} : donnez des réseaux déjà placés.")
    return found


def challenge_images(model: nn.Module) -> tuple[Images, str]:
    """Le test de CIFAR-10 s'il est sur la machine et si le réseau accepte ses images, sinon celui de Fashion-MNIST.

    Rend aussi le nom du jeu, et imprime pourquoi ce n'est pas CIFAR-10. Lève ValueError si le réseau n'accepte ni l'un
    ni l'autre.
    """
    there = at_hand("cifar10")
    if there and _accepts(model, (3, 32, 32)):
        return load("cifar10").test, KNOWN["cifar10"].title
    why = (
        "ce réseau n'accepte pas les images de CIFAR-10 (3, 32, 32)"
        if there
        else "CIFAR-10 n'est pas sur cette machine (s'il est ailleurs, dites-le par la variable COURS_DONNEES)"
    )
    if not _accepts(model, (1, 28, 28)):
        raise ValueError(
            f"Le réseau n'accepte pas les images de Fashion-MNIST (1, 28, 28), et CIFAR-10 ne convient pas, car "
            f"{why} : donnez un réseau d'images, ou vos images par l'argument `images`."
        )
    print(f"Mesuré sur Fashion-MNIST, et non sur CIFAR-10 : {why}.")
    print("Le défi, lui, se juge sur CIFAR-10.")
    return load("fashion-mnist").test, KNOWN["fashion-mnist"].title


def _accepts(model: nn.Module, input_shape: Sequence[int]) -> bool:
    try:
        macs(model, input_shape)
    except ImageShapeError:
        return False
    return True


class Placement:
    """Un réseau placé : `.entry` le décrit, `.others` sont les points voisins, `.svg` la figure."""

    def __init__(self, mine: Entry, others: Sequence[Entry]) -> None:
        self.entry, self.others = mine, list(others)
        self.svg = challenge_chart(self.entry, self.others, target=TARGET)

    def export(self, path: str | Path) -> Path:
        """Ajoute le point à un fichier CSV (créé s'il n'existe pas) ; un point du même nom est remplacé.

        UTF-8, virgules, décimales à point : pandas le lit tel quel ; dans un tableur en français, importez-le en
        disant ces trois choses. Rend le chemin écrit.
        Lève ValueError si le fichier existant n'est pas un tableau de points, OSError s'il ne peut être écrit.
        """
        path = Path(path).expanduser()
        kept = [row for row in read_points(path) if row["nom"] != self.entry.name] if os.path.exists(path) else []
        write_whole(path, points_csv([*kept, row_of(self.entry)]).encode("utf-8"))
        count = len(kept) + 1
        print(f"Point « {self.entry.name} » écrit dans {shown(path)} ({count} point{plural(count)} dans ce fichier).")
        return path

    def csv(self) -> str:
        """Le point seul, en CSV."""
        return points_csv([row_of(self.entry)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.svg, "image/svg+xml": self.svg, "text/plain": alt_of(self.svg)}


def _name_of(images: Images) -> str:
    title = next((known.title for known in KNOWN.values() if known.classes == images.classes), "")
    return title or f"un jeu de {len(images.classes)} classes"
