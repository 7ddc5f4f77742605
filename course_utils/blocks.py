"""Les briques des réseaux à convolutions : une convolution et sa normalisation, les blocs résiduels."""

import torch
from torch import Tensor, nn

from course_utils.arguments import whole


class Residual(nn.Module):
    """ReLU(branche(x) + raccourci(x))."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


def basic_block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Deux convolutions 3×3 et un raccourci. Source : He et al. 2016, section 4.2."""
    branch = nn.Sequential(*conv_bn(inputs, outputs, 3, stride), nn.ReLU(), *conv_bn(outputs, outputs, 3))
    return Residual(branch, _shortcut(inputs, outputs, stride))


def grouped_block(inputs: int, outputs: int, stride: int, *, inner: int, groups: int) -> nn.Module:
    """1×1, puis 3×3 en `groups` groupes sur `inner` canaux, puis 1×1, et un raccourci. Source : Xie et al. 2017."""
    branch = nn.Sequential(
        *conv_bn(inputs, inner, 1),
        nn.ReLU(),
        *conv_bn(inner, inner, 3, stride, groups),
        nn.ReLU(),
        *conv_bn(inner, outputs, 1),
    )
    return Residual(branch, _shortcut(inputs, outputs, stride))


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Une convolution qui garde la taille des cartes (à stride = 1), puis sa BatchNorm."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(*conv_bn(inputs, outputs, 1, stride))


def blocks_per_stage(depth: int, *, per_block: int, extra: int, family: str, least: int = 1) -> int:
    """Le n d'un réseau de depth = per_block·n + extra couches, ou ValueError si depth n'est pas de cette forme, avec
    n ≥ least.
    """
    n, rest = divmod(whole("depth", depth) - extra, per_block)
    if n < least or rest:
        near = max(least, round((depth - extra) / per_block)) * per_block + extra
        raise ValueError(
            f"La profondeur vaut {depth} : un réseau {family} a {per_block}n + {extra} couches (n ≥ {least}), "
            f"par exemple {near}."
        )
    return n
