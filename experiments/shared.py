"""Ce que les essais d'une campagne ont en commun, lu une fois par ouvrier : les images, les enseignants."""

import os
from functools import cache, lru_cache
from pathlib import Path

from course_utils import data, models
from course_utils.data import FOLDER_PREFIX, Dataset
from course_utils.files import shown
from course_utils.known import PROJECT_DATA
from course_utils.training import Teacher

ALONE, TEACHER = "seul", "enseignant"
JPEG_COPY = "cifar10-jpeg"  # CIFAR-10 en images JPEG, rangées par classe : un dossier, pas un jeu que le cours connaît


@lru_cache(maxsize=4)
def dataset(name: str = "fashion-mnist", train_size: int | None = None, seed: int = 0) -> Dataset:
    """Le jeu `name` : le même objet pour les essais qui se suivent, dont l'enseignant garde les réponses.

    JPEG_COPY est cherché dans COURS_DONNEES, puis dans data. Lève FileNotFoundError s'il n'y est pas.
    """
    source = f"{FOLDER_PREFIX}{jpeg_copy()}" if name == JPEG_COPY else name
    return data.load(source, train_size=train_size, seed=seed)


def jpeg_copy() -> Path:
    """Le dossier de la copie de CIFAR-10 en JPEG."""
    places = [Path(place).expanduser() for place in (os.environ.get("COURS_DONNEES"), PROJECT_DATA) if place]
    for place in places:
        if (place / JPEG_COPY).is_dir():
            return place / JPEG_COPY
    raise FileNotFoundError(
        f"La copie de CIFAR-10 en JPEG manque : décompressez-la dans {shown(PROJECT_DATA / JPEG_COPY)} "
        f"(train/CLASSE/….jpg et test/CLASSE/….jpg), ou donnez par COURS_DONNEES le dossier qui contient {JPEG_COPY}."
    )


@cache
def teacher(name: str = "fashion-resnet") -> Teacher:
    """Un enseignant livré."""
    return Teacher(models.load_teacher(name))
