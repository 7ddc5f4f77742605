"""La même graine donne les mêmes poids, au bit près : deux fois de suite, dans deux processus, au milieu d'autre chose.

Et un apprentissage ne laisse aucune trace dans le hasard du lecteur, quelle qu'en soit la fin.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_utils.data import Batch
from course_utils.models import StagedNet
from course_utils.objectives import Supervised
from course_utils.training import DivergenceError, Teacher, evaluate
from tests.course import ROOT
from tests.faults.toys import FAMILIES, KINDS, TAUGHT, fingerprint, lesson, perceptron, quick, toy, weights_of

pytestmark = pytest.mark.usefixtures("one_thread")

EVERY_CASE = [(kind, family) for kind in KINDS for family in FAMILIES]

ELSEWHERE = """
import torch
torch.set_num_threads(1)
from tests.faults.toys import FAMILIES, KINDS, fingerprint, lesson, quick
for kind in KINDS:
    for family in FAMILIES:
        print(fingerprint(kind, family))
made = lesson()
quick(made.student, made.objective, progress=True)
"""


def test_every_objective_learns_the_same_bits_in_another_process_without_a_single_warning() -> None:
    """Là-bas, un avertissement est une erreur, et l'ordre des ensembles de Python n'est pas le même."""
    command = [sys.executable, "-W", "error", "-c", ELSEWHERE]
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    other = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    here = [fingerprint(kind, family) for kind, family in EVERY_CASE]
    there, said = other.communicate(timeout=300)
    assert other.returncode == 0, said
    assert there.split() == here
    assert len(set(here)) == len(here)  # chaque objectif apprend autre chose


@pytest.mark.parametrize(("kind", "family"), EVERY_CASE)
def test_every_objective_learns_the_same_bits_twice_whatever_chance_did_meanwhile(kind: str, family: str) -> None:
    first = fingerprint(kind, family)
    torch.rand(5), np.random.rand(5), random.random()
    torch.manual_seed(99)
    assert fingerprint(kind, family) == first


def test_another_seed_learns_otherwise() -> None:
    made = {seed: lesson("Supervised") for seed in (0, 1)}
    for seed, each in made.items():
        quick(each.student, each.objective, seed=seed)
    assert not torch.equal(weights_of(made[0].student), weights_of(made[1].student))


# --- le hasard du lecteur ----------------------------------------------------------------------------------------


def chance() -> tuple[Any, ...]:
    """L'état du hasard de torch, de NumPy et de Python."""
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()


def raising(error: type[BaseException]) -> Callable[[object], None]:
    def stop(_: object) -> None:
        raise error("arrêt")

    return stop


@pytest.mark.parametrize("kind", KINDS)
def test_no_objective_touches_the_readers_chance(kind: str) -> None:
    made = lesson(kind)
    before = chance()
    quick(made.student, made.objective, augment=True, validation=toy(6))
    evaluate(made.student, toy())
    assert chance() == before


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, DivergenceError, SystemExit])
def test_however_it_ends_a_training_gives_the_readers_chance_back(error: type[BaseException]) -> None:
    before, algorithms = chance(), torch.backends.cudnn.deterministic
    made = lesson()
    with nullcontext() if error is KeyboardInterrupt else pytest.raises(error):
        quick(made.student, made.objective, on_epoch=raising(error))
    assert chance() == before and torch.backends.cudnn.deterministic == algorithms
    assert not made.student.training


# --- deux apprentissages à la fois -------------------------------------------------------------------------------


def alone(seed: int) -> Tensor:
    made = lesson("Supervised")
    quick(made.student, made.objective, seed=seed, augment=True)
    return weights_of(made.student)


def test_a_training_inside_another_disturbs_neither() -> None:
    """Le second commence et finit entre deux époques du premier ; tous deux ont du dropout."""
    outer, inner = lesson("Supervised"), []

    def another(_: object) -> None:
        made = lesson("Supervised")
        quick(made.student, made.objective, seed=1, augment=True)
        inner.append(weights_of(made.student))

    before = chance()
    quick(outer.student, outer.objective, seed=0, augment=True, on_epoch=another)
    assert chance() == before
    assert torch.equal(weights_of(outer.student), alone(0))
    assert len(inner) == 2 and all(torch.equal(each, alone(1)) for each in inner)


def test_the_same_student_may_be_trained_inside_its_own_training() -> None:
    """Une retouche entre deux époques : le dropout de la suivante est toujours là."""
    touched, twin = perceptron(), perceptron()

    def retouch(student: StagedNet) -> Callable[[object], None]:
        def after(_: object) -> None:
            quick(student, Supervised(), epochs=1, seed=7)
            student.train(student is twin)  # ce que le premier élève laisse, le second le corrige lui-même

        return after

    for student in (touched, twin):
        quick(student, Supervised(), on_epoch=retouch(student))
    assert torch.equal(weights_of(touched), weights_of(twin))


class Slow(Supervised):
    """Laisse la main à l'autre fil à chaque pas, au milieu du calcul."""

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        time.sleep(0.002)
        terms = super().__call__(student, batch)
        time.sleep(0.002)
        return terms


def test_two_trainings_in_two_threads_disturb_neither_and_leave_the_readers_chance_alone() -> None:
    students, failures = {seed: perceptron() for seed in range(3)}, []
    start = threading.Barrier(3)

    def learn(seed: int) -> None:
        try:
            start.wait()
            quick(students[seed], Slow(label_smoothing=0.1), seed=seed, augment=True)
        except BaseException as error:
            failures.append(error)

    before = chance()
    threads = [threading.Thread(target=learn, args=(seed,)) for seed in students]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and not any(thread.is_alive() for thread in threads)
    assert chance() == before
    for seed, student in students.items():
        assert torch.equal(weights_of(student), alone(seed)), seed


@pytest.mark.parametrize("kind", TAUGHT)
def test_two_students_may_share_a_teacher(kind: str) -> None:
    """Entremêlés d'une époque à l'autre, chacun apprend comme s'il était seul."""
    shared = Teacher(perceptron(1, width=5))

    def learnt(teacher: Teacher, seed: int, on_epoch: Callable[[object], None] | None = None) -> Tensor:
        student = perceptron()
        quick(student, TAUGHT[kind](student, teacher), seed=seed, on_epoch=on_epoch)
        return weights_of(student)

    inner: list[Tensor] = []
    outer = learnt(shared, 0, lambda _: inner.append(learnt(shared, 1)))
    assert torch.equal(outer, learnt(Teacher(perceptron(1, width=5)), 0))
    assert torch.equal(inner[1], learnt(Teacher(perceptron(1, width=5)), 1))
