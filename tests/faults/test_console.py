"""Une console qui n'a pas tous nos caractères, comme celle de Windows."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.course import ROOT

COMMANDS = [
    path
    for folder in ("benchmarks", "experiments", "lab")
    for path in sorted((ROOT / folder).glob("*.py"))
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    and path.name != "start.py"  # il n'écrit que du latin-1, et importe le cours après s'être assuré qu'il est là
]


def test_what_the_console_lacks_is_shown_as_a_question_mark() -> None:
    script = "from course_utils.french import forgiving_console; forgiving_console(); print('λ\u202f; ok')"
    console = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=console, capture_output=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"??; ok", b"")


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_begins_by_forgiving_the_console(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    first = [node.func.id for node in ast.walk(main) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert "forgiving_console" in first
