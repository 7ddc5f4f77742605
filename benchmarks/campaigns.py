"""Une grille d'essais : par le coureur de campagnes (un fil par ouvrier), ou dans un seul processus, tous ses fils.

Avec deux ouvriers, ce rapport a un plancher : la moitié de ce que deux fils font gagner à un essai. Si deux fils le
rendent une fois et demie plus rapide, le coureur, même parfait, ne peut descendre sous 0,75.
"""

import statistics
from functools import partial
from typing import TYPE_CHECKING

import torch

from benchmarks.measure import Job, interleaved, ratios
from benchmarks.report import Measure, measured
from course_utils.french import french_number
from experiments.campaign import Point, load
from experiments.run import cluster, cores, outcomes

if TYPE_CHECKING:
    from distributed import Client

RUNS, ALONE = 12, 2
GRIDS = {"784-800-800-10": "hinton_grid", "10 à 300 unités": "student_size"}


def against_one_process(rounds: int) -> list[Measure]:
    """La durée par le coureur, rapportée à celle des mêmes essais l'un après l'autre dans ce processus."""
    rows = []
    with cluster(None, cores()) as client:
        for told, name in GRIDS.items():
            points = list(load(name).points[:RUNS])
            by_runner(client, name, points)  # chaque ouvrier lit les images et fait répondre l'enseignant
            ways: dict[str, Job] = {
                "coureur": partial(by_runner, client, name, points),
                "un processus": partial(one_after_another, name, points),
                "un fil": partial(with_one_thread, name, points[:ALONE]),
                "tous les fils": partial(one_after_another, name, points[:ALONE]),
            }
            one_after_another(name, points[:1])
            times = interleaved(ways, rounds)
            gained = statistics.median(ratios(times["un fil"], times["tous les fils"]))
            note = (
                f"{RUNS} essais de {name} : {french_number(min(times['coureur']))} s par le coureur ; à un essai seul, "
                f"tous les fils vont {french_number(gained, 2)} fois plus vite qu'un seul, donc le coureur ne peut "
                f"descendre sous {french_number(gained / cores(), 2)}"
            )
            rows.append(
                measured(f"grille par le coureur / un processus, {told}",
                         ratios(times["coureur"], times["un processus"]), "", at_most=0.6, note=note)
            )  # fmt: skip
    return rows


def by_runner(client: "Client", name: str, points: list[Point]) -> None:
    """Ces essais par le coureur. Lève RuntimeError si l'un échoue : un échec est bien plus rapide qu'un essai."""
    for point, outcome in outcomes(client, name, points, RUNS):
        if "error" in outcome:
            raise RuntimeError(f"L'essai {point} a échoué : {outcome['error']}")


def with_one_thread(name: str, points: list[Point]) -> None:
    """Ces essais dans ce processus, par un seul fil, comme un ouvrier seul sur la machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        one_after_another(name, points)
    finally:
        torch.set_num_threads(threads)


def one_after_another(name: str, points: list[Point]) -> None:
    """Les mêmes essais, dans ce processus, avec tous ses fils."""
    measure = load(name).measure
    for point in points:
        measure(**point)
