"""Ce que le dépôt promet de lui-même : court, typé, en français, sans chemin d'une machine, léger à importer."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.course import ROOT
from tests.typography import code_faults, faults

MODULES = sorted((ROOT / "course_utils").rglob("*.py"))
EMBEDDED = "data/FashionMNIST/raw/"  # les quatre fichiers d'origine, comprimés : rien à y lire
HEAVY = {"matplotlib", "ipywidgets", "IPython", "torchvision", "PIL", "playwright"}

every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())


def tracked() -> list[Path]:
    """Les fichiers suivis par git ; hors d'un dépôt git (archive), tous ceux du code et des notebooks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        return [
            path for folder in ("course_utils", "lab", "notebooks", "tests") for path in (ROOT / folder).rglob("*.*")
        ]
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_machine_path_and_no_registry_host() -> None:
    private = re.compile(r"/(?:home|Users|work|root)/\w|pypi[.]org|pythonhosted[.]org|download[.]pytorch[.]org")
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(EMBEDDED):
            found = private.search(path.read_bytes().decode("utf-8", errors="ignore"))
            assert not found, f"{name} : {found[0]}"


def test_every_embedded_data_set_has_its_licence() -> None:
    for raw in (ROOT / "data").glob("*/raw"):
        assert "MIT" in (raw.parent / "LICENSE").read_text(encoding="utf-8")


@every_module
def test_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.name != "verdicts"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_public_functions_are_typed_and_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} n'a pas de docstring"
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert node.returns and all(a.annotation for a in arguments), f"{node.name} n'est pas entièrement typée"


@pytest.mark.parametrize(
    "path", [*MODULES, ROOT / "lab" / "start.py"], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_french_typography_of_the_code(path: Path) -> None:
    found = code_faults(path.read_text(encoding="utf-8"))
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    "path", [path for path in tracked() if path.suffix == ".md"], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_french_typography_of_the_pages(path: Path) -> None:
    found = faults(path.read_text(encoding="utf-8"))
    assert found == [], "\n".join(found)


def test_import_is_light() -> None:
    """La boucle d'apprentissage ne charge ni figures, ni widgets, ni torchvision : torch fait seul l'attente."""
    code = (
        "import sys, course_utils\n"
        "assert 'torch' not in sys.modules\n"
        "from course_utils import cost, data, losses, models, objectives, training\n"
        f"print(*(sys.modules.keys() & {HEAVY}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
