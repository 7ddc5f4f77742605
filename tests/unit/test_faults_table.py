"""La table des fautes : chaque ligne est complète, et le test qu'elle nomme existe."""

import ast
import re

import pytest

from tests.course import ROOT
from tests.typography import faults

TABLE = (ROOT / "tests" / "FAUTES.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if re.match(r"\| (?!faute|---)", line)]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`(tests/[\w/]+\.py::\w+)`", row[-1])})


def functions(path: str) -> set[str]:
    """Les fonctions d'un fichier de tests."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_rows() -> None:
    assert len(ROWS) > 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_row_is_complete(row: list[str]) -> None:
    assert len(row) == 3 and all(cell.strip() for cell in row)
    assert re.search(r"`tests/[\w/]+\.py(::\w+)?`", row[2]), "la dernière colonne nomme un test"


@pytest.mark.parametrize("name", NAMED)
def test_named_test_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert function in functions(path)


def test_typography() -> None:
    assert faults(TABLE) == []
