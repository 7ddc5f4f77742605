"""Des réponses d'étudiants qui en imitent d'autres : ni un hasard, ni un détour ne trompe le verdict ou son indice."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.exercises import judge
from course_utils.losses import kd_loss
from course_utils.relations import distances, mean_distance
from course_utils.verdicts.nb02 import gradient
from course_utils.verdicts.nb06 import prepare
from course_utils.verdicts.nb08 import frontier
from tests.notebooks.test_exercises import EXERCISES


def message(name: str, answer: Any) -> str:
    found = judge(EXERCISES[name], answer)
    assert found.status == "faux", found.message
    return found.message.replace("\u00a0", " ").replace("\u202f", " ")


def gap(s: Tensor, t: Tensor, T: float) -> Tensor:
    return (s / T).softmax(1) - (t / T).softmax(1)


def in_double(s: Tensor, t: Tensor, T: float) -> Tensor:
    return T**2 * F.kl_div((s.double() / T).log_softmax(1), (t.double() / T).softmax(1), reduction="batchmean")


def with_a_graph(s: Tensor, t: Tensor, T: float) -> Tensor:
    return T * gap(s.requires_grad_(), t, T) / len(s)


def equal_points_swapped(costs: Any, accuracies: Any) -> list[int]:
    return sorted(frontier(costs, accuracies), key=lambda i: (costs[i], -i))


RIGHT = {
    "02-kd-loss en float64": ("02-kd-loss", in_double),
    "02-bug-moyenne en float64": ("02-bug-moyenne", in_double),
    "02-gradient, formule sur un tenseur suivi": ("02-gradient", with_a_graph),
    "08-frontiere, égaux dans l'autre ordre": ("08-frontiere", equal_points_swapped),
}


@pytest.mark.parametrize(("name", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_is_accepted(name: str, answer: Any) -> None:
    found = judge(EXERCISES[name], answer)
    assert found.status == "juste", found.message


def test_the_formula_is_what_autograd_finds() -> None:
    student, teacher = torch.randn(6, 4, dtype=torch.float64, requires_grad=True), torch.randn(6, 4).double()
    (expected,) = torch.autograd.grad(kd_loss(student, teacher, 3.0), student)
    torch.testing.assert_close(gradient(student.detach(), teacher, 3.0), expected)


def jacobian(s: Tensor, t: Tensor, T: float) -> Tensor:
    return torch.autograd.functional.jacobian(lambda z: kd_loss(z, t, T), s)


def without_inference_mode(s: Tensor, t: Tensor, T: float) -> Tensor:
    with torch.inference_mode(False):
        z = s.clone().requires_grad_()
        return torch.autograd.grad(kd_loss(z, t, T), z)[0]


def switched_off(model: Any, images: Tensor) -> Any:
    twin = copy.deepcopy(model).eval()
    torch.set_grad_enabled(False)
    return [tuple(x.shape) for x in twin.features(images)]


def whole_but_float(a: int, b: int) -> Tensor:
    return torch.tensor([a - (b - 1) * (a // b), a // b]).float()


def masked_cdist(x: Tensor) -> Tensor:
    return torch.cdist(x, x) * (1 - torch.eye(len(x)))


def half_detached(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x[:, None] - x[None].detach(), dim=2)


def half_an_angle(x: Tensor) -> Tensor:
    e = F.normalize(x[:, None] - x[None], dim=2)
    return torch.einsum("ijd,kjd->ijk", e, e.detach())


def numpy_distances(x: Tensor) -> Tensor:
    return torch.tensor(distances(x).detach().numpy(), requires_grad=True)


def erased_afterwards(x: Tensor) -> Tensor:
    d = ((x[:, None] - x[None]).square().sum(2) + torch.eye(len(x))).sqrt()
    return d.fill_diagonal_(0)


def none_for_one(student: Tensor, teacher: Tensor) -> Any:
    return EXERCISES["07-bug"].reference(student, teacher) if len(student) > 1 else None


WRONG = {
    "02-gradient, torch.func": ("02-gradient", lambda s, t, T: torch.func.grad(kd_loss)(s, t, T), "autograd"),
    "02-gradient, jacobien": ("02-gradient", jacobian, "autograd"),
    "02-gradient, hors du mode inférence": ("02-gradient", without_inference_mode, "autograd"),
    "05-bug, autograd coupé": ("05-bug", switched_off, "laisse autograd coupé pour tout le notebook"),
    "05-regresseur, un tenseur à virgule": ("05-regresseur", whole_but_float, "veut des entiers"),
    "07-distances, cdist masqué": ("07-distances", masked_cdist, "deux points confondus ne sont plus"),
    "07-distances, la moitié du gradient": ("07-distances", half_detached, "le gradient n'est pas le bon"),
    "07-angle, la moitié du gradient": ("07-angle", half_an_angle, "le gradient n'est pas le bon"),
    "07-distances par numpy": ("07-distances", numpy_distances, "le gradient est coupé"),
    "07-distances, écrites sur place": ("07-distances", erased_afterwards, "torch.where n'écrit rien"),
    "07-mu, tout détaché": ("07-mu", lambda d: EXERCISES["07-mu"].reference(d.detach()), "le gradient est coupé"),
    "07-bug, None pour un point": ("07-bug", none_for_one, "rendez toujours un tenseur"),
    "un décorateur": ("01-entropie", torch.no_grad()(lambda p: -(p * p.log2()).summ(1)), ".summ(1)"),
    "un None dans la liste": ("01-entropie", lambda p: [None for _ in p], "finit-elle par return"),
    "une virgule de trop": ("05-indice", lambda s, t: (F.mse_loss(s, t.detach()),), "retirez la virgule"),
    "une puissance par ^": ("02-kd-loss", lambda s, t, T: T ^ 2 * F.kl_div(s, t), "s'écrit **"),
    "un … qui reste": ("05-regresseur", lambda a, b: (a - (b - 1) * ..., 1), "Il reste un ... à compléter"),
    "math sur un tenseur": ("01-entropie", lambda p: float(p), "calculez avec torch"),
    "les valeurs et les indices": ("03-regle-du-biais", lambda z, k, s: z[:, k].kthvalue(3), ".values et .indices"),
    "un tableau d'entiers": ("01-voisine", lambda p, y: y.numpy(), "NumPy : restez"),
    "une seule valeur": ("01-softmax-temperature", lambda z, t: torch.sigmoid(z / t), "sur 2 : à l'indice"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "answer", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_told_its_own_fault(name: str, answer: Any, said: str) -> None:
    assert said in message(name, answer)
    assert torch.is_grad_enabled()  # une réponse ne coupe pas le gradient des cellules suivantes


def margins_cut_at_zero(logits: Tensor, absent: int, share: float) -> float:
    others = logits.clone()
    others[:, absent] = -torch.inf
    return torch.quantile((others.amax(1) - logits[:, absent]).relu(), share).item()


def least_likely(p: Tensor, y: Tensor) -> Tensor:
    mean = torch.stack([p[y == c].mean(0) for c in range(p.shape[1])])
    return mean.fill_diagonal_(-1).argmin(1)


def all_names(student: Any, phase: int) -> list[str]:
    prepare(student, phase)
    return [name for name, _ in student.named_parameters()]


def compared_to_the_previous(costs: Any, accuracies: Any) -> list[int]:
    kept, best = [], -1.0
    for i in range(len(costs)):
        if accuracies[i] > best:
            kept.append(i)
            best = accuracies[i]
    return kept


def transposed(x: Tensor) -> Tensor:
    return x - x.T


def zeros_in_the_mean(s: Tensor, t: Tensor) -> Tensor:
    return F.huber_loss(distances(s) / distances(s).mean(), distances(t) / distances(t).mean())


UNSAID = {
    "marges bornées à zéro": ("03-regle-du-biais", margins_cut_at_zero, "sur les autres classes"),
    "½·T²": ("02-kd-loss", lambda s, t, T: 0.5 * kd_loss(s, t, T), "Le facteur est T²"),
    "2·T": ("02-gradient", lambda s, t, T: 2 * T * gap(s, t, T) / len(s), "et non T²"),
    "T/2": ("02-gradient", lambda s, t, T: T / 2 * gap(s, t, T) / len(s), "Le facteur T manque"),
    "N − 1": ("02-gradient", lambda s, t, T: T * gap(s, t, T) / max(len(s) - 1, 0.5), "il manque le facteur T"),
    "la moins probable des autres": ("01-voisine", least_likely, "arrive en tête"),
    "gel juste, noms de trop": ("06-phases", all_names, "En phase 1, rien n'est gelé"),
    "sans trier": ("08-frontiere", compared_to_the_previous, "Il n'y a pas qu'un gagnant"),
    "une époque trop loin": ("08-epoque", lambda v, t: t[min(v.index(max(v)) + 1, len(t) - 1)], "dernière époque"),
    "une époque trop tôt": ("08-epoque", lambda v, t: t[v.index(max(v)) - 1], "le test a choisi, il ne"),
    "zéros dans μ": ("07-bug", zeros_in_the_mean, "elle doit y valoir exactement zéro"),
    "des formes sans somme": ("07-distances", transposed, "keepdim"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "answer", "unsaid"), UNSAID.values(), ids=UNSAID)
def test_a_coincidence_is_not_a_diagnosis(name: str, answer: Any, unsaid: str) -> None:
    assert unsaid not in message(name, answer)


def test_the_case_is_told_with_the_names_of_the_answer() -> None:
    def closest(soft_labels: Tensor, true_classes: Tensor) -> Tensor:
        return true_classes

    told = message("01-voisine", closest)
    assert "Cas : soft_labels = " in told and "true_classes = " in told


def test_a_hint_shows_nothing_of_what_it_tried(capsys: pytest.CaptureFixture[str]) -> None:
    """Pour choisir un indice, la réponse est essayée sur les autres cas : ce qu'elle affiche n'y a pas sa place."""

    def talkative(s: Tensor, t: Tensor, T: float) -> Tensor:
        print("essai")
        return T * kd_loss(s, t, T) / T**2

    assert "Le facteur est T²" in message("02-kd-loss", talkative)
    assert capsys.readouterr().out == "essai\n"


def test_relative_distances_are_those_of_the_course() -> None:
    d = distances(torch.randn(5, 3))
    torch.testing.assert_close(EXERCISES["07-mu"].reference(d), d / mean_distance(d))
