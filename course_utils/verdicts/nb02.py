"""Les exercices du notebook 02 : la perte de distillation, son gradient, et une moyenne de trop."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils import losses
from course_utils.exercises import Exercise
from course_utils.verdicts.slopes import reaches


def _pair(rows: int, columns: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(rows, columns, generator=generator), 3 * torch.randn(rows, columns, generator=generator)


def _cases() -> tuple:
    return ((*_pair(3, 5, 0), 2.0), (*_pair(5, 10, 1), 4.0), (*_pair(7, 5, 2), 20.0), (*_pair(1, 3, 3), 1.0))


def gradient(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """La dérivée de `losses.kd_loss` par rapport aux logits de l'élève."""
    return temperature * _gap(student, teacher, temperature) / len(student)


def _kl(student: Tensor, teacher: Tensor, t: float, *, reduction: str = "batchmean") -> Tensor:
    return F.kl_div(F.log_softmax(student / t, 1), F.softmax(teacher / t, 1), reduction=reduction)


def _kl_without_log(student: Tensor, teacher: Tensor, t: float, *, reduction: str = "batchmean") -> Tensor:
    return F.kl_div(F.softmax(student / t, 1), F.softmax(teacher / t, 1), reduction=reduction)


def _gap(student: Tensor, teacher: Tensor, t: float) -> Tensor:
    return losses.soften(student, t) - losses.soften(teacher, t)


def _by_hand(answer: Callable[..., Tensor]) -> bool:
    """Vrai si rien n'est relu de ce qu'autograd retient ; torch.func, lui, refuse d'être observé ainsi."""
    reread: list[Tensor] = []

    def note(kept: Tensor) -> Tensor:
        reread.append(kept)
        return kept

    try:
        with torch.autograd.graph.saved_tensors_hooks(lambda kept: kept, note):
            answer(*_pair(3, 5, 4), 2.0)
    except RuntimeError:
        return False
    return not reread


def _passes_gradient(answer: Callable[..., Tensor]) -> bool:
    student, teacher = _pair(4, 10, 3)
    student.requires_grad_()
    return reaches(answer(student, teacher, 4.0), student)


def _right_on_large_logits(answer: Callable[..., Tensor]) -> bool:
    student, teacher = (200 * torch.eye(10)[[k, 3]] for k in (1, 2))
    values = []
    for loss_of in (answer, losses.kd_loss):
        loss = loss_of(student.requires_grad_(), teacher, 1.0)
        values.append(torch.stack([loss.detach(), *torch.autograd.grad(loss, student)[0].flatten()]).double())
    found, expected = values
    return torch.allclose(found, expected, rtol=1e-3, atol=1e-3)


PROPERTIES = {
    "Le gradient doit pouvoir remonter jusqu'à l'élève : gardez des tenseurs.": _passes_gradient,
    "Avec de grands logits, une probabilité arrondie à 0 rend la perte infinie ou NaN, et un plancher (clamp, + 1e-8) "
    "la rend fausse, sans gradient : prenez « log_softmax » des logits plutôt que le logarithme d'un softmax.": (
        _right_on_large_logits
    ),
}
LOSS_MISTAKES = {
    "Le facteur T² manque : sans lui, le terme doux s'éteint quand T grandit.": _kl,
    'Il faut une moyenne sur les images, pas sur les classes (reduction="batchmean", et non "mean").': lambda s, t, T: (
        T**2 * _kl(s, t, T, reduction="mean")
    ),
    "Le facteur est T², et non T.": lambda s, t, T: T * _kl(s, t, T),
    "Les deux fautes y sont encore : le facteur T² manque, et la moyenne prend aussi les classes.": lambda s, t, T: _kl(
        s, t, T, reduction="mean"
    ),
    "C'est la somme du lot : divisez par le nombre d'images.": lambda s, t, T: T**2 * _kl(s, t, T, reduction="sum"),
    "Deux fautes : c'est la somme du lot (divisez par le nombre d'images), et le facteur T² manque.": lambda s, t, T: (
        _kl(s, t, T, reduction="sum")
    ),
    "La température n'adoucit rien : divisez par T les logits de l'élève et ceux de l'enseignant.": [
        lambda s, t, T: T**2 * _kl(s, t, 1.0),
        lambda s, t, T: _kl(s, t, 1.0),
    ],
    "Le softmax se prend sur les classes (axe 1), pas sur les images du lot.": [
        lambda s, t, T: T**2 * _kl(s.T, t.T, T, reduction="sum") / len(s),
        lambda s, t, T: _kl(s.T, t.T, T, reduction="sum") / len(s),
    ],
    "C'est l'élève qui pondère : les écarts de log se pondèrent par les probabilités de l'enseignant.": [
        lambda s, t, T: -losses.kd_loss(t, s, T),
        lambda s, t, T: -losses.kd_loss(t, s, T) / T**2,
    ],
    "La divergence est prise à l'envers : il faut KL(enseignant ‖ élève), pondérée par l'enseignant.": lambda s, t, T: (
        losses.kd_loss(t, s, T)
    ),
    "Deux fautes : la divergence est prise à l'envers, et le facteur T² manque.": lambda s, t, T: _kl(t, s, T),
    "Le signe est inversé : Σ p (log p − log q).": lambda s, t, T: -losses.kd_loss(s, t, T),
    "La température n'agit que sur l'enseignant : divisez aussi les logits de l'élève.": lambda s, t, T: (
        T**2 * F.kl_div(F.log_softmax(s, 1), F.softmax(t / T, 1), reduction="batchmean")
    ),
    "La température n'agit que sur l'élève : divisez aussi les logits de l'enseignant.": lambda s, t, T: (
        T**2 * F.kl_div(F.log_softmax(s / T, 1), F.softmax(t, 1), reduction="batchmean")
    ),
    "`F.kl_div` attend le logarithme des probabilités de l'élève : `log_softmax`, et non des logits.": [
        lambda s, t, T: T**2 * F.kl_div(s / T, F.softmax(t / T, 1), reduction="batchmean"),
        lambda s, t, T: F.kl_div(s / T, F.softmax(t / T, 1), reduction="batchmean"),
    ],
    "`F.kl_div` attend le logarithme des probabilités de l'élève : `log_softmax`, et non `softmax`.": [
        lambda s, t, T: T**2 * _kl_without_log(s, t, T),
        _kl_without_log,
        lambda s, t, T: T**2 * _kl_without_log(s, t, T, reduction="mean"),
        lambda s, t, T: _kl_without_log(s, t, T, reduction="mean"),
    ],
    "Le logarithme d'un nombre négatif donne NaN. À `F.kl_div`, on donne d'abord le *logarithme* des probabilités "
    "de l'élève (`log_softmax`), puis les probabilités de l'enseignant (`softmax`).": lambda s, t, T: (
        T**2 * F.kl_div(F.softmax(t / T, 1), F.log_softmax(s / T, 1), reduction="batchmean")
    ),
    "Un softmax de trop : les logits sont déjà passés dans un softmax avant celui de la température.": lambda s, t, T: (
        losses.kd_loss(torch.softmax(s, 1), torch.softmax(t, 1), T)
    ),
    "C'est l'entropie croisée douce : retranchez-lui l'entropie de l'enseignant.": lambda s, t, T: (
        -(T**2) * (losses.soften(t, T) * torch.log_softmax(s / T, 1)).sum(1).mean()
    ),
    "Deux fautes : c'est l'entropie croisée douce (retranchez-lui l'entropie de l'enseignant), et T² manque.": (
        lambda s, t, T: F.cross_entropy(s / T, F.softmax(t / T, 1))
    ),
}

EXERCISES = {
    "02-kd-loss": Exercise(
        reference=losses.kd_loss,
        why="La divergence est nulle quand l'élève répond comme l'enseignant, et T² garde aux gradients leur taille.",
        cases=_cases,
        mistakes={hint.replace("Les deux fautes y sont encore", "Deux fautes"): f for hint, f in LOSS_MISTAKES.items()},
        properties=PROPERTIES,
    ),
    "02-gradient": Exercise(
        reference=gradient,
        why="T²·(1/T)·(q − p)/N = T·(q − p)/N : le résultat d'autograd, au dernier chiffre près.",
        cases=_cases,
        mistakes={
            "Divisez par le nombre d'images N seulement : le nombre de classes n'y est pour rien.": [
                lambda s, t, T: T * _gap(s, t, T) / s.numel(),
                lambda s, t, T: T * _gap(s, t, T) / s.shape[1],
            ],
            "Le softmax se prend sur les classes (axe 1), pas sur les images du lot.": lambda s, t, T: (
                T * _gap(s.T, t.T, T).T / len(s)
            ),
            "Deux fautes : le signe est inversé, et le facteur est T, non T² (z/T se dérive aussi).": lambda s, t, T: (
                -(T**2) * _gap(s, t, T) / len(s)
            ),
            "Deux fautes : le signe est inversé, et il manque le facteur T et la division par N.": lambda s, t, T: (
                -_gap(s, t, T)
            ),
            "Il manque la moyenne : divisez par le nombre d'images N.": lambda s, t, T: T * _gap(s, t, T),
            "q − p est la dérivée pour une image et à T = 1 : il manque le facteur T et la division par N.": _gap,
            "Deux fautes : le facteur est T, et non T² (z/T se dérive aussi), et il manque la division par N.": (
                lambda s, t, T: T**2 * _gap(s, t, T)
            ),
            "Deux fautes : la dérivée de −log q donne q − p, et non p − q ; et il manque la division par N.": (
                lambda s, t, T: -T * _gap(s, t, T)
            ),
            "Le signe est inversé : la dérivée de −log q donne q − p.": lambda s, t, T: -T * _gap(s, t, T) / len(s),
            "La dérivée de z/T apporte un facteur 1/T : T²/T = T, et non T².": lambda s, t, T: (
                T**2 * _gap(s, t, T) / len(s)
            ),
            "Le facteur T² de la perte manque : le gradient est T·(q − p)/N, et non (q − p)/(T·N).": lambda s, t, T: (
                _gap(s, t, T) / T / len(s)
            ),
            "Le facteur T manque : T² vient de la perte et 1/T de la dérivée de z/T.": lambda s, t, T: (
                _gap(s, t, T) / len(s)
            ),
            "Les probabilités sont prises à T = 1 : adoucissez-les à la température T.": lambda s, t, T: (
                T * _gap(s, t, 1.0) / len(s)
            ),
        },
        properties={"C'est autograd qui a calculé : écrivez la formule, avec q et p.": _by_hand},
    ),
    "02-bug-moyenne": Exercise(
        reference=losses.kd_loss,
        why="« mean » divisait aussi par le nombre de classes, et sans T² le terme doux s'effaçait quand T grandit.",
        cases=_cases,
        mistakes=LOSS_MISTAKES,
        properties=PROPERTIES,
    ),
}
