"""Sur une machine à carte graphique, aucun notebook ne mêle ce qu'elle calcule à ce que calcule le processeur."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.card import ImitatedCard
from tests.course import NOTEBOOKS, ROOT

TRAINING = [path for path in NOTEBOOKS if path.name[:2] >= "02"]  # les deux premiers n'entraînent rien


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_every_cell_runs_where_a_graphics_card_trains(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.card", path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_the_imitation_refuses_what_a_card_refuses_and_allows_what_it_allows() -> None:
    here = torch.ones(3, 2)
    with ImitatedCard():
        layer, there = nn.Linear(2, 2).to("cuda"), here.cuda()
        assert layer.weight.device == there.device == layer(there).device == torch.device("cuda", 0)
        assert there[torch.tensor([0, 2])].is_cuda and (2 * there.sum() + torch.tensor(1.0)).is_cuda
        layer(there).sum().backward()
        assert layer.weight.grad is not None and layer.weight.grad.is_cuda
        assert torch.zeros(2, device="cuda").is_cuda and not there.cpu().is_cuda and not here.is_cuda
        for mixed in (lambda: layer(here), lambda: torch.equal(here, there), lambda: here + there):
            with pytest.raises(RuntimeError, match="same device"):
                mixed()
        with pytest.raises(TypeError, match="convert cuda"):
            there.numpy()
