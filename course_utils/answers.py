"""Les réponses d'un enseignant, rangées par numéro d'image : ce qui permet de ne le faire répondre qu'une fois."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.data import Images


class Answers:
    """Des logits rangés par numéro d'image, et lesquels sont connus."""

    def __init__(self, images: Images) -> None:
        self.pixels, self.pixels_version = images.pixels, images.pixels._version
        self.scale = images.mean, images.std
        self.known = torch.zeros(len(images.pixels), dtype=torch.bool)
        self.logits = torch.empty(0)
        self.rows, self.rows_version = torch.empty(0), 0  # la dernière partie complétée

    def up_to_date(self) -> bool:
        """Faux si les pixels ont été modifiés sur place."""
        return self.pixels._version == self.pixels_version

    def describes(self, images: Images) -> bool:
        """Vrai si ces images sont les mêmes pixels, intacts et normalisés de la même façon."""
        return self.pixels is images.pixels and self.scale == (images.mean, images.std) and self.up_to_date()

    def complete_for(self, rows: Tensor) -> bool:
        """Vrai si les logits de toutes ces lignes sont connus."""
        return self.rows is rows and self.rows_version == rows._version

    def fill(self, images: Images, answer: Callable[[Images], Tensor]) -> None:
        """Complète ce qui manque : `answer` rend les logits (n, classes) de n images."""
        missing = images.subset(~self.known[images.rows])
        if len(missing):
            logits = answer(missing)
            if not len(self.logits):
                self.logits = torch.full((len(self.known), logits.shape[1]), torch.nan)
            self.logits[missing.rows] = logits
            self.known[missing.rows] = True
        self.rows, self.rows_version = images.rows, images.rows._version
