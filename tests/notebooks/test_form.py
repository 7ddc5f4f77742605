"""La forme commune des notebooks : propres, courts, en français soigné, accessibles, complets."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from tests.course import NOTEBOOKS, WELCOME, calls, code, defined, first_arguments, prose, python, stubs
from tests.typography import code_faults, faults

LONGEST_CELL = 25  # lignes ; au-delà, le code va dans course_utils
SECTIONS = ["prédisez avant d'exécuter", "bug à trouver", "à retenir", "quiz", "références"]

every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
every_lesson = pytest.mark.parametrize(
    "notebook", [path for path in NOTEBOOKS if path.stem != WELCOME], ids=lambda path: path.stem
)


def normalised(heading: str) -> str:
    """Un titre sans ses variantes d'écriture : casse, apostrophe, espaces insécables."""
    return re.sub(r"\s+", " ", heading).replace("’", "'").lower()


@every_notebook
def test_the_file_is_a_valid_notebook_for_python_3(notebook: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    assert content.metadata.kernelspec.name == "python3"


@every_notebook
def test_no_stored_output(notebook: Path) -> None:
    for cell in code(notebook):
        assert cell.raw["outputs"] == [] and cell.raw["execution_count"] is None, cell.source


@every_notebook
def test_code_cells_are_short(notebook: Path) -> None:
    for cell in code(notebook):
        assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source


@every_lesson
def test_course_utils_comes_before_torch(notebook: Path) -> None:
    """Torch lit en se chargeant ce que course_utils règle (tests/unit/test_package.py)."""
    lines = [line for cell in code(notebook) for line in cell.source.splitlines()]
    first = next(line for line in lines if re.match("(from|import) (course_utils|torch)", line))
    assert "course_utils" in first


@every_notebook
def test_french_typography(notebook: Path) -> None:
    found = faults(prose(notebook)) + [fault for cell in code(notebook) for fault in code_faults(python(cell))]
    assert found == [], "\n".join(found)


@every_notebook
def test_printed_numbers_are_french(notebook: Path) -> None:
    values = [
        node
        for cell in code(notebook)
        for node in ast.walk(ast.parse(python(cell)))
        if isinstance(node, ast.FormattedValue) and node.format_spec
    ]
    english = [ast.unparse(v) for v in values if re.search(r"\.\d|[efg%]'$", ast.unparse(v.format_spec))]
    assert english == [], "french_number ou french_percent, pour la virgule décimale"


@every_notebook
def test_every_image_has_an_alternative_text(notebook: Path) -> None:
    text = prose(notebook)
    assert not re.search(r"!\[\s*\]\(", text)
    for tag in re.findall(r"<(?:img|svg)\b[^>]*>", text):
        assert re.search(r'(?:alt|aria-label)="[^"]+"', tag), tag
        assert not tag.startswith("<svg") or 'role="img"' in tag, tag


@every_notebook
def test_relative_links_lead_somewhere(notebook: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)", prose(notebook)) + re.findall(r'(?:src|href)="([^"]+)"', prose(notebook))
    for link in links:
        if not re.match(r"[a-z]+:|#", link):
            assert (notebook.parent / link.split("#")[0]).exists(), link


@every_notebook
def test_headings_go_down_one_level_at_a_time(notebook: Path) -> None:
    text = re.sub(r"```.*?```", "", prose(notebook), flags=re.S)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


@every_lesson
def test_required_sections(notebook: Path) -> None:
    headings = [normalised(title) for title in re.findall(r"^## (.+)$", prose(notebook), re.M)]
    for section in SECTIONS:
        assert any(section in heading for heading in headings), f"« {section} » manque : {headings}"


@every_lesson
def test_the_reader_acts(notebook: Path) -> None:
    assert calls(notebook, "predict")
    assert len(calls(notebook, "check")) >= 2
    assert first_arguments(notebook, "quiz") == [notebook.stem[:2]]
    assert calls(notebook, "live")


def bound(cell: str) -> dict[str, bool]:
    """Les noms que donne une cellule, hors boucles ; vrai pour une fonction."""
    names = {}
    for node in ast.parse(cell).body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = True
        elif isinstance(node, ast.Assign):
            stored = (n for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name))
            names |= {n.id: False for n in stored if isinstance(n.ctx, ast.Store)}
    return names


def read_later(cell: str) -> set[str]:
    """Les noms du notebook que lisent les fonctions d'une cellule : un curseur les rappelle après tout le reste."""
    names = set()
    for function in ast.walk(ast.parse(cell)):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            inside = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
            own = {node.id for node in inside if isinstance(node.ctx, ast.Store)}
            own |= {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
            names |= {node.id for node in inside} - own
    return names


@every_notebook
def test_an_earlier_cell_run_again_finds_the_names_that_it_knew(notebook: Path) -> None:
    """Le même nom pour deux choses : une cellule relue après la seconde ne trouverait plus la première."""
    cells = [python(cell) for cell in code(notebook)]
    names = [bound(cell) for cell in cells]
    read = [{n.id for n in ast.walk(ast.parse(cell)) if isinstance(n, ast.Name)} for cell in cells]
    for j, later in enumerate(names):
        for i, first in enumerate(names[:j]):
            for name in first.keys() & later.keys():
                between = [k for k in range(i + 1, j) if name in read[k] - set(names[k])]
                between += [k for k in range(i, j) if name in read_later(cells[k])]
                assert first[name] == later[name] and not between, f"{name} est donné deux fois :\n{cells[j]}"


@every_lesson
def test_no_loop_takes_the_name_of_an_exercise(notebook: Path) -> None:
    """Après « Tout exécuter », le verdict relu ne trouverait plus la fonction, mais la dernière valeur de la boucle."""
    exercises = set().union(*(defined(stub.source) for stub in stubs(notebook)))
    targets = {
        name.id
        for cell in code(notebook)
        for statement in ast.parse(python(cell)).body
        for loop in ast.walk(statement)
        if isinstance(loop, ast.For) and not isinstance(statement, ast.FunctionDef)
        for name in ast.walk(loop.target)
        if isinstance(name, ast.Name)
    }
    assert exercises and exercises & targets == set()
