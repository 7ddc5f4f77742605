"""Born-Again Networks : que reste-t-il de l'enseignant quand on brouille ses labels doux ?

Deux contrôles, chacun une petite perte et son objectif. L'un ne garde que la confiance de l'enseignant (CWTM), l'autre
la garde avec la forme de ses réponses mais mélange les classes (DKPP).
Source : Furlanello et al. 2018 (Born-Again Networks).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.arguments import answered, between, comparable_logits, whole
from course_utils.data import Batch, Images, checked_images
from course_utils.inference import Teacher, checked_teacher, labels_within, refuse_own_teacher
from course_utils.relations import upcast


def cwtm_weights(teacher_logits: Tensor) -> Tensor:
    """(N, C) → (N,) : le poids de chaque exemple, la plus haute probabilité de l'enseignant, de somme 1 sur le lot."""
    confidence = upcast(teacher_logits).detach().softmax(dim=1).amax(dim=1)
    return confidence / confidence.sum()


def cwtm_loss(student_logits: Tensor, teacher_logits: Tensor, targets: Tensor) -> Tensor:
    """CWTM (*confidence weighted by teacher max*) : H(y, P_S) pondérée par la confiance de l'enseignant.

    logits : (N, C) ; targets : (N,) les labels donnés. Il ne reste rien des rapports entre les classes : seulement
    « cet exemple est facile ». Un exemple sans label (−100) ne compte pas.
    Lève ValueError si les formes des logits diffèrent. Source : Furlanello et al. 2018 (Born-Again Networks).
    """
    comparable_logits(student_logits, teacher_logits)
    weights = cwtm_weights(teacher_logits) * (targets != -100)
    each = F.cross_entropy(upcast(student_logits), targets.long(), reduction="none")
    return (weights * each).sum() / weights.sum()


def permuted_dark_knowledge(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """(N, C) → (N, C) : le maximum de chaque ligne reste en place, les autres valeurs sont mélangées au hasard.

    Chaque ligne a sa propre permutation, tirée de `generator` : la somme reste 1 et la confiance est intacte, mais
    « quelle classe ressemble à quelle autre » est perdu.
    """
    n, c = probabilities.shape
    top = probabilities.argmax(dim=1, keepdim=True)
    # une clé au hasard par case ; le maximum reçoit la plus petite : il est premier dans les deux ordres
    keys = torch.rand((n, c), generator=generator, dtype=torch.float32).to(probabilities.device)
    target = torch.arange(c, device=probabilities.device).expand(n, c)
    target = target.masked_fill(target == top, -1).argsort(dim=1)
    source = keys.scatter(1, top, -1.0).argsort(dim=1)
    return torch.empty_like(probabilities).scatter(1, target, probabilities.gather(1, source))


def dkpp_loss(student_logits: Tensor, teacher_logits: Tensor, generator: torch.Generator) -> Tensor:
    """DKPP (*dark knowledge with permuted predictions*) : H(P_T permutée, P_S) à T = 1.

    logits : (N, C). Lève ValueError si leurs formes diffèrent.
    Source : Furlanello et al. 2018 (Born-Again Networks).
    """
    comparable_logits(student_logits, teacher_logits)
    wanted = permuted_dark_knowledge(upcast(teacher_logits).detach().softmax(dim=1), generator)
    return F.cross_entropy(upcast(student_logits), wanted)


class Cwtm:
    """Les labels, chaque exemple pondéré par la confiance de l'enseignant."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = checked_teacher(teacher)

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        logits = student(batch.x)
        return {"labels pondérés": cwtm_loss(logits, self.teacher.logits(batch), labels_within(logits, batch))}

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()


class Dkpp:
    """L'enseignant, ses réponses non maximales mélangées.

    seed : le hasard des permutations, tirées l'une après l'autre ; un objet neuf par apprentissage redonne les mêmes.
    """

    def __init__(self, teacher: Teacher, *, seed: int = 0) -> None:
        self.teacher = checked_teacher(teacher)
        self.generator = torch.Generator().manual_seed(whole("seed", seed, 0))

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        return {"enseignant mélangé": dkpp_loss(student(batch.x), self.teacher.logits(batch), self.generator)}

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()


def ensemble(logits: Sequence[Tensor]) -> Tensor:
    """K tenseurs de logits (N, C) → (N, C) : la moyenne des probabilités des K réseaux, à T = 1."""
    return torch.stack([answered(each).softmax(dim=1) for each in logits]).mean(dim=0)


def agreement(first: Tensor, second: Tensor) -> float:
    """La part des images auxquelles deux réseaux donnent la même classe, d'après leurs sorties (N, C)."""
    first, second = answered(first, "Le premier réseau"), answered(second, "Le second réseau")
    return (first.argmax(dim=1) == second.argmax(dim=1)).float().mean().item()


def mislabelled(images: Images, share: float, seed: int) -> Images:
    """Les mêmes images, une part `share` d'entre elles avec un label tiré au hasard (parfois le bon, par chance).

    Rien n'est modifié sur place. Lève ValueError si share n'est pas entre 0 et 1.
    """
    checked_images(images)
    if not between(0, share, 1):
        raise ValueError(
            f"La part de labels tirés au hasard vaut {share!r} : donnez un nombre de 0 à 1, par exemple 0.4."
        )
    generator = torch.Generator().manual_seed(whole("seed", seed, 0))
    # float32 : la même graine tire les mêmes labels, quel que soit le type de torch par défaut
    drawn = torch.rand(len(images.labels), generator=generator, dtype=torch.float32) < share
    random = torch.randint(0, len(images.classes), (len(images.labels),), generator=generator)
    return replace(images, labels=torch.where(drawn, random, images.labels))
