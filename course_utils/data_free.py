"""Distiller sans une seule image : en inventer que l'enseignant reconnaît, puis les donner à l'élève.

Un enseignant garde une trace de ses images : la moyenne et la variance de chaque canal, dans ses BatchNorm. On part de
taches claires sur fond noir, et on les corrige par descente de gradient jusqu'à ce que l'enseignant y voie la classe
voulue *et* que ses BatchNorm y retrouvent leurs statistiques. Les poids, eux, ne bougent pas : ce sont les pixels qui
apprennent.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from course_utils.arguments import whole
from course_utils.data import Images, checked_images
from course_utils.inference import Teacher, best_device, checked_teacher
from course_utils.losses import cross_entropy
from course_utils.optimizer import Adam

NORMS_WEIGHT, SMOOTH_WEIGHT = 100.0, 20.0
LABEL_SMOOTHING = 0.1  # un enseignant sûr à 100 % ne demande que des images adverses, qui ne ressemblent à rien
JITTER = 2  # pixels : l'image doit être reconnue même décalée, sans quoi elle ne ressemble à rien non plus


@torch.inference_mode(False)  # les pixels apprennent, même là où le lecteur a coupé les gradients
@torch.enable_grad()
def invent_images(
    teacher: Teacher, like: Images, count: int, *, steps: int = 80, lr: float = 0.3, seed: int = 0
) -> Images:
    """`count` images inventées, autant de chaque classe à une près.

    Elles ont la forme de celles de `like`, dont aucun pixel n'est lu.
    Minimise H(classe voulue, P_T) + l'écart aux statistiques des BatchNorm + les sauts entre pixels voisins. Les images
    rendues sont arrondies à l'octet ; leurs étiquettes sont les classes voulues. steps=0 : les taches du départ.
    Lève ValueError si count est trop petit pour qu'une BatchNorm ait une variance à comparer, ou si l'enseignant n'a
    aucune BatchNorm.
    """
    checked_images(like, "like")
    count, steps, seed = whole("count", count, 2), whole("steps", steps, 0), whole("seed", seed, 0)
    device, generator = best_device(), torch.Generator().manual_seed(seed)
    network = checked_teacher(teacher).awake(device)
    wanted = torch.arange(count) % len(like.classes)
    free = bright_spots(count, tuple(like.pixels.shape[1:]), generator).to(device).requires_grad_()
    mean, std = (
        torch.tensor(value, device=device, dtype=torch.float32).view(1, -1, 1, 1) for value in (like.mean, like.std)
    )
    update = Adam([free], lr=lr)
    with statistics_gap(network) as gaps:
        for _ in range(steps):
            gaps.clear()
            pixels = free.sigmoid()
            shift = torch.randint(-JITTER, JITTER + 1, (2,), generator=generator).tolist()
            logits = network((pixels.roll(shift, dims=(2, 3)) - mean) / std)
            recognised = cross_entropy(logits, wanted.to(device), label_smoothing=LABEL_SMOOTHING)
            loss = recognised + NORMS_WEIGHT * torch.stack(gaps).mean() + SMOOTH_WEIGHT * roughness(pixels)
            update.zero_grad()
            loss.backward()
            update.step()
    octets = free.detach().sigmoid().mul(255).round().to("cpu", torch.uint8)
    return Images(octets, wanted, torch.arange(count), like.classes, like.mean, like.std)


def bright_spots(count: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Des taches claires et bosselées, centrées sur du noir, avant sigmoïde : (count, *shape), avec shape (C, H, W).

    C'est tout ce que l'on suppose des images : un objet au milieu d'un fond.
    """
    channels, height, width = shape
    widths = 0.35 + 0.45 * torch.rand(2, count, 1, 1, 1, generator=generator, dtype=torch.float32)
    x = torch.linspace(-1, 1, width, dtype=torch.float32).view(1, 1, 1, width) / widths[0]
    y = torch.linspace(-1, 1, height, dtype=torch.float32).view(1, 1, height, 1) / widths[1]
    spot = torch.exp(-(x**4 + y**4))
    bumps = torch.randn(count, channels, 7, 7, generator=generator, dtype=torch.float32)
    bumps = nn.functional.interpolate(bumps, size=(height, width), mode="bilinear", align_corners=False)
    return spot * (4 + bumps) - 3


@contextmanager
def statistics_gap(model: nn.Module) -> Iterator[list[Tensor]]:
    """À chaque passage dans `model`, ajoute à la liste rendue l'écart de chaque BatchNorm à ce qu'elle a retenu.

    L'écart d'une BatchNorm : la moyenne sur ses canaux de (m − m̂)²/v̂ + (v/v̂ − 1)², où m̂ et v̂ sont retenus, m et v
    ceux du lot. Lève ValueError si le réseau n'a aucune BatchNorm.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        raise ValueError(
            "Ce réseau n'a aucune BatchNorm, donc aucune statistique de ses images : prenez par exemple load_teacher()."
        )
    gaps: list[Tensor] = []

    def compare(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
        scale = norm.running_var + norm.eps
        gaps.append(((mean - norm.running_mean).square() / scale + (variance / scale - 1).square()).mean())

    with ExitStack() as hooks:
        for norm in norms:
            hooks.enter_context(norm.register_forward_pre_hook(compare))
        yield gaps


def roughness(pixels: Tensor) -> Tensor:
    """La moyenne des carrés des sauts entre pixels voisins, (N, C, H, W) → un scalaire."""
    return pixels.diff(dim=2).square().mean() + pixels.diff(dim=3).square().mean()
