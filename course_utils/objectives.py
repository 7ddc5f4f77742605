"""Une méthode de distillation = un objectif : ce que l'unique boucle d'apprentissage minimise.

Un objectif s'appelle `objective(student, batch)` et rend ses termes, nommés et déjà pondérés ; la boucle minimise leur
somme et trace chacun. `parameters()` donne ce qu'il faut entraîner en plus de l'élève (un régresseur, par exemple).
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from course_utils.arguments import share, whole
from course_utils.data import Batch
from course_utils.inference import Teacher, checked_teacher, labels_within, refuse_own_teacher, staged
from course_utils.intermediate import Hint, Hints, Lit
from course_utils.losses import (
    check_weights,
    checked_temperature,
    cross_entropy,
    kd_loss,
    rkd_angle_loss,
    rkd_distance_loss,
)

__all__ = ["BornAgain", "Hint", "Hinton", "Hints", "Lit", "Objective", "Rkd", "Supervised", "fading"]


class Objective(Protocol):
    """Ce que la boucle attend d'une méthode."""

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Les termes à minimiser, chacun un scalaire."""

    def parameters(self) -> Iterable[nn.Parameter]:
        """Les paramètres à entraîner en plus de ceux de l'élève."""


def checked_objective(objective: Objective) -> Objective:
    """L'objectif, ou TypeError si c'en est la classe, ou autre chose."""
    if isinstance(objective, type):
        seen = f"est la classe {objective.__name__} : construisez-le"
    elif callable(objective) and callable(getattr(objective, "parameters", None)):
        return objective
    else:
        seen = f"est un objet {type(objective).__name__} : donnez une méthode"
    raise TypeError(f"L'objectif {seen}, par exemple Supervised() ou Hinton(enseignant).")


def check_batches(objective: Objective, size: int) -> None:
    """Lève ValueError si les lots ont moins d'images que l'objectif n'en compare entre elles (son attribut `compares`).

    Un dernier lot plus petit ne compte pas : ceux d'avant ont appris.
    """
    least = getattr(objective, "compares", 1)
    if size < least:
        raise ValueError(
            f"{type(objective).__name__} compare {least} images entre elles, et un lot en a {size} : donnez "
            f"batch_size={least} ou plus, et au moins {least} images."
        )


def total(terms: dict[str, Tensor]) -> Tensor:
    """La somme des termes d'un objectif.

    Lève TypeError si ce n'en sont pas, ValueError si leur somme ne peut rien apprendre à l'élève.
    """
    if not isinstance(terms, dict) or not all(isinstance(term, Tensor) for term in terms.values()):
        kinds = {name: type(term).__name__ for name, term in terms.items()} if isinstance(terms, dict) else {}
        raise TypeError(
            f"L'objectif rend {kinds or f'un objet {type(terms).__name__}'} : rendez un dictionnaire de tenseurs, "
            'par exemple {"labels": perte}, sans .item().'
        )
    shapes = {name: tuple(term.shape) for name, term in terms.items()}
    if not shapes or any(shapes.values()):
        raise ValueError(f"L'objectif rend {shapes} : il faut au moins un terme, et que chacun soit un scalaire.")
    loss = torch.stack(list(terms.values())).sum()
    if not loss.requires_grad:
        raise ValueError("La perte ne dépend d'aucun poids à entraîner : ne détachez pas les sorties de l'élève.")
    return loss


class Supervised:
    """L'apprentissage ordinaire : H(y, P_S). label_smoothing ∈ [0, 1[ mélange y avec la loi uniforme."""

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = share("label_smoothing", label_smoothing)

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        logits = student(batch.x)
        labels = labels_within(logits, batch)
        return {"labels": cross_entropy(logits, labels, label_smoothing=self.label_smoothing)}

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()


class Hinton:
    """La distillation de Hinton : hard_weight · H(y, P_S) + soft_weight · T² · KL(P_T ‖ P_S).

    soft_weight est le λ du cours. hard_weight=0 : l'élève n'apprend que de l'enseignant, sans aucun label.
    Source : Hinton, Vinyals et Dean 2015, section 2.
    """

    def __init__(
        self, teacher: Teacher, *, temperature: float = 4.0, soft_weight: float = 1.0, hard_weight: float = 1.0
    ) -> None:
        check_weights(soft_weight=soft_weight, hard_weight=hard_weight)
        if soft_weight == hard_weight == 0:
            raise ValueError("Les deux poids sont nuls (0) : donnez un nombre positif à l'un des deux au moins.")
        self.teacher = checked_teacher(teacher)
        self.temperature = checked_temperature(temperature)
        self.soft_weight = soft_weight
        self.hard_weight = hard_weight

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        logits = student(batch.x)
        terms = {}
        if self.hard_weight:
            terms["labels"] = self.hard_weight * cross_entropy(logits, labels_within(logits, batch))
        if self.soft_weight:
            terms["enseignant"] = self.soft_weight * kd_loss(logits, self.teacher.logits(batch), self.temperature)
        return terms

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()


def fading(objective: Hinton, *, start: float, stop: float, epochs: int) -> Callable[[object], None]:
    """Fait descendre λ (soft_weight) de start à stop, en ligne droite, époque après époque ; à donner à
    `fit(on_epoch=…)`. À refaire pour chaque apprentissage : après le premier, λ reste à stop.

    Source : Romero et al. 2014 (FitNets), étape 2, où λ va de 4 à 1.
    """
    if not isinstance(objective, Hinton):
        raise TypeError(f"L'objectif est un objet {type(objective).__name__} : donnez un Hinton, dont λ descendra.")
    whole("epochs", epochs)
    check_weights(start=start, stop=stop)
    weights = iter(start + (stop - start) * epoch / (epochs - 1) for epoch in range(1, epochs))
    objective.soft_weight = start

    def after_an_epoch(_: object) -> None:
        objective.soft_weight = next(weights, stop)

    return after_an_epoch


class BornAgain:
    """Réseaux nés de nouveau : l'élève n'apprend que de l'enseignant, KL(P_T ‖ P_S) à T = 1, sans aucun label.

    Source : Furlanello et al. 2018 (Born-Again Networks). Ses deux contrôles, CWTM et DKPP, sont dans born_again.py.
    """

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = checked_teacher(teacher)

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        return {"enseignant": kd_loss(student(batch.x), self.teacher.logits(batch), 1.0)}

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()


class Rkd:
    """RKD : distance_weight · L_distance + angle_weight · L_angle, entre les vecteurs `embed` des deux réseaux.

    S'y ajoutent, si on le veut, hard_weight · H(y, P_S) et soft_weight · T² · KL. Poids publiés : 1 et 2 pour apprendre
    une métrique, sans label (les valeurs par défaut) ; 25 et 50 pour la classification, avec H et KL.
    Source : Park et al. 2019 (RKD), équation 8 et code officiel.
    """

    compares = 3  # de deux points, la distance divisée par la moyenne est toujours 1

    def __init__(
        self,
        teacher: Teacher,
        *,
        distance_weight: float = 1.0,
        angle_weight: float = 2.0,
        hard_weight: float = 0.0,
        soft_weight: float = 0.0,
        temperature: float = 4.0,
    ) -> None:
        self.weights = {
            "distances": distance_weight,
            "angles": angle_weight,
            "labels": hard_weight,
            "enseignant": soft_weight,
        }
        check_weights(**self.weights)
        if distance_weight == angle_weight == 0:
            raise ValueError("Les poids des distances et des angles sont nuls (0) : donnez à l'un un nombre positif.")
        self.teacher = checked_teacher(teacher)
        self.temperature = checked_temperature(temperature)

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        network = staged(student, "L'élève")
        embeddings = network.embed(batch.x)
        logits = network.head(embeddings)
        target = self.teacher.embeddings(batch)
        terms: dict[str, Callable[[], Tensor]] = {
            "distances": lambda: rkd_distance_loss(embeddings, target),
            "angles": lambda: rkd_angle_loss(embeddings, target),
            "labels": lambda: cross_entropy(logits, labels_within(logits, batch)),
            "enseignant": lambda: kd_loss(logits, self.teacher.read_out(target), self.temperature),
        }
        return {name: weight * terms[name]() for name, weight in self.weights.items() if weight}

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()
