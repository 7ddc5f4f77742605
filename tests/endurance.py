"""Chaque notebook exécuté deux fois dans le même noyau : mêmes résultats, mémoire mesurée. « make endurance ».

python -m tests.endurance [NOTEBOOK…]
"""

import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.course import NOTEBOOKS

LIMIT = 1.5e9  # octets qu'un noyau peut occuper
VISIBLE = ("text/html", "text/markdown", "image/svg+xml", "text/plain")
# Ce qui change d'une exécution à l'autre : les durées, et la vitesse de la machine que mesure le notebook d'accueil.
MEASURED = re.compile(
    r"^.*\bVitesse\b.*$|\d[\d\s,.]*(?=\s?(?:s|ms|secondes?|minutes?|fois le temps|fois plus)\b)|seconds=[\d.]+", re.M
)
TIMED = "Millisecondes"  # le titre d'une figure qui mesure des durées


@dataclass
class Run:
    """Un notebook exécuté deux fois. first, second : ce que montre chaque cellule de code ; peak : octets."""

    first: list[str]
    second: list[str]
    peak: int
    seconds: float

    @property
    def changed(self) -> list[tuple[str, str]]:
        """Les cellules dont la seconde exécution ne montre pas ce que montrait la première."""
        return [pair for pair in zip(self.first, self.second, strict=True) if pair[0] != pair[1]]


@contextmanager
def kernel(notebook: Path, folder: Path, **options: Any) -> Iterator[NotebookClient]:
    """Un noyau neuf pour ce notebook, dans le dossier `folder` ; options : celles de `Popen` (env…)."""
    client = NotebookClient(nbformat.read(notebook, as_version=4), timeout=1800, kernel_name="python3")
    with client.setup_kernel(cwd=str(folder), **options):
        yield client


def run_all(client: NotebookClient) -> list[str]:
    """Exécute toutes les cellules ; rend ce que montre chaque cellule de code. Lève CellExecutionError."""
    shown = []
    for index, cell in enumerate(client.nb.cells):
        if cell.cell_type == "code":
            done = client.execute_cell(cell, index, store_history=False)
            # Un même texte peut arriver en un ou plusieurs morceaux.
            shown.append(re.sub(r"\n+", "\n", "\n".join(filter(None, map(visible, done.outputs)))))
    return shown


def visible(output: Mapping[str, Any]) -> str:
    """Ce que le lecteur voit d'une sortie, sans les durées ; la barre d'avancement (stderr) n'en est pas."""
    if output["output_type"] == "stream":
        texts = [output["text"]] if output["name"] == "stdout" else []
    else:
        texts = [output["data"][kind] for kind in VISIBLE if kind in output["data"]]
    return MEASURED.sub("…", "\n".join("…" if TIMED in text else text for text in texts))


def peak(client: NotebookClient) -> int:
    """Le plus d'octets que le noyau ait occupés ; 0 hors de Linux."""
    status = Path(f"/proc/{client.km.provisioner.pid}/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text() if status.exists() else "", re.M)
    return 1024 * int(found[1]) if found else 0


def run_twice(notebook: Path, folder: Path, **options: Any) -> Run:
    """Le notebook, deux fois dans le même noyau."""
    start = time.perf_counter()
    with kernel(notebook, folder, **options) as client:
        first, second = run_all(client), run_all(client)
        return Run(first, second, peak(client), time.perf_counter() - start)


def main() -> None:
    """Un tableau, un notebook par ligne ; le code de sortie est 1 si l'un d'eux change ou occupe trop de mémoire."""
    asked = [Path(name).resolve() for name in sys.argv[1:]] or NOTEBOOKS
    failed = False
    print(
        "| notebook, deux fois | durée | mémoire au plus haut | cellules qui changent |\n|---|---|---|---|", flush=True
    )
    for notebook in asked:
        run = run_twice(notebook, notebook.parent)
        print(f"| {notebook.stem} | {run.seconds:.0f} s | {run.peak / 1e6:.0f} Mo | {len(run.changed)} |", flush=True)
        for before, after in run.changed:
            print(f"--- d'abord :\n{before}\n--- puis :\n{after}", file=sys.stderr)
        failed = failed or bool(run.changed) or run.peak > LIMIT
    sys.exit(failed)


if __name__ == "__main__":
    main()
