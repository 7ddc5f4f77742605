"""Les notebooks du cours tels qu'ils sont sur le disque : cellules, étiquettes, exercices."""

import ast
import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
QUIZZES = sorted((ROOT / "notebooks" / "quiz").glob("*.toml"))
SOLUTIONS = ROOT / "notebooks" / "solutions"
WELCOME = "00_accueil"  # le seul notebook sans exercice ni quiz


@dataclass(frozen=True)
class Cell:
    """Une cellule : kind vaut « code » ou « markdown » ; raw est tout ce que le fichier en dit."""

    kind: str
    source: str
    tags: tuple[str, ...]
    raw: dict[str, Any]


@dataclass(frozen=True)
class Stub:
    """Un exercice dans son notebook : la cellule à compléter, puis la cellule du verdict."""

    name: str  # celui que `check` reçoit, et celui du fichier de la solution
    source: str
    verdict: str

    @property
    def solution(self) -> Path:
        """Le fichier que le lecteur charge avec %load."""
        return SOLUTIONS / f"{self.name}.py"


def read(notebook: Path) -> list[Cell]:
    """Les cellules d'un notebook."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [
        Cell(raw["cell_type"], "".join(raw["source"]), tuple(raw["metadata"].get("tags", ())), raw)
        for raw in content["cells"]
    ]


def code(notebook: Path) -> list[Cell]:
    """Les cellules de code d'un notebook."""
    return [cell for cell in read(notebook) if cell.kind == "code"]


def prose(notebook: Path) -> str:
    """Tout le Markdown d'un notebook."""
    return "\n\n".join(cell.source for cell in read(notebook) if cell.kind == "markdown")


def python(cell: Cell) -> str:
    """Le code d'une cellule sans les commandes propres à IPython (%load, !ls)."""
    return re.sub(r"^[ \t]*[%!].*$", "", cell.source, flags=re.M)


def calls(notebook: Path, function: str) -> list[ast.Call]:
    """Les appels à `function` dans le code d'un notebook, dans l'ordre."""
    return [
        node
        for cell in code(notebook)
        for node in ast.walk(ast.parse(python(cell)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    ]


def first_arguments(notebook: Path, function: str) -> list[str]:
    """Le premier argument, un texte littéral, de chaque appel à `function`."""
    return [ast.literal_eval(call.args[0]) for call in calls(notebook, function)]


def stubs(notebook: Path) -> list[Stub]:
    """Les exercices d'un notebook : chaque cellule étiquetée « exercice » et la cellule de code qui la suit."""
    cells = code(notebook)
    found = []
    for cell, following in pairwise(cells):
        if "exercice" in cell.tags:
            name = re.search(r'check\(\s*"([^"]+)"', following.source)
            assert name, f"{notebook.name} : pas de check(…) après l'exercice\n{cell.source}"
            found.append(Stub(name[1], cell.source, following.source))
    return found


def defined(source: str) -> set[str]:
    """Les noms qu'un code définit à son premier niveau, hors imports."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
