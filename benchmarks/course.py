"""Le cours entier : chaque notebook exécuté de bout en bout, l'un après l'autre, chacun dans un noyau neuf."""

from datetime import datetime

import nbformat
from nbclient import NotebookClient

from benchmarks.measure import seconds
from benchmarks.report import Measure, measured
from course_utils.french import french_number
from course_utils.lessons import lessons

LONGEST = 3  # cellules citées par notebook


def whole_course() -> list[Measure]:
    """La durée de « Exécuter toutes les cellules », démarrage du noyau compris, par notebook et en tout."""
    rows = []
    for path in lessons():
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}})
        spent = seconds(client.execute)
        rows.append(measured(f"durée de {path.stem}", [spent], "s", note=longest_cells(notebook)))
    return [*rows, measured("durée du cours entier", [sum(row.value for row in rows)], "s", at_most=300)]


def longest_cells(notebook: nbformat.NotebookNode) -> str:
    """Les cellules les plus longues d'un notebook exécuté : leur numéro et leur durée."""
    found = sorted(((cell_seconds(cell), i) for i, cell in enumerate(notebook.cells)), reverse=True)[:LONGEST]
    told = ", ".join(f"{i} ({french_number(spent, 1)} s)" for spent, i in found)
    return f"cellules les plus longues : {told} ; toutes ensemble {french_number(total_seconds(notebook), 1)} s"


def total_seconds(notebook: nbformat.NotebookNode) -> float:
    """Ce que durent les cellules, sans le démarrage du noyau."""
    return sum(map(cell_seconds, notebook.cells))


def cell_seconds(cell: nbformat.NotebookNode) -> float:
    """Du début à la fin d'une cellule, d'après le noyau ; 0 pour un texte."""
    moments = cell.metadata.get("execution", {})
    start, end = (moments.get(f"iopub.{name}") for name in ("execute_input", "status.idle"))
    if start is None or end is None:
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
