"""Ce que la boucle attend d'un optimiseur, et celui qu'elle emploie : Adam, sans ce que torch charge avec lui.

`torch.optim.Adam` importe à son premier appel le compilateur de torch, dont rien ne se sert ici : deux secondes
d'attente au premier apprentissage de chaque notebook, et une centaine de mégaoctets.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam


class Optimizer(Protocol):
    """Ce que `fit` demande : un pas modifiable dans `param_groups`, oublier les gradients, avancer."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self) -> None: ...

    def step(self) -> object: ...


class Adam:
    """Le pas de `torch.optim.Adam`, au bit près, avec ses réglages d'origine (0,9 et 0,999).

    Le calcul est celui de torch, dans sa version « fusionnée » : une seule passe sur les poids à chaque pas.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1e-3) -> None:
        self.weights = list(parameters)
        self.param_groups: list[dict[str, Any]] = [{"params": self.weights, "lr": lr}]
        self._means = [torch.zeros_like(weight) for weight in self.weights]
        self._squares = [torch.zeros_like(weight) for weight in self.weights]
        self._steps = [torch.zeros((), device=weight.device) for weight in self.weights]

    def zero_grad(self) -> None:
        """Oublie les gradients."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Avance d'un pas les poids qui ont un gradient ; les autres ne bougent pas."""
        states = zip(self.weights, self._means, self._squares, self._steps, strict=True)
        moving = [(weight, weight.grad, *state) for weight, *state in states if weight.grad is not None]
        if not moving:
            return
        weights, slopes, means, squares, steps = map(list, zip(*moving, strict=True))
        adam(
            weights, slopes, means, squares, [], steps, fused=True, amsgrad=False, beta1=0.9, beta2=0.999,
            lr=self.param_groups[0]["lr"], weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
        torch.autograd.graph.increment_version(weights)  # la version fusionnée ne dit pas qu'elle les a modifiés


def started(optimizer: Callable[..., Optimizer], weights: list[Tensor], lr: float) -> Optimizer:
    """L'optimiseur de ces poids, ou TypeError si `optimizer` n'est pas de quoi le construire."""
    if not callable(optimizer):
        raise TypeError(
            f"`optimizer` est un objet {type(optimizer).__name__} : donnez la classe elle-même, par exemple "
            "torch.optim.SGD ; `fit` la construit avec les poids de l'élève et `lr`."
        )
    return optimizer(weights, lr=lr)
