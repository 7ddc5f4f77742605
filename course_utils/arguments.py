"""Les arguments refusés avant tout calcul : une phrase dit lequel, ce qu'il a reçu, et quoi donner."""

import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def whole(name: str, value: int, least: int = 1) -> int:
    """Le réglage, ou ValueError si ce n'est pas un entier de `least` à 2**32 - 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= value < 2**32:
        raise ValueError(f"{name} vaut {value!r} : donnez un entier de {least} à 2**32 - 1.")
    return int(value)


def sizes(**values: int) -> None:
    """Lève ValueError si l'une de ces tailles n'est pas un entier positif."""
    for name, value in values.items():
        whole(name, value)


def share(name: str, value: float) -> float:
    """Le réglage, ou ValueError si ce n'est pas un nombre de 0 à 1, 1 exclu."""
    if not isinstance(value, Real) or not 0 <= value < 1:
        raise ValueError(f"{name} vaut {value!r} : donnez un nombre de 0 à 1 (exclu), par exemple 0.1.")
    return float(value)


def between(low: float, value: object, high: float) -> bool:
    """Vrai pour un nombre de low à high, compris."""
    return isinstance(value, Real) and low <= float(value) <= high


@contextmanager
def told_in_french(who: str, x: Tensor, remedy: str) -> Iterator[None]:
    """Lève ValueError quand une couche de `who` ne peut pas lire x, au lieu de la phrase anglaise de torch."""
    try:
        yield
    except RuntimeError as error:
        if "channels" not in str(error) and "shapes cannot be multiplied" not in str(error):
            raise
        raise ValueError(f"{who} ne peut pas lire une représentation de forme {tuple(x.shape)} : {remedy}.") from error


def check_precision(weights: Iterable[Tensor]) -> None:
    """Lève ValueError si un poids n'est pas en float32 : un float16 déborde, un float64 ne lit pas les images."""
    others = {weight.dtype for weight in weights if weight.is_floating_point()} - {torch.float32}
    if others:
        raise ValueError(
            f"L'élève, ou ce qui apprend avec lui, a des poids en {others.pop()} : on apprend en float32, appelez "
            "d'abord student.float()."
        )


@contextmanager
def batchnorm_in_french() -> Iterator[None]:
    """Lève une ValueError en français quand une BatchNorm refuse un lot d'une seule image."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            "Une BatchNorm ne peut pas normaliser un lot d'une seule image : donnez batch_size=2 ou plus, et au moins "
            "deux images."
        ) from error


def network(model: Network, who: str) -> Network:
    """Le réseau, ou TypeError si c'est autre chose ; who : « L'élève », « L'enseignant »…"""
    if not isinstance(model, nn.Module):
        example = "load_teacher()" if "nseignant" in who else "mlp(seed=0)"
        raise TypeError(f"{who} est un objet {type(model).__name__} : donnez un réseau, par exemple {example}.")
    return model


class NotFiniteError(ValueError):
    """Un réseau répond autre chose que des nombres : on ne le note pas."""


def returned(output: Tensor) -> Tensor:
    """Ce que rend un réseau, ou TypeError si ce n'est pas un tenseur."""
    if not isinstance(output, Tensor):
        raise TypeError(f"Le réseau rend un objet {type(output).__name__} : il doit rendre un tenseur, les logits.")
    return output


def answered(outputs: Tensor, who: str = "Le réseau") -> Tensor:
    """Les sorties d'un réseau, ou NotFiniteError si l'une est NaN ou +∞, dont argmax ferait une réponse.

    −∞ est permis : c'est une classe exclue.
    """
    if not (outputs < math.inf).all():
        raise NotFiniteError(
            f"{who} répond NaN ou l'infini : cherchez le poids qui n'est plus un nombre fini, ou recréez ce réseau et "
            "divisez le pas (lr) par 10."
        )
    return outputs


def pictures(x: Tensor) -> Tensor:
    """Ce qu'un réseau lit, ou TypeError si ce n'est pas un tenseur : un lot ou des images, par exemple."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"Le réseau reçoit un objet {type(x).__name__} : donnez un tenseur d'images normalisées, celles de "
            "images.batch(positions).x."
        )
    return x


def tensors(*values: object) -> None:
    """Lève TypeError si l'un de ces arguments n'est pas un tenseur."""
    for value in values:
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"Un argument est un objet {kind} : donnez un tenseur, par exemple torch.as_tensor(…).")


def check_blocks(blocks: Sequence[object]) -> None:
    """Lève TypeError si ce n'est pas une suite de blocs, que l'on puisse appeler."""
    wrong = [each for each in blocks if not callable(each)] if isinstance(blocks, Sized) else [blocks]
    if wrong:
        kind = type(wrong[0]).__name__
        raise TypeError(f"`blocks` reçoit un objet {kind} : donnez une suite de blocs, par exemple student.stages.")


def check_adapters(adapters: Sequence[object]) -> None:
    """Lève TypeError si ce n'est pas une suite de couples (entrée, sortie), où chacun est une fonction ou None."""
    pairs = adapters if isinstance(adapters, Sized) else [adapters]
    if not all(_is_adapter(pair) for pair in pairs):
        raise TypeError("Un adaptateur n'est pas un couple (entrée, sortie) : donnez lit_adapters(…), ou None.")


def _is_adapter(pair: object) -> bool:
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(part is None or callable(part) for part in pair)


def check_logits(logits: Tensor, whose: str = "Les logits") -> None:
    """Lève ValueError si ce ne sont pas des logits : des nombres réels, (N, C), d'au moins un exemple."""
    tensors(logits)
    if logits.ndim != 2 or not logits.is_floating_point():
        raise ValueError(
            f"{whose} ont la forme {tuple(logits.shape)} et le type {logits.dtype} : donnez les sorties du réseau "
            "avant le softmax, des nombres réels, de forme (N exemples, C classes)."
        )
    refuse_empty(logits)


def comparable_logits(student: Tensor, teacher: Tensor) -> None:
    """Lève ValueError si ce ne sont pas, des deux côtés, les logits des mêmes exemples et des mêmes classes."""
    check_logits(student, "Les logits de l'élève")
    check_logits(teacher, "Les logits de l'enseignant")
    if student.shape != teacher.shape:
        raise ValueError(
            f"Les logits ont les formes {tuple(student.shape)} (élève) et {tuple(teacher.shape)} (enseignant) : "
            "elles doivent être égales, (N exemples, C classes)."
        )
    refuse_incomparable(student, teacher)


def refuse_incomparable(student: Tensor, teacher: Tensor) -> None:
    """Lève ValueError si un lot est vide, ou si les deux ne sont pas sur le même appareil."""
    refuse_empty(student)
    refuse_empty(teacher)
    if student.device != teacher.device:
        raise ValueError(
            f"L'élève est sur {student.device} et l'enseignant sur {teacher.device} : "
            "déplacez l'un des deux avec .to(device)."
        )


def refuse_empty(x: Tensor) -> None:
    """Lève ValueError s'il n'y a aucun nombre."""
    if x.numel() == 0:
        raise ValueError(f"Le lot est vide (forme {tuple(x.shape)}) : donnez au moins un exemple.")


def readable(x: Tensor, layers: Iterable[nn.Module]) -> Tensor:
    """Le lot, ou ValueError si la première couche du réseau ne peut pas le lire.

    Après un pooling, par exemple, ce qui arrive à la première couche à poids n'a plus la forme du lot : rien n'est
    alors vérifié.
    """
    shape = tuple(pictures(x).shape)
    first = next((one for one in layers if _reads(one) or _reshapes(one)), None)
    channels, numbers = getattr(first, "in_channels", None), getattr(first, "in_features", None)
    if not x.is_floating_point():
        fault = f"reçoit des {x.dtype} : donnez des images normalisées, celles de images.batch(positions).x"
    elif channels and x.dim() != 4:
        fault = f"lit des lots de forme (N, {channels}, H, W), et reçoit {shape} : donnez un lot à quatre dimensions"
    elif channels and shape[1] != channels:
        fault = f"lit des lots de forme (N, {channels}, H, W), et reçoit {shape} : créez-le avec in_channels={shape[1]}"
    elif numbers and (given := math.prod(shape[1:])) != numbers:
        fault = f"lit {numbers} nombres par image, et en reçoit {given} (lot {shape}) : créez-le avec inputs={given}"
    else:
        return x
    raise ValueError(f"Ce réseau {fault}.")


def _reads(layer: nn.Module) -> bool:
    return "in_channels" in vars(layer) or "in_features" in vars(layer)


def _reshapes(layer: nn.Module) -> bool:
    inside = next(layer.children(), None)
    return inside is None and not isinstance(layer, nn.Flatten | nn.Identity | nn.Sequential)
