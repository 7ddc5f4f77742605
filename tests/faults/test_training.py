"""La boucle d'apprentissage devant des réglages, des réseaux, des lots et des pertes impossibles.

Ctrl-C est dans test_interruptions.py, la reproductibilité dans test_repeatability.py, l'enseignant dans
test_teacher.py ; ce qui marche, dans tests/unit/test_training.py.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_utils import models
from course_utils.adapters import lit_adapters
from course_utils.data import Batch, load
from course_utils.losses import cross_entropy
from course_utils.models import StagedNet, mlp
from course_utils.objectives import Hinton, Lit, Objective, Rkd, Supervised, fading
from course_utils.training import Adam, DivergenceError, Teacher, evaluate, fit, predict
from tests.faults.said import plain, refused
from tests.faults.toys import FAMILIES, KINDS, SHAPE, convolutional, lesson, perceptron, quick, toy, weights_of

pytestmark = pytest.mark.usefixtures("one_thread")

EVERY_FAMILY = pytest.mark.parametrize("build", FAMILIES.values(), ids=FAMILIES)


def diverges(student: nn.Module, objective: Objective, *expected: str, **settings: Any) -> str:
    """La phrase par laquelle `fit` s'arrête ; l'élève est rendu en mode évaluation et le hasard n'a pas bougé."""
    state = torch.get_rng_state()
    with pytest.raises(DivergenceError) as caught:
        quick(student, objective, **settings)
    assert torch.equal(torch.get_rng_state(), state) and not student.training
    text = plain(str(caught.value))
    assert "\n" not in text and text.endswith("."), text
    for part in expected:
        assert part in text, (part, text)
    return text


class Made:
    """Un objectif fait à la main : `terms(élève, lot, pas)`, le pas compté à partir de 1."""

    def __init__(self, terms: Any) -> None:
        self.terms, self.step = terms, 0

    def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
        self.step += 1
        return self.terms(student, batch, self.step)  # type: ignore[no-any-return]

    def parameters(self) -> Iterable[nn.Parameter]:
        return ()


# --- les réglages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["epochs", "batch_size", "seed", "lr"])
@pytest.mark.parametrize("bad", [-1, 2.5, math.nan, math.inf, "3", None, [3], 2**130, torch.tensor(3)], ids=repr)
def test_a_setting_that_is_not_a_number_of_its_kind_is_refused_before_anything_moves(name: str, bad: Any) -> None:
    if name == "lr" and bad == 2.5:
        return  # un pas possible
    student = perceptron()
    before = weights_of(student)
    refused(lambda: quick(student, Supervised(), **{name: bad}), f"{name} vaut {bad!r}")
    assert torch.equal(weights_of(student), before)


def test_a_setting_may_come_from_numpy() -> None:
    student, twin = perceptron(), perceptron()
    quick(student, Supervised(), epochs=np.int64(1), batch_size=np.int32(8), seed=np.uint8(3), lr=np.float64(0.01))
    quick(twin, Supervised(), epochs=1, batch_size=8, seed=3, lr=0.01)
    assert torch.equal(weights_of(student), weights_of(twin))


def test_an_empty_part_is_refused_before_the_first_epoch_and_not_after() -> None:
    nothing, student = toy().subset(torch.zeros(0, dtype=torch.int64)), perceptron()
    before = weights_of(student)
    refused(lambda: quick(student, Supervised(), images=nothing), "aucune image")
    refused(lambda: quick(student, Supervised(), validation=nothing), "aucune image", "validation")
    assert torch.equal(weights_of(student), before)
    refused(lambda: evaluate(student, nothing), "aucune image")


def test_a_whole_data_set_or_swapped_arguments_are_named() -> None:
    student: Any = perceptron()
    whole: Any = load("fashion-mnist", train_size=20)
    before = weights_of(student)
    refused(lambda: fit(student, whole, Supervised(), epochs=1), "`images` est un objet Dataset", "data.train")
    refused(lambda: quick(student, Supervised(), validation=whole), "`validation` est un objet Dataset")
    refused(lambda: fit(whole.train, student, Supervised(), epochs=1), "`images` est un objet StagedNet")
    refused(lambda: evaluate(student, whole), "`images` est un objet Dataset")
    assert torch.equal(weights_of(student), before)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"objective": Supervised}, ("L'objectif est la classe Supervised", "Supervised()")),
        ({"objective": cross_entropy}, ("L'objectif est un objet function", "Supervised()")),
        ({"objective": None}, ("L'objectif est un objet NoneType",)),
        ({"student": mlp}, ("L'élève est un objet function", "mlp(seed=0)")),
        ({"student": None}, ("L'élève est un objet NoneType",)),
        ({"optimizer": torch.optim.SGD([torch.zeros(1)])}, ("`optimizer` est un objet SGD", "la classe elle-même")),
        ({"optimizer": "adam"}, ("`optimizer` est un objet str", "torch.optim.SGD")),
    ],
)
def test_an_argument_of_another_kind_is_named(given: dict[str, Any], words: tuple[str, ...]) -> None:
    asked = {"student": perceptron(), "objective": Supervised(), "optimizer": Adam, **given}
    refused(lambda: fit(images=toy(), epochs=1, **asked), *words)


def test_what_is_not_a_network_cannot_be_evaluated() -> None:
    nothing: Any = None
    refused(lambda: evaluate(nothing, toy()), "Le premier argument est un objet NoneType", "un réseau")


def test_a_frozen_student_and_a_loss_that_cannot_teach_are_refused() -> None:
    frozen = perceptron().requires_grad_(False)
    refused(lambda: quick(frozen, Supervised()), "gelé", "requires_grad_(True)")
    refused(lambda: quick(Teacher(perceptron()), Supervised()), "gelé")  # un enseignant, donné comme élève
    detached = Made(lambda student, batch, _: {"à moi": student(batch.x).detach().mean()})
    refused(lambda: quick(perceptron(), detached), "ne dépend d'aucun poids", "détachez")


@pytest.mark.parametrize(
    "terms",
    [
        lambda student, batch, _: {},
        lambda student, batch, _: {"à moi": student(batch.x).sum(dim=1)},  # un nombre par image, et non un scalaire
        lambda student, batch, _: {"à moi": student(batch.x).mean(), "vu": student(batch.x)},
    ],
)
def test_terms_that_are_not_scalars_are_refused_and_never_summed_in_silence(terms: Any) -> None:
    refused(lambda: quick(perceptron(), Made(terms)), "L'objectif rend", "scalaire")


@pytest.mark.parametrize(
    ("terms", "seen"),
    [
        (lambda student, batch, _: student(batch.x).mean(), "un objet Tensor"),
        (lambda student, batch, _: {"à moi": student(batch.x).mean().item()}, "{'à moi': 'float'}"),
        (lambda student, batch, _: None, "un objet NoneType"),
    ],
    ids=["la perte elle-même", "un nombre", "rien"],
)
def test_what_is_not_a_dictionary_of_tensors_is_told_with_an_example(terms: Any, seen: str) -> None:
    refused(lambda: quick(perceptron(), Made(terms)), "L'objectif rend", seen, 'par exemple {"labels": perte}')


def test_an_objective_without_parameters_of_its_own_may_return_none() -> None:
    student, objective = perceptron(), Made(lambda student, batch, _: {"à moi": student(batch.x).square().mean()})
    before = weights_of(student)
    objective.parameters = lambda: None  # type: ignore[assignment, method-assign, return-value]
    quick(student, objective)
    assert not torch.equal(weights_of(student), before)


def test_an_interaction_between_a_teacher_and_a_student_given_the_wrong_way_round_is_told() -> None:
    refused(lambda: quick(Teacher(perceptron()), Supervised()), "L'élève est un Teacher", "donnez un réseau")


def test_fading_what_is_not_hintons_weight_or_over_no_whole_epochs_is_refused() -> None:
    teacher = Teacher(perceptron())
    refused(lambda: fading(Rkd(teacher), start=4, stop=1, epochs=3), "un objet Rkd", "donnez un Hinton")  # type: ignore[arg-type]
    refused(lambda: fading(Hinton(teacher), start=4, stop=1, epochs=3.5), "epochs vaut 3.5")  # type: ignore[arg-type]


def test_a_weight_that_fades_to_nothing_when_it_was_all_is_refused() -> None:
    objective = Hinton(Teacher(perceptron(1)), hard_weight=0)
    after = fading(objective, start=1, stop=0, epochs=2)
    refused(lambda: quick(perceptron(), objective, on_epoch=after), "au moins un terme")


@pytest.mark.parametrize("settings", [{"start": math.nan, "stop": 1}, {"start": 1, "stop": math.inf}])
def test_fading_between_impossible_weights_is_refused(settings: dict[str, float]) -> None:
    refused(lambda: fading(Hinton(Teacher(perceptron())), epochs=3, **settings), "nombre fini, positif")


# --- le réseau et les données ne vont pas ensemble ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Supervised", "Hinton", "Lit", "Hints", "Rkd", "Cwtm"])
def test_a_student_with_fewer_outputs_than_labels_is_refused_before_the_loss(kind: str) -> None:
    """Sur une carte graphique, un label hors des sorties tue le noyau : l'objectif doit le voir avant la perte."""
    made = lesson(kind)
    assert isinstance(made.student, StagedNet)
    made.student.head = nn.Linear(6, 2)
    refused(lambda: quick(made.student, made.objective), "2 sorties", "jusqu'à 2", "classes=3")


def test_fewer_outputs_are_fine_as_long_as_no_label_needs_them() -> None:
    student = models.mlp((6,), inputs=64, classes=2)
    images = toy().without(2)
    quick(student, Supervised(), images=images, epochs=60)
    assert evaluate(student, images) > 0.9


def test_a_label_outside_the_classes_stops_the_first_step() -> None:
    shifted = replace(toy(), labels=toy().labels + 1)  # de 1 à 3 au lieu de 0 à 2
    refused(lambda: quick(perceptron(), Supervised(), images=shifted), "vont de 1 à 3", "3 classes", "0 à 2")


def test_students_and_teachers_without_stages_are_refused_by_the_objectives_that_need_them() -> None:
    bare = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    for kind in ("Hint", "Lit", "Hints", "Rkd"):
        objective = lesson(kind).objective
        with pytest.raises(TypeError, match=r"L'élève est un Sequential.*donnez un StagedNet"):
            quick(bare, objective)
    teacher = Teacher(bare)  # type: ignore[arg-type]
    quick(perceptron(), Hinton(teacher))  # des logits suffisent à Hinton
    for objective in (Rkd(teacher), Lit(teacher)):
        with pytest.raises(TypeError, match=r"L'enseignant est un Sequential.*donnez un StagedNet"):
            quick(perceptron(), objective)


# --- les lots d'une image et BatchNorm ---------------------------------------------------------------------------


def normalised() -> StagedNet:
    """Un perceptron dont la BatchNorm refuse un lot d'une seule image."""
    stage = nn.Sequential(nn.Linear(64, 6), nn.BatchNorm1d(6), nn.ReLU())
    return StagedNet(nn.Flatten(), [stage], nn.Identity(), nn.Linear(6, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_a_last_batch_of_one_image_joins_the_one_before_it(kind: str) -> None:
    made, sizes = lesson(kind, "resnet"), []

    def watched(student: nn.Module, batch: Batch, _: int) -> dict[str, Tensor]:
        sizes.append(len(batch.x))
        return made.objective(student, batch)

    history = quick(made.student, Made(watched), images=toy(17), epochs=1)
    assert sizes == [8, 9]
    assert all(math.isfinite(value) for value in history.losses[0].values())


def test_batchnorm_on_vectors_learns_from_any_number_of_images_but_one() -> None:
    for n in (2, 9, 17):
        quick(normalised(), Supervised(), images=toy(n), epochs=1)
    for images, batch_size in ((toy(1), 8), (toy(9), 1)):
        student = normalised()
        refused(
            lambda s=student, i=images, b=batch_size: quick(s, Supervised(), images=i, batch_size=b),
            "BatchNorm",
            "une seule image",
            "batch_size=2",
        )
        assert not student.training


# --- les modes ---------------------------------------------------------------------------------------------------


@EVERY_FAMILY
def test_on_epoch_may_leave_the_student_in_evaluation_mode(build: Any) -> None:
    """Le dropout et les BatchNorm des époques suivantes n'en savent rien."""
    quiet, meddled = build(), build()
    quick(quiet, Supervised(), epochs=3)
    quick(meddled, Supervised(), epochs=3, on_epoch=lambda _: meddled.eval())
    assert torch.equal(weights_of(quiet), weights_of(meddled))


@pytest.mark.parametrize("training", [True, False])
def test_predicting_gives_every_layer_back_its_own_mode(training: bool) -> None:
    net = convolutional().train(training)
    for module in net.stages[0].modules():
        module.train(not training)  # des BatchNorm gelées dans un réseau qui apprend, ou l'inverse
    modes = [module.training for module in net.modules()]
    assert len(set(modes)) == 2
    predict(net, toy())
    assert [module.training for module in net.modules()] == modes
    net.stem[0].forward = lambda x: 1 / 0  # type: ignore[assignment, method-assign, operator, return-value]
    with pytest.raises(ZeroDivisionError):
        predict(net, toy())
    assert [module.training for module in net.modules()] == modes


@pytest.mark.parametrize("given", [[print, print], "suivi", 3], ids=["liste", "texte", "nombre"])
def test_what_is_not_a_function_is_refused_as_on_epoch_before_the_first_step(given: Any) -> None:
    student = perceptron()
    before = weights_of(student)
    refused(
        lambda: quick(student, Supervised(), on_epoch=given),
        f"on_epoch est un objet {type(given).__name__}",
        "donnez une fonction",
    )
    assert torch.equal(weights_of(student), before)


def test_an_error_in_on_epoch_reaches_the_reader_and_the_student_is_ready_for_use() -> None:
    student = perceptron()

    def broken(_: object) -> None:
        raise KeyError("courbe")

    with pytest.raises(KeyError, match="courbe"):
        quick(student, Supervised(), on_epoch=broken)
    assert not student.training


# --- une perte qui n'est plus un nombre ---------------------------------------------------------------------------

NOT_LR = "n'y est sans doute pour rien"


def spoilt(build: Any, value: float = math.nan) -> StagedNet:
    net: StagedNet = build()
    with torch.no_grad():
        net.stages[0][0].weight.view(-1)[0] = value  # type: ignore[index, union-attr, operator]
    return net


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_student_born_with_a_nan_is_told_at_the_first_step(value: float) -> None:
    diverges(spoilt(perceptron, value), Supervised(), "au pas 1 ", "« labels »", NOT_LR, "poids NaN ou infini")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_teacher_with_a_nan_is_told_by_the_terms_it_enters(value: float) -> None:
    teacher = Teacher(spoilt(perceptron, value))
    text = diverges(perceptron(1), Hinton(teacher), "au pas 1 ", "« enseignant »", NOT_LR, "l'enseignant")
    assert "« labels »" not in text
    text = diverges(perceptron(1), Rkd(teacher, hard_weight=1), "« distances », « angles »", NOT_LR)
    assert "« labels »" not in text


def test_images_without_any_label_are_told_by_the_term_of_the_labels() -> None:
    blind = replace(toy(), labels=torch.full((24,), -100))
    text = diverges(perceptron(), Hinton(Teacher(perceptron(1))), "« labels »", NOT_LR, "label", images=blind)
    assert "« enseignant »" not in text
    quick(perceptron(), Hinton(Teacher(perceptron(1)), hard_weight=0), images=blind)  # le remède


@pytest.mark.parametrize("shares", [{"hard_share": 0}, {"kd_share": 0}], ids=["sans label", "les blocs seuls"])
def test_lit_without_any_weight_on_the_labels_does_not_read_them(shares: dict[str, float]) -> None:
    student, teacher = perceptron(), Teacher(perceptron(1))
    lit = Lit(teacher, lit_adapters(student, teacher.model, SHAPE), **shares)
    before = weights_of(student)
    history = quick(student, lit, images=replace(toy(), labels=torch.full((24,), -100)))
    assert all("labels" not in terms and all(map(math.isfinite, terms.values())) for terms in history.losses)
    assert (weights_of(student) != before).any()


def test_one_batch_without_label_is_not_blamed_on_the_learning_rate() -> None:
    """Un lot muet au milieu de l'époque : l'élève reste sain, ce n'est donc pas lui qui a divergé."""
    labels = toy().labels.clone()
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))  # l'ordre de la première époque, seed=0
    labels[order[8:16]] = -100
    student = perceptron()
    images = replace(toy(), labels=labels)
    diverges(student, Supervised(), "au pas 2 ", NOT_LR, "aucune image n'a de label", images=images)
    assert weights_of(student).isfinite().all()


def test_a_term_that_becomes_infinite_is_named_with_its_step() -> None:
    def terms(student: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        value = student(batch.x).square().mean()
        return {"sain": value, "malade": value * (math.inf if step == 5 else 1)}

    text = diverges(perceptron(), Made(terms), "au pas 5 ", "« malade »", NOT_LR)
    assert "« sain »" not in text


def test_a_learning_rate_that_is_too_large_is_told_with_the_remedy() -> None:
    text = diverges(perceptron(), Supervised(), "le pas (lr) est trop grand", "par 10", lr=1e20, epochs=3)
    assert NOT_LR not in text and "au pas 1 " not in text


def test_weights_that_are_no_longer_finite_are_told_even_if_the_last_loss_was() -> None:
    """Un seul pas : la perte a été calculée avant que les poids ne débordent."""
    steep = Made(lambda student, batch, _: {"pente": 1e30 * student(batch.x).mean()})
    one_step = {"epochs": 1, "batch_size": 24, "lr": 1e15, "optimizer": torch.optim.SGD}
    diverges(perceptron(), steep, "Un poids", "au pas 1 ", "lr", **one_step)


def test_after_a_divergence_a_new_student_learns_as_if_nothing_had_happened() -> None:
    teacher = Teacher(perceptron(1))
    diverges(spoilt(perceptron), Hinton(teacher))
    student, twin = perceptron(), perceptron()
    quick(student, Hinton(teacher))
    quick(twin, Hinton(Teacher(perceptron(1))))
    assert torch.equal(weights_of(student), weights_of(twin))


def test_progress_may_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    fit(perceptron(), toy(), Supervised(), epochs=1, progress=True)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("extra", [False, True], ids=["autre ordre", "un terme de plus"])
def test_terms_are_averaged_by_their_names(extra: bool) -> None:
    class Shuffled(Supervised):
        """Ses termes changent d'ordre, ou de nombre, d'un pas à l'autre."""

        calls = 0

        def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
            self.calls += 1
            terms = {"a": super().__call__(student, batch)["labels"], "b": torch.zeros(())}
            if self.calls % 2:
                return terms
            return terms | {"c": torch.zeros(())} if extra else dict(reversed(terms.items()))

    if extra:
        refused(lambda: quick(perceptron(), Shuffled()), "['a', 'b']", "['a', 'b', 'c']")
    else:
        assert all(epoch["b"] == 0 and epoch["a"] > 0 for epoch in quick(perceptron(), Shuffled()).losses)
