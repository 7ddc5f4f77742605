"""Des réponses d'étudiants, fausses d'une faute courante : l'indice nomme cette faute, et aucune autre."""

import copy
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.exercises import judge
from course_utils.relations import distances
from course_utils.verdicts.nb05 import moving, probe
from course_utils.verdicts.nb06 import prepare
from course_utils.verdicts.nb08 import frontier
from tests.notebooks.test_exercises import EXERCISES, plain


def divided_after(z: Tensor, t: float) -> Tensor:
    e = torch.exp(z) / t
    return e / e.sum(1, keepdim=True)


def maximum_of_the_batch(z: Tensor, t: float) -> Tensor:
    e = torch.exp((z - z.max()) / t)
    return e / e.sum(1, keepdim=True)


def without_keepdim(z: Tensor, t: float) -> Tensor:
    e = torch.exp(z / t)
    return e / e.sum(1)


def kl_div(s: Tensor, t: Tensor, T: float) -> Tensor:
    return T**2 * F.kl_div(s, t, reduction="batchmean")


def by_autograd(s: Tensor, u: Tensor, T: float) -> Tensor:
    s.requires_grad_()
    kl_div((s / T).log_softmax(1), (u / T).softmax(1), T).backward()
    assert s.grad is not None
    return s.grad


def forgets_to_clone(logits: Tensor, absent: int, share: float) -> float:
    others = logits
    others[:, absent] = -torch.inf
    return torch.quantile(others.amax(1) - logits[:, absent], share).item()


def shallow(model: Any, images: Tensor) -> Any:
    with torch.no_grad():
        return [tuple(x.shape) for x in copy.copy(model).eval().features(images)]


def names_of(student: nn.Module) -> list[str]:
    return [name for name, parameter in student.named_parameters() if parameter.requires_grad]


def head_stays_frozen(student: Any, phase: int) -> list[str]:
    student.requires_grad_(True)
    student.head.requires_grad_(False)
    if phase == 1:
        student.stem.requires_grad_(False)
    return names_of(student)


def in_evaluation(student: Any, phase: int) -> list[str]:
    student.requires_grad_(True)
    if phase == 1:
        student.stem.eval()
        student.head.eval()
    return names_of(student)


def on_a_twin(student: Any, phase: int) -> list[str]:
    return prepare(copy.deepcopy(student), phase)


def silent_in_phase_2(student: Any, phase: int) -> list[str] | None:
    return prepare(student, phase) if phase == 1 else None


def losses_of(blocks: Any, features: Any) -> list[Tensor]:
    return [F.mse_loss(b(features[i].detach()), features[i + 1].detach()) for i, b in enumerate(blocks)]


def only_if_positive(d: Tensor) -> Tensor | None:
    positive = d[d > 0]
    return d / positive.mean() if len(positive) else None


def one_edge_reversed(x: Tensor) -> Tensor:
    unit = F.normalize(x[:, None, :] - x[None, :, :], dim=2)
    return torch.einsum("ijd,jkd->ijk", unit, unit)


def rooted(x: Tensor) -> Tensor:
    return (x[:, None, :] - x[None, :, :]).square().sum(dim=2).sqrt()


def own_mu(student: Tensor, teacher: Tensor) -> Tensor:
    d_s, d_t = distances(student), distances(teacher)
    return F.huber_loss(d_s / d_s[d_s > 0].mean(), d_t / d_t[d_t > 0].mean())


def own_mu_same_root(student: Tensor, teacher: Tensor) -> Tensor:
    d_s, d_t = rooted(student), rooted(teacher)
    return F.huber_loss(d_s / d_s[d_s > 0].mean(), d_t / d_t[d_t > 0].mean())


def usual_sweep(costs: Any, accuracies: Any) -> list[int]:
    kept, best = [], -math.inf
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -accuracies[i])):
        if accuracies[i] > best:
            kept.append(i)
            best = accuracies[i]
    return kept


def last_of_the_best(validation: Any, test: Any) -> float:
    best = 0
    for epoch in range(len(validation)):
        if validation[epoch] >= validation[best]:
            best = epoch
    return test[best]


def mixed(*, inner: str, outer: str) -> Any:
    """Le mélange de LIT, avec ces deux noms de part à ces deux places."""

    def mix(hard: Tensor, soft: Tensor, blocks: Tensor, **share: float) -> Tensor:
        return share[outer] * (share[inner] * hard + (1 - share[inner]) * soft) + (1 - share[outer]) * blocks

    return mix


HINTS: dict[str, tuple[str, Any, str]] = {
    "T après l'exponentielle": ("01-softmax-temperature", divided_after, "se simplifie dans le quotient"),
    "maximum du lot": ("01-softmax-temperature", maximum_of_the_batch, "maximum de chaque ligne"),
    "NaN à un endroit": ("01-softmax-temperature", maximum_of_the_batch, "sur 15), le premier à l'indice ["),
    "keepdim oublié": ("01-softmax-temperature", without_keepdim, "keepdim=True"),
    "math non importé": ("01-entropie", lambda p: p / matth.log(2), "matth n'existe pas ici"),  # type: ignore[name-defined]  # noqa: F821
    "max sans values": ("01-voisine", lambda p, y: p.max(1), ".values et .indices"),
    "max sans values, employé": ("01-voisine", lambda p, y: p.max(1).sum(), ".values et .indices"),
    "entropie naïve": ("01-entropie", lambda p: -(p * p.log()).sum(1), "Deux fautes : 0 · log 0"),
    "kl_div sans log": (
        "02-kd-loss",
        lambda s, t, T: kl_div((s / T).softmax(1), (t / T).softmax(1), T),
        "log_softmax, et non softmax",
    ),
    "kl_div permutée": (
        "02-kd-loss",
        lambda s, t, T: kl_div((t / T).softmax(1), (s / T).log_softmax(1), T),
        "on donne d'abord le logarithme",
    ),
    "kl_div, deux logarithmes": (
        "02-bug-moyenne",
        lambda s, t, T: kl_div((s / T).log_softmax(1), (t / T).log_softmax(1), T),
        "on donne d'abord le logarithme",
    ),
    "autograd": ("02-gradient", by_autograd, "C'est autograd qui a calculé"),
    "q − p": ("02-gradient", lambda s, t, T: (s / T).softmax(1) - (t / T).softmax(1), "une image et à T = 1"),
    "clone oublié": ("03-regle-du-biais", forgets_to_clone, "partez d'une copie, logits.clone()"),
    "marge à l'envers": (
        "03-regle-du-biais",
        lambda z, k, s: -EXERCISES["03-regle-du-biais"].reference(z, k, 1 - s),
        "La marge est à l'envers",
    ),
    "moitié de la norme du lot": ("05-indice", lambda s, t: 0.5 * torch.norm(t.detach() - s) ** 2, "de tout le lot"),
    "étages comptés à partir de 1": (
        "05-qui-bouge",
        lambda n, g: [x for x in n if x.startswith(("stem.", *(f"stages.{i}." for i in range(1, g + 1))))],
        "le premier étage porte le numéro 0",
    ),
    "copie superficielle": ("05-bug", shallow, "copy.deepcopy les copie"),
    "couche finale jamais libérée": ("06-phases", head_stays_frozen, "la couche finale y reste gelée"),
    "eval au lieu de geler": ("06-phases", in_evaluation, "ni .eval(), ni"),
    "phases échangées": ("06-phases", lambda s, phase: prepare(s, 3 - phase), "phases sont échangées"),
    "gelé sur une copie": ("06-phases", on_a_twin, "non sur celles d'une copie"),
    "rien en phase 2": ("06-phases", silent_in_phase_2, "ne rend rien"),
    "tenseur refait": ("06-blocs", lambda b, f: torch.tensor(losses_of(b, f)), "torch.stack le garde"),
    "liste d'écarts": ("06-blocs", losses_of, "torch.stack assemble des tenseurs"),
    "α et β échangés": ("06-melange", mixed(inner="kd_share", outer="hard_share"), "α et β sont échangés"),
    "cdist": ("07-distances", lambda x: torch.cdist(x, x), "développe le carré"),
    "rien si tout est confondu": ("07-mu", only_if_positive, "rendez une matrice de zéros"),
    "une arête arrive au sommet": ("07-angle", one_edge_reversed, "l'une des vôtres y arrive"),
    "la quatrième faute": ("07-bug", own_mu, "Comme à l'exercice 2"),
    "la racine d'abord": ("07-bug", own_mu_same_root, "le gradient est infini"),
    "balayage usuel": ("08-frontiere", usual_sweep, "gardez-les tous les deux"),
    "rangés par numéro": ("08-frontiere", lambda c, a: sorted(frontier(c, a)), "par coût, et non par numéro"),
    "dernière époque ex æquo": ("08-epoque", last_of_the_best, "vous gardez la dernière"),
}
RIGHT = {
    "02-gradient, la formule": (
        "02-gradient",
        lambda s, t, T: T * ((s / T).softmax(1) - (t / T).softmax(1)) / len(s),
    ),
    "05-bug, copie profonde": ("05-bug", lambda model, images: probe(copy.deepcopy(model), images)),
    "05-qui-bouge, par préfixe": ("05-qui-bouge", lambda n, g: [x for x in n if x in moving(n, g)]),
    "07-distances, double boucle": (
        "07-distances",
        lambda x: torch.stack([torch.stack([torch.linalg.vector_norm(a - b) for b in x]) for a in x]),
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "answer", "said"), HINTS.values(), ids=HINTS)
def test_the_hint_names_the_fault(name: str, answer: Any, said: str) -> None:
    found = judge(EXERCISES[name], answer)
    assert found.status == "faux" and plain(said) in plain(found.message), found.message


@pytest.mark.parametrize(("name", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_beside_a_usual_fault_is_accepted(name: str, answer: Any) -> None:
    found = judge(EXERCISES[name], answer)
    assert found.status == "juste", found.message
