"""Un enseignant malmené : mis en mode apprentissage, donné comme élève, interrogé dans le désordre.

Ses réponses sont celles des images du lot, ou une phrase claire ; jamais celles d'autres images.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_utils import answers
from course_utils.absent import Renormalised
from course_utils.born_again import Cwtm, Dkpp
from course_utils.data import Batch, Images
from course_utils.objectives import BornAgain, Hint, Hinton, Hints, Lit, Rkd, Supervised
from course_utils.training import Teacher, augmented, fit
from tests.faults.said import refused
from tests.faults.toys import FAMILIES, TAUGHT, convolutional, lesson, perceptron, quick, toy, weights_of

pytestmark = pytest.mark.usefixtures("one_thread")

EVERY_FAMILY = pytest.mark.parametrize("build", FAMILIES.values(), ids=FAMILIES)
ANSWERS: dict[str, Callable[[Teacher, Batch], Tensor]] = {
    "logits": Teacher.logits,
    "vecteurs": Teacher.embeddings,
    "étages": lambda teacher, batch: teacher.features(batch)[-1],
    "logits, depuis le dernier étage": lambda teacher, batch: teacher.classify(teacher.features(batch)[-1]),
    "logits, depuis les vecteurs": lambda teacher, batch: teacher.read_out(teacher.embeddings(batch)),
    "logits, sans mémoire": lambda teacher, batch: teacher(batch.x),
}
EVERY_ANSWER = pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
REMEMBERED = pytest.mark.parametrize("answer", [Teacher.logits, Teacher.embeddings])


def fresh_answer(answer: Callable[[Teacher, Batch], Tensor], teacher: Teacher, batch: Batch) -> Tensor:
    """La réponse d'un enseignant qui ne se souvient de rien."""
    return answer(Teacher(teacher.model), batch)


def shuffled(images: Images, seed: int = 0) -> Batch:
    return images.batch(torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:7])


# --- le mode -----------------------------------------------------------------------------------------------------


@EVERY_FAMILY
@EVERY_ANSWER
def test_a_caller_cannot_wake_the_dropout_or_the_batchnorms_of_a_teacher(build: Any, answer: Any) -> None:
    learning = build().train()
    with torch.no_grad():
        learning(toy().batch(torch.arange(24)).x)  # des statistiques qui ne sont plus celles du départ
    asleep = Teacher(build())
    asleep.model.load_state_dict(learning.state_dict())
    expected = answer(asleep, shuffled(toy()))
    teacher = Teacher(learning)  # construit sur un réseau en cours d'apprentissage, et qui y reste
    assert learning.training
    before = weights_of(teacher)
    for disturb in (lambda: None, teacher.train, teacher.model.train, teacher.requires_grad_, learning.train):
        disturb()
        found = answer(teacher, shuffled(toy()))
        assert_close(found, expected)
        assert not found.requires_grad
    assert torch.equal(weights_of(teacher), before)


@pytest.mark.parametrize("kind", TAUGHT)
@EVERY_FAMILY
def test_a_teacher_put_in_training_mode_teaches_the_same_thing(kind: str, build: Any) -> None:
    family = next(name for name, known in FAMILIES.items() if known is build)
    calm, disturbed = lesson(kind, family), lesson(kind, family)
    before = weights_of(disturbed.teacher)
    disturbed.teacher.model.train()
    quick(calm.student, calm.objective)
    quick(disturbed.student, disturbed.objective, on_epoch=lambda _: disturbed.teacher.model.train())
    assert torch.equal(weights_of(calm.student), weights_of(disturbed.student))
    assert torch.equal(weights_of(disturbed.teacher), before)
    assert all(p.grad is None for p in disturbed.teacher.parameters())


# --- qui est l'enseignant ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TAUGHT)
@EVERY_FAMILY
def test_a_student_is_refused_as_its_own_teacher_by_every_objective(kind: str, build: Any) -> None:
    student = build()
    teacher = Teacher(student)
    before = weights_of(student)
    refused(lambda: quick(student, TAUGHT[kind](student, teacher)), "le même réseau", "fresh(")
    assert torch.equal(weights_of(student), before)
    for same in (teacher.model, teacher):
        objective = TAUGHT[kind](teacher.model, teacher)
        refused(lambda s=same, o=objective: o(s, shuffled(toy())), "le même réseau")


guided = partial(Hint, regressor=nn.Identity(), guided=1, hint=1)
renormalised = partial(Renormalised, absent=0, temperature=4.0)


@pytest.mark.parametrize("build", [Hinton, BornAgain, Rkd, guided, Lit, Hints, Cwtm, Dkpp, renormalised])
def test_a_network_that_nobody_froze_is_refused_as_a_teacher_at_once(build: Any) -> None:
    with pytest.raises(TypeError, match=r"L'enseignant est un StagedNet.*donnez Teacher\(modèle\)"):
        build(perceptron(1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("kind", TAUGHT)
def test_a_teacher_in_another_precision_teaches_in_float32(kind: str, dtype: torch.dtype) -> None:
    network = convolutional(1)
    teacher = Teacher(network.to(dtype))
    assert {weight.dtype for weight in teacher.parameters()} == {torch.float32}
    student = convolutional(0)
    assert all(term.isfinite() for term in TAUGHT[kind](student, teacher)(student, shuffled(toy())).values())
    assert next(network.parameters()).dtype == dtype


@pytest.mark.parametrize("absent", [10, "sac"])
def test_a_class_that_the_teacher_does_not_know_cannot_be_erased(absent: Any) -> None:
    objective = Renormalised(Teacher(perceptron(1)), absent, temperature=4.0)
    refused(lambda: quick(perceptron(), objective), f"Les classes désignées sont [{absent!r}]")


def test_what_is_not_a_network_cannot_be_a_teacher() -> None:
    for bad in (None, "fashion-resnet", perceptron):
        with pytest.raises(TypeError, match=r"L'enseignant est un objet \w+.: donnez un réseau"):
            Teacher(bad)  # type: ignore[arg-type]


# --- la mémoire des réponses -------------------------------------------------------------------------------------


class Checked:
    """Un objectif qui, à chaque pas, compare ce dont l'enseignant se souvient à ce qu'il répondrait à neuf."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher, self.steps, self.objective = teacher, 0, Hinton(teacher)

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        self.steps += 1
        with torch.no_grad(), torch.autocast(batch.x.device.type, enabled=False):
            assert_close(self.teacher.logits(batch), self.teacher.model(batch.x))
            assert_close(self.teacher.embeddings(batch), self.teacher.model.embed(batch.x))
        return self.objective(student, batch)

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()


@EVERY_FAMILY
@pytest.mark.parametrize("augment", [False, True])
def test_every_step_of_every_training_sees_the_answers_of_its_own_images(build: Any, augment: bool) -> None:
    """Mélange, augmentation, sous-ensembles qui se recouvrent, dernier lot plus grand, autre jeu, même enseignant."""
    checked, images = Checked(Teacher(build(seed=1))), toy(30)
    parts = [images, images.only(1), images.subset(torch.tensor([3, 3, 7, 29, 0])), images.without(1), toy(17, seed=5)]
    for seed, part in enumerate([*parts, images]):
        quick(build(), checked, images=part, epochs=1, seed=seed, augment=augment, validation=images.only(0))
    assert checked.steps == 4 + 2 + 1 + 3 + 2 + 4


@REMEMBERED
def test_each_image_is_shown_to_the_teacher_once(answer: Callable[[Teacher, Batch], Tensor]) -> None:
    teacher, images, shown = Teacher(convolutional()), toy(30), []
    answer(teacher, images.only(0).batch(torch.arange(3)))
    asked = teacher._headless if answer is Teacher.embeddings else teacher
    asked.model.register_forward_pre_hook(lambda _, inputs: shown.append(len(inputs[0])))
    for part in (images, images.only(1), images.subset(torch.arange(9).flip(0)), images):
        answer(teacher, shuffled(part))
    assert shown == [20]  # les dix images de la première partie étaient connues


@REMEMBERED
def test_a_teacher_asked_in_inference_mode_goes_on_answering_outside(
    answer: Callable[[Teacher, Batch], Tensor],
) -> None:
    teacher, images = Teacher(convolutional()), toy()
    with torch.inference_mode():
        few = images.subset(torch.arange(4))
        inside = answer(teacher, few.batch(torch.arange(4)))
        assert_close(answer(teacher, few.batch(torch.arange(4))), inside)
    assert_close(answer(teacher, shuffled(images)), fresh_answer(answer, teacher, shuffled(images)))


@REMEMBERED
def test_an_interruption_keeps_the_answers_already_given(
    answer: Callable[[Teacher, Batch], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "CHUNK", 8)
    teacher, images, shown = Teacher(convolutional()), toy(30), []
    expected = fresh_answer(answer, teacher, shuffled(images))

    def interrupt(_: nn.Module, inputs: tuple[Tensor]) -> None:
        shown.append(len(inputs[0]))
        if len(shown) == 3:
            raise KeyboardInterrupt

    asked = teacher._headless if answer is Teacher.embeddings else teacher
    asked.model.register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        answer(teacher, shuffled(images))
    assert_close(answer(teacher, shuffled(images)), expected)
    assert shown[3:] == [8, 6]  # seize images étaient connues


def test_kd_and_rkd_together_ask_the_teacher_once_and_learn_the_same() -> None:
    teacher, student, images, shown = Teacher(convolutional()), convolutional(3), toy(30), []
    batch = shuffled(images)
    expected = Hinton(teacher, soft_weight=0.5)(student, batch)["enseignant"]
    asked = Teacher(convolutional())
    for network in (asked.model, asked._headless.model):
        network.register_forward_pre_hook(lambda _, inputs: shown.append(len(inputs[0])))
    found = Rkd(asked, soft_weight=0.5)(student, batch)["enseignant"]
    assert_close(found, expected)
    assert shown == [30]


@REMEMBERED
@pytest.mark.parametrize(
    "change",
    [
        lambda teacher, other: teacher.load_state_dict(other.state_dict()),
        lambda teacher, other: teacher.model.load_state_dict(other.model.state_dict()),
        lambda teacher, other: teacher.load_state_dict(other.state_dict(), assign=True),
        lambda teacher, other: setattr(teacher, "model", other.model),
    ],
    ids=["enseignant", "son réseau", "poids remplacés", "réseau remplacé"],
)
def test_other_weights_given_to_a_teacher_have_their_own_answers(
    answer: Callable[[Teacher, Batch], Tensor], change: Callable[[Teacher, Teacher], object]
) -> None:
    teacher, other, images = Teacher(convolutional()), Teacher(convolutional(1)), toy()
    old = answer(teacher, shuffled(images)).clone()
    change(teacher, other)
    new = answer(teacher, shuffled(images))
    assert not torch.allclose(new, old)
    assert_close(new, answer(other, shuffled(images)))


@REMEMBERED
def test_the_same_pixels_normalised_otherwise_have_other_answers(answer: Callable[[Teacher, Batch], Tensor]) -> None:
    teacher, images = Teacher(convolutional()), toy()
    others = [replace(images, mean=(0.1,)), replace(images, std=(0.5,)), images]
    answer(teacher, shuffled(images))
    for part in [*others, *others]:
        assert_close(answer(teacher, shuffled(part)), fresh_answer(answer, teacher, shuffled(part)))


@REMEMBERED
@pytest.mark.parametrize("change", [lambda x: x.zero_(), lambda x: x[5].fill_(9), lambda x: x.copy_(x.flip(0))])
def test_pixels_modified_in_place_have_new_answers(
    answer: Callable[[Teacher, Batch], Tensor], change: Callable[[Tensor], Tensor]
) -> None:
    teacher, images = Teacher(convolutional()), toy()
    old = answer(teacher, shuffled(images)).clone()
    change(images.pixels)
    new = answer(teacher, shuffled(images))
    assert not torch.allclose(new, old)
    assert_close(new, fresh_answer(answer, teacher, shuffled(images)))


@REMEMBERED
def test_rows_modified_in_place_have_their_own_answers(answer: Callable[[Teacher, Batch], Tensor]) -> None:
    teacher, part = Teacher(convolutional()), toy().subset(torch.arange(4))
    answer(teacher, part.batch(torch.arange(4)))
    part.rows.copy_(torch.tensor([20, 21, 22, 23]))
    batch = part.batch(torch.arange(4))
    assert_close(answer(teacher, batch), fresh_answer(answer, teacher, batch))


@REMEMBERED
def test_an_augmented_image_never_gets_the_answer_of_the_original(answer: Callable[[Teacher, Batch], Tensor]) -> None:
    teacher = Teacher(convolutional())
    plain = shuffled(toy())
    remembered = answer(teacher, plain)
    moved = augmented(plain, torch.Generator().manual_seed(0))
    found = answer(teacher, moved)
    assert not torch.allclose(found, remembered)
    assert_close(found, fresh_answer(answer, teacher, moved))
    assert_close(answer(teacher, plain), remembered)


def test_changing_the_labels_keeps_the_answers_and_their_alignment() -> None:
    teacher, images = Teacher(convolutional()), toy()
    relabelled = replace(images, labels=images.labels.flip(0))
    assert torch.equal(teacher.logits(shuffled(relabelled)), teacher.logits(shuffled(images)))


def test_a_teacher_does_not_follow_the_training_of_its_original() -> None:
    original = perceptron()
    teacher = Teacher(original)
    before = teacher.logits(shuffled(toy())).clone(), teacher.embeddings(shuffled(toy())).clone()
    quick(original, Rkd(Teacher(perceptron(1)), hard_weight=1))
    assert_close((teacher.logits(shuffled(toy())), teacher.embeddings(shuffled(toy()))), before)


@REMEMBERED
def test_a_teacher_that_learns_again_has_new_answers(answer: Callable[[Teacher, Batch], Tensor]) -> None:
    teacher, images = Teacher(convolutional()), toy()
    answer(teacher, shuffled(images))
    fit(teacher.model.requires_grad_(True), images, Supervised(), epochs=2, lr=0.05, progress=False)
    assert_close(answer(teacher, shuffled(images)), answer(Teacher(teacher.model), shuffled(images)))


def test_two_parts_of_the_same_size_each_have_their_answers() -> None:
    images, teacher = toy(40), Teacher(convolutional())
    for part in (images.subset(torch.arange(0, 20)), images.subset(torch.arange(20, 40))):
        batch = part.batch(torch.arange(20))
        assert_close(teacher.logits(batch), teacher(batch.x))
