"""Les exercices du notebook 01 : softmax adouci, entropie, plus proche voisine, axe du softmax."""

import math

import torch
from torch import Tensor

from course_utils import losses
from course_utils.exercises import Exercise


def _logits(rows: int, columns: int, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(1))


def _softmax_cases() -> tuple:
    return (
        (torch.tensor([[0.0, math.log(3.0)]]), 1.0),
        (_logits(4, 10), 4.0),
        (_logits(3, 5, 5000.0), 2.0),  # déborde même en float64
        (_logits(5, 5), 20.0),
        (torch.tensor([[0.0, 100.0, 200.0]]), 50.0),  # adoucir après le softmax : les petites y sont déjà nulles
    )


def _shares(x: Tensor) -> Tensor:
    return x / x.sum(1, keepdim=True)


def _entropy_cases() -> tuple:
    return (
        (torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]),),
        (torch.tensor([[1.0, 0.0, 0.0]]),),
        (losses.soften(_logits(6, 10), 2.0),),
    )


def entropy_bits(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum(dim=1) / math.log(2)


def nearest_class(p: Tensor, y: Tensor) -> Tensor:
    mean = torch.stack([p[y == c].mean(dim=0) for c in range(p.shape[1])])
    return mean.fill_diagonal_(-1.0).argmax(dim=1)


def _nearest_cases() -> tuple:
    y = torch.arange(40) % 4
    p = losses.soften(_logits(40, 4, 1.0) + 2 * torch.eye(4)[y], 1.0)
    other_y = torch.arange(60) % 6
    other = losses.soften(_logits(60, 6, 0.5) + 3 * torch.eye(6)[other_y], 2.0)
    # la moyenne d'une classe n'est pas toujours la plus grande chez elle
    stolen = torch.tensor([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
    return ((p, y), (p.flip(0), y.flip(0)), (other, other_y), (stolen, torch.arange(3)))


EXERCISES = {
    "01-softmax-temperature": Exercise(
        reference=losses.soften,
        why="Retrancher le maximum divise le numérateur et le dénominateur par le même nombre : rien ne change, "
        "sauf que plus rien ne déborde.",
        cases=_softmax_cases,
        mistakes={
            "La température divise les logits, elle ne les multiplie pas.": lambda z, t: torch.softmax(z * t, 1),
            "La température n'a ici aucun effet : elle manque, ou elle se simplifie dans le quotient. Divisez les "
            "logits, avant l'exponentielle.": lambda z, t: torch.softmax(z, 1),
            "Le softmax se prend sur les classes (axe 1), pas sur les images du lot.": lambda z, t: torch.softmax(
                z / t, 0
            ),
            "exp(1000) déborde : retranchez d'abord le maximum de chaque ligne.": lambda z, t: _shares(
                torch.exp(z / t)
            ),
            "Retranchez le maximum de *chaque ligne*, et non celui du lot : une ligne bien plus basse devient nulle.": (
                lambda z, t: _shares(torch.exp((z - z.max()) / t))
            ),
            "Le maximum retranché se divise par T, lui aussi : sinon, toute une ligne peut devenir nulle.": (
                lambda z, t: _shares(torch.exp(z / t - z.amax(1, keepdim=True)))
            ),
            "Divisez les logits avant le softmax, pas les probabilités après : leur somme n'est plus 1.": lambda z, t: (
                torch.softmax(z, 1) / t
            ),
        },
    ),
    "01-entropie": Exercise(
        reference=entropy_bits,
        why="0 bit : une certitude ; log₂ 10 ≈ 3,32 bits : les dix classes à égalité.",
        cases=_entropy_cases,
        mistakes={
            "0 · log 0 donne NaN : remplacez-le par 0, par exemple avec torch.special.xlogy ou clamp.": lambda p: (
                -(p * torch.log2(p)).sum(1)
            ),
            "Deux fautes : 0 · log 0 donne NaN, et `log` compte en nats.": lambda p: -(p * p.log()).sum(1),
            "C'est l'entropie en nats : pour des bits, divisez par ln 2 (ou prenez log2).": lambda p: (
                -torch.special.xlogy(p, p).sum(1)
            ),
            "Il manque le signe moins : une entropie n'est jamais négative.": lambda p: (
                torch.special.xlogy(p, p).sum(1) / math.log(2)
            ),
            "Deux fautes : 0 · log 0 donne NaN, et le signe moins manque.": lambda p: (p * torch.log2(p)).sum(1),
            "Une entropie par ligne : sommez sur les classes, ne prenez pas la moyenne.": lambda p: (
                -torch.special.xlogy(p, p).mean(1) / math.log(2)
            ),
        },
    ),
    "01-voisine": Exercise(
        reference=nearest_class,
        why="La réponse la plus probable *hors de la diagonale* dit à quoi la classe ressemble.",
        cases=_nearest_cases,
        mistakes={
            "Vous rendez la classe elle-même : excluez la diagonale, puis cherchez le maximum.": lambda p, y: (
                torch.stack([p[y == c].mean(0) for c in range(p.shape[1])]).argmax(1)
            ),
            "La classe n'arrive pas toujours en tête : excluez la diagonale, puis cherchez le maximum.": (
                lambda p, y: torch.stack([p[y == c].mean(0) for c in range(p.shape[1])]).topk(2, dim=1).indices[:, 1]
            ),
            "Vous cherchez la classe la moins probable : il faut le maximum.": lambda p, y: torch.stack(
                [p[y == c].mean(0) for c in range(p.shape[1])]
            ).argmin(1),
        },
    ),
    "01-bug-axe": Exercise(
        reference=losses.soften,
        why="Avec dim=0, chaque colonne a pour somme 1 : le label doux d'une image dépendait des autres images du lot.",
        cases=_softmax_cases,
        mistakes={
            "dim=0 normalise chaque classe sur le lot ; normalisez chaque image sur les classes.": lambda z, t: (
                torch.softmax(z / t, dim=0)
            ),
            "exp(1000) déborde : retranchez d'abord le maximum de chaque ligne.": lambda z, t: _shares(
                torch.exp(z / t)
            ),
        },
    ),
}
