"""Ranger les canaux par paquets ne change rien, à l'arrondi près, et ne concerne que ce qui s'y prête."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_utils import inference
from course_utils import packing as module
from course_utils.data import Images
from course_utils.intermediate import Hint, Hints, Lit
from course_utils.models import StagedNet, mlp, plain, resnet, resnext
from course_utils.objectives import Hinton, Objective, Rkd, Supervised
from course_utils.packing import on_packs, packed, packing
from course_utils.training import Teacher, fit

IMAGES = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
NETWORKS: dict[str, Callable[[], StagedNet]] = {
    "ResNet": lambda: resnet(8, width=8),
    "ResNet étroit": lambda: resnet(8, width=3),
    "ResNeXt": lambda: resnext(11, cardinality=4, base_width=4),
    "sans raccourci": lambda: plain(10),
}


@pytest.fixture(autouse=True)
def a_machine_that_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.backends.mkldnn.is_available():
        pytest.skip("cette version de torch est compilée sans oneDNN")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(inference, "bfloat16_wins", lambda device: False)


def is_packed(x: Tensor, *parts: nn.Module) -> bool:
    with packing():
        return packed(x, parts).is_mkldnn


def gradients(network: StagedNet, x: Tensor) -> list[Tensor | None]:
    """Le gradient de chaque poids, pour une perte qui regarde la sortie de chaque étage et les logits."""
    features = network.features(x)
    loss = torch.stack([feature.square().mean() for feature in features]).sum() + network(x).square().mean()
    return list(torch.autograd.grad(loss, [w for w in network.parameters() if w.requires_grad], allow_unused=True))


@pytest.mark.parametrize("new", NETWORKS.values(), ids=NETWORKS)
def test_features_gradients_and_statistics_are_the_same(new: Callable[[], StagedNet]) -> None:
    ours, theirs = new().train(), new().train()
    with packing():
        assert packed(IMAGES, ours.stages).is_mkldnn
        found = ours.features(IMAGES), ours.embed(IMAGES), ours(IMAGES), gradients(ours, IMAGES)
    wanted = theirs.features(IMAGES), theirs.embed(IMAGES), theirs(IMAGES), gradients(theirs, IMAGES)
    assert not any(feature.is_mkldnn for feature in (*found[0], found[1], found[2]))
    assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("part", ["stem", "stages", "head"])
def test_a_frozen_part_stays_frozen(part: str) -> None:
    ours, theirs = resnet(8, width=8).train(), resnet(8, width=8).train()
    for network in (ours, theirs):
        getattr(network, part).requires_grad_(False)
    with packing():
        found = gradients(ours, IMAGES)
    assert_close(found, gradients(theirs, IMAGES), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("settings", [{"track_running_stats": False}, {"momentum": None}, {"momentum": 0.5}], ids=str)
def test_any_statistics_suit_a_part_on_packs(settings: dict[str, Any]) -> None:
    ours, theirs = (nn.Sequential(nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8, **settings)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    x, y = IMAGES.clone().requires_grad_(), IMAGES.clone().requires_grad_()
    for _ in range(3):
        with packing():
            assert packed(x, [ours]).is_mkldnn
            found = on_packs(ours)(x)
        wanted = theirs(y)
        assert not found.is_mkldnn
        assert_close(found, wanted, rtol=1e-3, atol=1e-5)
        found.pow(3).mean().backward()
        wanted.pow(3).mean().backward()
    assert_close(x.grad, y.grad, rtol=1e-3, atol=1e-5)
    assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-4, atol=1e-6)


def test_nothing_is_packed_outside() -> None:
    network = resnet(8).train()
    assert packed(IMAGES, [network.stem]) is IMAGES
    with pytest.raises(KeyError), packing():
        raise KeyError
    assert packed(IMAGES, [network.stem]) is IMAGES


class Doubled(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def observed(hook: str) -> nn.Module:
    part = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())
    getattr(part[0], hook)(lambda *_: None)
    return part


KEPT_AS_IT_IS: dict[str, Callable[[], nn.Module]] = {
    "un perceptron": lambda: mlp((8,)).stages,
    "aucune convolution": lambda: nn.Sequential(nn.BatchNorm2d(1), nn.ReLU()),
    "une couche dérivée": lambda: nn.Sequential(Doubled(1, 8, 3)),
    "une couche inconnue": lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.GELU()),
    "un ReLU sur place": lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(inplace=True)),
    "une marge en miroir": lambda: nn.Conv2d(1, 8, 3, padding=1, padding_mode="reflect"),
    "un maximum à trous": lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.MaxPool2d(2, dilation=2)),
    "un maximum et sa place": lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.MaxPool2d(2, return_indices=True)),
    "une BatchNorm en évaluation": lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8)).eval(),
    "une BatchNorm sans poids": lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8, affine=False)),
    "observée avant": lambda: observed("register_forward_pre_hook"),
    "observée après": lambda: observed("register_forward_hook"),
    "observée en arrière": lambda: observed("register_full_backward_hook"),
    "observée avant l'arrière": lambda: observed("register_full_backward_pre_hook"),
}


@pytest.mark.parametrize("make", KEPT_AS_IT_IS.values(), ids=KEPT_AS_IT_IS)
def test_what_cannot_be_packed_is_left_alone(make: Callable[[], nn.Module]) -> None:
    part = make()
    assert not is_packed(IMAGES, part)


def test_a_teacher_answers_the_same_in_and_out_of_learning(images: Images) -> None:
    teacher, batch = Teacher(plain(13, width=4)), images.batch(torch.arange(8))
    outside = teacher(batch.x)
    with packing():
        assert torch.equal(teacher(batch.x), outside)


def test_a_machine_or_a_precision_that_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    part = nn.Conv2d(1, 8, 3)
    assert is_packed(IMAGES, part)
    assert not is_packed(IMAGES.double(), part)
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_packed(IMAGES, part)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert not is_packed(IMAGES, part)
    monkeypatch.undo()
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not is_packed(IMAGES, part)


TEACHER = Teacher(resnet(14, width=8, seed=9))
OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "labels": Supervised,
    "Hinton": lambda: Hinton(TEACHER),
    "FitNets": lambda: Hint(TEACHER, nn.Conv2d(16, 16, 1), guided=2, hint=2),
    "indices": lambda: Hints(TEACHER),
    "LIT": lambda: Lit(TEACHER),
    "RKD": lambda: Rkd(TEACHER),
}


@pytest.fixture
def images() -> Images:
    pixels = (255 * IMAGES).byte()
    rows = torch.arange(len(pixels))
    return Images(pixels, rows % 10, rows, tuple("abcdefghij"), (0.5,), (0.3,))


@pytest.mark.parametrize("make", OBJECTIVES.values(), ids=OBJECTIVES)
def test_every_method_learns_the_same(
    make: Callable[[], Objective], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adam divise par la racine du carré moyen : un gradient presque nul donne un pas entier, d'où SGD."""
    shapes, pack = [], Tensor.to_mkldnn
    monkeypatch.setattr(Tensor, "to_mkldnn", lambda x: shapes.append(x.shape[1]) or pack(x))

    def learnt() -> dict[str, Tensor]:
        torch.manual_seed(0)
        student = resnet(8, width=8)
        fit(student, images, make(), epochs=2, lr=0.01, batch_size=8, progress=False, optimizer=torch.optim.SGD)
        return student.state_dict()

    ours = learnt()
    entries = [1, 8, 8, 16] if make is OBJECTIVES["LIT"] else [1]  # les images, puis chaque bloc de LIT
    assert shapes == entries * 4, "quatre pas"
    monkeypatch.setattr(module, "_machine_gains", lambda: False)
    assert_close(ours, learnt(), rtol=1e-3, atol=1e-4)


def test_an_observed_student_still_learns(images: Images) -> None:
    student, shapes = resnet(8, width=8), []
    student.stages[1][0].branch[0].register_forward_hook(lambda _, __, output: shapes.append(output.mean().item()))
    fit(student, images, Supervised(), epochs=1, batch_size=8, progress=False)
    assert len(shapes) == 2
