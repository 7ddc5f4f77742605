"""Ce qu'un verdict demande à autograd : le gradient arrive-t-il, et est-il le bon ?"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def slope(value: Tensor, towards: Tensor) -> Tensor | None:
    """Le gradient de la somme de `value` ; None s'il n'en arrive aucun."""
    if not value.requires_grad:
        return None
    return torch.autograd.grad(value.sum(), towards, allow_unused=True, retain_graph=True)[0]


def reaches(value: Tensor, towards: Tensor) -> bool:
    """Vrai s'il arrive un gradient, et qu'il n'est pas nul."""
    found = slope(value, towards)
    return found is not None and bool(found.any())


def same_slope(answer: Callable[[Tensor], Any], reference: Callable[[Tensor], Tensor], x: Tensor) -> bool:
    """Vrai si les deux fonctions, carrés sommés, ont le même gradient en x, à un millième près."""
    found, expected = (slope(function(x.requires_grad_()).square(), x) for function in (answer, reference))
    assert expected is not None
    return found is not None and torch.allclose(found.double(), expected.double(), rtol=1e-3, atol=1e-3)
