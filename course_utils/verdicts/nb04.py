"""Les exercices du notebook 04 : les poids de CWTM et la permutation de DKPP."""

import torch
from torch import Tensor

from course_utils.born_again import cwtm_weights
from course_utils.exercises import Exercise


def _logit_cases() -> list[tuple[Tensor]]:
    generator = torch.Generator().manual_seed(5)
    return [(3 * torch.randn(n, c, generator=generator),) for n, c in ((8, 10), (5, 3), (1, 4))]


def _not_normalised(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1).amax(dim=1)


def _raw_maximum(logits: Tensor) -> Tensor:
    return logits.amax(dim=1) / logits.amax(dim=1).sum()


def _softmax_of_confidence(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1).amax(dim=1).softmax(dim=0)


def _over_examples(logits: Tensor) -> Tensor:
    confidence = logits.softmax(dim=0).amax(dim=1)
    return confidence / confidence.sum()


def permuted(p: Tensor, order: Tensor) -> Tensor:
    """Le maximum reste en place, les autres valeurs prennent l'ordre donné."""
    others = torch.arange(len(p)) != p.argmax()
    shuffled = p.clone()
    shuffled[others] = p[others][order]
    return shuffled


def _permutation_cases() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(6)
    cases = []
    for c in (5, 10, 4):
        p = (2 * torch.randn(c, generator=generator)).softmax(dim=0)
        cases.append((p, torch.arange(c - 1).roll(1)))
        cases.append((p.flip(0), torch.randperm(c - 1, generator=generator)))
    return cases


def _all_moved(p: Tensor, order: Tensor) -> Tensor:
    return torch.cat([p[order], p[len(order) :]])


def _maximum_first(p: Tensor, order: Tensor) -> Tensor:
    others = torch.arange(len(p)) != p.argmax()
    return torch.cat([p.max()[None], p[others][order]])


def _other_way(p: Tensor, order: Tensor) -> Tensor:
    return permuted(p, order.argsort())


def _flattened(p: Tensor, order: Tensor) -> Tensor:
    rest = (1 - p.max()) / (len(p) - 1)
    return torch.where(torch.arange(len(p)) == p.argmax(), p.max(), rest)


EXERCISES = {
    "04-poids-cwtm": Exercise(
        reference=cwtm_weights,
        why="Un exemple facile pèse plus ; rien n'est dit des classes entre elles.",
        cases=_logit_cases,
        mistakes={
            "Il manque la division : sur le lot, les poids ont pour somme 1.": _not_normalised,
            "La confiance est une probabilité : passez par le softmax avant de prendre le maximum.": [
                _raw_maximum,
                lambda logits: logits.amax(dim=1).softmax(dim=0),
            ],
            "Pour une somme de 1, divisez par la somme ; un second softmax aplatit les poids.": _softmax_of_confidence,
            "Le softmax se prend sur les classes (dim=1), pas sur les exemples.": _over_examples,
        },
    ),
    "04-permuter": Exercise(
        reference=permuted,
        why="Même classe prédite, même confiance, même entropie : seules les ressemblances entre classes ont disparu.",
        cases=_permutation_cases,
        mistakes={
            "Tout est mélangé, même le maximum : mettez-le de côté d'abord.": _all_moved,
            "Le maximum doit rester à *sa* place, pas passer en tête.": _maximum_first,
            "Des valeurs restantes, prenez `rest[order]` : `order` dit d'où vient chacune, non où elle va.": _other_way,
            "Vous avez partagé le reste à parts égales : c'est un lissage des labels, pas une permutation.": _flattened,
        },
        properties={
            "La fonction ne doit rien changer quand `order` est l'identité.": lambda f: torch.equal(
                f(torch.tensor([0.2, 0.7, 0.1]), torch.arange(2)), torch.tensor([0.2, 0.7, 0.1])
            )
        },
    ),
}
