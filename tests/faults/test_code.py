"""Rien n'est évalué, rien n'est exécuté depuis un fichier ou l'environnement : le code est relu, appel par appel."""

import ast
from pathlib import Path

import pytest

from tests.course import NOTEBOOKS, ROOT, SOLUTIONS, code, python

SOURCES = [
    path for name in ("course_utils", "lab", "experiments", "benchmarks") for path in (ROOT / name).rglob("*.py")
]
# Des modules dont le format de fichier peut contenir du code.
RISKY_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "code", "pty"}
EVALUATES = {"eval", "exec", "compile", "__import__", "execfile", "input"}
RISKY_CALLS = {
    "os.system", "os.popen", "os.execv", "os.spawnv", "pickle.load", "pickle.loads", "yaml.load", "pandas.read_pickle",
    "pd.read_pickle", "torch.hub.load", "runpy.run_path", "subprocess.getoutput", "pd.eval", "builtins.eval",
}  # fmt: skip
ALLOWED = {
    # un module de verdicts, désigné par deux chiffres ; une campagne, nommée par qui la lance
    "importlib.import_module": ("course_utils/exercises.py", "experiments/campaign.py"),
}


def dotted(node: ast.expr) -> str:
    """Le nom d'une fonction appelée, comme « torch.load » ; vide si ce n'est pas un nom."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def risks(source: str) -> list[str]:
    """Les appels et les imports d'un code qui exécuteraient un texte venu d'ailleurs."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [module for module in modules if module.split(".")[0] in RISKY_IMPORTS]
        elif isinstance(node, ast.Call):
            name, options = dotted(node.func), {word.arg: word.value for word in node.keywords}
            if name in EVALUATES | RISKY_CALLS | set(ALLOWED):
                found.append(name)
            if name == "torch.load" and not is_constant(options.get("weights_only"), True):
                found.append("torch.load sans weights_only=True")
            for danger in ("shell", "allow_pickle"):
                if danger in options and not is_constant(options[danger], False):
                    found.append(f"{name} avec {danger}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_evaluates_nothing(path: Path) -> None:
    allowed = [name for name, places in ALLOWED.items() if path.relative_to(ROOT).as_posix() in places]
    assert [risk for risk in risks(path.read_text(encoding="utf-8")) if risk not in allowed] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_evaluates_nothing(path: Path) -> None:
    for cell in code(path):
        assert risks(python(cell)) == [], cell.source
        commands = [line for line in cell.source.splitlines() if line.lstrip().startswith(("!", "%"))]
        assert commands == [], "une commande de la machine, et non du Python"


@pytest.mark.parametrize("path", sorted(SOLUTIONS.glob("*.py")), ids=lambda path: path.stem)
def test_solution_evaluates_nothing(path: Path) -> None:
    assert risks(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec(compile(text, 'a', 'exec'))",
        "import pickle",
        "from pickle import load",
        "import yaml.loader",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=given)",
        "os.system('ls')",
        "subprocess.run(command, shell=True)",
        "subprocess.Popen(command, shell=chosen)",
        "importlib.import_module(name)",
        "def f():\n    return [__import__(n) for n in names]",
    ],
)
def test_each_risk_is_seen(source: str) -> None:
    assert risks(source) != []


@pytest.mark.parametrize(
    "source",
    ["model.eval()", "torch.load(path, weights_only=True)", "np.load(path)", "subprocess.run(['git'], shell=False)"],
)
def test_harmless_code_is_left_alone(source: str) -> None:
    assert risks(source) == []
