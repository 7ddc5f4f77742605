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
    tolerance : écart permis, relatif et absolu. mistakes : {indice : fonction ou valeur fausse} ; l'indice est
    montré quand la réponse coïncide avec cette erreur. properties : {phrase : prédicat sur la réponse}, vérifiés
    après les cas.
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
            return _wrong(found, _hint(exercise, lambda value: value, answer), f"Votre réponse : {short(answer)}")
        return _finish(exercise, answer)
    if not callable(answer):
        sentence = f"Une fonction est attendue : donnez son nom, sans parenthèses. Reçu : {short(answer)}."
        return verdict("faux", "Pas encore", sentence)
    cases = exercise.cases() if callable(exercise.cases) else exercise.cases
    verdicts = (_try(exercise, answer, case, first=i == 0) for i, case in enumerate(cases))
    return next((found for found in verdicts if found), None) or _finish(exercise, answer)


TODO = verdict("vide", "À vous de jouer", "Complétez la cellule de l'exercice, exécutez-la, puis celle-ci de nouveau.")


NOTHING = "Votre fonction ne rend rien : sa dernière ligne doit être `return`, suivi du résultat."
ALTERS = "De plus, votre fonction modifie l'un de ses arguments : partez d'une copie, `.clone()`."


def _try(exercise: Exercise, answer: Callable[..., Any], case: Case, *, first: bool) -> Verdict | None:
    """Le verdict sur un cas ; None si la réponse y est juste."""
    expected = _apply(exercise.reference, copy.deepcopy(case))
    given = copy.deepcopy(case)
    try:
        obtained = _apply(answer, given)
    except Exception as error:
        return _failed(exercise, case, answer, error)
    if obtained is None:
        return verdict("faux", "Pas encore", NOTHING, detail="" if first else _case(exercise, case))
    if is_blank(obtained) and first:
        return TODO
    found = difference(expected, obtained, exercise.tolerance)
    altered = difference(_values(case), _values(given), 0.0)
    if found:
        detail = f"{_case(exercise, case)}\nAttendu : {short(expected)}\nObtenu : {short(obtained)}"
        hint = _hint(exercise, lambda wrong: _apply(wrong, copy.deepcopy(case)), obtained)
        return _wrong(f"{found} {ALTERS}" if altered else found, hint, detail)
    if altered:
        return verdict(
            "faux",
            "Presque",
            "Le résultat est juste, mais votre fonction modifie l'un de ses arguments : "
            "rangez le calcul dans une nouvelle variable.",
        )
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


def _hint(exercise: Exercise, result_of: Callable[[Any], Any], obtained: Any) -> str:
    """L'indice de l'erreur connue qui donne exactement cette réponse (chaîne vide s'il n'y en a pas)."""
    for hint, mistake in exercise.mistakes.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # ceux d'une erreur que le lecteur n'a pas écrite
                value = result_of(mistake)
        except Exception:
            continue  # cette erreur connue ne sait pas traiter ce cas : elle n'explique rien
        if difference(value, obtained, exercise.tolerance) is None:
            return hint
    return ""


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


def _advice(error: Exception) -> str:
    """Quoi faire devant les erreurs les plus courantes, que Python et torch disent en anglais."""
    said = str(error)
    if isinstance(error, NameError) and error.name:
        advice = f"`{error.name}` n'existe pas ici : corrigez ce nom, ou ajoutez son `import` dans la cellule."
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
