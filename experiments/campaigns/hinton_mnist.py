"""L'expérience de MNIST de Hinton en entier : enseignant, élève seul, élèves distillés. Une heure, avec MNIST.

L'enseignant (2×1200, dropout, images décalées d'au plus deux pixels) apprend d'abord, 16 époques ou 60 ; puis quatre
élèves 2×800 de mêmes poids initiaux : un seul, un distillé, un privé de tout 3, un qui ne voit que des 7 et des 8. Les
élèves distillés n'apprennent que des labels doux, à T = 20. L'article compte 67, 146 et 74 erreurs, puis 206 et 109
sans 3.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import Batch
from course_utils.models import mlp
from course_utils.objectives import Hinton, Supervised
from course_utils.training import Teacher, fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import ALONE, TEACHER, dataset
from experiments.transfer import TRANSFERS, corrected_errors

SETTINGS: dict[str, Any] = {
    "teacher": {"hidden": (1200, 1200), "dropout": 0.5, "shift": 2, "batch_size": 256},
    "student": {"hidden": (800, 800), "epochs": 10, "temperature": 20.0},
    "lr": 1e-3,
}
PATIENCES = (60, 16)
DISTILLED = {"dix chiffres": "distillé", "sans le 3": "distillé, sans le 3", "7 et 8": "distillé, 7 et 8 seuls"}


class Jittered(Supervised):
    """L'apprentissage ordinaire, sur des images décalées d'au plus `most` pixels, chacune à sa façon."""

    def __init__(self, most: int, seed: int) -> None:
        super().__init__()
        self.most, self.draw = most, torch.Generator().manual_seed(seed)

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        n, _, height, width = batch.x.shape
        black = -batch.images.mean[0] / batch.images.std[0]
        wide = F.pad(batch.x, [self.most] * 4, value=black)
        windows = wide.unfold(2, height, 1).unfold(3, width, 1)  # toutes les positions du cadre, sans copie
        down, right = torch.randint(2 * self.most + 1, (2, n), generator=self.draw)
        moved = windows[torch.arange(n), :, down, right]
        return super().__call__(student, Batch(moved, batch.y, batch.index, batch.images, augmented=True))


def measure(*, patience: int, seed: int) -> list[Row]:
    """L'enseignant d'une graine et ses quatre élèves : les erreurs de chacun sur les 10 000 images du test."""
    data = dataset("mnist")
    shape, ours = SETTINGS["teacher"], SETTINGS["student"]
    big = mlp(shape["hidden"], dropout=shape["dropout"], seed=seed)
    fit(big, data.train, Jittered(shape["shift"], seed), epochs=patience, lr=SETTINGS["lr"],
        batch_size=shape["batch_size"], seed=seed, progress=False)  # fmt: skip
    rows = [{"method": TEACHER, **corrected_errors(big, data, *TRANSFERS["dix chiffres"])}]

    alone = mlp(ours["hidden"], seed=seed)
    fit(alone, data.train, Supervised(), epochs=ours["epochs"], lr=SETTINGS["lr"], seed=seed, progress=False)
    rows.append({"method": ALONE, **corrected_errors(alone, data, *TRANSFERS["dix chiffres"])})

    hinton = Hinton(Teacher(big), temperature=ours["temperature"], hard_weight=0.0)
    for transfer, method in DISTILLED.items():
        digits, corrected = TRANSFERS[transfer]
        images = data.train.only(*digits)
        student = mlp(ours["hidden"], seed=seed)
        # un cinquième des images, cinq fois plus d'époques : autant de pas pour tous
        epochs = ours["epochs"] * len(data.train) // len(images)
        fit(student, images, hinton, epochs=epochs, lr=SETTINGS["lr"], seed=seed, progress=False)
        rows.append({"method": method, **corrected_errors(student, data, digits, corrected)})
    return rows


CAMPAIGN = Campaign(
    title="L'expérience de Hinton sur MNIST",
    question="L'élève distillé fait-il deux fois moins d'erreurs que l'élève seul, comme dans l'article ?",
    limits=(
        "L'article borne aussi les poids de son enseignant, qui fait 67 erreurs : meilleur que le nôtre, il avait "
        "davantage à donner. Seule la patience de l'enseignant change ici ; aucun autre réglage n'a été cherché."
    ),
    points=grid(patience=PATIENCES, seed=range(3)),
    measure=measure,
    measured=("method", *(f"{what}_{rule}" for rule in ("before", "prior", "test")
                          for what in ("bias", "errors", "unseen"))),
    settings=SETTINGS,
    views=(View("errors_before", x="method", panel="patience"), View("errors_prior", x="method", panel="patience")),
    comparisons=tuple(
        comparison
        for patience in PATIENCES
        for comparison in (
            Comparison(f"enseignant de {patience} époques, distillé", {"patience": patience, "method": "distillé"},
                       ALONE, {"patience": patience, "method": ALONE}, "errors_before"),
            Comparison(f"enseignant de {patience} époques, distillé sans le 3, biais corrigé par la règle",
                       {"patience": patience, "method": "distillé, sans le 3"},
                       "sans correction", {"patience": patience, "method": "distillé, sans le 3"},
                       "errors_prior", "errors_before"),
            Comparison(f"enseignant de {patience} époques, distillé sans le 3",
                       {"patience": patience, "method": "distillé, sans le 3"},
                       "distillé", {"patience": patience, "method": "distillé"}, "errors_before"),
        )
    ),
)  # fmt: skip
