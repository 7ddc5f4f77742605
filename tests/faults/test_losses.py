"""Les pertes devant des arguments extrêmes, abîmés ou impossibles : la bonne valeur, ou une phrase claire.

Leurs valeurs exactes sont dans tests/unit/test_losses.py et tests/unit/test_rkd.py ; leur égalité avec des boucles
écrites à la main, dans test_loss_properties.py.
"""

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from course_utils import losses
from course_utils.inference import Teacher
from course_utils.mutual import Mutual
from course_utils.objectives import Hinton, Hints, Lit, Rkd
from tests.faults.said import refused
from tests.faults.toys import perceptron

pytestmark = pytest.mark.usefixtures("one_thread")

Loss = Callable[[Tensor, Tensor], Tensor]


def hinton(student: Tensor, teacher: Tensor) -> Tensor:
    labels = torch.zeros(student.shape[:1], dtype=torch.int64, device=student.device)
    return losses.hinton_loss(student, teacher, labels, temperature=3.0, soft_weight=0.7)


def lit(student: Tensor, teacher: Tensor) -> Tensor:
    return losses.lit_loss([lambda _: student], [teacher, teacher])


LOSSES: dict[str, Loss] = {
    "kd": lambda s, t: losses.kd_loss(s, t, 3.0),
    "hinton": hinton,
    "hint, mse": losses.hint_loss,
    "hint, l2": lambda s, t: losses.hint_loss(s, t, norm="l2"),
    "lit": lit,
    "rkd, distances": losses.rkd_distance_loss,
    "rkd, angles": losses.rkd_angle_loss,
}
EVERY = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
BY_EXAMPLE = pytest.mark.parametrize("loss", [LOSSES[n] for n in LOSSES if "rkd" not in n and n != "hinton"])
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def batch(seed: int, rows: int = 6, columns: int = 5, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def with_gradient(loss: Loss, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    leaf = student.detach().clone().requires_grad_()
    value = loss(leaf, teacher)
    return value.detach(), torch.autograd.grad(value, leaf)[0]


# --- les types et la mémoire ------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize(("mine", "theirs"), list(itertools.product(DTYPES, DTYPES)))
def test_every_pair_of_precisions_gives_the_value_of_the_rounded_numbers(
    loss: Loss, mine: torch.dtype, theirs: torch.dtype
) -> None:
    student, teacher = batch(1).to(mine), batch(2).to(theirs)
    value, gradient = with_gradient(loss, student, teacher)
    exact, exact_gradient = with_gradient(loss, student.double(), teacher.double())
    assert value.dtype in (torch.float32, torch.float64) and gradient.dtype == mine
    assert_close(value.double(), exact, rtol=1e-5, atol=0)
    assert_close(gradient.double(), exact_gradient, rtol=0, atol=max(1e-6, 3 * torch.finfo(mine).eps))


@EVERY
def test_no_argument_is_changed_and_no_gradient_reaches_the_teacher(loss: Loss) -> None:
    student, teacher = batch(1).requires_grad_(), batch(2).requires_grad_()
    before = student.detach().clone(), teacher.detach().clone()
    loss(student, teacher).backward()
    assert teacher.grad is None and student.grad is not None and student.grad.any()
    assert torch.equal(student, before[0]) and torch.equal(teacher, before[1])


@EVERY
def test_the_layout_in_memory_does_not_matter(loss: Loss) -> None:
    student, teacher = batch(1), batch(2)
    wide = torch.full((12, 9), math.nan)
    wide[::2, 1:6] = student
    for same in (student.T.contiguous().T, wide[::2, 1:6]):
        assert not same.is_contiguous()
        assert_close(with_gradient(loss, same, teacher), with_gradient(loss, student, teacher))
        assert_close(loss(teacher, same), loss(teacher, student))
    row = batch(3, rows=1)
    assert_close(loss(student, row.expand(6, 5)), loss(student, row.repeat(6, 1)))
    assert_close(loss(row.expand(6, 5), teacher), loss(row.repeat(6, 1), teacher))


@EVERY
def test_a_teacher_computed_in_inference_mode_is_welcome(loss: Loss) -> None:
    with torch.inference_mode():
        answers = batch(2)
    assert_close(with_gradient(loss, batch(1), answers), with_gradient(loss, batch(1), batch(2)))


@EVERY
def test_autocast_does_not_cost_a_digit(loss: Loss) -> None:
    expected = with_gradient(loss, batch(1), batch(2))
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(with_gradient(loss, batch(1), batch(2)), expected)


def test_lit_keeps_the_features_it_is_given_in_inference_mode() -> None:
    layer = nn.Linear(5, 5)
    with torch.inference_mode():
        features = [batch(1), batch(2)]
    losses.lit_loss([layer], features).backward()
    gap = F.linear(batch(1), layer.weight.detach(), layer.bias.detach()) - batch(2)
    assert_close(layer.bias.grad, 2 * gap.sum(dim=0) / gap.numel())


def test_a_block_that_would_overwrite_the_teachers_features_is_refused() -> None:
    for block in (nn.ReLU(inplace=True), lambda x: x.mul_(2)):
        refused(lambda b=block: losses.lit_loss([b], [batch(1), batch(2)]), "modifie son entrée", "inplace=True")


# --- les tailles ------------------------------------------------------------------------------------------------


@EVERY
def test_repeating_the_batch_does_not_change_a_loss(loss: Loss) -> None:
    student, teacher = batch(1, rows=5), batch(2, rows=5)
    assert_close(loss(student.repeat(7, 1), teacher.repeat(7, 1)), loss(student, teacher))


@BY_EXAMPLE
def test_a_batch_of_one_weighs_as_much_as_any_other_example(loss: Loss) -> None:
    student, teacher = batch(1), batch(2)
    alone = [loss(student[i : i + 1], teacher[i : i + 1]) for i in range(6)]
    assert_close(torch.stack(alone).mean(), loss(student, teacher))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_ten_times_as_many_classes_do_not_make_the_divergence_ten_times_larger(temperature: float) -> None:
    """Couper chaque classe en dix classes égales, des deux côtés, ne change rien à KL ; H y gagne ln 10."""
    student, teacher = batch(1, columns=10), batch(2, columns=10)
    split, split_teacher = (x.repeat_interleave(10, dim=1) for x in (student, teacher))
    assert split.shape == (6, 100)
    expected = losses.kd_loss(student, teacher, temperature)
    assert_close(losses.kd_loss(split, split_teacher, temperature), expected, rtol=1e-5, atol=1e-6 * temperature**2)
    labels = torch.arange(6)
    gained = losses.cross_entropy(split, 10 * labels) - losses.cross_entropy(student, labels)
    assert_close(gained, torch.tensor(math.log(10)))


# --- les températures et les logits extrêmes --------------------------------------------------------------------


def kd_by_hand(student: Tensor, teacher: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """T²·KL et son gradient T·(q − p)/N, en double précision."""
    q, p = (torch.log_softmax(x.double() / temperature, dim=1) for x in (student, teacher))
    value = temperature**2 * (p.exp() * (p - q)).sum(dim=1).mean()
    return value, temperature * (q.exp() - p.exp()) / len(student)


@pytest.mark.parametrize("scale", [1e4, 1.0, 1e-8])
@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_and_temperatures_have_the_exact_value(
    scale: float, temperature: float, dtype: torch.dtype
) -> None:
    student, teacher = batch(1, columns=10, scale=scale).to(dtype), batch(2, columns=10, scale=scale).to(dtype)
    eps = torch.finfo(dtype).eps
    value, gradient = with_gradient(lambda s, t: losses.kd_loss(s, t, temperature), student, teacher)
    exact, exact_gradient = kd_by_hand(student, teacher, temperature)
    assert_close(value.double(), exact, rtol=10 * eps, atol=2 * eps * temperature**2)
    # z/T est arrondi : quand deux classes se disputent la première place, q bouge d'un arrondi de z/T
    assert_close(gradient.double(), exact_gradient, rtol=0, atol=eps * temperature * max(1, scale / temperature))


@pytest.mark.parametrize("loss", [LOSSES[name] for name in LOSSES if name not in ("kd", "hinton")])
@pytest.mark.parametrize("scale", [1e4, 1e-8])
def test_large_and_tiny_features_keep_their_digits(loss: Loss, scale: float) -> None:
    student, teacher = batch(1, scale=scale), batch(2, scale=scale)
    value, gradient = with_gradient(loss, student, teacher)
    exact, exact_gradient = with_gradient(loss, student.double(), teacher.double())
    assert exact > 0
    assert_close(value.double(), exact, rtol=1e-5, atol=0)
    assert_close(gradient.double(), exact_gradient, rtol=1e-3, atol=1e-4 * exact_gradient.abs().max().item())


@pytest.mark.parametrize("ok", [0.05, 1, 1000.0, np.float32(4), np.int64(4), torch.tensor(4.0), 1e-6, 1e6], ids=repr)
def test_every_way_to_write_a_temperature_is_accepted(ok: Any) -> None:
    assert losses.checked_temperature(ok) == float(ok)


BAD_NUMBERS = [math.nan, math.inf, -math.inf, -1, 10**400, "chaud", None, 2j, [4], torch.ones(2), np.ones(2)]


@pytest.mark.parametrize("bad", [0, -0.0, 5e-324, 1e-200, 1e200, *BAD_NUMBERS], ids=repr)
def test_a_temperature_that_is_not_a_positive_number_is_refused_everywhere(bad: Any) -> None:
    teacher, logits = Teacher(perceptron()), batch(1)
    for use in (
        lambda: losses.soften(logits, bad),
        lambda: losses.kd_loss(logits, logits, bad),
        lambda: losses.hinton_loss(logits, logits, torch.zeros(6).long(), temperature=bad, soft_weight=1),
        lambda: Hinton(teacher, temperature=bad),
        lambda: Lit(teacher, temperature=bad),
        lambda: Hints(teacher, temperature=bad),
        lambda: Rkd(teacher, temperature=bad),
        lambda: Mutual(temperature=bad),
    ):
        refused(use, f"La température vaut {bad!r}", "strictement positif")


@pytest.mark.parametrize("bad", BAD_NUMBERS, ids=repr)
def test_a_weight_that_is_not_a_finite_positive_number_is_refused_everywhere(bad: Any) -> None:
    teacher, logits, labels = Teacher(perceptron()), batch(1), torch.zeros(6).long()
    for name in ("soft_weight", "hard_weight"):
        weights = {"soft_weight": 1.0, name: bad}
        for use in (
            lambda w=weights: losses.hinton_loss(logits, logits, labels, temperature=4, **w),
            lambda w=weights: Hinton(teacher, **w),
            lambda w=weights: Rkd(teacher, **w),
        ):
            refused(use, f"vaut {bad!r}", "fini")


# --- les classes exclues (logit −∞) et les nombres abîmés --------------------------------------------------------


def test_a_class_excluded_by_the_student_alone_costs_infinity() -> None:
    """L'enseignant la croit possible ; qui l'exclut paie l'infini, et non NaN. L'inverse a un prix fini."""
    student, teacher = batch(1), batch(2)
    excluding = student.clone()
    excluding[:, 3] = -math.inf
    assert losses.kd_loss(excluding, teacher, 2) == math.inf
    value, gradient = with_gradient(lambda s, t: losses.kd_loss(s, t, 2), teacher, excluding)
    assert value.isfinite() and gradient.isfinite().all()
    p = losses.soften(excluding[:, [0, 1, 2, 4]], 2)
    q = losses.soften(teacher, 2)[:, [0, 1, 2, 4]]
    assert_close(value, 4 * (p * (p / q).log()).sum(dim=1).mean())


@pytest.mark.parametrize("as_labels", [lambda y: y, lambda y: F.one_hot(y, 5), lambda y: F.one_hot(y, 5).double()])
def test_a_class_excluded_on_both_sides_leaves_every_term(as_labels: Callable[[Tensor], Tensor]) -> None:
    student, teacher, labels = batch(1), batch(2), torch.tensor([0, 1, 2, 3, 0, 1])
    kept = {"temperature": 2.0, "soft_weight": 0.7}
    excluding, also = student.clone(), teacher.clone()
    excluding[:, 4] = also[:, 4] = -math.inf
    value, gradient = with_gradient(lambda s, t: losses.hinton_loss(s, t, as_labels(labels), **kept), excluding, also)
    assert_close(value.float(), losses.hinton_loss(student[:, :4], teacher[:, :4], labels, **kept))
    assert gradient.isfinite().all() and not gradient[:, 4].any()


@EVERY
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("damage", [math.nan, math.inf])
def test_a_damaged_number_on_either_side_is_never_silently_left_out(loss: Loss, side: int, damage: float) -> None:
    """Une perte finie laisserait croire que tout va bien : `fit`, lui, s'arrête sur une perte qui ne l'est pas."""
    sides = [batch(1), batch(2)]
    sides[side][2, 3] = damage
    assert not loss(*sides).isfinite()


def test_a_teacher_that_excludes_every_class_is_not_silently_left_out() -> None:
    nothing = batch(2)
    nothing[4] = -math.inf
    assert losses.kd_loss(batch(1), nothing, 2).isnan()


# --- les labels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_every_kind_of_integer_is_a_label(dtype: torch.dtype) -> None:
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    assert_close(losses.cross_entropy(batch(1), labels.to(dtype)), F.cross_entropy(batch(1), labels))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_images_without_label_are_left_out_of_the_mean_as_in_torch(smoothing: float) -> None:
    logits, labels = batch(1), torch.tensor([0, -100, 2, -100, 4, 0])
    value, gradient = with_gradient(
        lambda s, _: losses.cross_entropy(s, labels, label_smoothing=smoothing), logits, logits
    )
    kept = labels != -100
    assert_close(value, F.cross_entropy(logits[kept], labels[kept], label_smoothing=smoothing))
    assert not gradient[~kept].any() and gradient[kept].all()


def test_a_batch_without_a_single_label_says_nan_as_torch_does_and_moves_nothing() -> None:
    nobody = torch.full((6,), -100)
    assert F.cross_entropy(batch(1), nobody).isnan()
    value, gradient = with_gradient(lambda s, _: losses.cross_entropy(s, nobody), batch(1), batch(1))
    assert value.isnan() and not gradient.any()
    alone = losses.hinton_loss(batch(1), batch(2), nobody, temperature=2, soft_weight=0.5, hard_weight=0)
    assert_close(alone, 0.5 * losses.kd_loss(batch(1), batch(2), 2))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("dtype", DTYPES)
def test_label_probabilities_have_the_value_of_torch(dtype: torch.dtype, smoothing: float) -> None:
    logits, p = batch(1, columns=100), batch(2, columns=100).softmax(dim=1).to(dtype).requires_grad_()
    before = p.detach().clone()
    value = losses.cross_entropy(logits, p, label_smoothing=smoothing)
    assert_close(value.double(), F.cross_entropy(logits.double(), p.double(), label_smoothing=smoothing))
    assert not value.requires_grad  # les labels sont une donnée
    assert torch.equal(p, before)


def test_one_hot_labels_are_smoothed_like_integers() -> None:
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    for one_hot in (F.one_hot(labels, 5), F.one_hot(labels, 5).bool(), F.one_hot(labels, 5).half()):
        for smoothing in (0.0, 0.3):
            expected = losses.cross_entropy(batch(1), labels, label_smoothing=smoothing)
            assert_close(losses.cross_entropy(batch(1), one_hot, label_smoothing=smoothing), expected)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (torch.tensor([0, 1, 2, 3, 4, 5]), ("vont de 0 à 5", "5 classes", "0 à 4")),
        (torch.tensor([0, 1, 2, -1, -100, 4]), ("vont de -1 à 4",)),
        (torch.tensor([1, 2, 3, 4, 5, 255], dtype=torch.uint8), ("vont de 1 à 255",)),
        (torch.zeros(5).long(), ("(5,)", "6 entiers")),
        (torch.zeros(6), ("float32", "entiers")),
        (torch.zeros(6, dtype=torch.complex64), ("complex64", "entiers")),
        (torch.zeros(6, 1).long(), ("(6, 1)",)),
        (torch.zeros(6, 4), ("(6, 4)",)),
        (torch.zeros(()).long(), ("()",)),
        (torch.zeros(6, device="meta").long(), ("cpu", "meta")),
        (torch.zeros(6, 5, device="meta"), ("cpu", "meta")),
        (batch(2), ("probabilités", "soften")),  # des logits, là où il faut des probabilités
        (torch.ones(6, 5), ("probabilités", "somme")),
        (torch.zeros(6, 5).long(), ("probabilités", "somme")),
        (torch.full((6, 5), math.nan), ("probabilités", "nan")),
        (torch.tensor([[1.5, -0.5, 0, 0, 0]] * 6), ("probabilités", "-0.5")),
        (torch.zeros(6, 5, dtype=torch.complex64), ("complex64",)),
    ],
)
def test_labels_that_cannot_be_are_refused_by_both_losses(labels: Tensor, words: tuple[str, ...]) -> None:
    refused(lambda: losses.cross_entropy(batch(1), labels), *words)
    refused(lambda: losses.hinton_loss(batch(1), batch(2), labels, temperature=2, soft_weight=1), *words)


# --- les formes, les appareils, les lots vides -------------------------------------------------------------------

IMPOSSIBLE: dict[str, tuple[Tensor, Tensor, str]] = {
    "un exemple de trop": (batch(1), batch(2, rows=7), "(7, 5)"),
    "un vecteur": (batch(1)[0], batch(2)[0], "(5,)"),
    "un nombre": (torch.tensor(1.0), torch.tensor(2.0), "()"),
    "aucun exemple": (batch(1)[:0], batch(2)[:0], "vide"),
    "aucune colonne": (batch(1)[:, :0], batch(2)[:, :0], "vide"),
    "enseignant ailleurs": (batch(1), batch(2).to("meta"), "meta"),
    "élève ailleurs": (batch(1).to("meta"), batch(2), "meta"),
    "des nombres complexes": (batch(1).to(torch.complex64), batch(2).to(torch.complex64), "complex64"),
}


@EVERY
@pytest.mark.parametrize(("student", "teacher", "words"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_sides_that_cannot_be_compared_are_refused(loss: Loss, student: Tensor, teacher: Tensor, words: str) -> None:
    refused(lambda: loss(student, teacher), words)


@pytest.mark.parametrize("kind", ["list", "ndarray"])
def test_what_is_not_a_tensor_is_named_by_every_loss(kind: str) -> None:
    good = batch(1)
    bad: Any = good.tolist() if kind == "list" else good.numpy()
    calls: list[Callable[[], object]] = [
        *(partial(loss, good, bad) for loss in LOSSES.values()),
        *(partial(loss, bad, good) for name, loss in LOSSES.items() if name != "hinton"),  # `hinton` en lit la forme
        lambda: losses.soften(bad, 2.0),
        lambda: losses.cross_entropy(bad, torch.zeros(6, dtype=torch.int64)),
        lambda: losses.cross_entropy(good, bad),
    ]
    for call in calls:
        refused(call, f"un objet {kind}", "torch.as_tensor")


@pytest.mark.parametrize("loss", [LOSSES[name] for name in LOSSES if "rkd" not in name])
@pytest.mark.parametrize("columns", [1, 4])
def test_a_loss_by_example_never_broadcasts(loss: Loss, columns: int) -> None:
    refused(lambda: loss(batch(1), batch(2, columns=columns)), f"(6, {columns})", "(6, 5)")


def test_complex_logits_cannot_be_softened() -> None:
    refused(lambda: losses.soften(torch.zeros(3, dtype=torch.complex64), 2), "complex64")


def test_settings_that_would_fail_later_are_refused_at_once() -> None:
    z, y = torch.randn(4, 3), torch.arange(4) % 3
    refused(lambda: losses.cross_entropy(z, y, label_smoothing=1.5), "label_smoothing vaut 1.5")
    refused(lambda: losses.cross_entropy(z, z.softmax(1), label_smoothing=1.5), "label_smoothing vaut 1.5")
    refused(lambda: losses.hinton_loss(z, z, y, temperature=-1, soft_weight=0), "La température vaut -1")
    refused(lambda: Hinton(Teacher(perceptron(1)), soft_weight="1"), "Le poids soft_weight vaut '1'")
    refused(lambda: Lit(Teacher(perceptron(1)), hard_share="0.5"), "hard_share vaut '0.5'")
