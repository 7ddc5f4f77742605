"""Le temps et la mémoire du cours, à côté de la pratique courante : un tableau, et les mêmes nombres en JSON.

    python -m benchmarks                          # un quart d'heure sur deux cœurs ; c'est « make bench »
    python -m benchmarks --cours --exactitude     # et le cours entier (cinq minutes), et les graines (vingt minutes)
    python -m benchmarks --seulement rkd --tailles

Chaque nombre est la médiane de plusieurs tours alternés (A B A B…) : c'est un rapport, qui ne dépend guère de la
machine ; seules les durées de --cours sont des secondes, mesurées une fois. La colonne « référence » relit
benchmarks/reference.json, mesuré sur une machine à deux cœurs.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import accuracy, campaigns, course, epochs, growth, imports, limit, report, rkd
from course_utils.files import write_whole
from course_utils.french import forgiving_console, typography
from experiments.run import positive

SECTIONS: dict[str, Callable[[int], list[report.Measure]]] = {
    "epoques": epochs.against_usual,
    "enseignant": epochs.against_plain,
    "rkd": rkd.against_usual,
    "imports": imports.against_torch,
    "limite": limit.shares,
    "croissance": growth.slopes,
    "grilles": campaigns.against_one_process,
}
LONG: dict[str, Callable[[], list[report.Measure]]] = {"cours": course.whole_course, "exactitude": accuracy.kept}
DEFAULT_FILE = Path("build") / "mesures.json"  # build/ n'est pas suivi par git


def main(arguments: list[str] | None = None) -> None:
    """Mesure, affiche, écrit."""
    forgiving_console()
    chosen = options().parse_args(arguments)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # ce que le cours promet, il le promet sur un processeur
    start = time.perf_counter()
    measures: list[report.Measure] = []
    for name in chosen.seulement:
        announce(name, start)
        measures += SECTIONS[name](chosen.tours)
        save(measures, start, chosen.json)  # coupé, ce qui est mesuré reste
    for name, measure in LONG.items():
        if getattr(chosen, name):
            announce(name, start)
            measures += measure()
            save(measures, start, chosen.json)
    print(report.table(measures, report.values_in(report.REFERENCE)))
    if chosen.tailles:
        print(typography("\nRKD, angles, taille par taille :"), rkd.sizes_table(chosen.tours), sep="\n")
    save(measures, start, chosen.json)
    print(typography(f"\nMesures écrites dans {chosen.json}."))


def options() -> argparse.ArgumentParser:
    """Les options de la ligne de commande."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--seulement", nargs="*", choices=SECTIONS, default=list(SECTIONS), help="ces mesures seulement"
    )
    parser.add_argument("--tours", type=positive, default=5, help="tours alternés par mesure (5)")
    parser.add_argument("--cours", action="store_true", help="exécute aussi tous les notebooks")
    parser.add_argument("--exactitude", action="store_true", help="compare aussi les exactitudes, sur cinq graines")
    parser.add_argument("--tailles", action="store_true", help="détaille la perte des angles, taille par taille")
    parser.add_argument(
        "--json", type=Path, default=DEFAULT_FILE, metavar="FICHIER", help=f"où écrire ({DEFAULT_FILE})"
    )
    return parser


def save(measures: list[report.Measure], start: float, path: Path) -> None:
    """Écrit les mesures faites depuis `start`."""
    write_whole(path, report.to_json(measures, time.perf_counter() - start).encode())


def announce(name: str, start: float) -> None:
    """Dit sur la sortie d'erreur ce qui est mesuré : le tableau reste seul sur la sortie."""
    print(f"{time.perf_counter() - start:5.0f} s  {name}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
