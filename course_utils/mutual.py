"""La distillation en ligne : deux élèves apprennent ensemble, et chacun est l'enseignant de l'autre.

    >>> pair = Pair(mlp((100,), seed=0), mlp((100,), seed=1))
    >>> fit(pair, data.train, Mutual(temperature=2.0), epochs=20)

Aucun enseignant n'attend, déjà entraîné : la boucle est la même, et ce qu'elle entraîne est le couple.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from course_utils.data import Batch
from course_utils.inference import labels_within
from course_utils.losses import check_weights, checked_temperature, cross_entropy, kd_loss


class Pair(nn.Module):
    """Deux élèves dans un seul module ; appelé, il rend la moyenne de leurs logits : leur ensemble.

    Lève ValueError si c'est deux fois le même réseau : il n'aurait rien à s'apprendre.
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        if first is second:
            raise ValueError("Les deux élèves sont le même réseau : donnez-en deux, de poids initiaux différents.")
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, classes)."""
        return (self.first(x) + self.second(x)) / 2


class Mutual:
    """Pour chaque élève : H(y, P_S) + weight · T² · KL(P_autre ‖ P_S), où les probabilités de l'autre sont détachées.

    Avec weight=0, les deux élèves apprennent côte à côte sans se voir : le contrôle.
    """

    def __init__(self, *, temperature: float = 1.0, weight: float = 1.0) -> None:
        check_weights(weight=weight)
        self.temperature, self.weight = checked_temperature(temperature), weight

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        if not isinstance(student, Pair):
            raise TypeError(f"L'élève est un {type(student).__name__} : donnez Pair(premier, second).")
        logits = student.first(batch.x), student.second(batch.x)
        hard = torch.stack([cross_entropy(z, labels_within(z, batch)) for z in logits]).sum()
        peers = [kd_loss(mine, other, self.temperature) for mine, other in (logits, logits[::-1])]
        return {"labels": hard, "l'autre élève": self.weight * torch.stack(peers).sum()}

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()
