"""Les pertes de la séance, et rien d'autre.

Chaque fonction est pure : elle ne modifie pas ses arguments, calcule au moins en float32 et rend un scalaire
(sauf `soften`). L'enseignant est toujours détaché : aucun gradient ne remonte vers lui. Un mauvais argument
donne une ValueError (une TypeError si ce n'est pas un tenseur) qui dit, en une phrase, ce qui ne va pas et quoi faire.

| équation                              | fonction                               |
|---------------------------------------|----------------------------------------|
| q_i = exp(z_i/T) / Σ_j exp(z_j/T)     | `soften`                               |
| T²·D_KL(P_T, P_S)                     | `kd_loss`                              |
| L_KD = H(y, P_S) + λ·T²·D_KL          | `hinton_loss`                          |
| L_IR = ‖IR_T − IR_S‖₂                 | `hint_loss`                            |
| LIT : chaque bloc, nourri du teacher  | `lit_loss`                             |
| L_RKD = Σ ℓ(φ(t_i,t_j), φ(s_i,s_j))   | `rkd_distance_loss`, `rkd_angle_loss`  |

Les deux dernières, qui comparent les exemples entre eux, sont écrites dans relations.py.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.arguments import (
    check_adapters,
    check_blocks,
    check_logits,
    comparable_logits,
    refuse_incomparable,
    share,
    tensors,
    told_in_french,
)
from course_utils.relations import rkd_angle_loss, rkd_distance_loss, upcast

__all__ = [
    "check_weights",
    "checked_temperature",
    "cross_entropy",
    "hint_loss",
    "hinton_loss",
    "kd_loss",
    "lit_loss",
    "rkd_angle_loss",
    "rkd_distance_loss",
    "soften",
]

Map = Callable[[Tensor], Tensor]


def soften(logits: Tensor, temperature: float) -> Tensor:
    """Probabilités adoucies par la température : q_i = exp(z_i/T) / Σ_j exp(z_j/T).

    logits : (…, C), des nombres quelconques ; temperature : T > 0, sans unité (T = 1 : le softmax ordinaire).
    Rend des probabilités de même forme, de somme 1 sur le dernier axe.
    Lève ValueError si T n'est pas un nombre strictement positif, de 1e-6 à 1e6.
    Source : Hinton, Vinyals et Dean 2015, équation 1.
    """
    return torch.softmax(upcast(logits) / checked_temperature(temperature), dim=-1)


def kd_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Perte de distillation : T² · KL(P_T ‖ P_S), moyenne sur le lot (et non sur les classes).

    student_logits, teacher_logits : (N, C). Le facteur T² compense les *gradients*, qui diminuent comme 1/T² ;
    sans lui, changer T changerait aussi le poids de ce terme. Une classe que l'enseignant exclut (logit −∞) ne compte
    pas. En float32, la valeur est arrondie à T² · 10⁻⁷ près, et son gradient, en proportion, à T · 3·10⁻⁸ près : pour
    mesurer la valeur à T = 1000, donnez des float64.
    Lève ValueError si les formes diffèrent ou ne sont pas (N, C), ou si T n'est pas un nombre positif.
    Source : Hinton, Vinyals et Dean 2015, section 2.
    """
    comparable_logits(student_logits, teacher_logits)
    t = checked_temperature(temperature)
    log_student = torch.log_softmax(upcast(student_logits) / t, dim=1)
    log_teacher = torch.log_softmax(upcast(teacher_logits).detach() / t, dim=1)
    return t**2 * _expectation(log_teacher.exp(), log_teacher - log_student)


def hinton_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    targets: Tensor,
    *,
    temperature: float,
    soft_weight: float,
    hard_weight: float = 1.0,
) -> Tensor:
    """L_KD = hard_weight · H(y, P_S) + soft_weight · T² · KL(P_T ‖ P_S) ; soft_weight est le λ du cours.

    logits : (N, C) ; targets : comme dans `cross_entropy`. H est calculée à T = 1, la température n'agit que sur le
    terme de distillation. Un poids nul retire son terme.
    Lève ValueError comme `kd_loss` et `cross_entropy`, ou si un poids n'est pas un nombre fini, positif ou nul.
    Source : Hinton, Vinyals et Dean 2015, section 2.
    """
    comparable_logits(student_logits, teacher_logits)
    checked_temperature(temperature)
    check_weights(soft_weight=soft_weight, hard_weight=hard_weight)
    loss = upcast(student_logits).new_zeros(())
    if hard_weight:
        loss = loss + hard_weight * cross_entropy(student_logits, targets)
    if soft_weight:
        loss = loss + soft_weight * kd_loss(student_logits, teacher_logits, temperature)
    return loss


def cross_entropy(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Entropie croisée H(y, P) à T = 1, moyenne sur les images du lot qui ont un label.

    logits : (N, C) ; targets : (N,) entiers, où −100 veut dire « sans label », ou (N, C), un vecteur « one-hot » ou
    des probabilités. Comme dans PyTorch, un lot dont aucune image n'a de label donne NaN.
    label_smoothing ∈ [0, 1[ mélange y avec la loi uniforme.
    Lève ValueError si targets ne va pas avec les logits.
    """
    check_logits(logits)
    tensors(targets)
    share("label_smoothing", label_smoothing)
    if logits.device != targets.device:
        raise ValueError(f"Les logits sont sur {logits.device} et les labels sur {targets.device} : déplacez-les.")
    examples, classes = logits.shape
    if targets.shape == logits.shape:
        p = _probabilities(targets)
        return -_expectation(p.lerp(torch.full_like(p, 1 / classes), label_smoothing), upcast(logits).log_softmax(1))
    if targets.shape != (examples,) or targets.is_floating_point() or targets.is_complex():
        raise ValueError(
            f"Les labels ont la forme {tuple(targets.shape)} et le type {targets.dtype} : donnez un numéro "
            f"de classe par exemple ({examples} entiers), ou des probabilités de forme {(examples, classes)}."
        )
    try:
        return F.cross_entropy(upcast(logits), targets.long(), label_smoothing=label_smoothing)
    except IndexError:
        known = targets[targets != -100]
        raise ValueError(
            f"Les labels vont de {known.min()} à {known.max()} pour {classes} classes : donnez des entiers de 0 à "
            f"{classes - 1} (−100 : sans label), ou construisez l'élève avec plus de classes."
        ) from None


def hint_loss(student_features: Tensor, teacher_features: Tensor, *, norm: str = "mse") -> Tensor:
    """Distance entre une représentation de l'élève et celle de l'enseignant.

    student_features, teacher_features : (N, …), de formes égales (un régresseur s'en charge avant l'appel).
    norm="mse" : moyenne des carrés ; norm="l2" : la norme ‖·‖₂ du cours pour chaque exemple, puis leur moyenne.
    Lève ValueError si les formes diffèrent (jamais de diffusion implicite) ou si norm est inconnue.
    Source : Romero et al. 2014 (FitNets), équation 3 (là, la moitié de la *somme* des carrés ; d'une moyenne, le pas
    qui convient ne dépend pas de la taille des cartes).
    """
    tensors(student_features, teacher_features)
    if student_features.shape != teacher_features.shape or student_features.ndim < 2:
        raise ValueError(
            f"L'élève rend {tuple(student_features.shape)} et l'enseignant {tuple(teacher_features.shape)} : placez un "
            "régresseur (convolution 1×1 ou couche dense) pour des formes égales, (N, D) ou (N, C, H, W)."
        )
    refuse_incomparable(student_features, teacher_features)
    gap = upcast(student_features) - upcast(teacher_features).detach()
    if norm == "mse":
        return gap.square().mean()
    if norm == "l2":
        return torch.linalg.vector_norm(gap.flatten(1), dim=1).mean()
    raise ValueError(f"La norme « {norm} » n'existe pas : choisissez « mse » (moyenne des carrés) ou « l2 » (‖·‖₂).")


def lit_loss(
    blocks: Sequence[Map],
    teacher_features: Sequence[Tensor],
    adapters: Sequence[tuple[Map | None, Map | None]] | None = None,
    *,
    norm: str = "mse",
) -> Tensor:
    """LIT : Σ_i distance(bloc_i(IR_T[i]), IR_T[i+1]). Chaque bloc de l'élève reçoit l'entrée *de l'enseignant*.

    blocks : B blocs de l'élève ; teacher_features : B + 1 représentations de l'enseignant (entrée du premier bloc,
    puis sortie de chaque bloc), détachées ici. adapters : un couple (entrée, sortie) par bloc, chacun un module ou
    None, du côté de l'élève : l'un amène IR_T[i] à la largeur de l'élève, l'autre ramène la sortie du bloc à celle de
    l'enseignant.
    Lève ValueError si les nombres ne se correspondent pas, ou si une entrée ou une sortie n'a pas la forme attendue,
    TypeError si ce ne sont pas des blocs.
    Source : Koratana, Kang, Bailis et Zaharia 2019 (LIT), et leur code pour CIFAR.
    """
    check_blocks(blocks)
    if not blocks or len(teacher_features) != len(blocks) + 1:
        raise ValueError(
            f"Nombre de blocs : {len(blocks)} ; de représentations de l'enseignant : {len(teacher_features)}. Pour B "
            "blocs (B ≥ 1), donnez B + 1 représentations (l'entrée du premier bloc, puis la sortie de chaque bloc)."
        )
    tensors(*teacher_features)
    if adapters is None:
        adapters = [(None, None)] * len(blocks)
    check_adapters(adapters)
    if len(adapters) != len(blocks):
        raise ValueError(
            f"{len(adapters)} adaptateurs pour {len(blocks)} blocs : donnez un couple (entrée, sortie) par bloc."
        )
    distances = []
    for block, (adapt_in, adapt_out), (before, after) in zip(blocks, adapters, pairwise(teacher_features), strict=True):
        x = before.clone() if before.is_inference() else before.detach()
        version = x._version
        with told_in_french("Un bloc, ou son adaptateur,", x, "donnez adapters=lit_adapters(élève, enseignant, forme)"):
            y = block(adapt_in(x) if adapt_in else x)
        if x._version != version:
            raise ValueError(
                "Un bloc modifie son entrée, qui est à l'enseignant : retirez inplace=True de sa première couche."
            )
        distances.append(hint_loss(adapt_out(y) if adapt_out else y, after, norm=norm))
    return torch.stack(distances).sum()


def checked_temperature(temperature: float) -> float:
    """La température, ou ValueError si ce n'est pas un nombre strictement positif, de 1e-6 à 1e6."""
    t = _number(temperature)
    if not 1e-6 <= t <= 1e6:  # au-delà, z/T ou T² sortent de ce que les nombres à virgule distinguent
        raise ValueError(
            f"La température vaut {temperature!r} : donnez un nombre strictement positif, de 1e-6 à 1e6, par exemple 4."
        )
    return t


def check_weights(**weights: float) -> None:
    """Lève ValueError si l'un des poids n'est pas un nombre fini, positif ou nul."""
    for name, weight in weights.items():
        if not 0 <= _number(weight) < math.inf:
            raise ValueError(f"Le poids {name} vaut {weight!r} : donnez un nombre fini, positif ou nul, par exemple 1.")


def _number(value: object) -> float:
    """La valeur en virgule flottante, ou NaN si ce n'est pas un nombre."""
    try:
        return math.nan if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan


def _expectation(p: Tensor, values: Tensor) -> Tensor:
    """(N, C), (N, C) → Σ_c p·values, moyenne sur le lot ; 0·∞ y vaut 0, par continuité de p·log p."""
    return (p * values).masked_fill(p == 0, 0.0).sum(dim=1).mean()


def _probabilities(targets: Tensor) -> Tensor:
    """Les probabilités (N, C), détachées, ou ValueError si une ligne n'est pas une loi."""
    p = upcast(targets).detach()
    gap = (p.sum(dim=1) - 1).abs().max()
    if not (p.min() >= 0 and gap < 0.01):  # un bfloat16 n'est juste qu'à 0,4 % près
        raise ValueError(
            f"Les labels (N, C) descendent à {p.min():g} et leur somme s'écarte de 1 de {gap:g} : "
            "donnez des probabilités, positives et de somme 1 (pour des logits, soften d'abord)."
        )
    return p
