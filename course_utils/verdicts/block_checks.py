"""Ce que le notebook 06 vérifie des écarts des blocs, une fois leurs valeurs justes : qui en reçoit un gradient."""

from typing import Any

import torch
from torch import Tensor, nn

from course_utils import models
from course_utils.verdicts.slopes import reaches, slope


def block_cases() -> list[tuple[list[nn.Module], list[Tensor]]]:
    generator = torch.Generator().manual_seed(6)
    with models.seeded(6):
        dense: list[nn.Module] = [nn.Linear(4, 4) for _ in range(3)]  # mêmes formes : toute erreur peut s'y calculer
        maps: list[nn.Module] = [nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 5, 2, stride=2)]
    shapes = [(4, 2, 6, 6), (4, 3, 6, 6), (4, 5, 3, 3)]
    return [
        (dense, [torch.randn(5, 4, generator=generator) for _ in range(4)]),
        (maps, [torch.randn(shape, generator=generator) for shape in shapes]),
    ]


def each_block_learns_alone(answer: Any) -> bool:
    blocks, features = block_cases()[0]
    weights = [next(block.parameters()) for block in blocks]
    return all(
        [reaches(loss, weight) for weight in weights] == [j == i for j in range(len(blocks))]
        for i, loss in enumerate(answer(blocks, features))
    )


def spares(answer: Any, place: int) -> bool:
    """Vrai si aucun gradient ne remonte vers la représentation de l'enseignant à cette place."""
    blocks, features = block_cases()[0]
    watched = features[place].requires_grad_()
    return slope(answer(blocks, features), watched) is None


def leaves_the_flags(answer: Any) -> bool:
    blocks, features = block_cases()[0]
    features[1].requires_grad_()
    answer(blocks, features)
    return [x.requires_grad for x in features] == [False, True, False, False]
