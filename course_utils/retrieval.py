"""Chercher l'image la plus proche : représentations, voisins, rappel, projection, et la perte des triplets."""

from collections.abc import Iterable
from numbers import Integral

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import Batch, Images
from course_utils.inference import predict, staged
from course_utils.models import StagedNet
from course_utils.relations import distances


def embeddings(model: StagedNet, images: Images) -> Tensor:
    """Les vecteurs (n, D) que `model` donne aux images, en float32, sur le processeur."""
    model = staged(model, "Le réseau")
    return predict(StagedNet(model.stem, list(model.stages), model.pool, nn.Identity()), images)


def neighbours(x: Tensor, k: int) -> Tensor:
    """(n, D) → (n, k) : pour chaque point, les numéros de ses k plus proches voisins, lui-même exclu.

    Lève ValueError s'il n'y a pas au moins k autres points, ou si l'un n'est pas fini : il serait voisin de tous.
    """
    _check_points(x)
    if len(x) < 2:
        raise ValueError(f"Il faut au moins deux points pour chercher un voisin : reçu {len(x)}.")
    if not isinstance(k, Integral) or not 0 < k < len(x):
        raise ValueError(f"k vaut {k!r}, pour {len(x)} points : donnez k de 1 à {len(x) - 1}.")
    centred = (x - x.mean(dim=0)).double()  # cdist développe le carré : en float32, des points proches se confondent
    found = []
    for part in torch.arange(len(x)).split(1000):  # 10 000 points : 80 Mo à la fois, et non 800
        distances = torch.cdist(centred[part], centred)
        distances[torch.arange(len(part)), part] = torch.inf
        found.append(distances.topk(k, largest=False).indices)
    return torch.cat(found)


def recall_at_1(x: Tensor, labels: Tensor) -> float:
    """Rappel à 1 : la part des points dont le plus proche voisin est de la même classe, entre 0 et 1."""
    return (labels[neighbours(x, 1)[:, 0]] == labels).float().mean().item()


def projection(x: Tensor) -> Tensor:
    """(n, D) → (n, 2), D ≥ 2 : les deux directions où les points s'étalent le plus (composantes principales)."""
    _check_points(x)
    centred = x - x.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    plane = directions[:2]
    # Le signe d'une direction est arbitraire : on le fixe, pour que la carte ne se retourne pas d'une fois à l'autre.
    strongest = plane.abs().argmax(dim=1, keepdim=True)
    return centred @ (plane * plane.gather(1, strongest).sign()).T


def _check_points(x: Tensor) -> None:
    """Lève ValueError si une coordonnée est NaN ou infinie."""
    if not x.isfinite().all():
        lost = int((~x.isfinite()).any(dim=1).sum())
        raise ValueError(
            f"Des vecteurs contiennent NaN ou l'infini ({lost} sur {len(x)}) : cherchez, dans le réseau qui les a "
            "rendus, le poids qui n'est plus un nombre fini."
        )


def triplet_loss(x: Tensor, labels: Tensor, margin: float = 0.2) -> Tensor:
    """Perte des triplets : un point doit être plus près de sa classe que des autres, d'au moins `margin`.

    x : (N, D), ramenés à la longueur 1 ; labels : (N,). Moyenne de max(0, d(a, p) − d(a, n) + margin) sur les triplets
    du lot qui ne respectent pas encore la marge (ancre a, p de sa classe, n d'une autre) ; 0 s'ils la respectent tous.
    Un point sans label (−100) ne compte pas.
    """
    known = labels != -100
    x, labels = x[known], labels[known]
    d = distances(F.normalize(x, dim=1))
    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(x), dtype=torch.bool, device=x.device)
    anchor, friend = positive.nonzero(as_tuple=True)  # dix fois moins de couples que N² quand il y a dix classes
    violation = (d[anchor, friend, None] - d[anchor] + margin).clamp(min=0)
    violation = torch.where(same[anchor], 0.0, violation)
    return violation.sum() / (violation > 0).sum().clamp(min=1)


class Triplet:
    """L'objectif « métrique » ordinaire : les triplets, avec les labels et sans enseignant."""

    compares = 3

    def __init__(self, *, margin: float = 0.2) -> None:
        self.margin = margin

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        network = staged(student, "L'élève")
        return {"triplets": triplet_loss(network.embed(batch.x).float(), batch.y, self.margin)}

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()
