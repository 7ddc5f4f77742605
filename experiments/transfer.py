"""Ce que les deux campagnes de MNIST ont en commun : les jeux de transfert de l'article, et les erreurs corrigées."""

import torch
from torch import Tensor

from course_utils.absent import prior_bias, with_bias
from course_utils.data import Dataset
from course_utils.models import StagedNet
from course_utils.training import predict

BIASES = torch.linspace(-20, 20, 401)
# Le jeu de transfert : ses chiffres, et ceux dont on corrige le biais
TRANSFERS = {
    "dix chiffres": ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [3]),
    "sans le 3": ([0, 1, 2, 4, 5, 6, 7, 8, 9], [3]),
    "7 et 8": ([7, 8], [7, 8]),
}


def corrected_errors(student: StagedNet, data: Dataset, digits: list[int], corrected: list[int]) -> dict[str, float]:
    """Les erreurs sur le test, et parmi elles celles sur les chiffres absents, sans correction et avec deux biais."""
    validation, test = predict(student, data.validation), predict(student, data.test)
    unseen = ~torch.isin(data.test.y, torch.tensor(digits))
    errors = torch.stack([_wrong(test, data.test.y, corrected, b).sum() for b in BIASES.tolist()])
    biases = {
        "before": 0.0,
        "prior": prior_bias(validation, corrected, len(corrected) / 10),
        "test": BIASES[errors.argmin()].item(),
    }
    row: dict[str, float] = {}
    for rule, bias in biases.items():
        missed = _wrong(test, data.test.y, corrected, bias)
        row |= {f"bias_{rule}": bias, f"errors_{rule}": int(missed.sum())}
        row |= {f"unseen_{rule}": int(missed[unseen].sum())}
    return row


def _wrong(logits: Tensor, labels: Tensor, classes: list[int], bias: float) -> Tensor:
    """(N, C), (N,) → (N,) booléens : les images mal classées quand `bias` est ajouté aux logits de `classes`."""
    return with_bias(logits, classes, bias).argmax(dim=1) != labels
