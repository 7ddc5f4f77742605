"""Les exercices du notebook 03 : le biais d'une classe jamais vue, et l'enseignant sans cette classe."""

import torch
from torch import Tensor

from course_utils.absent import margins, prior_bias
from course_utils.exercises import Exercise


def rule(logits: Tensor, absent: int, share: float) -> float:
    """Le biais qui fait prédire la classe absente sur la part voulue des images."""
    return prior_bias(logits, [absent], share)


def _rule_cases() -> list[tuple[Tensor, int, float]]:
    generator = torch.Generator().manual_seed(3)
    # beaucoup d'images : à une image près, toutes les façons de prendre un quantile s'accordent
    logits = 2 * torch.randn(4001, 10, generator=generator)
    logits[:, 8] += 1  # le biais juste est loin de zéro, que donnent bien des erreurs
    return [(logits, 8, 0.1), (logits[:, :5], 0, 0.2), (logits, 3, 0.5)]


def _above_everything(logits: Tensor, absent: int, share: float) -> float:
    return torch.quantile(logits.amax(dim=1) - logits[:, absent], share).item()


def _other_end(logits: Tensor, absent: int, share: float) -> float:
    return torch.quantile(margins(logits, [absent]), 1 - share).item()


def _mean_gap(logits: Tensor, absent: int, share: float) -> float:
    return margins(logits, [absent]).mean().item()


def _masked_by_zero(logits: Tensor, absent: int, share: float) -> float:
    others = logits.clone()
    others[:, absent] = 0
    return torch.quantile(others.amax(dim=1) - logits[:, absent], share).item()


def renormalised(p: Tensor, absent: int) -> Tensor:
    """Les labels doux sans une classe, de somme 1."""
    kept = p.clone()
    kept[:, absent] = 0
    return _share_of_rows(kept)


def _probability_cases() -> list[tuple[Tensor, int]]:
    generator = torch.Generator().manual_seed(4)
    return [
        (torch.randn(n, c, generator=generator).softmax(dim=1), k) for n, c, k in ((6, 4, 2), (1, 10, 0), (9, 3, 1))
    ]


def _not_normalised(p: Tensor, absent: int) -> Tensor:
    kept = p.clone()
    kept[:, absent] = 0
    return kept


def _shared_equally(p: Tensor, absent: int) -> Tensor:
    kept = _not_normalised(p, absent) + p[:, [absent]] / (p.shape[1] - 1)
    kept[:, absent] = 0
    return kept


def _softmax_again(p: Tensor, absent: int) -> Tensor:
    masked = p.clone()
    masked[:, absent] = -torch.inf
    return masked.softmax(dim=1)


def _row_removed(p: Tensor, absent: int) -> Tensor:
    kept = p.clone()
    kept[absent] = 0
    return kept


def _share_of_rows(p: Tensor) -> Tensor:
    return p / p.sum(dim=1, keepdim=True)


def _column_removed(p: Tensor, absent: int) -> Tensor:
    kept = torch.cat([p[:, :absent], p[:, absent + 1 :]], dim=1)
    return _share_of_rows(kept)


EXERCISES = {
    "03-regle-du-biais": Exercise(
        reference=rule,
        why="Le biais est un quantile des marges : il ne demande aucun label, seulement la fréquence de la classe.",
        cases=_rule_cases,
        tolerance=0.02,
        mistakes={
            "Le maximum doit porter sur les *autres* classes : excluez la classe absente, sinon aucune marge "
            "n'est négative.": _above_everything,
            "Une image bascule quand le biais *dépasse* sa marge : c'est la part des plus petites marges qu'il faut, "
            "pas celle des plus grandes.": _other_end,
            "La marge est à l'envers : c'est le plus grand logit des autres, *moins* celui de la classe absente.": (
                lambda logits, absent, share: -_other_end(logits, absent, share)
            ),
            "Le signe est à l'envers : on demande ce qu'il faut *ajouter* au logit de la classe absente.": (
                lambda logits, absent, share: -rule(logits, absent, share)
            ),
            "Un logit de 0 n'exclut pas la classe absente, il peut être le plus grand : mettez −∞.": _masked_by_zero,
            "Ni la moyenne ni la médiane des marges ne dépendent de `share` : il faut un quantile.": _mean_gap,
        },
    ),
    "03-sans-la-classe": Exercise(
        reference=renormalised,
        why="C'est exactement ce que fait un logit de −∞ avant le softmax : les rapports entre les autres classes "
        "sont intacts.",
        cases=_probability_cases,
        mistakes={
            "Il manque la division : chaque ligne doit avoir pour somme 1.": _not_normalised,
            "Partager la masse à parts égales change les rapports entre les classes : divisez par la somme.": (
                _shared_equally
            ),
            "`p` contient déjà des probabilités : un second softmax les aplatit.": [
                _softmax_again,
                lambda p, absent: _not_normalised(p, absent).softmax(dim=1),
            ],
            "Une classe est une colonne : `[:, absent]`, et non `[absent]`, qui est une image.": [
                lambda p, absent: _share_of_rows(_row_removed(p, absent)),
                _row_removed,
            ],
            "La somme se prend sur les classes de chaque image (axe 1), pas sur les images du lot.": lambda p, absent: (
                _not_normalised(p, absent) / _not_normalised(p, absent).sum(dim=0)
            ),
            "Gardez la colonne, remplie de zéros : l'élève a toujours autant de sorties.": _column_removed,
        },
        properties={
            "Les lignes doivent avoir pour somme 1.": lambda f: bool(
                ((f(torch.full((2, 4), 0.25), 1).sum(dim=1) - 1).abs() < 1e-5).all()
            )
        },
    ),
}
