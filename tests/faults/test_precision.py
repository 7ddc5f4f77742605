"""Apprendre en bfloat16, là où l'appareil y gagne : l'élève apprend autant, et rien d'autre ne change de précision."""

from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_utils import inference, live
from course_utils.data import Batch
from course_utils.inference import autocast, best_device, bfloat16_wins
from course_utils.objectives import Supervised
from course_utils.packing import _PACKING, packing
from course_utils.training import Teacher, evaluate, predict
from tests.faults.test_interruptions import interrupted_at_line
from tests.faults.toys import KINDS, convolutional, fingerprint, lesson, perceptron, quick, toy, weights_of

pytestmark = pytest.mark.usefixtures("one_thread")

DEVICE = best_device().type


@pytest.fixture
def in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """L'appareil dit qu'il y gagne ; sur un processeur qui l'émule, c'est seulement plus lent."""
    monkeypatch.setattr(inference, "bfloat16_wins", lambda device: True)


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "bfloat16_wins", lambda device: False)


@pytest.mark.parametrize(
    ("said", "wins"), [({"avx512_bf16": True}, True), ({"avx512_bf16": False, "avx2": True}, False), ({}, False)]
)
def test_a_processor_is_asked_what_it_can_do(
    said: dict[str, bool], wins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: said, raising=False)
    assert bfloat16_wins.__wrapped__("cpu") is wins


def test_a_torch_that_does_not_know_its_processor_stays_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert bfloat16_wins.__wrapped__("cpu") is False


def test_no_clock_decides_the_precision() -> None:
    """Une mesure, sur une machine occupée, dit tantôt oui, tantôt non : les mêmes poids ne reviendraient pas."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as watched:
        bfloat16_wins.__wrapped__("cpu")
    assert not [event.key for event in watched.key_averages() if event.key.startswith("aten::")]


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_learns_the_same_bits_twice_and_nearly_those_of_float32(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = "resnet" if kind == "Lit" else "mlp"

    def learnt(wins: bool) -> tuple[str, float]:
        monkeypatch.setattr(inference, "bfloat16_wins", lambda device: wins)
        made = lesson(kind, family)
        losses = quick(made.student, made.objective).losses
        return fingerprint(kind, family), sum(losses[-1].values())

    once, again, precise = learnt(True), learnt(True), learnt(False)
    assert once == again and once[0] != precise[0]
    assert once[1] == pytest.approx(precise[1], rel=0.05)


@pytest.mark.usefixtures("in_bfloat16")
@pytest.mark.parametrize("build", [perceptron, convolutional])
def test_the_teacher_gives_the_same_answers_whoever_asks_first(build: Any) -> None:
    """Demandées pendant un apprentissage, ou avant lui, ou par predict : ce que l'on montre est en float32."""
    network, images = build(seed=1), toy(30)
    asked_by_fit, asked_before = Teacher(network), Teacher(network)
    before = asked_before.logits(images.batch(torch.arange(30)))
    quick(build(), Watched(asked_by_fit), images=images, epochs=1)
    batch = images.batch(torch.arange(30))
    assert torch.equal(asked_by_fit.logits(batch), before)
    assert torch.equal(before.cpu(), predict(asked_before.model, images))
    assert before.dtype == torch.float32
    assert_close(asked_by_fit(batch.x), before)


class Watched(Supervised):
    """Apprend des labels, après avoir posé une question à l'enseignant ; le réseau y calcule bien en bfloat16."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.teacher = teacher

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        self.teacher.logits(batch)
        assert student(batch.x).dtype == torch.bfloat16
        return super().__call__(student, batch)


@pytest.mark.usefixtures("in_bfloat16")
def test_what_fit_gives_back_is_in_float32() -> None:
    made = lesson()
    history = quick(made.student, made.objective, validation=toy(6))
    assert {weight.dtype for weight in made.student.parameters()} == {torch.float32}
    assert predict(made.student, toy()).dtype == torch.float32
    assert history.accuracy[-1] == evaluate(made.student, toy(6))
    assert not torch.is_autocast_enabled(DEVICE)


@pytest.mark.parametrize("precision", ["in_bfloat16", "in_float32"])
def test_an_interruption_on_the_way_out_leaves_the_kernel_in_float32(
    precision: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch.autocast, interrompu dans sa sortie, laisserait tout le noyau en bfloat16, et des poids d'un autre pas."""
    request.getfixturevalue(precision)
    expected = lesson()
    quick(expected.student, expected.objective)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    made = lesson()
    with monkeypatch.context() as patch:
        patch.setattr(torch.autocast, "__exit__", interrupted)
        assert quick(made.student, Supervised()).interrupted
    assert not torch.is_autocast_enabled(DEVICE)
    again = lesson()
    quick(again.student, again.objective)
    assert torch.equal(weights_of(again.student), weights_of(expected.student))


def state() -> tuple[bool, bool, int]:
    """Ce qu'un contexte du cours change pour tout le noyau."""
    return torch.is_autocast_enabled(DEVICE), _PACKING.get(), torch.get_num_threads()


def anywhere(*_: str) -> bool:
    """À toute ligne qu'`interrupted_at_line` permet."""
    return True


@pytest.mark.usefixtures("in_bfloat16")
@pytest.mark.parametrize("enter", [packing, lambda: autocast(best_device()), live._one_thread])
def test_a_context_interrupted_at_any_of_its_lines_gives_everything_back(enter: Any) -> None:
    """Ctrl-C arrive aussi entre la ligne qui change un réglage et celle qui promet de le rendre."""
    torch.set_num_threads(2)
    before = state()
    with enter():
        assert state() != before
    with interrupted_at_line(float("inf"), anywhere) as lines, enter():
        pass
    assert len(lines) >= 3
    for number in range(1, len(lines) + 1):
        with interrupted_at_line(number, anywhere), suppress(KeyboardInterrupt), enter():
            pass
        assert state() == before, lines[number - 1]
    torch.set_num_threads(1)  # comme tout ce fichier


@pytest.mark.usefixtures("in_float32")
def test_a_readers_own_autocast_is_set_aside_and_given_back() -> None:
    with torch.autocast(DEVICE, torch.bfloat16):
        with autocast(best_device()):
            assert not torch.is_autocast_enabled(DEVICE)
        assert torch.is_autocast_enabled(DEVICE)
