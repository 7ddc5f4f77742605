"""Le notebook 03 refait l'expérience de l'article quand MNIST est à portée de main."""

import ast
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.course import ROOT, code

# celui que l'on a désigné, sinon celui que l'on garderait à côté du dépôt
SHARED = Path(os.environ.get("COURS_DONNEES") or ROOT.parent / "shared" / "donnees")
NOTEBOOK = ROOT / "notebooks" / "03_donnees_absentes.ipynb"
WHOLE = r"\d[\d\u202f]*"  # tel que french_number l'écrit : 1\u202f544, dont un \d+ ne lirait que 544


@pytest.mark.skipif(not (SHARED / "MNIST").is_dir(), reason=f"MNIST n'est pas dans {SHARED}")
def test_bias_gives_the_threes_back(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COURS_DONNEES", str(SHARED))
    cells = [cell.source for cell in code(NOTEBOOK)]
    scope: dict[str, Any] = {}
    run(scope, cells[0])
    run(scope, the_one(cells, "WITH_MNIST = False").replace("WITH_MNIST = False", "WITH_MNIST = True"))
    run(scope, only_functions(the_one(cells, "def distil(")))
    run(scope, the_one(cells, "pixels = {"))
    assert scope["pixels"]["MNIST"].shape == scope["truths"].shape
    capsys.readouterr()
    run(scope, the_one(cells, "of_digits = Hinton"))
    before, after = (
        (whole(total), whole(threes))
        for total, threes in re.findall(rf"({WHOLE}) erreurs, dont ({WHOLE})", capsys.readouterr().out)
    )
    assert before[1] > 900, "sans correction, un élève qui n'a jamais vu de 3 les manque presque tous (1 010 au test)"
    assert after[1] < before[1] / 2 and after[0] < before[0]


def whole(text: str) -> int:
    return int(text.replace("\u202f", ""))


def run(scope: dict[str, Any], source: str) -> None:
    exec(compile(source, NOTEBOOK.name, "exec"), scope)


def the_one(cells: list[str], text: str) -> str:
    """La seule cellule qui contient ce texte."""
    (source,) = [source for source in cells if text in source]
    return source


def only_functions(source: str) -> str:
    """Les fonctions d'une cellule, sans les entraînements qui les suivent."""
    return "\n".join(ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
