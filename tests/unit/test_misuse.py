"""Un objet donné à la place d'un autre, des nombres qui n'en sont plus : une phrase, ou la même réponse qu'ailleurs."""

import copy
import io
import math
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from course_utils import balance, born_again, losses, models
from course_utils.adapters import feature_shapes
from course_utils.challenge import place_on_challenge
from course_utils.cost import macs
from course_utils.data import Batch, Images, load
from course_utils.data_free import invent_images
from course_utils.fitnets import layer_amplitudes
from course_utils.objectives import Hint, Hinton, Lit, Objective, Rkd, Supervised
from course_utils.retrieval import Triplet, neighbours, projection, recall_at_1
from course_utils.training import DivergenceError, Teacher, evaluate, predict
from tests.faults.said import plain, refused
from tests.faults.toys import KINDS, TAUGHT, convolutional, lesson, perceptron, quick, toy, weights_of

NOT_A_NUMBER = "répond NaN ou l'infini"


class Answering(nn.Module):
    """Répond `spoilt` à la seule image `number` des `toy()`, et ce que répond un perceptron aux autres."""

    def __init__(self, spoilt: float, number: int = 5) -> None:
        super().__init__()
        self.inside, self.spoilt, self.target = perceptron(), spoilt, toy().batch(torch.tensor([number]), "cpu").x

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inside(x)
        seen = (x == self.target.to(x)).flatten(1).all(dim=1, keepdim=True)
        return torch.where(seen & torch.tensor([True, False, False], device=x.device), self.spoilt, logits)


# --- des réponses qui ne sont pas des nombres ----------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_network_that_answers_nan_to_a_single_image_is_never_scored(value: float) -> None:
    network, images = Answering(value), toy()
    for asked in (predict, evaluate, lambda n, i: place_on_challenge(n, images=i, beside=[])):
        refused(lambda ask=asked: ask(network, images), f"Le réseau {NOT_A_NUMBER}", "divisez le pas (lr) par 10")


def test_an_excluded_class_is_an_answer() -> None:
    network, images = Answering(-math.inf, number=0), toy()
    assert predict(network, images)[0, 0] == -math.inf and 0 <= evaluate(network, images) <= 1
    placed = place_on_challenge(network, images=images, beside=[])
    assert placed.entry.accuracy == evaluate(network, images)


def test_what_is_not_a_number_agrees_with_nothing() -> None:
    sane, spoilt = torch.eye(3), torch.eye(3).index_fill(0, torch.tensor([1]), math.nan)
    excluded = sane.masked_fill(sane == 0, -math.inf)
    assert born_again.agreement(excluded, sane) == 1
    refused(lambda: born_again.agreement(spoilt, sane), f"Le premier réseau {NOT_A_NUMBER}")
    refused(lambda: born_again.agreement(sane, spoilt), f"Le second réseau {NOT_A_NUMBER}")
    refused(lambda: born_again.ensemble([sane, spoilt]), NOT_A_NUMBER)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_nowhere_has_no_neighbour(value: float) -> None:
    x = torch.eye(4)
    x[2, 1] = value
    for asked in (lambda: recall_at_1(x, torch.zeros(4)), lambda: neighbours(x, 2), lambda: projection(x)):
        refused(asked, "NaN ou l'infini (1 sur 4)")


def test_a_teacher_that_answers_nan_is_still_told_by_fit() -> None:
    with pytest.raises(DivergenceError, match="«\u00a0enseignant\u00a0»"):
        quick(perceptron(), Hinton(Teacher(Answering(math.nan))), validation=toy(6))  # type: ignore[arg-type]


def test_a_student_whose_finite_weights_no_longer_answer_has_diverged() -> None:
    """Le dernier pas l'a fait grandir : aucun poids n'est infini, mais leurs produits le sont."""

    class Growing(Supervised):
        def __call__(self, student: nn.Module, batch: Batch) -> dict[str, Tensor]:
            terms = super().__call__(student, batch)
            with torch.no_grad():
                for weight in student.parameters():
                    weight.fill_(1e20)
            return terms

    with pytest.raises(DivergenceError) as caught:
        quick(perceptron(), Growing(), epochs=1, batch_size=24, validation=toy(6))
    text = plain(str(caught.value))
    assert f"L'élève {NOT_A_NUMBER} après le pas 1" in text and "divisez-le par 10" in text


# --- apprendre -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_student_in_another_precision_is_refused_before_it_is_spoilt(dtype: torch.dtype) -> None:
    student = perceptron().to(dtype)
    before = weights_of(student)
    refused(lambda: quick(student, Supervised()), f"des poids en {dtype}", "student.float()")
    assert torch.equal(weights_of(student), before)
    quick(student.float(), Supervised())  # le remède


def test_what_learns_with_the_student_is_in_its_precision() -> None:
    hint = Hint(Teacher(perceptron(1)), nn.Linear(6, 6).double(), guided=1, hint=1)
    refused(lambda: quick(perceptron(), hint), "des poids en torch.float64")


@pytest.mark.parametrize("objective", [Rkd(Teacher(perceptron(1))), Triplet()], ids=["Rkd", "Triplet"])
@pytest.mark.parametrize("settings", [{"batch_size": 2}, {"batch_size": 1}, {"images": toy(2)}], ids=str)
def test_two_images_are_too_few_to_be_compared(objective: Objective, settings: dict[str, Any]) -> None:
    student = perceptron()
    before = weights_of(student)
    kind, seen = type(objective).__name__, settings.get("batch_size", 2)
    refused(
        lambda: quick(student, objective, **settings), f"{kind} compare 3 images entre elles, et un lot en a {seen}"
    )
    assert torch.equal(weights_of(student), before)


def test_a_last_batch_of_two_images_stops_nothing() -> None:
    assert len(quick(perceptron(), Rkd(Teacher(perceptron(1))), images=toy(10)).losses) == 2


def test_nothing_is_learnt_from_the_relations_of_two_images() -> None:
    """Ce que dit la phrase est vrai : sur deux images, le gradient est nul."""
    x = torch.randn(2, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for loss in (losses.rkd_distance_loss, losses.rkd_angle_loss):
        (slope,) = torch.autograd.grad(loss(x, torch.tensor([[0.0], [3.0]])), x)
        assert slope.abs().max() < 1e-6


@torch.no_grad()
def test_learning_needs_gradients_even_where_the_reader_cut_them() -> None:
    student, twin = perceptron(), perceptron()
    quick(student, Supervised())
    with torch.enable_grad():
        quick(twin, Supervised())
    assert torch.equal(weights_of(student), weights_of(twin)) and not torch.is_grad_enabled()


@torch.no_grad()
def test_amplitudes_are_measured_even_where_the_reader_cut_the_gradients() -> None:
    batch, network = toy().batch(torch.arange(9), "cpu"), models.plain(7, width=4, seed=0)
    with torch.enable_grad():
        expected = layer_amplitudes(network, batch.x, batch.y)
    assert layer_amplitudes(network, batch.x, batch.y) == expected


@pytest.mark.parametrize("cut", [torch.no_grad, torch.inference_mode])
def test_images_are_invented_even_where_the_reader_cut_the_gradients(cut: Any) -> None:
    teacher = Teacher(convolutional())
    expected = invent_images(teacher, toy(), 6, steps=2)
    with cut():
        found = invent_images(teacher, toy(), 6, steps=2)
    assert torch.equal(found.pixels, expected.pixels)


# --- le type des nombres, choisi pour tout torch -------------------------------------------------------------------


def in_double(compute: Callable[[], Any]) -> Any:
    """Calcule là où le lecteur a choisi float64 pour tous ses tenseurs."""
    torch.set_default_dtype(torch.float64)
    try:
        return compute()
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_type_of_torch_changes_no_training(kind: str) -> None:
    made, twin = lesson(kind, "resnet"), lesson(kind, "resnet")
    quick(made.student, made.objective, augment=True)
    in_double(lambda: quick(twin.student, twin.objective, augment=True))
    assert torch.equal(weights_of(made.student), weights_of(twin.student))


def test_the_default_type_of_torch_changes_no_count_and_no_draw() -> None:
    network, teacher, images, p = convolutional(), Teacher(convolutional()), toy(200), torch.eye(5)

    def found() -> list[Tensor]:
        return [
            torch.tensor(macs(network, (1, 8, 8))),
            torch.tensor(feature_shapes(network, (1, 8, 8))[:2]),
            Teacher(network).logits(images.batch(torch.arange(9), "cpu")),
            born_again.mislabelled(images, 0.5, 0).labels,
            born_again.permuted_dark_knowledge(p, torch.Generator().manual_seed(0)),
            invent_images(teacher, toy(), 6, steps=2).pixels,
        ]

    for here, there in zip(found(), in_double(found), strict=True):
        assert here.dtype == there.dtype and torch.equal(here, there)


# --- le bilan ------------------------------------------------------------------------------------------------------


def trained(method: Any = "KD", **given: Any) -> Any:
    settings = {
        "epochs": 2,
        "seed": 0,
        "progress": False,
        "student": convolutional(),
        "teacher": Teacher(convolutional(1)),
    }
    return balance.train(method, images=given.pop("images", toy()), **settings | given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"images": load("fashion-mnist", train_size=20)}, "`images` est un objet Dataset"),
        ({"images": toy().subset(torch.zeros(24, dtype=torch.bool))}, "`images` ne contient aucune image"),
        ({"teacher": convolutional(1)}, "L'enseignant est un StagedNet : donnez Teacher(modèle)"),
        ({"teacher": None}, "L'enseignant est un NoneType"),
        ({"student": None}, "L'élève est un objet NoneType"),
        ({"student": Teacher(convolutional())}, "L'élève est un Teacher"),
        ({"epochs": "2"}, "epochs vaut '2'"),
        ({"epochs": 2.5}, "epochs vaut 2.5"),
        ({"epochs": None}, "epochs vaut None"),
        ({"seed": "0"}, "seed vaut '0'"),
        ({"batch_size": 0}, "batch_size ne se règle pas ici : toutes les méthodes du bilan apprennent par lots de 64"),
        ({"lr": "grand"}, "lr vaut 'grand'"),
    ],
)
@pytest.mark.parametrize("method", ["seul", "KD", balance.BORN_AGAIN, "FitNets", "LIT"])
def test_the_balance_refuses_what_fit_refuses(method: str, given: dict[str, Any], words: str) -> None:
    refused(lambda: trained(method, **given), words)


def test_fitnets_needs_a_second_stage_to_guide() -> None:
    narrow = models.mlp((5,), inputs=64, classes=3)
    refused(lambda: trained("FitNets", student=narrow), "L'élève n'a qu'un étage", "FitNets guide le deuxième")
    refused(lambda: trained("FitNets", teacher=Teacher(narrow)), "L'enseignant n'a qu'un étage")
    refused(
        lambda: trained("FitNets", student=nn.Sequential(nn.Flatten(), nn.Linear(64, 3))), "L'élève est un Sequential"
    )


def test_what_cannot_be_a_method_or_a_frontier_is_named() -> None:
    refused(lambda: trained(["KD"]), "La méthode « ['KD'] » n'existe pas")
    whole: Any = load("fashion-mnist", train_size=20)
    refused(lambda: balance.cost("KD", convolutional(), whole, epochs=1), "`images` est un objet Dataset")
    refused(lambda: balance.frontier([1, 2], [0.5]), "2 coûts et 1 exactitudes")


# --- l'enseignant et les images --------------------------------------------------------------------------------------

WRONG: list[Any] = [toy(), [1], None, toy().batch(torch.arange(3), "cpu").x]


@pytest.mark.parametrize("given", WRONG, ids=lambda given: type(given).__name__)
@pytest.mark.parametrize("ask", [Teacher.logits, Teacher.embeddings, Teacher.features])
def test_what_is_not_a_batch_is_named_by_the_teacher(ask: Any, given: Any) -> None:
    refused(lambda: ask(Teacher(perceptron()), given), f"Le lot est un objet {type(given).__name__}", "images.batch(")


@pytest.mark.parametrize(
    "given", [toy(), [1], None, toy().batch(torch.arange(3), "cpu")], ids=lambda x: type(x).__name__
)
@pytest.mark.parametrize(
    "network", [perceptron(), convolutional(), Teacher(perceptron())], ids=["mlp", "resnet", "Teacher"]
)
def test_what_is_not_a_tensor_is_named_by_every_network(network: nn.Module, given: Any) -> None:
    refused(lambda: network(given), f"Le réseau reçoit un objet {type(given).__name__}", "images.batch(positions).x")


@pytest.mark.parametrize("ask", [Teacher.read_out, Teacher.classify])
def test_what_is_not_a_representation_is_named_by_the_teacher(ask: Any) -> None:
    refused(lambda: ask(Teacher(perceptron()), [torch.zeros(3, 6)]), "Un argument est un objet list")


def saved(teacher: Teacher) -> Teacher:
    file = io.BytesIO()
    torch.save(teacher, file)
    file.seek(0)
    found: Teacher = torch.load(file, weights_only=False)
    return found


@pytest.mark.parametrize("twin", [copy.deepcopy, copy.copy, lambda t: pickle.loads(pickle.dumps(t)), saved])
@pytest.mark.parametrize("kind", TAUGHT)
def test_a_copied_or_saved_teacher_teaches_the_same_thing(twin: Callable[[Teacher], Teacher], kind: str) -> None:
    teacher, batch = Teacher(convolutional(1)), toy().batch(torch.arange(9), "cpu")
    answers = teacher.logits(batch), teacher.embeddings(batch)
    found = twin(teacher)
    assert isinstance(found, Teacher) and not found.training and not any(w.requires_grad for w in found.parameters())
    assert torch.equal(found.logits(batch), answers[0]) and torch.equal(found.embeddings(batch), answers[1])
    students = convolutional(), convolutional()
    for student, guide in zip(students, (teacher, found), strict=True):
        quick(student, TAUGHT[kind](student, guide), epochs=1)
    assert torch.equal(weights_of(students[0]), weights_of(students[1]))


def test_a_saved_teacher_is_as_small_as_its_network() -> None:
    teacher, images = Teacher(perceptron()), toy(2000)
    before = len(pickle.dumps(teacher))
    teacher.logits(images.batch(torch.arange(9), "cpu"))
    assert len(pickle.dumps(teacher)) == before


@pytest.mark.parametrize("given", [slice(0, 5), "0", None, [[0], 1]], ids=str)
def test_positions_that_are_not_numbers_are_named(given: Any) -> None:
    for ask in (toy().subset, toy().batch):
        refused(lambda a=ask: a(given), f"Positions impossibles (un objet {type(given).__name__})", "torch.arange(")


def test_every_way_to_write_positions_is_accepted() -> None:
    for given in ([3, 4], (3, 4), range(3, 5), torch.tensor([3, 4])):
        assert toy().subset(given).rows.tolist() == toy().batch(given).index.tolist() == [3, 4]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("blocks", "kind"),
    [
        ([None] * 3, "NoneType"),
        (3, "int"),
        (convolutional(), "StagedNet"),
        ([torch.zeros(1)] * 3, "Tensor"),
        ("abc", "str"),
    ],
)
def test_what_cannot_be_called_is_no_block(blocks: Any, kind: str) -> None:
    features = Teacher(convolutional()).features(toy().batch(torch.arange(3), "cpu"))
    refused(lambda: losses.lit_loss(blocks, features), f"`blocks` reçoit un objet {kind}", "student.stages")


@pytest.mark.parametrize("adapters", [3, [None] * 3, [(3, 3)] * 3, [(None, None, None)] * 3], ids=str)
def test_what_is_not_a_pair_is_no_adapter(adapters: Any) -> None:
    network = convolutional()
    features = Teacher(network).features(toy().batch(torch.arange(3), "cpu"))
    refused(lambda: losses.lit_loss(list(network.stages), features, adapters), "n'est pas un couple")
    refused(lambda: Lit(Teacher(network), adapters), "n'est pas un couple")


def test_every_sequence_of_blocks_is_accepted() -> None:
    network = convolutional().eval()
    features = Teacher(network).features(toy().batch(torch.arange(3), "cpu"))
    for blocks in (network.stages, list(network.stages), tuple(network.stages), nn.Sequential(*network.stages)):
        assert losses.lit_loss(blocks, features).item() < 1e-6  # type: ignore[arg-type]


@pytest.mark.parametrize("k", ["3", 1.5, None])
def test_a_number_of_neighbours_that_is_not_whole_is_named(k: Any) -> None:
    refused(lambda: neighbours(torch.eye(4), k), f"k vaut {k!r}, pour 4 points")


@pytest.mark.parametrize(
    "ask",
    [
        lambda teacher, batch: teacher(batch.x),
        lambda teacher, batch: teacher.features(batch),
        lambda teacher, batch: teacher.read_out(torch.zeros(1, 6)),
        lambda teacher, batch: teacher.classify(torch.zeros(1, 6)),
    ],
    ids=["forward", "features", "read_out", "classify"],
)
def test_a_teacher_interrupted_on_its_way_out_leaves_the_gradients_on(
    ask: Callable[[Teacher, Batch], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    teacher, batch = Teacher(perceptron()), toy().batch(torch.arange(3))
    monkeypatch.setattr(torch.no_grad, "__exit__", interrupted)
    with suppress(KeyboardInterrupt):
        ask(teacher, batch)
    assert torch.is_grad_enabled()


# --- le défi -------------------------------------------------------------------------------------------------------


def test_images_padded_to_the_shape_of_cifar_are_placed_without_our_networks() -> None:
    few = load("fashion-mnist").test.subset(torch.arange(20))
    pixels = nn.functional.pad(few.x, (2, 2, 2, 2)).expand(-1, 3, -1, -1).contiguous()
    padded = Images(pixels, few.y, torch.arange(20), few.classes, (0.3,) * 3, (0.3,) * 3)
    placed = place_on_challenge(models.resnet(8, width=4, in_channels=3), images=padded)
    assert placed.entry.data == "Fashion-MNIST" and {point.data for point in placed.others} == {"CIFAR-10"}
    assert len(place_on_challenge(models.resnet(8, width=4), images=few).others) > len(placed.others)


@pytest.mark.parametrize("given", [3, True])
def test_what_is_not_a_list_cannot_stand_beside(given: Any) -> None:
    placed = place_on_challenge(perceptron(), images=toy(), beside=[])
    for beside in (given, placed, placed.entry):
        refused(
            lambda b=beside: place_on_challenge(perceptron(1), images=toy(), beside=b),
            f"`beside` est un objet {type(beside).__name__}",
            "une liste",
        )
