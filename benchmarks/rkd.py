"""La perte des angles (RKD) et son gradient : l'écriture habituelle et celle du cours, en temps et en mémoire."""

import statistics
import sys
from functools import partial

import torch

from benchmarks import usual
from benchmarks.measure import Job, extra_memory, interleaved, ratios
from benchmarks.report import Measure, measured
from course_utils.losses import rkd_angle_loss

SIZES = [(64, 512), (128, 512), (256, 512), (256, 1024), (512, 512), (1024, 512)]  # (N exemples, D dimensions)
ROOM = 8e9  # octets : l'écriture habituelle n'est lancée que si elle tient dans cette mémoire
LOSSES = {"habituelle": usual.rkd_angle_loss, "du cours": rkd_angle_loss}


def prepare(way: str, n: int, d: int) -> Job:
    """La perte et son gradient sur deux lots de n points au hasard."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(n, d, generator=generator) for _ in range(2))
    student.requires_grad_()
    return lambda: torch.autograd.grad(LOSSES[way](student, teacher), student)


def times(n: int, d: int, rounds: int) -> dict[str, list[float]]:
    """Les secondes de chaque écriture, ou de celle du cours seule si l'autre ne tient pas en mémoire."""
    return interleaved(
        {way: prepare(way, n, d) for way in LOSSES if way == "du cours" or usual_need(n, d) < ROOM}, rounds
    )


def memory(way: str, n: int, d: int) -> float:
    """Les octets qu'elle ajoute, dans un processus neuf."""
    return extra_memory(partial(prepare, way), n, d, warm_up=(8, d))


def usual_need(n: int, d: int) -> float:
    """Ce que l'écriture habituelle occupe au moins, en octets : deux tableaux N×N×D et deux N×N×N."""
    return 4.0 * (2 * n * n * d + 2 * n**3)


def against_usual(rounds: int, n: int = 256, d: int = 1024) -> list[Measure]:
    """Les deux rapports que le cours promet."""
    found = times(n, d, rounds)
    rows = [
        measured(f"RKD angles, N = {n}, D = {d} : temps", ratios(*(found[way] for way in LOSSES)), "×", at_least=10)
    ]
    if sys.platform == "linux":
        extra = [memory(way, n, d) for way in LOSSES]
        rows.append(measured(f"RKD angles, N = {n}, D = {d} : mémoire", [extra[0] / extra[1]], "×", at_least=20))
    return rows


def sizes_table(rounds: int) -> str:
    """Le détail, taille par taille : secondes et mégaoctets des deux écritures."""
    lines = [f"{'N':>5}{'D':>6}{'habituelle':>22}{'du cours':>22}{'plus rapide':>13}{'moins de mémoire':>18}"]
    for n, d in SIZES:
        found = {way: statistics.median(seconds) for way, seconds in times(n, d, rounds).items()}
        extra = {way: memory(way, n, d) for way in found}
        texts = {way: f"{found[way]:8.3f} s {extra[way] / 1e6:7.0f} Mo" for way in found}
        gains = ""
        if len(found) == 2:
            faster, smaller = (of["habituelle"] / of["du cours"] for of in (found, extra))
            gains = f"{faster:11.1f} ×{smaller:16.1f} ×"
        too_large = f"plus de {usual_need(n, d) / 1e9:.0f} Go"
        lines.append(f"{n:5}{d:6}{texts.get('habituelle', too_large):>22}{texts['du cours']:>22}{gains}")
    return "\n".join(lines).replace(".", ",")
