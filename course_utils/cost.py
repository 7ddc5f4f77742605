"""Ce que coûte un réseau : paramètres, multiplications-additions, score du défi du cours."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from course_utils.arguments import between, network
from course_utils.models import copied

# Le réseau de référence du défi : 5,6 millions de poids et 280 millions de multiplications-additions valent chacun 1
# point.
REFERENCE_WEIGHTS = 5.6e6
REFERENCE_MACS = 2.8e8


def parameters(model: nn.Module) -> int:
    """Le nombre de paramètres entraînables ou non (les statistiques des BatchNorm ne comptent pas)."""
    return sum(parameter.numel() for parameter in network(model, "Le premier argument").parameters())


class ImageShapeError(ValueError):
    """Le réseau n'accepte pas les images de cette forme."""


def macs(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiplications-additions pour une image, comptées par torch (convolutions et couches denses).

    input_shape : (C, H, W), sans la dimension du lot. Une multiplication-addition vaut deux opérations flottantes.
    Lève ImageShapeError (une ValueError) si le réseau n'accepte pas cette forme, ValueError s'il a des couches
    quantifiées, que torch ne compte pas.
    """
    network(model, "Le premier argument")
    if not isinstance(input_shape, Sequence):
        raise ValueError(f"input_shape vaut {input_shape!r} : donnez (canaux, hauteur, largeur), comme (3, 32, 32).")
    if quantized := [type(part).__name__ for part in model.modules() if "quantized" in type(part).__module__]:
        raise ValueError(
            f"Le réseau a des couches quantifiées ({quantized[0]}), que torch ne sait pas compter : donnez le réseau "
            "d'avant la quantification, et déclarez-la par weight_bits."
        )
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    # une copie : compter ne doit changer ni l'appareil, ni la précision, ni le mode, ni les statistiques du réseau
    probe = copied(model).to("cpu", torch.float32).eval()
    counter, fused = FlopCounterMode(display=False), torch.backends.mha.get_fastpath_enabled()
    try:
        # l'attention, fondue en une seule opération, ne serait pas comptée : ici, elle est écrite en produits
        torch.backends.mha.set_fastpath_enabled(False)
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            probe(torch.zeros(1, *input_shape, dtype=torch.float32))
    except (RuntimeError, ValueError, AssertionError, IndexError, TypeError) as error:  # selon les réseaux
        raise ImageShapeError(
            f"Le réseau n'accepte pas une image de forme {tuple(input_shape)} : donnez (canaux, hauteur, largeur), ou "
            "un réseau fait pour cette forme."
        ) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() // 2


class Terms(NamedTuple):
    """Les deux termes du score : la mémoire des poids, et le calcul."""

    memory: float
    work: float


def challenge_terms(
    weights: int,
    macs: int,
    *,
    weight_bits: int = 32,
    activation_bits: int = 32,
    structured_pruning: float = 0.0,
    unstructured_pruning: float = 0.0,
) -> Terms:
    """Les deux termes du score du défi, pour un réseau de `weights` poids et `macs` multiplications-additions.

    [1 − (p_s + p_u)] · (q_w/32) · w / 5,6·10⁶ et (1 − p_s) · (max(q_w, q_a)/32) · f / 2,8·10⁸, où w est le nombre de
    poids, f celui des multiplications-additions, p_s et p_u les parts élaguées (structurée, non structurée), q_w et
    q_a les bits des poids et des activations.
    Lève ValueError si une part n'est pas dans [0, 1], si leur somme dépasse 1 ou si un nombre de bits n'est pas entre
    1 et 32. Source : le règlement du défi du cours Efficient Deep Learning.
    """
    pruning = structured_pruning, unstructured_pruning
    if not all(between(0, part, 1) for part in pruning) or sum(pruning) > 1:
        raise ValueError(f"Les parts élaguées valent {pruning} : donnez deux nombres de 0 à 1, de somme au plus 1.")
    for name, bits in (("weight_bits", weight_bits), ("activation_bits", activation_bits)):
        if not between(1, bits, 32):
            raise ValueError(f"`{name}` vaut {bits!r} : donnez un nombre de bits de 1 à 32.")
    return Terms(
        memory=(1 - sum(pruning)) * weight_bits / 32 * weights / REFERENCE_WEIGHTS,
        work=(1 - structured_pruning) * max(weight_bits, activation_bits) / 32 * macs / REFERENCE_MACS,
    )


def challenge_score(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    weight_bits: int = 32,
    activation_bits: int = 32,
    structured_pruning: float = 0.0,
    unstructured_pruning: float = 0.0,
) -> float:
    """Le score du défi (plus il est petit, mieux c'est), à exactitude d'au moins 90 % sur CIFAR-10.

    La somme des deux termes de `challenge_terms`, qui dit les réglages et ce qui est levé.
    """
    return sum(
        challenge_terms(
            parameters(model),
            macs(model, input_shape),
            weight_bits=weight_bits,
            activation_bits=activation_bits,
            structured_pruning=structured_pruning,
            unstructured_pruning=unstructured_pruning,
        )
    )
