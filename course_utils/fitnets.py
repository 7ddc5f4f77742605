"""FitNets : pourquoi un réseau fin et profond ne démarre pas, et ce qui arrive à ses cartes quand on le guide."""

from contextlib import ExitStack

import torch
from torch import Tensor, nn

from course_utils.losses import cross_entropy
from course_utils.models import StagedNet, copied, seeded


def he_initialised(model: StagedNet, seed: int) -> StagedNet:
    """Le même réseau, sur place, ses convolutions tirées à l'échelle de He : une variance de 2 / (entrées du neurone).

    C'est celle qui garde l'amplitude d'une couche à la suivante derrière une ReLU. Source : He et al. 2015.
    """
    with seeded(seed):
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return model


@torch.enable_grad()
def layer_amplitudes(model: StagedNet, x: Tensor, y: Tensor) -> tuple[list[float], list[float]]:
    """Ce qui reste du signal à chaque convolution, de l'entrée vers la sortie.

    Rend (écart-type de la sortie de chaque convolution d'une image à l'autre, norme du gradient de ses poids pour
    H(y, P_S)). x : (N, C, H, W), y : (N,). Le réseau n'est pas modifié. Lève ValueError s'il n'a aucune
    convolution.
    """
    outputs: list[float] = []
    twin = copied(model).requires_grad_(True)  # un réseau gelé aussi se mesure
    layers = [module for module in twin.modules() if isinstance(module, nn.Conv2d)]
    if not layers:
        raise ValueError(
            "Ce réseau n'a aucune convolution à mesurer : donnez un réseau à convolutions, comme plain(7)."
        )

    def note(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output.detach().std(dim=0).mean().item())

    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(layer.register_forward_hook(note))
        slopes = torch.autograd.grad(cross_entropy(twin(x), y), [layer.weight for layer in layers])
    return outputs, [slope.norm().item() for slope in slopes]


def as_pictures(maps: Tensor) -> Tensor:
    """Des cartes (n, H, W) → des images uint8 : chacune de son minimum (noir) à son maximum (blanc).

    Une carte constante, donc muette, est rendue noire.
    """
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (255 * (maps - low) / (high - low).clamp(min=1e-6)).round().to(torch.uint8)
