"""Ctrl-C n'importe où pendant un apprentissage : ce qui est appris est gardé, et rien d'autre n'a bougé.

L'interruption est levée à l'endroit voulu, comme le fait Python entre deux instructions.
"""

import ast
import linecache
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_utils import training
from course_utils.data import Batch, Images
from course_utils.objectives import Supervised
from course_utils.training import History, Teacher, predict
from tests.faults.toys import KINDS, Lesson, lesson, perceptron, quick, toy, weights_of

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 3  # par époque : 24 images, par lots de 8


class Stopped:
    """Un objectif interrompu à son n-ième pas, qui garde les poids d'alors."""

    def __init__(self, made: Lesson, step: int) -> None:
        self.made, self.step, self.done = made, step, 0
        self.reached: Tensor | None = None
        self.parameters = made.objective.parameters

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        if self.done == self.step:
            self.reached = weights_of(student)
            raise KeyboardInterrupt
        self.done += 1
        return self.made.objective(student, batch)


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@contextmanager
def chance_unmoved() -> Iterator[None]:
    """Le hasard de torch, de NumPy et de Python est rendu comme il était."""
    before = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
    yield
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1]) and random.getstate() == before[2]


def usable(student: nn.Module, history: History, epochs: int) -> None:
    """L'historique raconte des époques entières, et l'élève répond."""
    assert history.interrupted and not student.training
    assert len(history.losses) == len(history.accuracy) == epochs
    assert weights_of(student).isfinite().all() and predict(student, toy()).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0, 1, STEPS, 2 * STEPS - 1])
def test_an_interruption_at_any_step_keeps_the_weights_of_that_step(
    kind: str, step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    made = lesson(kind)
    stopped, before, teacher = Stopped(made, step), weights_of(made.student), weights_of(made.teacher)
    with chance_unmoved():
        history = quick(made.student, stopped, validation=toy(6))
    usable(made.student, history, step // STEPS)
    assert stopped.reached is not None and torch.equal(weights_of(made.student), stopped.reached)
    assert torch.equal(weights_of(made.student), before) == (step == 0)
    assert torch.equal(weights_of(made.teacher), teacher)
    assert f"époques finies\u00a0: {step // STEPS} sur 2" in capsys.readouterr().out


@pytest.mark.parametrize("epoch", [0, 1])
def test_an_interruption_while_measuring_does_not_count_an_epoch_by_half(
    epoch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Les pertes de l'époque étaient connues, son exactitude non : ni les unes ni l'autre ne sont notées."""
    made, measures = lesson(), iter([0.5] * epoch)

    def measure(*_: Any) -> float:
        return next(measures, None) or interrupt()  # type: ignore[return-value, func-returns-value]

    monkeypatch.setattr(training, "evaluate", measure)
    with chance_unmoved():
        history = quick(made.student, made.objective, validation=toy(6))
    usable(made.student, history, epoch)


def test_an_interruption_inside_the_network_that_is_measured_leaves_it_whole() -> None:
    """Au milieu de l'évaluation, l'élève n'est plus dans le même mode : il est rendu en mode évaluation quand même."""
    made = lesson("Hinton", "resnet")

    def in_evaluation(module: nn.Module, *_: Any) -> None:
        if not module.training:
            raise KeyboardInterrupt

    hook = made.student.head.register_forward_hook(in_evaluation)  # type: ignore[union-attr, operator]
    with chance_unmoved():
        history = quick(made.student, made.objective, validation=toy(6))
    hook.remove()
    usable(made.student, history, 0)


def test_an_interruption_in_on_epoch_keeps_the_epoch_that_was_over() -> None:
    made = lesson()
    with chance_unmoved():
        history = quick(made.student, made.objective, validation=toy(6), on_epoch=interrupt)
    usable(made.student, history, 1)
    assert history.seconds > 0


@pytest.mark.parametrize("kind", ["Hinton", "Rkd", "Lit"])
def test_an_interruption_while_the_teacher_answers_leaves_no_half_answer(kind: str) -> None:
    made, calls = lesson(kind, "resnet"), []
    teacher = made.teacher

    def at_first(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    answering = teacher._headless if kind == "Rkd" else teacher
    answering.model.stages[2].register_forward_hook(at_first)
    before = weights_of(teacher)
    with chance_unmoved():
        history = quick(made.student, made.objective, validation=toy(6))
    usable(made.student, history, 0)
    assert len(calls) == 1 and torch.equal(weights_of(teacher), before)
    batch = toy().batch(torch.tensor([5, 0, 23]))
    assert_close(teacher.logits(batch), teacher.model(batch.x))
    assert_close(teacher.embeddings(batch), teacher.model.embed(batch.x))


@pytest.mark.parametrize("kind", KINDS)
def test_after_an_interruption_a_second_training_starts_from_what_was_learnt(kind: str) -> None:
    """Comme si un élève qui a ces poids-là était entraîné pour la première fois."""
    made, twin = lesson(kind), lesson(kind)
    quick(made.student, Stopped(made, 4))
    twin.student.load_state_dict(made.student.state_dict())
    again = {"Dkpp": lesson(kind).objective}.get(kind, made.objective)  # Dkpp tire ses permutations au fil des pas
    if kind in ("Hint", "Lit", "Hints"):  # ce qui apprend avec l'élève a continué aussi
        for mine, its in zip(twin.objective.parameters(), made.objective.parameters(), strict=True):
            mine.data.copy_(its.data)
    first, second = quick(made.student, again, seed=5), quick(twin.student, twin.objective, seed=5)
    assert not first.interrupted and first.losses == second.losses
    assert torch.equal(weights_of(made.student), weights_of(twin.student))


# --- à n'importe quelle ligne du code ----------------------------------------------------------------------------


@contextmanager
def interrupted_at_line(number: float, counted: Callable[[str, str], bool]) -> Iterator[list[str]]:
    """Lève KeyboardInterrupt à la n-ième ligne que compte `counted(fonction, ligne)` ; rend les lignes comptées.

    Aucune n'est dans un `finally` : une interruption, là, arrêterait la réparation, et Python n'y peut rien.
    """
    seen: list[str] = []

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if Path(code.co_filename).parent.name != "course_utils":
            return None
        line = linecache.getline(code.co_filename, frame.f_lineno).strip()
        if event == "line" and frame.f_lineno not in repairing(code.co_filename) and counted(code.co_name, line):
            seen.append(f"{code.co_name} : {line}")
            if len(seen) == number:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield seen
    finally:
        sys.settrace(before)


@cache
def repairing(file: str) -> set[int]:
    """Les lignes des blocs `finally` d'un fichier."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    blocks = [node.finalbody for node in ast.walk(tree) if isinstance(node, ast.Try) and node.finalbody]
    return {line for block in blocks for line in range(block[0].lineno, (block[-1].end_lineno or 0) + 1)}


REPAIRING = ("_left_usable", "still_statistics")  # une seconde interruption, là, arrêterait la réparation


def ordinary(function: str, line: str) -> bool:
    """Tout, sauf ce qui remet les choses en place."""
    return function not in REPAIRING


@pytest.mark.parametrize("kind", ["Hinton", "Rkd", "Lit"])
def test_an_interruption_at_any_line_leaves_a_usable_student(kind: str) -> None:
    """Vingt-quatre endroits, d'un bout à l'autre d'un apprentissage : le réglage, les pas, les mesures, la fin."""
    family = "resnet" if kind == "Lit" else "mlp"
    whole = lesson(kind, family)
    with interrupted_at_line(float("inf"), ordinary) as lines:
        quick(whole.student, whole.objective, validation=toy(6), batch_size=12)
    assert len(lines) > 300
    stops = range(1, len(lines) + 1, len(lines) // 24)
    for number in stops:
        made = lesson(kind, family)
        before, teacher = weights_of(made.student), weights_of(made.teacher)
        history = None
        with chance_unmoved(), interrupted_at_line(number, ordinary) as seen, suppress(KeyboardInterrupt):
            history = quick(made.student, made.objective, validation=toy(6), batch_size=12)
        where = f"ligne {number} : {seen[-1]}"
        assert weights_of(made.student).isfinite().all(), where
        assert torch.equal(weights_of(made.teacher), teacher), where
        assert all(module.track_running_stats for module in norms(made.student)), where
        if history is None:  # avant le premier pas, ou après le dernier : l'interruption arrête la cellule
            assert torch.equal(weights_of(made.student), before) or number == stops[-1], where
            continue
        assert history.interrupted, where
        usable(made.student, history, len(history.losses))
        assert len(history.losses) <= 2, where


def test_an_interruption_between_two_notes_of_the_same_epoch_keeps_neither() -> None:
    """L'exactitude est déjà notée, les pertes pas encore."""

    for epochs in (0, 1):
        made = lesson()
        with interrupted_at_line(1 + epochs, lambda _, line: line.startswith("history.losses.append")):
            history = quick(made.student, made.objective, validation=toy(6))
        usable(made.student, history, epochs)


def norms(net: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]


def test_predicting_may_be_interrupted_at_any_line() -> None:
    net = perceptron().train()
    net.stages[0].eval()
    modes = [module.training for module in net.modules()]
    teacher = Teacher(net)
    for number in range(1, 60):
        with interrupted_at_line(number, ordinary) as seen, suppress(KeyboardInterrupt):
            predict(net, toy())
            teacher.logits(toy().batch(torch.arange(3)))
        assert [module.training for module in net.modules()] == modes, seen[-1]
        batch = toy().batch(torch.tensor([7, 2]))
        assert_close(teacher.logits(batch), teacher.model(batch.x))


@pytest.mark.parametrize(
    "ask",
    [
        lambda network, images: quick(network, Supervised(), validation=images),
        lambda network, images: predict(network, images),
    ],
    ids=["fit", "predict"],
)
def test_an_interruption_on_the_way_out_of_no_grad_leaves_the_gradients_on(
    ask: Callable[[nn.Module, Images], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    network, images = perceptron(), toy(6)
    monkeypatch.setattr(torch.no_grad, "__exit__", interrupted)
    with suppress(KeyboardInterrupt):
        ask(network, images)
    assert torch.is_grad_enabled()
