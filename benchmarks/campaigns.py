"""Une grille d'essais : par le coureur de campagnes (un fil par ouvrier), ou dans un seul processus, tous ses fils."""

from benchmarks.measure import Job, interleaved, ratios
from benchmarks.report import Measure, measured
from course_utils.french import french_number
from experiments.campaign import Point, load
from experiments.run import cluster, cores, outcomes

RUNS = 12
GRIDS = {"784-800-800-10": "hinton_grid", "10 à 300 unités": "student_size"}


def against_one_process(rounds: int) -> list[Measure]:
    """La durée par le coureur, rapportée à celle des mêmes essais l'un après l'autre dans ce processus."""
    rows = []
    with cluster(None, cores()) as client:
        for told, name in GRIDS.items():
            points = list(load(name).points[:RUNS])
            list(outcomes(client, name, points, RUNS))  # chaque ouvrier lit les images et fait répondre l'enseignant
            ways: dict[str, Job] = {
                "coureur": lambda name=name, points=points: list(outcomes(client, name, points, RUNS)),
                "un processus": lambda name=name, points=points: one_after_another(name, points),
            }
            one_after_another(name, points[:1])
            times = interleaved(ways, rounds)
            note = f"{RUNS} essais de {name} : {french_number(min(times['coureur']))} s par le coureur"
            rows.append(
                measured(f"grille par le coureur / un processus, {told}",
                         ratios(times["coureur"], times["un processus"]), "", at_most=0.6, note=note)
            )  # fmt: skip
    return rows


def one_after_another(name: str, points: list[Point]) -> None:
    """Les mêmes essais, dans ce processus, avec tous ses fils."""
    measure = load(name).measure
    for point in points:
        measure(**point)
