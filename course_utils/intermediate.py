"""Les objectifs qui regardent *dans* les réseaux : FitNets (un indice) et LIT (tous les blocs).

Réexportés par objectives.py, où sont les autres méthodes.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from course_utils.adapters import Adapter, still_statistics
from course_utils.arguments import between, check_adapters, told_in_french, whole
from course_utils.data import Batch
from course_utils.inference import (
    Teacher,
    best_device,
    checked_teacher,
    labels_within,
    place,
    refuse_own_teacher,
    staged,
)
from course_utils.losses import checked_temperature, cross_entropy, hint_loss, kd_loss, lit_loss
from course_utils.models import StagedNet
from course_utils.packing import on_packs


class Hint:
    """Étape 1 de FitNets : r(sortie de l'étage `guided` de l'élève) doit donner la sortie de l'étage `hint` de
    l'enseignant.

    Aucun des deux réseaux n'est exécuté plus loin : au-delà de l'étage guidé, rien ne peut bouger chez l'élève. Le
    régresseur r fait partie de ce qui est entraîné ; il est jeté après l'étape 1. Étages comptés à partir de 1 (0 : le
    stem). Source : Romero et al. 2014 (FitNets), équation 3.
    """

    def __init__(self, teacher: Teacher, regressor: nn.Module, *, guided: int, hint: int, norm: str = "mse") -> None:
        if not isinstance(regressor, nn.Module):
            raise TypeError(
                f"Le régresseur est un objet {type(regressor).__name__} : donnez regressor(…), ou nn.Identity() entre "
                "des formes égales."
            )
        place(regressor, best_device())
        self.teacher, self.regressor = checked_teacher(teacher), regressor
        self.guided, self.hint, self.norm = whole("guided", guided, 0), whole("hint", hint, 0), norm

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        seen = staged(student, "L'élève").features(batch.x, self.guided)[-1]
        wanted = self.teacher.features(batch, self.hint)[-1]
        with told_in_french("Le régresseur", seen, "construisez-le pour cette forme, par regressor(…)"):
            guided = self.regressor(seen)
        return {"indice": hint_loss(guided, wanted, norm=self.norm)}

    def parameters(self) -> Iterable[nn.Parameter]:
        return self.regressor.parameters()


class Lit:
    """Phase 1 de LIT : kd_share · [hard_share · H(y, P_S) + (1 − hard_share) · T² · KL] + (1 − kd_share) · Σ blocs.

    Chaque bloc reçoit l'entrée *de l'enseignant* et doit rendre sa sortie ; H et KL jugent l'élève de bout en bout.
    Noms du code officiel : β = kd_share, α = hard_share (il pèse le terme des *labels*). Sa division par 2, qui ne
    change que le pas, est omise. Les BatchNorm ne comptent que le passage de bout en bout, le seul qui reste au test.
    adapters : voir `lit_adapters` ; None si toutes les largeurs sont égales.
    Source : Koratana, Kang, Bailis et Zaharia 2019 (LIT), et leur code pour CIFAR.
    """

    def __init__(
        self,
        teacher: Teacher,
        adapters: Sequence[Adapter] | None = None,
        *,
        hard_share: float = 0.95,
        kd_share: float = 0.75,
        temperature: float = 6.0,
        norm: str = "mse",
    ) -> None:
        for name, share in (("hard_share", hard_share), ("kd_share", kd_share)):
            if not between(0, share, 1):
                raise ValueError(f"{name} vaut {share!r} : donnez une part, un nombre de 0 à 1, par exemple 0.75.")
        check_adapters(adapters or ())
        self.teacher, self.adapters, self.norm = checked_teacher(teacher), adapters, norm
        self.hard_share, self.kd_share = hard_share, kd_share
        self.temperature = checked_temperature(temperature)
        for module in self._modules():
            place(module, best_device())

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        refuse_own_teacher(student, self.teacher)
        wanted = self.teacher.features(batch)
        logits, blocks = self.compare(staged(student, "L'élève"), batch.x, wanted)
        terms = {}  # un terme de poids nul n'est pas calculé : sans label, le premier ne serait pas un nombre
        if weight := self.kd_share * self.hard_share:
            terms["labels"] = weight * cross_entropy(logits, labels_within(logits, batch))
        if weight := self.kd_share * (1 - self.hard_share):
            terms["enseignant"] = weight * kd_loss(logits, self.teacher.classify(wanted[-1]), self.temperature)
        if weight := 1 - self.kd_share:
            terms["blocs"] = weight * blocks
        return terms

    def compare(self, student: StagedNet, x: Tensor, wanted: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Les logits (N, classes) de l'élève de bout en bout, et la somme des écarts de ses blocs à `wanted`."""
        logits = student(x)
        with still_statistics(student):
            blocks = [on_packs(stage) for stage in student.stages]
            return logits, lit_loss(blocks, wanted, self.adapters, norm=self.norm)

    def parameters(self) -> Iterable[nn.Parameter]:
        return [parameter for module in self._modules() for parameter in module.parameters()]

    def _modules(self) -> list[nn.Module]:
        return [module for pair in self.adapters or () for module in pair if module is not None]


class Hints(Lit):
    """Le contrôle de LIT : tout est pareil, mais chaque bloc garde l'entrée *de l'élève* (un indice par étage).

    Des adaptateurs de `lit_adapters`, seuls ceux de sortie servent.
    """

    def compare(self, student: StagedNet, x: Tensor, wanted: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Les logits (N, classes), et la somme des écarts, d'un même passage de bout en bout."""
        seen = student.features(x)
        maps = [after or nn.Identity() for _, after in self.adapters or [(None, None)] * len(student.stages)]
        if not len(maps) + 1 == len(seen) == len(wanted):
            raise ValueError(
                f"L'élève a {len(seen) - 1} étages, l'enseignant {len(wanted) - 1}, et il y a {len(maps)} couples "
                "d'adaptateurs : il en faut autant de chaque (voir lit_adapters)."
            )
        gaps = [hint_loss(r(s), t, norm=self.norm) for r, s, t in zip(maps, seen[1:], wanted[1:], strict=True)]
        return student.head(student.pool(seen[-1])), torch.stack(gaps).sum()

    def _modules(self) -> list[nn.Module]:
        return [after for _, after in self.adapters or () if after is not None]
