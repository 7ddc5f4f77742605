"""Notre Adam est celui de torch, au bit près ; seul manque le compilateur que torch charge avec le sien."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from course_utils.models import mlp, resnet
from course_utils.optimizer import Adam, Optimizer


def trained(kind: type[Optimizer], model: nn.Module, **settings: bool) -> list[Tensor]:
    """Les poids après cinq pas, qui rapetissent ; la dernière couche n'a un gradient qu'un pas sur deux."""
    update = kind(model.parameters(), lr=1.0, **settings)
    for step in range(5):
        x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(step))
        update.param_groups[0]["lr"] = 0.01 / (1 + step)
        outputs = model(x) if step % 2 else model.embed(x)
        update.zero_grad()
        outputs.square().mean().backward()
        update.step()
    return [weight.detach() for weight in model.parameters()]


@pytest.mark.parametrize("make", [lambda: mlp((16, 16)), lambda: resnet(8, width=4)], ids=["mlp", "resnet"])
def test_the_steps_are_those_of_torch(make: Callable[[], nn.Module]) -> None:
    ours, theirs = trained(Adam, make()), trained(torch.optim.Adam, make(), fused=True)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(ours, make().parameters(), strict=True)), "tous ont bougé"


def test_without_any_gradient_nothing_moves() -> None:
    weight = nn.Parameter(torch.ones(3))
    Adam([weight]).step()
    assert torch.equal(weight, torch.ones(3))


def test_zero_grad_forgets() -> None:
    weight = nn.Parameter(torch.ones(3))
    update = Adam([weight])
    weight.sum().backward()
    update.zero_grad()
    assert weight.grad is None


def test_training_never_loads_the_compiler_of_torch() -> None:
    code = """if True:
        import sys, torch
        from course_utils.data import Images
        from course_utils.models import mlp
        from course_utils.objectives import Supervised
        from course_utils.training import evaluate, fit
        n = torch.arange(8)
        images = Images(torch.zeros(8, 1, 28, 28, dtype=torch.uint8), n, n, tuple("abcdefgh"), (0.0,), (1.0,))
        student = mlp((4,), classes=8)
        fit(student, images, Supervised(), epochs=1, validation=images, progress=False)
        print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
