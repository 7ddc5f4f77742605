"""L'indice d'une réponse fausse ne dit que ce qui est vrai d'elle, et nomme ce qu'elle a de particulier."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.exercises import check
from course_utils.relations import mean_distance
from course_utils.verdicts.nb06 import prepare


def maximum_not_divided(z: Tensor, t: float) -> Tensor:
    e = torch.exp(z / t - z.max(1, keepdim=True).values)
    return e / e.sum(1, keepdim=True)


def without_math(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum(1) / math.log(2)  # type: ignore[name-defined]  # noqa: F821


def misspelt(p: Tensor) -> Tensor:
    return p / somme  # type: ignore[name-defined]  # noqa: F821


def kl(s: Tensor, t: Tensor, reduction: str = "batchmean") -> Tensor:
    return F.kl_div(s, t, reduction=reduction)


def masked_by_zero(logits: Tensor, absent: int, share: float) -> float:
    others = logits.clone()
    others[:, absent] = 0
    return torch.quantile(others.amax(1) - logits[:, absent], share).item()


def not_cloned(z: Tensor, k: int, share: float) -> float:
    others = z
    others[:, k] = -torch.inf
    return torch.quantile(others.amax(1) - z[:, k], share).item()


def frozen_for_good(student: Any, phase: int) -> list[str]:
    student.stem.requires_grad_(False)
    student.head.requires_grad_(False)
    return [name for name, parameter in student.named_parameters() if parameter.requires_grad]


def put_in_evaluation(student: Any, phase: int) -> list[str]:
    if phase == 1:
        student.stem.eval()
        student.head.eval()
    return [name for name, parameter in student.named_parameters() if parameter.requires_grad]


def half_frozen(student: Any, phase: int) -> list[str]:
    names = prepare(student, phase)
    student.head.requires_grad_(True)
    return names


def three_shares(hard: Tensor, soft: Tensor, blocks: Tensor, *, hard_share: float, kd_share: float) -> Tensor:
    return hard_share * hard + kd_share * soft + (1 - hard_share - kd_share) * blocks


def over_cdist(student: Tensor, teacher: Tensor) -> Tensor:
    d_s, d_t = torch.cdist(student, student), torch.cdist(teacher, teacher)
    return F.huber_loss(d_s / mean_distance(d_s).clamp(min=1e-9), d_t / mean_distance(d_t).clamp(min=1e-9))


def unbeaten(costs: Any, accuracies: Any, *, cheaper: bool) -> list[int]:
    """Ceux que nul autre ne bat, si l'autre doit être strictement moins cher, ou bien strictement plus exact."""
    points = list(zip(costs, accuracies, strict=True))
    beaten = [any((c < x and a >= y) if cheaper else (c <= x and a > y) for c, a in points) for x, y in points]
    return sorted((i for i, lost in enumerate(beaten) if not lost), key=lambda i: costs[i])


HINTS: dict[str, tuple[str, Any, str]] = {
    "maximum non divisé": ("01-softmax-temperature", maximum_not_divided, "se divise par T, lui aussi"),
    "math non importé": ("01-entropie", without_math, "ajoutez import math dans la cellule"),
    "nom mal écrit": ("01-entropie", misspelt, "ou corrigez ce nom"),
    "kl_div sans log ni T²": (
        "02-bug-moyenne",
        lambda s, t, T: kl((s / T).softmax(1), (t / T).softmax(1)),
        "log_softmax, et non softmax",
    ),
    "logarithme d'un logit": (
        "02-kd-loss",
        lambda s, t, T: ((t / T).softmax(1) * ((t / T).log_softmax(1) - (s / T).log())).sum(1).mean(),
        "Le logarithme d'un nombre négatif donne NaN",
    ),
    "T au lieu de T²": (
        "02-kd-loss",
        lambda s, t, T: T * kl((s / T).log_softmax(1), (t / T).softmax(1)),
        "T², et non T",
    ),
    "signe inversé": (
        "02-kd-loss",
        lambda s, t, T: -(T**2) * kl((s / T).log_softmax(1), (t / T).softmax(1)),
        "Le signe est inversé",
    ),
    "moyenne et T²": (
        "02-kd-loss",
        lambda s, t, T: kl((s / T).log_softmax(1), (t / T).softmax(1), "mean"),
        "Deux fautes : le facteur T² manque",
    ),
    "enseignant à T = 1": (
        "02-kd-loss",
        lambda s, t, T: T**2 * kl((s / T).log_softmax(1), t.softmax(1)),
        "divisez aussi les logits de l'enseignant",
    ),
    "masque à zéro": ("03-regle-du-biais", masked_by_zero, "Un logit de 0 n'exclut pas"),
    "argument modifié, par son nom": ("03-regle-du-biais", not_cloned, "modifie z lui-même"),
    "stem et étage suivant": (
        "05-qui-bouge",
        lambda names, guided: [name for name in names if name.startswith(("stem.", f"stages.{guided}."))],
        "comptez à partir de 0, et gardez tous les étages d'avant",
    ),
    "α, β et le reste": ("06-melange", three_shares, "Les trois poids ne sont pas"),
    "phases échangées": ("06-phases", lambda s, phase: prepare(s, 3 - phase), "phases sont échangées"),
    "toujours gelées": ("06-phases", lambda s, phase: prepare(s, 1), "les deux extrémités y restent gelées"),
    "toujours gelées, rien de libéré": ("06-phases", frozen_for_good, "les deux extrémités y restent gelées"),
    "eval, rien de libéré": ("06-phases", put_in_evaluation, "Soit rien n'est gelé"),
    "noms justes, couche finale libre": ("06-phases", half_frozen, "doit geler les deux extrémités"),
    "rien en phase 2": ("06-phases", lambda s, phase: prepare(s, 1) if phase == 1 else None, "Dans ce cas"),
    "μ hors de la diagonale": ("07-mu", lambda d: d / d.sum() * len(d) * (len(d) - 1), "Deux points confondus"),
    "cdist dans la perte": ("07-bug", over_cdist, "au-delà de 25 points"),
    "à coût égal": ("08-frontiere", lambda c, a: unbeaten(c, a, cheaper=True), "À coût égal"),
    "à exactitude égale": ("08-frontiere", lambda c, a: unbeaten(c, a, cheaper=False), "À exactitude égale"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "answer", "said"), HINTS.values(), ids=HINTS)
def test_the_hint_is_true_of_the_answer(name: str, answer: Any, said: str) -> None:
    found = check(name, answer)
    message = found.message.replace("\u00a0", " ").replace("\u202f", " ")
    assert found.status == "faux" and said in message, message
