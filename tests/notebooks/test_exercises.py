"""Chaque exercice, vide puis résolu, et chaque verdict devant des réponses fausses."""

import ast
import importlib
import math
import pkgutil
import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from course_utils import verdicts
from course_utils.exercises import Exercise, Verdict, judge
from tests.course import NOTEBOOKS, SOLUTIONS, Stub, code, defined, first_arguments, python, stubs

STUBS = [(path, stub) for path in NOTEBOOKS for stub in stubs(path)]
EXERCISES: dict[str, Exercise] = {
    name: exercise
    for module in pkgutil.iter_modules(verdicts.__path__)
    if module.name.startswith("nb")
    for name, exercise in importlib.import_module(f"course_utils.verdicts.{module.name}").EXERCISES.items()
}
MISTAKES = [
    (name, hint, wrong)
    for name, exercise in EXERCISES.items()
    for hint, mistake in exercise.mistakes.items()
    for wrong in (mistake if isinstance(mistake, list) else [mistake])
]

every_stub = pytest.mark.parametrize(("notebook", "stub"), STUBS, ids=[stub.name for _, stub in STUBS])
every_exercise = pytest.mark.parametrize("name", EXERCISES)
every_function = pytest.mark.parametrize("name", [n for n, e in EXERCISES.items() if callable(e.reference)])


@cache
def imports(notebook: Path) -> dict[str, Any]:
    """Les noms que donnent les cellules « imports » d'un notebook, exécutées une seule fois."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in code(notebook):
        if "imports" in cell.tags:
            exec(python(cell), names)
    return names


def verdict_of(stub: Stub, answer: str, names: dict[str, Any]) -> Verdict:
    """Exécute une réponse puis la cellule du verdict, et rend le verdict."""
    exec(answer, names)
    *before, last = ast.parse(stub.verdict).body
    exec(compile(ast.Module(before, []), stub.name, "exec"), names)
    assert isinstance(last, ast.Expr), "check(…) doit être la dernière ligne de sa cellule"
    return eval(compile(ast.Expression(last.value), stub.name, "eval"), names)


def test_stubs_verdicts_and_solutions_go_together() -> None:
    checked = [name for path in NOTEBOOKS for name in first_arguments(path, "check")]
    assert sorted(checked) == sorted(stub.name for _, stub in STUBS), "un check(…) sans cellule « exercice »"
    assert sorted(checked) == sorted(EXERCISES), "notebooks et course_utils/verdicts diffèrent"
    assert sorted(checked) == sorted(path.stem for path in SOLUTIONS.glob("*.py")), "une solution manque ou est de trop"


@every_stub
def test_stub_is_blank_and_says_where_its_solution_is(notebook: Path, stub: Stub, monkeypatch: Any) -> None:
    monkeypatch.chdir(notebook.parent)
    assert stub.name.startswith(notebook.stem[:2])
    assert stub.source.rstrip().splitlines()[-1].strip() == f"# %load solutions/{stub.name}.py"
    assert verdict_of(stub, stub.source, dict(imports(notebook))).status == "vide"


@every_stub
def test_solution_is_right(notebook: Path, stub: Stub, monkeypatch: Any) -> None:
    monkeypatch.chdir(notebook.parent)
    solution = stub.solution.read_text(encoding="utf-8")
    assert defined(stub.source) <= defined(solution), "la solution ne définit pas ce que la cellule définit"
    found = verdict_of(stub, solution, dict(imports(notebook)))
    assert found.status == "juste", found.message


@every_exercise
def test_reference_is_right_and_explained(name: str) -> None:
    exercise = EXERCISES[name]
    assert judge(exercise, exercise.reference).status == "juste"
    assert exercise.why and exercise.mistakes


@pytest.mark.filterwarnings("ignore::UserWarning")  # une réponse fausse a le droit de faire parler torch
@pytest.mark.parametrize(("name", "hint", "wrong"), MISTAKES, ids=[f"{name}-{hint[:30]}" for name, hint, _ in MISTAKES])
def test_known_mistake_gets_its_hint(name: str, hint: str, wrong: Any) -> None:
    found = judge(EXERCISES[name], wrong)
    assert found.status == "faux"
    assert plain(hint) in plain(found.message), found.message


@every_function
def test_verdict_on_a_silent_answer_is_silent(name: str, recwarn: pytest.WarningsRecorder) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # « error » ferait taire une erreur connue au lieu de la montrer bavarde
        judge(EXERCISES[name], lambda *args, **kwargs: 12345.0)
        judge(EXERCISES[name], lambda *args, **kwargs: torch.tensor(12345.0))
    assert [str(w.message) for w in recwarn] == []


def plain(text: str) -> str:
    """Un texte sans la mise en forme que le verdict lui donne."""
    return re.sub(r"\s+", " ", re.sub("[*`]", "", text)).strip()


def like(value: Any, change: Callable[[Any], Any]) -> Any:
    """Une valeur de même structure, chaque nombre ou tableau changé par `change`."""
    if isinstance(value, tuple | list):
        return type(value)(like(part, change) for part in value)
    if isinstance(value, dict):
        return {key: like(part, change) for key, part in value.items()}
    return change(value)


def one_more_axis(value: Any) -> Any:
    return value[None] if isinstance(value, torch.Tensor | np.ndarray) else [value, value]


SPOILED: dict[str, Callable[[Any], Any]] = {
    "zéro": lambda value: value * 0 if not isinstance(value, str) else "",
    "décalée": lambda value: value + 1 if not isinstance(value, str) else value + "x",
    "de l'autre signe": lambda value: -value if not isinstance(value, str | bool) else None.__class__,
    "NaN": lambda value: value * math.nan if not isinstance(value, str | bool) else math.nan,
    "d'une autre forme": one_more_axis,
}
CONSTANTS: list[Any] = [0.0, 1.0, 0, 1, True, False, "", torch.zeros(()), torch.zeros(3)]


@every_exercise
@pytest.mark.parametrize("kind", SPOILED)
def test_spoiled_answer_is_refused(name: str, kind: str) -> None:
    reference, change = EXERCISES[name].reference, SPOILED[kind]
    wrong = (lambda *a, **k: like(reference(*a, **k), change)) if callable(reference) else like(reference, change)
    assert judge(EXERCISES[name], wrong).status == "faux"


@every_function
def test_constant_answer_is_refused(name: str) -> None:
    for constant in CONSTANTS:
        assert judge(EXERCISES[name], lambda *a, value=constant, **k: value).status == "faux", constant


@every_exercise
def test_failing_answer_gets_a_verdict(name: str) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("panne")

    assert judge(EXERCISES[name], broken).status == "faux"
