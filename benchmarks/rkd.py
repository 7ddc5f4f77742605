"""La perte des angles (RKD) : temps et mémoire de l'écriture habituelle et de la nôtre, mesurés côte à côte.

    python benchmarks/rkd.py      # environ deux minutes sur deux cœurs ; la mémoire n'est mesurée que sous Linux

Le temps est celui de la perte et de son gradient ; les deux écritures alternent, pour qu'une machine qui ralentit les
ralentisse toutes les deux, et l'on garde la médiane. La mémoire est ce qui s'ajoute au plus haut à celle que le
processus occupait déjà (VmHWM), dans un processus neuf pour chaque mesure.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.losses import rkd_angle_loss

SIZES = [(64, 512), (128, 512), (256, 512), (256, 1024), (512, 512), (1024, 512)]  # (N exemples, D dimensions)
ROOM = 8e9  # octets : l'écriture habituelle n'est lancée que si elle tient dans cette mémoire
REPEATS = 5


def usual_angle_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """L'écriture que l'on trouve partout : toutes les arêtes (N×N×D), puis tous les cosinus (N×N×N)."""

    def cosines(x: Tensor) -> Tensor:
        edges = F.normalize(x[None, :, :] - x[:, None, :], dim=2)
        return torch.bmm(edges, edges.transpose(1, 2))

    with torch.no_grad():
        teacher_cosines = cosines(teacher)
    return F.smooth_l1_loss(cosines(student), teacher_cosines)


WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"habituelle": usual_angle_loss, "du cours": rkd_angle_loss}


def batch(n: int, d: int) -> tuple[Tensor, Tensor]:
    """Deux lots de n points au hasard, celui de l'élève prêt à recevoir un gradient."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(n, d, generator=generator) for _ in range(2))
    return student.requires_grad_(), teacher


def seconds(loss: Callable[[Tensor, Tensor], Tensor], student: Tensor, teacher: Tensor) -> float:
    """La durée de la perte et de son gradient."""
    student.grad = None
    start = time.perf_counter()
    loss(student, teacher).backward()
    return time.perf_counter() - start


def resident(line: str) -> int:
    """Octets de mémoire vive de ce processus : VmRSS (maintenant) ou VmHWM (au plus haut)."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split(line + ":")[1].split()[0])


def extra_memory(way: str, n: int, d: int) -> float:
    """Octets ajoutés au plus haut par un calcul, dans un processus neuf."""
    command = [sys.executable, __file__, way, str(n), str(d)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report_memory(way: str, n: int, d: int) -> None:
    """Dans le processus neuf : échauffe torch sur un petit lot, remet le maximum à zéro, calcule, écrit l'écart."""
    seconds(WAYS[way], *batch(8, d))
    student, teacher = batch(n, d)
    Path("/proc/self/clear_refs").write_text("5")  # remet VmHWM à la valeur présente
    before = resident("VmRSS")
    seconds(WAYS[way], student, teacher)
    print(resident("VmHWM") - before)


def usual_need(n: int, d: int) -> float:
    """Ce que l'écriture habituelle occupe au moins, en octets : deux tableaux N×N×D et deux N×N×N."""
    return 4.0 * (2 * n * n * d + 2 * n**3)


def main() -> None:
    """Écrit le tableau, une ligne par taille."""
    linux = sys.platform == "linux"
    print(f"Perte des angles et son gradient, float32, {torch.get_num_threads()} fils d'exécution")
    print(f"{'N':>5}{'D':>6}{'habituelle':>22}{'du cours':>22}{'plus rapide':>13}{'moins de mémoire':>18}{'écart':>9}")
    for n, d in SIZES:
        student, teacher = batch(n, d)
        ways = WAYS if usual_need(n, d) < ROOM else {"du cours": rkd_angle_loss}
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(REPEATS):
            for way, loss in ways.items():
                times[way].append(seconds(loss, student, teacher))
        time_of = {way: statistics.median(values) for way, values in times.items()}
        memory_of = {way: extra_memory(way, n, d) if linux else float("nan") for way in ways}
        texts = [f"{time_of[way]:8.3f} s {memory_of[way] / 1e6:7.0f} Mo" for way in ways]
        if len(ways) == 2:
            values = [loss(student, teacher).item() for loss in ways.values()]
            faster, smaller = (of["habituelle"] / of["du cours"] for of in (time_of, memory_of))
            gains = f"{faster:11.1f} ×{smaller:16.1f} ×{abs(values[0] - values[1]):9.0e}"
        else:
            texts.insert(0, f"plus de {usual_need(n, d) / 1e9:.0f} Go")
            gains = ""
        print(f"{n:5}{d:6}{texts[0]:>22}{texts[1]:>22}{gains}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        report_memory(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
