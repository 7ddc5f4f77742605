"""Chaque perte égale une boucle écrite à la main, en double précision : sa valeur, et son gradient par autograd.

Les boucles n'emploient que des nombres, un à un, et suivent les formules des articles. Les points sont souvent sur une
grille : les cas dégénérés (points confondus, alignés, un ou deux points seulement) n'y sont pas rares.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from course_utils import losses

pytestmark = pytest.mark.usefixtures("one_thread")

Rows = list[list[Tensor]]  # des nombres, ligne par ligne
ZERO = torch.zeros((), dtype=torch.float64)

few = settings(max_examples=30)


def numbers(x: Tensor) -> Rows:
    return [list(row.unbind()) for row in x.unbind()]


def mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).sum() / len(values)


def agree(loss: Callable[[Tensor], Tensor], loop: Callable[[Rows], Tensor], student: Tensor) -> None:
    """Même valeur, même gradient."""
    found, wanted = student.clone().requires_grad_(), student.clone().requires_grad_()
    value, expected = loss(found), loop(numbers(wanted))
    assert_close(value, expected, rtol=1e-8, atol=1e-8)  # à T = 1000, T² · KL n'est juste qu'à 10⁻⁹ près
    scale = max(1.0, 1 / float(student.abs().max().clamp(min=1e-6)))
    if not expected.requires_grad:  # la boucle n'a trouvé que des constantes
        expected = expected + 0 * wanted.sum()
    gradients = [torch.autograd.grad(total, leaf)[0] for total, leaf in ((value, found), (expected, wanted))]
    assert_close(*gradients, rtol=1e-6, atol=1e-8 * scale)


# --- les boucles -------------------------------------------------------------------------------------------------


def log_softmax(row: list[Tensor], temperature: float) -> list[Tensor]:
    top = max(z.item() for z in row)
    total = sum((((z - top) / temperature).exp() for z in row), ZERO)
    return [(z - top) / temperature - total.log() for z in row]


def kd(student: Rows, teacher: Rows, temperature: float) -> Tensor:
    examples = []
    for s, t in zip(student, teacher, strict=True):
        log_q, log_p = log_softmax(s, temperature), log_softmax(t, temperature)
        terms = [p.exp() * (p - q) for p, q in zip(log_p, log_q, strict=True) if p > -math.inf]
        examples.append(temperature**2 * sum(terms, ZERO))
    return mean(examples)


def hard(student: Rows, labels: list[int]) -> Tensor:
    return mean([-log_softmax(s, 1.0)[y] for s, y in zip(student, labels, strict=True) if y != -100])


def hint(student: Rows, teacher: Rows, norm: str) -> Tensor:
    gaps = [[(a - b) ** 2 for a, b in zip(s, t, strict=True)] for s, t in zip(student, teacher, strict=True)]
    if norm == "mse":
        return mean([square for row in gaps for square in row])
    return mean([root(sum(row, ZERO)) for row in gaps])


def root(square: Tensor) -> Tensor:
    """La racine, constante là où elle n'a pas de dérivée."""
    return square.sqrt() if square > 0 else ZERO


def huber(gap: Tensor) -> Tensor:
    return gap * gap / 2 if abs(gap) <= 1 else abs(gap) - 0.5


def distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    return root(sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), ZERO))


def relative_distances(points: Rows) -> Rows:
    table = [[distance(a, b) for b in points] for a in points]
    positive = [d for row in table for d in row if d > 0]
    return [[d / mean(positive) if positive else d for d in row] for row in table]


def rkd_distances(student: Rows, teacher: Rows) -> Tensor:
    ours, theirs = relative_distances(student), relative_distances(teacher)
    return mean([huber(s - t) for a, b in zip(ours, theirs, strict=True) for s, t in zip(a, b, strict=True)])


def cosine(i: list[Tensor], j: list[Tensor], k: list[Tensor]) -> Tensor:
    """cos ∠ ijk, de sommet j ; 0 si un côté est nul."""
    lengths = distance(i, j) * distance(k, j)
    dot = sum(((a - b) * (c - b) for a, b, c in zip(i, j, k, strict=True)), ZERO)
    return dot / lengths if lengths > 0 else ZERO


def rkd_angles(student: Rows, teacher: Rows) -> Tensor:
    n = range(len(student))
    triplets = [(i, j, k) for i in n for j in n for k in n]
    cosines = [[cosine(x[i], x[j], x[k]) for i, j, k in triplets] for x in (student, teacher)]
    return mean([huber(s - t) for s, t in zip(*cosines, strict=True)])


# --- les données -------------------------------------------------------------------------------------------------

GRID = st.integers(-2, 2).map(float)
SPREAD = st.floats(-30, 30).filter(lambda x: x == 0 or abs(x) > 1e-3)


@st.composite
def tables(draw: st.DrawFn, rows: int, columns: int, numbers: st.SearchStrategy[float] = SPREAD) -> Tensor:
    row = st.lists(numbers, min_size=columns, max_size=columns)
    return torch.tensor(draw(st.lists(row, min_size=rows, max_size=rows)), dtype=torch.float64)


@st.composite
def two_tables(draw: st.DrawFn, least: int = 2) -> tuple[Tensor, Tensor]:
    """Deux lots de même forme (N, C) : de 1 à 4 exemples, de `least` à 5 colonnes."""
    n, c = draw(st.integers(1, 4)), draw(st.integers(least, 5))
    kinds = st.sampled_from([GRID, SPREAD])
    return draw(tables(n, c, draw(kinds))), draw(tables(n, c, draw(kinds)))


@st.composite
def two_clouds(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Deux nuages de 1 à 5 points, de dimensions différentes, sur une grille agrandie ou rapetissée."""
    n = draw(st.integers(1, 5))
    scale = st.sampled_from([1e-4, 1.0, 1e4])
    return tuple(draw(tables(n, draw(st.integers(1, 3)), GRID)) * draw(scale) for _ in "ab")  # type: ignore[return-value]


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Tensor, Tensor, list[int]]:
    """Deux lots de logits et des labels, dont certains manquent, mais non tous."""
    student, teacher = draw(two_tables())
    known = st.integers(0, student.shape[1] - 1)
    others = st.lists(known | st.just(-100), min_size=len(student) - 1, max_size=len(student) - 1)
    return student, teacher, [draw(known), *draw(others)]


TEMPERATURE = st.floats(0.05, 1000) | st.sampled_from([0.05, 1, 1000])
WEIGHT = st.floats(0, 5)


# --- les égalités ------------------------------------------------------------------------------------------------


@few
@given(two_tables(), TEMPERATURE)
def test_kd_is_its_loop(sides: tuple[Tensor, Tensor], temperature: float) -> None:
    student, teacher = sides
    agree(lambda s: losses.kd_loss(s, teacher, temperature), lambda s: kd(s, numbers(teacher), temperature), student)


@few
@given(two_tables(least=3), st.integers(0, 2), st.sampled_from([0.5, 1.0, 7.0]))
def test_kd_without_the_classes_that_the_teacher_excludes_is_its_loop(
    sides: tuple[Tensor, Tensor], excluded: int, temperature: float
) -> None:
    student, teacher = sides
    teacher[:, excluded] = -math.inf
    agree(lambda s: losses.kd_loss(s, teacher, temperature), lambda s: kd(s, numbers(teacher), temperature), student)


@few
@given(labelled(), TEMPERATURE, WEIGHT, WEIGHT)
def test_hinton_is_its_loop(
    batch: tuple[Tensor, Tensor, list[int]], temperature: float, soft_weight: float, hard_weight: float
) -> None:
    student, teacher, labels = batch
    agree(
        lambda s: losses.hinton_loss(
            s, teacher, torch.tensor(labels), temperature=temperature, soft_weight=soft_weight, hard_weight=hard_weight
        ) + 0 * s.sum(),
        lambda s: hard_weight * hard(s, labels) + soft_weight * kd(s, numbers(teacher), temperature),
        student,
    )  # fmt: skip


@few
@given(two_tables(least=1), st.sampled_from(["mse", "l2"]))
@example((torch.ones(3, 2).double(), torch.ones(3, 2).double()), "l2")
def test_hint_is_its_loop(sides: tuple[Tensor, Tensor], norm: str) -> None:
    student, teacher = sides
    agree(lambda s: losses.hint_loss(s, teacher, norm=norm), lambda s: hint(s, numbers(teacher), norm), student)


@few
@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.sampled_from(["mse", "l2"]))
def test_lit_is_its_loop(data: st.DataObject, blocks: int, rows: int, norm: str) -> None:
    """Chaque bloc multiplie par sa matrice ce que *l'enseignant* a rendu avant lui ; les matrices sont l'élève."""
    features = [data.draw(tables(rows, 2)) for _ in range(blocks + 1)]
    matrices = data.draw(tables(2 * blocks, 2, GRID))

    def lit(weights: Tensor) -> Tensor:
        layers = [lambda x, w=w: x @ w for w in weights.split(2)]
        return losses.lit_loss(layers, features, norm=norm)

    def loop(weights: Rows) -> Tensor:
        total = ZERO
        for i in range(blocks):
            given_rows, wanted = numbers(features[i]), numbers(features[i + 1])
            (a, b), (c, d) = weights[2 * i : 2 * i + 2]
            total = total + hint([[x * a + y * c, x * b + y * d] for x, y in given_rows], wanted, norm)
        return total

    agree(lit, loop, matrices)


@few
@given(two_clouds())
@example((torch.zeros(3, 2).double(), torch.eye(3).double()))
@example((torch.eye(3).double(), torch.zeros(3, 2).double()))
@example((torch.ones(1, 2).double(), torch.ones(1, 3).double()))
@example((torch.tensor([[0.0], [1]]).double(), torch.tensor([[5.0], [5]]).double()))
def test_rkd_distances_are_their_loop(clouds: tuple[Tensor, Tensor]) -> None:
    student, teacher = clouds
    agree(lambda s: losses.rkd_distance_loss(s, teacher), lambda s: rkd_distances(s, numbers(teacher)), student)


@few
@given(two_clouds())
@example((torch.zeros(3, 2).double(), torch.eye(3).double()))
@example((torch.eye(3).double(), torch.zeros(3, 2).double()))
@example((torch.ones(1, 2).double(), torch.ones(1, 3).double()))
@example((torch.tensor([[0.0], [1]]).double(), torch.tensor([[5.0], [5]]).double()))
@example((torch.tensor([[0.0, 0], [1, 0], [-1, 0]]).double(), torch.tensor([[0.0], [1], [2]]).double()))
def test_rkd_angles_are_their_triple_loop(clouds: tuple[Tensor, Tensor]) -> None:
    student, teacher = clouds
    agree(lambda s: losses.rkd_angle_loss(s, teacher), lambda s: rkd_angles(s, numbers(teacher)), student)


@few
@given(two_tables(), st.permutations(range(4)), st.floats(-50, 50))
def test_every_loss_ignores_the_order_of_the_examples_and_kd_a_shift_of_the_logits(
    sides: tuple[Tensor, Tensor], order: list[int], shift: float
) -> None:
    student, teacher = sides
    order = [i for i in order if i < len(student)]
    every: list[Callable[..., Any]] = [
        lambda s, t: losses.kd_loss(s, t, 2.0), losses.hint_loss, losses.rkd_distance_loss, losses.rkd_angle_loss
    ]  # fmt: skip
    for loss in every:
        assert_close(loss(student[order], teacher[order]), loss(student, teacher), rtol=1e-9, atol=1e-12)
    assert_close(every[0](student + shift, teacher - shift), every[0](student, teacher), rtol=1e-7, atol=1e-9)
    assert every[0](student, teacher) >= -1e-12
