"""Ce que coûte un apprentissage, compté et non chronométré : le résultat ne dépend pas de la machine."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.data import Batch, Images
from course_utils.objectives import Objective


def training_macs(train: Callable[[Images], Any], images: Images, batch_size: int) -> int:
    """Multiplications-additions d'un apprentissage entier : avant, arrière, et tout ce que fait l'enseignant.

    train : entraîne un élève sur les images qu'on lui donne. On compte son travail sur un seul lot, puis on multiplie
    par le nombre de lots : tout croît en proportion des images, y compris les réponses que l'enseignant ne calcule
    qu'une fois. Lève ValueError s'il y a moins d'images qu'un lot.
    """
    from torch.utils.flop_counter import FlopCounterMode

    if len(images) < batch_size:
        raise ValueError(f"Il y a {len(images)} images pour des lots de {batch_size} : donnez au moins un lot.")
    with FlopCounterMode(display=False) as counter:
        train(images.subset(torch.arange(batch_size)))
    return round(counter.get_total_flops() / 2 * len(images) / batch_size)


def kept_for_gradient(objective: Objective, student: nn.Module, batch: Batch) -> int:
    """Octets que garde un pas entre l'aller et le retour du gradient, pour ce lot ; un tenseur partagé compte une fois.

    Les poids de l'élève et de l'objectif n'y comptent pas : ils sont là de toute façon. Les BatchNorm de l'élève
    comptent ce lot dans leurs statistiques, comme à tout pas.
    """
    weights = {parameter.data_ptr() for parameter in (*student.parameters(), *objective.parameters())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        terms = objective(student, batch)  # tenus vivants jusqu'au compte : une adresse libérée resservirait
        total = sum(kept.values())
    del terms
    return total
