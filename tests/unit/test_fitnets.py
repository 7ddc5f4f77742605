"""Pourquoi un réseau profond ne démarre pas : ce qu'on en mesure, et les images de ses cartes."""

import pytest
import torch
from torch import nn

from course_utils import models
from course_utils.fitnets import as_pictures, he_initialised, layer_amplitudes

X = torch.randn(16, 1, 12, 12, generator=torch.Generator().manual_seed(0))
Y = torch.arange(16) % 10


def test_amplitudes_of_a_network_known_by_heart():
    """Deux convolutions 1×1 qui doublent puis triplent : les écarts-types valent 2σ puis 6σ."""
    double, triple = (nn.Conv2d(1, 1, 1, bias=False) for _ in range(2))
    nn.init.constant_(double.weight, 2.0)
    nn.init.constant_(triple.weight, 3.0)
    model = models.StagedNet(double, [triple], models.global_pool(), nn.Linear(1, 10))
    outputs, slopes = layer_amplitudes(model, X, Y)
    deviation = X.std(dim=0).mean().item()
    assert outputs == pytest.approx([2 * deviation, 6 * deviation], rel=1e-5)
    assert len(slopes) == 2 and slopes[0] == pytest.approx(1.5 * slopes[1], rel=1e-4)  # w₂/w₁


def test_torch_shrinks_the_signal_and_he_keeps_it():
    torch_outputs, torch_slopes = layer_amplitudes(models.plain(19, seed=0), X, Y)
    he_outputs, he_slopes = layer_amplitudes(he_initialised(models.plain(19), 0), X, Y)
    assert len(torch_outputs) == 18
    assert torch_outputs[-1] < 1e-3 * torch_outputs[0] and torch_slopes[0] < 1e-3 * he_slopes[0]
    assert he_outputs[-1] / he_outputs[0] > 100 * torch_outputs[-1] / torch_outputs[0]


def test_measuring_changes_nothing():
    model = models.resnet(8, width=4).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    hooks = [len(module._forward_hooks) for module in model.modules()]
    layer_amplitudes(model, X, Y)
    assert all(p.grad is None for p in model.parameters()) and model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [len(module._forward_hooks) for module in model.modules()] == hooks


def test_he_draws_from_its_seed_at_the_right_scale():
    first, second, other = (he_initialised(models.plain(7, width=32), seed) for seed in (1, 1, 2))
    weights = [net.stages[1][1].weight for net in (first, second, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    fan_in = weights[0][0].numel()
    assert weights[0].var().item() == pytest.approx(2 / fan_in, rel=0.05)
    assert all(not m.bias.any() for m in first.modules() if isinstance(m, nn.Conv2d))


def test_pictures_span_black_to_white_and_a_silent_map_is_black():
    maps = torch.stack([torch.tensor([[-2.0, 0.0], [1.0, 2.0]]), torch.full((2, 2), 7.0)])
    assert as_pictures(maps).tolist() == [[[0, 128], [191, 255]], [[0, 0], [0, 0]]]
    assert as_pictures(maps).dtype == torch.uint8


def test_a_frozen_network_is_measured_and_a_dense_one_is_refused_in_french() -> None:
    frozen = models.plain(7, seed=0).requires_grad_(False)
    x, y = torch.rand(4, 1, 28, 28), torch.arange(4)
    spread, slopes = layer_amplitudes(frozen, x, y)
    assert len(spread) == len(slopes) > 0 and not any(p.requires_grad for p in frozen.parameters())
    with pytest.raises(ValueError, match="aucune convolution"):
        layer_amplitudes(models.mlp(seed=0), x, y)
