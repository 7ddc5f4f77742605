"""Ce que les essais d'une campagne ont en commun, lu une fois par ouvrier : les images, les enseignants."""

from functools import cache, lru_cache

from course_utils import data, models
from course_utils.data import Dataset
from course_utils.training import Teacher

ALONE, TEACHER = "seul", "enseignant"


@lru_cache(maxsize=4)
def dataset(name: str = "fashion-mnist", train_size: int | None = None, seed: int = 0) -> Dataset:
    """Le jeu `name` : le même objet pour les essais qui se suivent, dont l'enseignant garde les réponses."""
    return data.load(name, train_size=train_size, seed=seed)


@cache
def teacher(name: str = "fashion-resnet") -> Teacher:
    """Un enseignant livré."""
    return Teacher(models.load_teacher(name))
