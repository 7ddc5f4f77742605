"""Des réponses d'étudiants : les justes écrites autrement sont acceptées, les fausses qui y ressemblent, refusées."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.exercises import judge
from course_utils.losses import hint_loss
from course_utils.relations import distances, mean_distance
from course_utils.verdicts.nb05 import kernel_and_stride, moving, probe
from course_utils.verdicts.nb06 import prepare
from course_utils.verdicts.nb07 import cosines
from course_utils.verdicts.nb08 import frontier
from tests.notebooks.test_exercises import EXERCISES


def bias_on_the_grid(logits: Tensor, absent: int, share: float) -> float:
    grid = torch.linspace(-2, 10, 1201)
    others = logits.clone()
    others[:, absent] = -torch.inf
    parts = torch.stack([(logits[:, absent] + b > others.amax(dim=1)).float().mean() for b in grid])
    return grid[(parts - share).abs().argmin()].item()


def erased_in_double(p: Tensor, absent: int) -> Tensor:
    z = p.double().log()
    z[:, absent] = -torch.inf
    return z.softmax(1)


def rkd(student: Tensor, teacher: Tensor, mu: Any) -> Tensor:
    d_s, d_t = distances(student), distances(teacher)
    return F.huber_loss(d_s / mu(d_s), d_t / mu(d_t))


def log_of_a_softmax(s: Tensor, t: Tensor, T: float) -> Tensor:
    p, q = (s / T).softmax(1), (t / T).softmax(1)
    return T**2 * (q * (q.log() - p.log())).sum(1).mean()


def both_in_logarithm(s: Tensor, t: Tensor, T: float) -> Tensor:
    log_q, log_p = (s / T).log_softmax(1), (t / T).log_softmax(1)
    return T**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


RIGHT = {
    "02-kd-loss, deux logarithmes": ("02-kd-loss", both_in_logarithm),
    "03-sans-la-classe en float64": ("03-sans-la-classe", erased_in_double),
    "03-regle-du-biais, en cherchant": ("03-regle-du-biais", bias_on_the_grid),
    "05-regresseur en tenseur": ("05-regresseur", lambda a, b: torch.tensor(kernel_and_stride(a, b))),
    "05-regresseur en tableau": ("05-regresseur", lambda a, b: np.array(kernel_and_stride(a, b))),
    "05-qui-bouge en tableau": ("05-qui-bouge", lambda names, guided: np.array(moving(names, guided))),
    "06-phases en tableau": ("06-phases", lambda student, phase: np.array(prepare(student, phase))),
    "08-frontiere en tenseur": ("08-frontiere", lambda c, a: torch.tensor(frontier(c, a))),
}


def trained_then_reset(model: Any, images: Tensor) -> Any:
    model.train()
    shapes = [tuple(x.shape) for x in model.features(images)]
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
    return shapes


def leaving_a_gradient(model: Any, images: Tensor) -> Any:
    was = model.training
    features = model.eval().features(images)
    features[-1].sum().backward()
    model.train(was)
    return [tuple(x.shape) for x in features]


def frozen(model: Any, images: Tensor) -> Any:
    model.requires_grad_(False)
    return probe(model, images)


def emptied(model: Any, images: Tensor) -> Any:
    for parameter in model.parameters():
        parameter.data.zero_()
    return probe(model, images)


def sweep(costs: Any, accuracies: Any) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: costs[i]):
        if not kept or accuracies[i] > accuracies[kept[-1]]:
            kept.append(i)
    return kept


def all_equal_fight(costs: Any, accuracies: Any) -> list[int]:
    points = range(len(costs))
    beaten = [any(costs[j] <= costs[i] and accuracies[j] >= accuracies[i] for j in points if j != i) for i in points]
    return sorted((i for i in points if not beaten[i]), key=lambda i: costs[i])


def first_drop(validation: Any, test: Any) -> float:
    return next((test[i - 1] for i in range(1, len(test)) if validation[i] < validation[i - 1]), test[-1])


def second_best(p: Tensor, y: Tensor) -> Tensor:
    return torch.stack([p[y == c].mean(0) for c in range(p.shape[1])]).topk(2, dim=1).indices[:, 1]


def double_overflow(z: Tensor, t: float) -> Tensor:
    e = (z.double() / t).exp()
    return e / e.sum(1, keepdim=True)


def after_the_softmax(z: Tensor, t: float) -> Tensor:
    p = z.softmax(1) ** (1 / t)
    return p / p.sum(1, keepdim=True)


def ends_only(blocks: Any, features: Any) -> Tensor:
    f = [x.detach() if i in (0, len(features) - 1) else x for i, x in enumerate(features)]
    return torch.stack([(b(x) - y).square().mean() for b, x, y in zip(blocks, f[:-1], f[1:], strict=True)])


def freezing_hint(student: Tensor, teacher: Tensor) -> Tensor:
    return hint_loss(student, teacher.detach_())


def floored(s: Tensor, t: Tensor, T: float) -> Tensor:
    p, q = (s / T).softmax(1), (t / T).softmax(1)
    return T**2 * (torch.special.xlogy(q, q) - q * p.clamp(min=1e-8).log()).sum(1).mean()


def edges_over_their_root(x: Tensor) -> Tensor:
    e = x[:, None, :] - x[None, :, :]
    unit = e / e.square().sum(2, keepdim=True).sqrt().clamp(min=1e-12)
    return torch.einsum("ijd,kjd->ijk", unit, unit)


def with_an_epsilon(x: Tensor) -> Tensor:
    return ((x[:, None, :] - x[None, :, :]).square().sum(dim=2) + 1e-12).sqrt()


def bounded(d: Tensor) -> Tensor:
    return d / (d.sum() / (d > 0).sum().clamp(min=1)).clamp(min=1)


def ends_alone(student: Any, phase: int) -> list[str]:
    for part in (student.stem, student.head):
        part.requires_grad_(phase == 2)
    return [name for name, _ in student.named_parameters() if phase == 2 or name.startswith("stages.")]


def detached_in_place(blocks: Any, features: Any) -> Tensor:
    for x in features:
        x.detach_()
    return EXERCISES["06-blocs"].reference(blocks, features)


WRONG = {
    "02-kd-loss, un plancher": ("02-kd-loss", floored, "un plancher"),
    "02-bug-moyenne, un plancher": ("02-bug-moyenne", floored, "un plancher"),
    "07-angle, gradient infini": ("07-angle", edges_over_their_root, "le gradient n'est pas fini"),
    "07-distances, un epsilon": ("07-distances", with_an_epsilon, "exactement zéro"),
    "07-mu, borné à 1": ("07-mu", bounded, "borné à 1"),
    "07-bug, points confondus dans μ": (
        "07-bug",
        lambda s, t: rkd(s, t, lambda d: d.sum() / max(len(d) * (len(d) - 1), 1)),
        "Deux points confondus",
    ),
    "07-bug, aucune distance positive": (
        "07-bug",
        lambda s, t: rkd(s, t, lambda d: d[d > 0].mean()),
        "μ n'existe pas",
    ),
    "07-bug, élève détaché": (
        "07-bug",
        lambda s, t: EXERCISES["07-bug"].reference(s.detach(), t),
        "le gradient est coupé",
    ),
    "06-phases, extrémités seules": ("06-phases", ends_alone, "un élève arrivé gelé"),
    "06-blocs, détaché sur place": ("06-blocs", detached_in_place, "sur place"),
    "08-frontiere, égaux écartés": ("08-frontiere", all_equal_fight, "De deux points égaux"),
    "08-epoque, le test à égalité": ("08-epoque", lambda v, t: max(zip(v, t, strict=True))[1], "À validation égale"),
    "03-regle, médiane": (
        "03-regle-du-biais",
        lambda z, k, s: (z[:, [c for c in range(z.shape[1]) if c != k]].amax(1) - z[:, k]).median().item(),
        "La valeur est différente",
    ),
    "01-softmax en NumPy": ("01-softmax-temperature", lambda z, t: (z / t).softmax(1).numpy(), "restez en torch"),
    "01-softmax débordant en float64": ("01-softmax-temperature", double_overflow, "NaN"),
    "01-softmax adouci après coup": ("01-softmax-temperature", after_the_softmax, "devrait être"),
    "01-voisine, la deuxième": ("01-voisine", second_best, "excluez la diagonale"),
    "02-kd-loss, logarithme d'un softmax": ("02-kd-loss", log_of_a_softmax, "log_softmax"),
    "03-regle, zéro": ("03-regle-du-biais", lambda z, k, s: 0.0, "La valeur est différente"),
    "05-regresseur à virgule": (
        "05-regresseur",
        lambda a, b: tuple(map(float, kernel_and_stride(a, b))),
        "veut des entiers",
    ),
    "05-indice qui change teacher": ("05-indice", freezing_hint, "vous changez teacher"),
    "05-bug, statistiques remises à zéro": ("05-bug", trained_then_reset, "BatchNorm ont compté"),
    "05-bug, un gradient laissé": ("05-bug", leaving_a_gradient, "le réseau a changé"),
    "05-bug, réseau gelé": ("05-bug", frozen, "le réseau a changé"),
    "05-bug, poids effacés": ("05-bug", emptied, "le réseau a changé"),
    "06-blocs, extrémités détachées": ("06-blocs", ends_only, "entre deux blocs"),
    "07-distances sans gradient": ("07-distances", lambda x: distances(x.detach()), "le gradient est coupé"),
    "07-angle sans gradient": ("07-angle", lambda x: cosines(x.detach()), "le gradient est coupé"),
    "07-mu, N(N − 1)": (
        "07-mu",
        lambda d: (d / (d.sum() / (len(d) * (len(d) - 1)))).nan_to_num(),
        "devrait être",
    ),
    "07-mu détaché": ("07-mu", lambda d: d / d.sum().detach() * (d > 0).sum().clamp(min=1), "μ est détaché"),
    "07-bug, μ détaché": (
        "07-bug",
        lambda s, t: rkd(s, t, lambda d: mean_distance(d).detach().clamp(min=1e-9)),
        "μ est détaché",
    ),
    "07-bug, epsilon sur la diagonale": ("07-bug", lambda s, t: rkd(s, t, Tensor.mean), "un epsilon"),
    "08-frontiere, égalités": ("08-frontiere", sweep, "À coût égal"),
    "08-epoque, première baisse": ("08-epoque", first_drop, "La valeur est différente"),
    "08-epoque, avant-dernière": ("08-epoque", lambda v, t: t[-2], "La valeur est différente"),
    "01-voisine en texte": ("01-voisine", lambda p, y: np.array(["sac"] * p.shape[1]), "restez en torch"),
}


@pytest.mark.parametrize(("name", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_in_another_style_is_accepted(name: str, answer: Any) -> None:
    found = judge(EXERCISES[name], answer)
    assert found.status == "juste", found.message


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "answer", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_that_looks_right_is_refused(name: str, answer: Any, said: str) -> None:
    found = judge(EXERCISES[name], answer)
    message = found.message.replace("\u00a0", " ").replace("\u202f", " ")
    assert found.status == "faux" and said in message, message
