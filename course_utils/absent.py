"""Une classe que l'élève n'a jamais vue : la retrouver en relevant son biais.

Un élève distillé sans les images d'une classe a appris à la reconnaître par les labels doux des autres, mais à la
croire rare. Ajouter une constante à son logit répare cela ; ici, on la choisit sans regarder le test.
Source : Hinton, Vinyals et Dean 2015, section 3.
"""

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from course_utils.arguments import between
from course_utils.data import Batch
from course_utils.inference import Teacher, checked_teacher, refuse_own_teacher
from course_utils.losses import checked_temperature, kd_loss


def margins(logits: Tensor, classes: Sequence[int]) -> Tensor:
    """(N, C) → (N,) : le biais à partir duquel chaque image est prédite dans `classes`.

    C'est l'avance du meilleur logit des autres classes sur le meilleur des classes désignées.
    """
    chosen = _mask(logits, classes)
    return logits[:, ~chosen].amax(dim=1) - logits[:, chosen].amax(dim=1)


def prior_bias(logits: Tensor, classes: Sequence[int], share: float) -> float:
    """Le biais à ajouter aux logits de `classes` pour que la part `share` des images y soit prédite.

    logits : (N, C) sur des images quelconques, *sans label* : seule la fréquence attendue des classes est supposée
    connue. Lève ValueError si share n'est pas strictement entre 0 et 1.
    """
    if not between(0, share, 1) or share in (0, 1):
        raise ValueError(f"La part vaut {share!r} : donnez un nombre strictement entre 0 et 1, par exemple 0.1.")
    return torch.quantile(margins(logits, classes), share).item()


def with_bias(logits: Tensor, classes: Sequence[int], bias: float) -> Tensor:
    """Une copie des logits (N, C), `bias` ajouté aux colonnes de `classes`."""
    return logits + bias * _mask(logits, classes).to(logits)


def errors_by_bias(logits: Tensor, labels: Tensor, absent: int, biases: Tensor) -> tuple[Tensor, Tensor]:
    """Les erreurs pour chaque biais, sans rien recalculer : (erreurs en tout, erreurs sur la classe absente).

    logits : (N, C) ; labels : (N,) ; biases : (B,) croissants. Rend deux tenseurs (B,) d'entiers.
    Une image bascule vers la classe absente quand le biais dépasse sa marge ; il suffit donc de trier les marges.
    """
    margin = margins(logits, [absent])
    others = logits.clone()
    others[:, absent] = -torch.inf
    own = labels == absent
    right_before = ~own & (others.argmax(dim=1) == labels)

    def count_below(values: Tensor) -> Tensor:
        return torch.searchsorted(values.sort().values, biases)

    recovered, lost = count_below(margin[own]), count_below(margin[right_before])
    on_absent = own.sum() - recovered
    return (~own & ~right_before).sum() + on_absent + lost, on_absent


def best_bias(logits: Tensor, labels: Tensor, absent: int, biases: Tensor) -> float:
    """Le biais de la grille qui donne le moins d'erreurs : honnête sur la validation, triché sur le test."""
    return biases[errors_by_bias(logits, labels, absent, biases)[0].argmin()].item()


class Renormalised:
    """Le contrôle : l'enseignant, la classe absente effacée de ses réponses, distillé comme d'habitude.

    Un logit de −∞ met sa probabilité à zéro et renormalise les autres, à toute température.
    """

    def __init__(self, teacher: Teacher, absent: int, *, temperature: float) -> None:
        self.teacher, self.absent = checked_teacher(teacher), absent
        self.temperature = checked_temperature(temperature)

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        logits = self.teacher.logits(batch)
        logits = logits.masked_fill(_mask(logits, [self.absent]).to(logits.device), -torch.inf)
        return {"enseignant": kd_loss(student(batch.x), logits, self.temperature)}

    def parameters(self) -> tuple[()]:
        return ()


def _mask(logits: Tensor, classes: Sequence[int]) -> Tensor:
    count = logits.shape[1]
    if not isinstance(classes, Sequence) or not all(isinstance(k, Integral) and 0 <= k < count for k in classes):
        raise ValueError(
            f"Les classes désignées sont {classes!r} : donnez une liste de numéros de 0 à {count - 1}, par exemple [2]."
        )
    mask = torch.zeros(count, dtype=torch.bool)
    mask[list(classes)] = True
    if not 0 < int(mask.sum()) < count:
        raise ValueError(
            f"Les classes désignées sont {list(classes)} sur {count} : il en faut au moins une, et pas toutes."
        )
    return mask
