"""Mesurer sur une machine jamais tout à fait calme : des tours alternés, des rapports, des processus neufs."""

import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import patch

Job = Callable[[], object]


def seconds(job: Job) -> float:
    """La durée d'un appel."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def interleaved(ways: Mapping[str, Job], rounds: int) -> dict[str, list[float]]:
    """Les secondes de chaque façon, tour après tour : A B A B…

    Une machine qui ralentit les ralentit ainsi toutes ; comparées tour par tour, leurs rapports ne bougent guère. Le
    premier tour, qui échauffe, compte aussi : la médiane de trois tours ou plus l'écarte.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, job in ways.items():
            times[name].append(seconds(job))
    return times


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """Combien de fois plus long, tour par tour."""
    return [a / b for a, b in zip(slow, fast, strict=True)]


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """La pente de la droite des moindres carrés en échelles logarithmiques : p si le coût croît comme taille^p."""
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle = sum(x) / len(x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)


def fresh_seconds(statement: str) -> float:
    """La durée d'une instruction Python, mesurée dans un processus neuf (sans compter son démarrage)."""
    code = "\n".join(("import time", "start = time.perf_counter()", statement, "print(time.perf_counter() - start)"))
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def extra_memory(prepare: Callable[..., Job], *sizes: int, warm_up: Sequence[int]) -> float:
    """Octets qu'un calcul ajoute, au plus haut, à ceux que son processus, neuf, occupait déjà (NaN hors de Linux).

    prepare : appelée avec des tailles, elle prépare les données et rend le calcul. Il est d'abord fait aux petites
    tailles `warm_up`, pour que torch ait déjà chargé ce qu'il charge une fois.
    """
    if sys.platform != "linux":
        return math.nan
    # Des grands tableaux que le calcul libère, la glibc en garde parfois, d'un essai à l'autre ; à seuil fixe, aucun.
    with (
        patch.dict(os.environ, MALLOC_MMAP_THRESHOLD_="65536"),
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh,
    ):
        return fresh.submit(_added_at_most, prepare, sizes, tuple(warm_up)).result()


def _added_at_most(prepare: Callable[..., Job], sizes: tuple[int, ...], warm_up: tuple[int, ...]) -> float:
    prepare(*warm_up)()
    job = prepare(*sizes)
    Path("/proc/self/clear_refs").write_text("5")  # le plus haut (VmHWM) redescend à ce qui est occupé (VmRSS)
    before = _resident("VmRSS")
    job()
    return _resident("VmHWM") - before


def _resident(line: str) -> float:
    return 1024.0 * int(Path("/proc/self/status").read_text().split(line + ":")[1].split()[0])
