"""Les réponses d'un enseignant, rangées par numéro d'image : ce qui permet de ne le faire répondre qu'une fois."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.data import Batch, Images

CHUNK = 2000  # images : une interruption ne perd que les réponses en cours


def version(tensor: Tensor) -> int:
    """Combien de fois ce tenseur a été modifié sur place ; −1 s'il ne le compte pas (né sous `inference_mode`)."""
    return -1 if tensor.is_inference() else tensor._version


class Weights:
    """Les poids d'un réseau tels qu'ils étaient quand il a répondu."""

    def __init__(self, model: nn.Module) -> None:
        self.first = next(model.parameters(), None)
        self.all = [w for w in (*model.parameters(), *model.buffers()) if not w.is_inference()]
        self.changes = self._count()

    def up_to_date(self, model: nn.Module) -> bool:
        """Faux s'ils ont été remplacés, ou modifiés sur place : `load_state_dict`, un apprentissage."""
        return next(model.parameters(), None) is self.first and self._count() == self.changes

    def _count(self) -> int:
        return sum([weight._version for weight in self.all])  # lu à chaque lot : quatre fois plus vite que `version`


class Answers:
    """Des logits rangés par numéro d'image, et lesquels sont connus."""

    @torch.inference_mode(False)  # même créées sous `inference_mode`, les réponses se complètent ensuite
    def __init__(self, images: Images) -> None:
        self.pixels, self.pixels_version = images.pixels, version(images.pixels)
        self.scale = images.mean, images.std
        self.known = torch.zeros(len(images.pixels), dtype=torch.bool)
        self.logits = torch.empty(0, dtype=torch.float32)  # comme `predict`, quel que soit le type de torch par défaut
        self.rows, self.rows_version = torch.empty(0), 0  # la dernière partie complétée

    def up_to_date(self) -> bool:
        """Faux si les pixels ont été modifiés sur place."""
        return version(self.pixels) == self.pixels_version

    def describes(self, images: Images) -> bool:
        """Vrai si ces images sont les mêmes pixels, intacts et normalisés de la même façon."""
        return self.pixels is images.pixels and self.scale == (images.mean, images.std) and self.up_to_date()

    def complete_for(self, rows: Tensor) -> bool:
        """Vrai si les logits de toutes ces lignes sont connus."""
        return self.rows is rows and self.rows_version == version(rows)

    @torch.inference_mode(False)
    def fill(self, images: Images, answer: Callable[[Images], Tensor]) -> None:
        """Complète ce qui manque : `answer` rend les logits (n, classes) de n images."""
        missing = images.subset(~self.known[images.rows])
        for positions in torch.arange(len(missing)).split(CHUNK) if len(missing) else ():
            part = missing.subset(positions)
            logits = answer(part)
            if not len(self.logits):
                self.logits = self.logits.new_full((len(self.known), logits.shape[1]), torch.nan)
            self.logits[part.rows] = logits
            self.known[part.rows] = True
        self.rows, self.rows_version = images.rows, version(images.rows)


def answers_to(images: Images, kept: list[Answers], answer: Callable[[Images], Tensor]) -> Answers:
    """Les réponses sur ces pixels, prises parmi `kept`, ou ajoutées, et complétées de celles qui manquent."""
    found = next((known for known in kept if known.describes(images)), None)
    if found is None:  # pixels nouveaux, modifiés sur place, ou normalisés autrement
        kept[:] = [known for known in kept if known.up_to_date()]
        found = Answers(images)
        kept.append(found)
    if not found.complete_for(images.rows):
        found.fill(images, answer)
    return found


def checked_batch(batch: Batch) -> Batch:
    """Le lot, ou TypeError si c'est autre chose : un tenseur, des images."""
    if not isinstance(batch, Batch):
        raise TypeError(
            f"Le lot est un objet {type(batch).__name__} : donnez celui que rend images.batch(positions), et non ses "
            "images."
        )
    return batch
