"""La croissance : le coût d'une perte quand le lot grandit, celui d'un apprentissage quand les images se multiplient.

En échelles logarithmiques, un coût qui croît comme N^p est une droite de pente p. Une pente plus forte que celle que
l'on attend trahirait un tableau ou une boucle de trop.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from benchmarks.epochs import epoch
from benchmarks.measure import Job, extra_memory, interleaved, slope
from benchmarks.report import Measure, measured
from course_utils.data import load
from course_utils.losses import hint_loss, kd_loss, rkd_angle_loss, rkd_distance_loss
from course_utils.models import mlp
from course_utils.objectives import Supervised

TOLERANCE = 0.15  # les caches du processeur courbent un peu les droites
IMAGES = (1500, 3000, 6000, 12000)


@dataclass(frozen=True)
class Growth:
    """Une perte, la dimension D de ses exemples, et les pentes attendues en fonction de leur nombre N."""

    loss: Callable[[Tensor, Tensor], Tensor]
    dimension: int
    time: int
    time_sizes: Sequence[int]
    memory: int
    memory_sizes: Sequence[int]


LOSSES = {
    "kd_loss": Growth(partial(kd_loss, temperature=4.0), 10, 1, (2**14, 2**15, 2**16, 2**17), 1, (2**17, 2**18, 2**19)),
    # assez grand pour que rien ne tienne dans les caches : sinon, c'est leur taille qu'on verrait
    "hint_loss": Growth(hint_loss, 1024, 1, (2**13, 2**14, 2**15, 2**16), 1, (2**12, 2**13, 2**14)),
    "rkd_distance_loss": Growth(rkd_distance_loss, 128, 2, (256, 512, 1024, 2048), 2, (1024, 2048, 4096)),
    # au-dessous de 1 024, un bloc de sommets, de taille fixe, pèse plus que les tableaux N × N
    "rkd_angle_loss": Growth(rkd_angle_loss, 128, 3, (128, 256, 512, 1024), 2, (1024, 1448, 2048)),
}


def slopes(rounds: int) -> list[Measure]:
    """Toutes les pentes : celles des pertes, en temps et en mémoire, puis celle de `fit`."""
    rows = []
    for name, growth in LOSSES.items():
        jobs = {n: prepare(name, n) for n in growth.time_sizes}
        rows.append(straight(f"pente du temps de {name} selon N", time_slopes(jobs, rounds), growth.time))
        if sys.platform == "linux":
            extra = [extra_memory(partial(prepare, name), n, warm_up=(8,)) for n in growth.memory_sizes]
            rows.append(
                straight(f"pente de la mémoire de {name} selon N", [slope(growth.memory_sizes, extra)], growth.memory)
            )
    fits = {n: partial(one_epoch, n) for n in IMAGES}
    return [*rows, straight("pente du temps de fit selon les images", time_slopes(fits, rounds), 1)]


def straight(name: str, found: Sequence[float], expected: int) -> Measure:
    """La pente mesurée à côté de celle que l'on attend."""
    return measured(name, found, "", at_most=expected + TOLERANCE, note=f"attendue : {expected}")


def time_slopes(jobs: Mapping[int, Job], rounds: int) -> list[float]:
    """La pente de chaque tour, toutes les tailles se succédant dans un tour."""
    times = interleaved({str(n): job for n, job in jobs.items()}, rounds)
    return [slope(list(jobs), durations) for durations in zip(*times.values(), strict=True)]


def prepare(name: str, n: int) -> Job:
    """Une perte et son gradient, sur deux lots de n exemples au hasard."""
    growth = LOSSES[name]
    student, teacher = torch.randn(2, n, growth.dimension, generator=torch.Generator().manual_seed(0)).unbind()
    student = student.clone().requires_grad_()
    return lambda: torch.autograd.grad(growth.loss(student, teacher), student)


def one_epoch(images: int) -> None:
    """Une époque ordinaire sur tant d'images."""
    epoch(mlp, load("fashion-mnist", train_size=images).train, Supervised())
