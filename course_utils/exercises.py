"""Exercices : un verdict immédiat, un pari avant de voir, un quiz.

Ce module ne contient que le mécanisme. Les exercices du notebook NN sont dans `verdicts/nbNN.py`, sous le nom
`EXERCISES` ; les questions des quiz dans `notebooks/quiz/NN.toml`, qu'un enseignant peut modifier.
"""

import copy
import importlib
import inspect
import linecache
import re
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_utils.french import typography
from course_utils.interaction.compare import difference, is_blank, short
from course_utils.interaction.panels import Verdict, verdict
from course_utils.interaction.prediction import Prediction, predict
from course_utils.interaction.quiz import quiz

__all__ = ["Exercise", "Prediction", "Verdict", "check", "predict", "quiz", "typography"]

Case = tuple[Any, ...] | dict[str, Any]


@dataclass(frozen=True)
class Exercise:
    """Un exercice : sa solution, les cas essayés, les erreurs connues.

    reference : la fonction (ou la valeur) juste. why : la phrase qui accompagne « Juste ».
    cases : les arguments essayés, l'un après l'autre (tuples ou dictionnaires), ou une fonction sans argument
    qui les fabrique (elle n'est appelée qu'au moment du verdict) ; vide pour une valeur.
    tolerance : écart permis, relatif et absolu. mistakes : {indice : fonction ou valeur fausse, ou la liste de
    celles qu'il explique} ; l'indice est montré quand la réponse coïncide avec cette erreur. properties : {phrase :
    prédicat sur la réponse}, vérifiés après les cas.
    """

    reference: Any
    why: str
    cases: Sequence[Case] | Callable[[], Sequence[Case]] = ()
    tolerance: float = 1e-5
    mistakes: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)


def check(name: str, answer: Any) -> Verdict:
    """Le verdict sur la réponse à un exercice : `check("02-kd-loss", kd_loss)`, en dernière ligne d'une cellule.

    Ne lève jamais d'erreur à cause de la réponse : un exercice pas encore fait ou une fonction qui échoue donnent
    un verdict, et le notebook continue. Lève ValueError si le nom n'est pas celui d'un exercice.
    """
    return judge(_exercise(name), answer)


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """Le verdict sur une réponse, pour un exercice donné."""
    if is_blank(answer):
        return TODO
    if not callable(exercise.reference):
        found = difference(exercise.reference, answer, exercise.tolerance)
        if found:
            return _wrong(found, _hint(exercise, answer, answer), f"Votre réponse : {short(answer)}")
        return _finish(exercise, answer)
    if not callable(answer):
        sentence = f"Une fonction est attendue : donnez son nom, sans parenthèses. Reçu : {short(answer)}."
        return verdict("faux", "Pas encore", sentence)
    cases = exercise.cases() if callable(exercise.cases) else exercise.cases
    verdicts = (_try(exercise, answer, case, cases) for case in cases)
    return next((found for found in verdicts if found), None) or _finish(exercise, answer)


TODO = verdict("vide", "À vous de jouer", "Complétez la cellule de l'exercice, exécutez-la, puis celle-ci de nouveau.")


NOTHING = "Votre fonction ne rend rien : sa dernière ligne doit être `return`, suivi du résultat."
NOTHING_HERE = "Dans ce cas, votre fonction ne rend rien : chaque chemin doit finir par `return`, suivi du résultat."


def _try(exercise: Exercise, answer: Callable[..., Any], case: Case, cases: Sequence[Case]) -> Verdict | None:
    """Le verdict sur l'un des cas ; None si la réponse y est juste."""
    first = case is cases[0]
    expected = _apply(exercise.reference, copy.deepcopy(case))
    given = copy.deepcopy(case)
    try:
        obtained = _apply(answer, given)
    except Exception as error:
        return _failed(exercise, case, answer, error)
    if obtained is None:
        return verdict("faux", "Pas encore", NOTHING if first else NOTHING_HERE, detail=_case(exercise, case))
    if is_blank(obtained) and first:
        return TODO
    found = difference(expected, obtained, exercise.tolerance)
    altered = _altered(exercise, answer, case, given)
    if found:
        detail = f"{_case(exercise, case)}\nAttendu : {short(expected)}\nObtenu : {short(obtained)}"
        return _wrong(
            f"{found} De plus, {altered}" if altered else found, _hint(exercise, answer, obtained, case, cases), detail
        )
    if altered:
        return verdict("faux", "Presque", f"Le résultat est juste, mais {altered}")
    return None


def _apply(function: Callable[..., Any], case: Case) -> Any:
    return function(**case) if isinstance(case, dict) else function(*case)


def _values(argument: Any) -> Any:
    """Ce qui, dans un argument, peut se comparer ; None à la place du reste (une fonction, un réseau)."""
    if isinstance(argument, dict):
        return _values(list(argument.values()))
    if isinstance(argument, list | tuple):
        return [_values(part) for part in argument]
    return argument if hasattr(argument, "shape") or isinstance(argument, int | float | str) else None


def _altered(exercise: Exercise, answer: Callable[..., Any], case: Case, given: Case) -> str:
    """L'argument que la fonction a modifié, par le nom qu'elle lui donne, et le remède ; vide s'ils sont intacts."""
    code = getattr(answer, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    if len(names) < len(case):
        names = tuple(inspect.signature(exercise.reference).parameters)
    named = dict(zip(names, given, strict=False)) if isinstance(given, tuple) else given
    before = case.values() if isinstance(case, dict) else case
    for (name, after), value in zip(named.items(), before, strict=False):
        if difference(_values(value), _values(after), 0.0):
            copied = f"{name}.clone()" if hasattr(after, "clone") else f"copy.deepcopy({name})"
            return f"votre fonction modifie `{name}` lui-même : partez d'une copie, `{copied}`."
    return ""


def _finish(exercise: Exercise, answer: Any) -> Verdict:
    """Les propriétés, une fois tous les cas justes."""
    for sentence, holds in exercise.properties.items():
        try:
            held, detail = holds(answer), ""
        except Exception as error:  # ce n'est pas la faute que la phrase décrit : elle dit ce que l'on vérifiait
            held, detail = False, "\n".join(_where_and_why(answer, error))
            told = "Les cas sont justes, mais une vérification s'arrête sur une erreur. Voici ce qu'elle vérifiait"
            sentence = f"{told} : {sentence}"
        if not held:
            return verdict("faux", "Presque", sentence, detail=detail)
    return verdict("juste", "Juste", exercise.why)


def _wrong(found: str, hint: str, detail: str) -> Verdict:
    return verdict("faux", "Pas encore", found, f"**Indice.** {hint}" if hint else "", detail=detail)


def _hint(exercise: Exercise, answer: Any, obtained: Any, case: Case | None = None, cases: Sequence[Case] = ()) -> str:
    """L'indice de l'erreur connue qui donne exactement cette réponse (chaîne vide s'il n'y en a pas).

    De plusieurs, celle qui la donne aussi dans le plus d'autres cas : elle seule décrit la fonction.
    """

    def explains(wrong: Any, obtained: Any, case: Case | None) -> bool:
        return difference(_outcome(wrong, case), obtained, exercise.tolerance) is None

    known = [
        (hint, wrong)
        for hint, mistake in exercise.mistakes.items()
        for wrong in (mistake if isinstance(mistake, list) else [mistake])
    ]
    suspects = [(hint, wrong) for hint, wrong in known if explains(wrong, obtained, case)]
    if len(suspects) > 1:
        elsewhere = [(_outcome(answer, other), other) for other in cases if other is not case]
        suspects.sort(key=lambda suspect: -sum(explains(suspect[1], *each) for each in elsewhere))
    return suspects[0][0] if suspects else ""


def _outcome(function: Any, case: Case | None) -> Any:
    """Ce que rend une fonction dans un cas (sans cas, une valeur) ; si elle échoue, un objet que rien n'égale."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ceux d'une erreur que le lecteur n'a pas écrite
            return function if case is None else _apply(function, copy.deepcopy(case))
    except Exception:
        return object()


def _case(exercise: Exercise, case: Case) -> str:
    """Les arguments d'un cas, avec leurs noms."""
    names = inspect.signature(exercise.reference).parameters
    named = case if isinstance(case, dict) else dict(zip(names, case, strict=False))
    return "Cas : " + ", ".join(f"{name} = {short(value)}" for name, value in named.items())


def _failed(exercise: Exercise, case: Case, answer: Any, error: Exception) -> Verdict:
    """L'erreur levée par la fonction de l'étudiant, avec la ligne qui l'a levée."""
    *source, reason = _where_and_why(answer, error)
    detail = "\n".join([*source, reason, _case(exercise, case)])
    sentence = "Voici la ligne et la raison." if source else "Voici la raison."
    return verdict("faux", "Votre fonction s'arrête sur une erreur", sentence, _advice(error), detail=detail)


IMPORTS = {"math": "math", "np": "numpy as np", "numpy": "numpy", "copy": "copy", "F": "torch.nn.functional as F"}


def _advice(error: Exception) -> str:
    """Quoi faire devant les erreurs les plus courantes, que Python et torch disent en anglais."""
    said = str(error)
    if type(error) is NameError and error.name:
        wanted = IMPORTS.get(error.name)
        added = f"`import {wanted}`" if wanted else "son `import`"
        advice = f"`{error.name}` n'existe pas ici : ajoutez {added} dans la cellule, ou corrigez ce nom."
    elif "must match the size" in said:
        advice = "Les formes ne s'accordent pas : une somme ou un maximum garde-t-il son axe (`keepdim=True`) ?"
    elif "torch.return_types" in said:
        advice = "Avec un axe, cette fonction rend deux tenseurs : `.values` et `.indices`."
    else:
        return ""
    return f"**Indice.** {advice}"


def _where_and_why(answer: Any, error: Exception) -> list[str]:
    """La ligne de l'étudiant qui a levé l'erreur, si on la connaît, puis l'erreur."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    source = linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip() if frames else ""
    return [*([source] if source else []), traceback.format_exception_only(error)[-1].strip()]


def _exercise(name: str) -> Exercise:
    if not isinstance(name, str):
        kind = type(name).__name__
        raise ValueError(f"Le nom de l'exercice est un objet {kind} : donnez d'abord ce nom, entre guillemets.")
    match = re.fullmatch(r"(\d\d)-[\w-]+", name)
    module = f"course_utils.verdicts.nb{match[1]}" if match else ""
    try:
        exercises: Mapping[str, Exercise] = importlib.import_module(module).EXERCISES if module else {}
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        exercises = {}
    if name not in exercises:
        known = ", ".join(exercises) or "aucun pour ce notebook"
        raise ValueError(f"Exercice inconnu : « {name} » ; les exercices disponibles : {known}.")
    return exercises[name]
