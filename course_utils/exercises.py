"""Exercices : un verdict immédiat, un pari avant de voir, un quiz.

Ce module ne contient que le mécanisme. Les exercices du notebook NN sont dans `verdicts/nbNN.py`, sous le nom
`EXERCISES` ; les questions des quiz dans `notebooks/quiz/NN.toml`, qu'un enseignant peut modifier.
"""

import contextlib
import copy
import importlib
import inspect
import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from course_utils.french import typography
from course_utils.interaction.compare import difference, is_blank, short
from course_utils.interaction.failures import advice, code_of, where_and_why
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


FAILED = object()
TODO = verdict("vide", "À vous de jouer", "Complétez la cellule de l'exercice, exécutez-la, puis celle-ci de nouveau.")


NOTHING = "Votre fonction ne rend rien : sa dernière ligne doit être `return`, suivi du résultat."
SILENT = "votre fonction laisse autograd coupé pour tout le notebook : `with torch.no_grad():` le rétablit en sortant."
NOTHING_HERE = "Dans ce cas, votre fonction ne rend rien : chaque chemin doit finir par `return`, suivi du résultat."


def _try(exercise: Exercise, answer: Callable[..., Any], case: Case, cases: Sequence[Case]) -> Verdict | None:
    """Le verdict sur l'un des cas ; None si la réponse y est juste."""
    first = case is cases[0]
    expected = _apply(exercise.reference, copy.deepcopy(case))
    given = copy.deepcopy(case)
    shown = _case(exercise, answer, case)
    with torch.enable_grad():  # en sortant, le mode d'avant, que la réponse a pu changer
        try:
            obtained = _apply(answer, given)
        except Exception as error:
            return _failed(answer, error, shown)
        silent = not torch.is_grad_enabled()
    if obtained is None:
        return verdict("faux", "Pas encore", NOTHING if first else NOTHING_HERE, detail=shown)
    if is_blank(obtained) and first:
        return TODO
    found = difference(expected, obtained, exercise.tolerance)
    altered = _altered(exercise, answer, case, given)
    if found:
        detail = f"{shown}\nAttendu : {short(expected)}\nObtenu : {short(obtained)}"
        return _wrong(
            f"{found} De plus, {altered}" if altered else found, _hint(exercise, answer, obtained, case, cases), detail
        )
    if altered or silent:
        return verdict("faux", "Presque", f"Le résultat est juste, mais {altered or SILENT}")
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
    before = _named(exercise, answer, case)
    for name, after in _named(exercise, answer, given).items():
        value = before[name]
        if difference(_values(value), _values(after), 0.0):
            copied = f"{name}.clone()" if hasattr(after, "clone") else f"copy.deepcopy({name})"
            return f"votre fonction modifie `{name}` lui-même : partez d'une copie, `{copied}`."
    return ""


def _named(exercise: Exercise, answer: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Les arguments d'un cas, sous les noms que la réponse leur donne, à défaut ceux de la solution."""
    if isinstance(case, dict):
        return case
    code = code_of(answer)
    names = code.co_varnames[: code.co_argcount] if code else ()
    if len(names) < len(case):
        names = tuple(inspect.signature(exercise.reference).parameters)
    return dict(zip(names, case, strict=False))


def _finish(exercise: Exercise, answer: Any) -> Verdict:
    """Les propriétés, une fois tous les cas justes."""
    for sentence, holds in exercise.properties.items():
        try:
            held, detail, remedy = holds(answer), "", ""
        except Exception as error:  # ce n'est pas la faute que la phrase décrit : elle dit ce que l'on vérifiait
            held, detail, remedy = False, "\n".join(where_and_why(answer, error)), advice(answer, error)
            told = "Les cas sont justes, mais une vérification s'arrête sur une erreur. Voici ce qu'elle vérifiait"
            sentence = f"{told} : {sentence}"
        if not held:
            return verdict("faux", "Presque", sentence, remedy, detail=detail)
    return verdict("juste", "Juste", exercise.why)


def _wrong(found: str, hint: str, detail: str) -> Verdict:
    return verdict("faux", "Pas encore", found, f"**Indice.** {hint}" if hint else "", detail=detail)


def _hint(exercise: Exercise, answer: Any, obtained: Any, case: Case | None = None, cases: Sequence[Case] = ()) -> str:
    """L'indice de l'erreur connue qui donne exactement cette réponse (chaîne vide s'il n'y en a pas).

    De plusieurs, celle qui la donne aussi dans le plus d'autres cas. Il en faut au moins la moitié : une réponse qui
    coïncide ici par hasard (½·T² et T, à T = 2) n'a pas fait cette erreur.
    """

    def explains(wrong: Any, obtained: Any, case: Case | None) -> bool:
        return difference(_outcome(wrong, case), obtained, exercise.tolerance) is None

    known = [
        (hint, wrong)
        for hint, mistake in exercise.mistakes.items()
        for wrong in (mistake if isinstance(mistake, list) else [mistake])
    ]
    suspects = [(hint, wrong) for hint, wrong in known if explains(wrong, obtained, case)]
    elsewhere = [(_outcome(answer, other), other) for other in cases if suspects and other is not case]
    agreements = [sum(explains(wrong, *each) for each in elsewhere) for _, wrong in suspects]
    most = max(agreements, default=0)
    return suspects[agreements.index(most)][0] if suspects and 2 * most >= len(elsewhere) else ""


def _outcome(function: Any, case: Case | None) -> Any:
    """Ce que rend une fonction dans un cas (sans cas, une valeur) ; si elle échoue, un objet que rien d'autre n'égale.

    Sans rien afficher : le lecteur n'a pas demandé ces essais.
    """
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.enable_grad():
            warnings.simplefilter("ignore")
            return function if case is None else _apply(function, copy.deepcopy(case))
    except Exception:
        return FAILED


def _case(exercise: Exercise, answer: Callable[..., Any], case: Case) -> str:
    """Les arguments d'un cas, avec leurs noms."""
    named = _named(exercise, answer, case)
    return "Cas : " + ", ".join(f"{name} = {short(value)}" for name, value in named.items())


def _failed(answer: Any, error: Exception, shown: str) -> Verdict:
    """L'erreur levée par la fonction de l'étudiant, avec la ligne qui l'a levée."""
    *source, reason = where_and_why(answer, error)
    detail = "\n".join([*source, reason, shown])
    sentence = "Voici la ligne et la raison." if source else "Voici la raison."
    return verdict("faux", "Votre fonction s'arrête sur une erreur", sentence, advice(answer, error), detail=detail)


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
