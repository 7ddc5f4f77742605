"""Les pertes de la séance, et rien d'autre.

Chaque fonction est pure : elle ne modifie pas ses arguments, calcule au moins en float32 et rend un scalaire
(sauf `soften`). L'enseignant est toujours détaché : aucun gradient ne remonte vers lui. Un mauvais argument
donne une ValueError qui dit, en une phrase, ce qui ne va pas et quoi faire.

| équation                              | fonction                               |
|---------------------------------------|----------------------------------------|
| q_i = exp(z_i/T) / Σ_j exp(z_j/T)     | `soften`                               |
| D_KL(P_T, P_S)                        | `kd_loss`                              |
| L_KD = H(y, P_S) + λ·D_KL(P_T, P_S)   | `hinton_loss`                          |
| L_IR = ‖IR_T − IR_S‖₂                 | `hint_loss`                            |
| LIT : chaque bloc, nourri du teacher  | `lit_loss`                             |
| L_RKD = Σ ℓ(φ(t_i,t_j), φ(s_i,s_j))   | `rkd_distance_loss`, `rkd_angle_loss`  |

Les deux dernières, qui comparent les exemples entre eux, sont écrites dans relations.py.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.relations import rkd_angle_loss, rkd_distance_loss

__all__ = [
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
    Lève ValueError si T n'est pas un nombre fini strictement positif.
    Source : Hinton, Vinyals et Dean 2015, équation 1.
    """
    return torch.softmax(_upcast(logits) / checked_temperature(temperature), dim=-1)


def kd_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Perte de distillation : T² · KL(P_T ‖ P_S), moyenne sur le lot (et non sur les classes).

    student_logits, teacher_logits : (N, C). Le facteur T² compense les *gradients*, qui diminuent comme 1/T² ;
    sans lui, changer T changerait aussi le poids de ce terme. Une classe que l'enseignant exclut (logit −∞) ne compte
    pas.
    Lève ValueError si les formes diffèrent ou ne sont pas (N, C), ou si T n'est pas un nombre fini positif.
    Source : Hinton, Vinyals et Dean 2015, section 2.
    """
    _check_logits(student_logits, teacher_logits)
    t = checked_temperature(temperature)
    log_student = torch.log_softmax(_upcast(student_logits) / t, dim=1)
    log_teacher = torch.log_softmax(_upcast(teacher_logits).detach() / t, dim=1)
    p_teacher = log_teacher.exp()
    # 0·log 0 vaut 0 par continuité, alors que le calcul direct donnerait NaN
    terms = torch.where(p_teacher > 0, p_teacher * (log_teacher - log_student), 0.0)
    return t**2 * terms.sum(dim=1).mean()


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

    logits : (N, C) ; targets : (N,) indices des classes (−100 : image sans label, ignorée par H) ou (N, C)
    probabilités. H est calculée à T = 1, la température n'agit que sur le terme de distillation. Un poids nul retire
    son terme.
    Lève ValueError comme `kd_loss`, ou si targets ne va pas avec les logits.
    Source : Hinton, Vinyals et Dean 2015, section 2.
    """
    _check_logits(student_logits, teacher_logits)
    loss = _upcast(student_logits).new_zeros(())
    if hard_weight:
        loss = loss + hard_weight * cross_entropy(student_logits, targets)
    if soft_weight:
        loss = loss + soft_weight * kd_loss(student_logits, teacher_logits, temperature)
    return loss


def cross_entropy(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Entropie croisée H(y, P) à T = 1, moyenne sur le lot.

    logits : (N, C) ; targets : (N,) entiers (−100 : ignoré) ou (N, C), un vecteur « one-hot » ou des probabilités.
    Lève ValueError si targets ne va pas avec les logits.
    """
    _check_logits(logits, logits)
    if targets.shape == logits.shape:
        targets = _upcast(targets)
    elif targets.shape != logits.shape[:1] or targets.is_floating_point():
        raise ValueError(
            f"Les labels ont la forme {tuple(targets.shape)} et le type {targets.dtype} : donnez "
            f"{logits.shape[0]} indices de classe (entiers), ou des probabilités de forme {tuple(logits.shape)}."
        )
    return F.cross_entropy(_upcast(logits), targets, label_smoothing=label_smoothing)


def hint_loss(student_features: Tensor, teacher_features: Tensor, *, norm: str = "mse") -> Tensor:
    """Distance entre une représentation de l'élève et celle de l'enseignant.

    student_features, teacher_features : (N, …), de formes égales (un régresseur s'en charge avant l'appel).
    norm="mse" : moyenne des carrés ; norm="l2" : la norme ‖·‖₂ du cours pour chaque exemple, puis la moyenne sur le
    lot.
    Lève ValueError si les formes diffèrent (jamais de diffusion implicite) ou si norm est inconnue.
    Source : Romero et al. 2014 (FitNets), équation 3.
    """
    if student_features.shape != teacher_features.shape:
        raise ValueError(
            f"L'élève rend {tuple(student_features.shape)} et l'enseignant {tuple(teacher_features.shape)} : "
            "placez un régresseur (convolution 1×1 ou couche dense) pour que les formes soient égales."
        )
    _check_not_empty(student_features)
    gap = _upcast(student_features) - _upcast(teacher_features).detach()
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
    Lève ValueError si les nombres ne se correspondent pas ou si une sortie n'a pas la forme attendue.
    Source : Koratana, Kang, Bailis et Zaharia 2019 (LIT), et leur code pour CIFAR.
    """
    if not blocks or len(teacher_features) != len(blocks) + 1:
        raise ValueError(
            f"{len(blocks)} blocs et {len(teacher_features)} représentations de l'enseignant : pour B ≥ 1 blocs, "
            "donnez B + 1 représentations (l'entrée du premier bloc, puis la sortie de chaque bloc)."
        )
    if adapters is None:
        adapters = [(None, None)] * len(blocks)
    if len(adapters) != len(blocks):
        raise ValueError(
            f"{len(adapters)} adaptateurs pour {len(blocks)} blocs : donnez un couple (entrée, sortie) par bloc."
        )
    distances = []
    for block, (adapt_in, adapt_out), before, after in zip(
        blocks, adapters, teacher_features[:-1], teacher_features[1:], strict=True
    ):
        x = before.detach()
        x = block(adapt_in(x) if adapt_in else x)
        distances.append(hint_loss(adapt_out(x) if adapt_out else x, after, norm=norm))
    return torch.stack(distances).sum()


def _upcast(x: Tensor) -> Tensor:
    """Au moins float32 : en float16, T² · KL perdrait toute précision."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def checked_temperature(temperature: float) -> float:
    """La température, ou ValueError si ce n'est pas un nombre fini strictement positif."""
    try:
        t = float(temperature)
    except (TypeError, ValueError):
        t = math.nan
    if not (math.isfinite(t) and t > 0):
        raise ValueError(
            f"La température vaut {temperature} : donnez un nombre fini strictement positif, par exemple 4."
        )
    return t


def _check_not_empty(x: Tensor) -> None:
    if x.numel() == 0:
        raise ValueError(f"Le lot est vide (forme {tuple(x.shape)}) : donnez au moins un exemple.")


def _check_logits(student: Tensor, teacher: Tensor) -> None:
    if student.shape != teacher.shape or student.ndim != 2:
        raise ValueError(
            f"Les logits ont les formes {tuple(student.shape)} (élève) et {tuple(teacher.shape)} (enseignant) : "
            "elles doivent être égales, (N exemples, C classes)."
        )
    if not (student.is_floating_point() and teacher.is_floating_point()):
        raise ValueError(
            f"Les logits sont de types {student.dtype} (élève) et {teacher.dtype} (enseignant) : "
            "donnez des nombres réels, les sorties du réseau avant le softmax."
        )
    if student.device != teacher.device:
        raise ValueError(
            f"L'élève est sur {student.device} et l'enseignant sur {teacher.device} : "
            "déplacez l'un des deux avec .to(device)."
        )
    _check_not_empty(student)
