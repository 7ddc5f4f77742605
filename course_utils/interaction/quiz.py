"""Un quiz lu dans un fichier TOML, avec une explication pour chaque réponse (à importer d'`exercises`)."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from course_utils.files import reason, shown
from course_utils.french import plural, typography
from course_utils.interaction.front import bundle
from course_utils.interaction.panels import CHOICES_STYLE, inline, panel
from course_utils.lessons import NOTEBOOKS, lessons, title

QUIZ_FOLDER = NOTEBOOKS / "quiz"


@dataclass(frozen=True, order=True)
class Lesson:
    """Un notebook à relire : son fichier, qui commence par deux chiffres, et son titre."""

    file: str
    title: str

    @property
    def link(self) -> str:
        """Un lien HTML, relatif au dossier des notebooks, ouvert à côté de celui que l'on lit."""
        title = inline(f"notebook {self.file[:2]}, « {self.title} »")
        return f"<a href='{self.file}' target='_blank' style='color:inherit;text-decoration:underline'>{title}</a>"


@dataclass(frozen=True)
class Choice:
    """Un choix d'une question, avec son explication."""

    text: str
    right: bool
    explanation: str


@dataclass(frozen=True)
class Question:
    """Une question ; `several` : plusieurs choix peuvent être justes ; `lesson` : où relire ce qu'elle demande."""

    statement: str
    choices: tuple[Choice, ...]
    several: bool
    lesson: Lesson | None = None


def read_quiz(path: Path) -> list[Question]:
    """Les questions d'un fichier TOML, vérifiées ; lève ValueError en disant le fichier, la question et le remède."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # le Bloc-notes de Windows met une marque devant
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml"))) or "aucun"
        raise ValueError(f"Le quiz {path.name} n'existe pas ; quiz disponibles : {known}.") from None
    except OSError as error:
        raise OSError(f"Le quiz {shown(path)} ne se lit pas ({reason(error)}) : vérifiez ce fichier.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} n'est pas écrit en UTF-8 : enregistrez-le dans cet encodage.") from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"à la ligne {line[1]}" if line else "à la fin du fichier"
        raise ValueError(
            f"{path.name} a une faute de syntaxe TOML {where} : vérifiez-y guillemets, « = » et crochets."
        ) from None
    questions = content.get("question")
    if not isinstance(questions, list) or not questions or set(content) != {"question"}:
        raise ValueError(f"{path.name} doit contenir des questions `[[question]]`, et rien d'autre au premier niveau.")
    return [_question(entry, f"{path.name}, question {i}") for i, entry in enumerate(questions, 1)]


def _question(entry: Any, where: str) -> Question:
    _fields(entry, {"enonce": str, "choix": list}, {"plusieurs": bool, "voir": str}, where)
    choices = []
    for i, choice in enumerate(entry["choix"], 1):
        _fields(choice, {"texte": str, "juste": bool, "explication": str}, {}, f"{where}, choix {i}")
        choices.append(Choice(typography(choice["texte"]), choice["juste"], choice["explication"]))
    several, right = entry.get("plusieurs", False), sum(choice.right for choice in choices)
    if len({choice.text for choice in choices}) < max(2, len(choices)):
        raise ValueError(f"{where} : il faut au moins deux choix, tous différents.")
    if right == 0 or (right > 1 and not several):
        wanted = "au moins un choix juste" if several else "exactement un choix juste (ou `plusieurs = true`)"
        raise ValueError(f"{where} : il faut {wanted}, il y en a {right}.")
    lesson = _lesson(entry["voir"], where) if "voir" in entry else None
    return Question(entry["enonce"], tuple(choices), several, lesson)


def _lesson(number: str, where: str) -> Lesson:
    """Le notebook que ces deux chiffres désignent ; son titre est le premier du fichier, sans son numéro."""
    files = {path.name[:2]: path for path in lessons()}
    if number not in files:
        known = ", ".join(files)
        raise ValueError(f"{where} : `voir` vaut {number!r}, qui n'est aucun notebook ; donnez l'un de {known}.")
    path = files[number]
    return Lesson(path.name, re.sub(r"^\d+\. ", "", title(path)))


def _fields(entry: Any, needed: dict[str, type], allowed: dict[str, type], where: str) -> None:
    kinds = {str: "un texte", bool: "true ou false", list: "une liste `[[question.choix]]`"}
    if not isinstance(entry, dict):
        raise ValueError(f"{where} : des champs sont attendus, reçu {entry!r}.")
    for name in entry:
        if name not in needed | allowed:
            raise ValueError(f"{where} : champ inconnu `{name}` ; les champs sont {', '.join(needed | allowed)}.")
    for name, kind in {**needed, **{k: v for k, v in allowed.items() if k in entry}}.items():
        if not isinstance(entry.get(name), kind) or entry.get(name) == "":
            raise ValueError(f"{where} : le champ `{name}` doit être {kinds[kind]}, reçu {entry.get(name)!r}.")


def quiz(name: str) -> "Quiz":
    """Le quiz `notebooks/quiz/NAME.toml`, avec une explication pour chaque réponse et un score : `quiz("01")`.

    Lève ValueError, en français, si le fichier manque ou contient une faute.
    """
    return Quiz(read_quiz(QUIZ_FOLDER / f"{name}.toml"))


class Quiz:
    """Un quiz affiché ; `.score` compte les bonnes réponses du premier coup."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = list(questions)
        self._first_tries: dict[int, bool] = {}
        self._total = _feedback_place()
        items = [self._choose(i) if not q.several else self._tick(i) for i, q in enumerate(self.questions)]
        self.widget = widgets.VBox([widgets.HTML(CHOICES_STYLE), *items, self._total])
        self.widget.add_class("cours-quiz")

    @property
    def score(self) -> int:
        """Le nombre de bonnes réponses du premier coup."""
        return sum(self._first_tries.values())

    def _title(self, i: int) -> Any:
        question = self.questions[i]
        note = " <em>(plusieurs réponses)</em>" if question.several else ""
        title = widgets.HTML(
            f"<div style='font-size:17px;line-height:1.45;max-width:820px;margin-top:14px'>"
            f"<strong>{i + 1}.</strong> {inline(question.statement)}{note}</div>"
        )
        title.add_class("cours-question")
        return title

    def _choose(self, i: int) -> Any:
        choices = self.questions[i].choices
        radio = widgets.RadioButtons(
            options=[(choice.text.replace("`", ""), k) for k, choice in enumerate(choices)],
            value=None,
            layout=widgets.Layout(width="auto"),
        )
        radio.add_class("cours-choix")
        feedback = _feedback_place()

        def answer(change: Any) -> None:
            choice = choices[change["new"]]
            feedback.value = self._feedback(i, choice.right, inline(choice.explanation))
            self._note(i, choice.right)

        radio.observe(answer, names="value")
        return widgets.VBox([self._title(i), radio, feedback])

    def _tick(self, i: int) -> Any:
        choices = self.questions[i].choices
        boxes = [
            widgets.Checkbox(
                False, description=c.text.replace("`", ""), indent=False, layout=widgets.Layout(width="auto")
            )
            for c in choices
        ]
        button, feedback = widgets.Button(description="Valider"), _feedback_place()

        def answer(_: Any) -> None:
            if not any(box.value for box in boxes):
                feedback.value = panel("vide", "Cochez au moins une réponse", "Il y en a toujours une de juste.")
                return
            right = all(box.value == choice.right for box, choice in zip(boxes, choices, strict=True))
            side = {True: "À cocher", False: "À laisser"}
            lines = [f"{side[c.right]} : <strong>{inline(c.text)}</strong> {inline(c.explanation)}" for c in choices]
            feedback.value = self._feedback(i, right, *lines)
            self._note(i, right)

        button.on_click(answer)
        group = widgets.VBox(boxes)
        group.add_class("cours-choix")
        return widgets.VBox([self._title(i), group, button, feedback])

    def _feedback(self, i: int, right: bool, *explanations: str) -> str:
        lesson = self.questions[i].lesson
        pointer = typography(f"→ à relire : {lesson.link}") if lesson else ""
        return panel(*_OUTCOME[right], *explanations, pointer)

    def _note(self, i: int, right: bool) -> None:
        self._first_tries.setdefault(i, right)
        count = len(self.questions)
        if len(self._first_tries) == count:
            good = self.score
            tone = "juste" if good == count else "vide"
            answers = f"{good} bonne{plural(good)} réponse{plural(good)} du premier coup."
            self._total.value = panel(tone, f"Score : {good} sur {count}", answers, *self._to_reread())

    def _to_reread(self) -> list[str]:
        """Les notebooks des questions manquées du premier coup, chacun une fois, dans l'ordre du cours."""
        missed = {self.questions[i].lesson for i, right in self._first_tries.items() if not right}
        links = [f"→ {lesson.link}" for lesson in sorted(lesson for lesson in missed if lesson)]
        return ["À relire :", *links] if links else []

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        lines = [
            line
            for i, question in enumerate(self.questions, 1)
            for line in (f"{i}. {question.statement}", *(f"   ○ {choice.text}" for choice in question.choices))
        ]
        plain = typography("\n".join(lines))
        return bundle(self.widget, plain)


_OUTCOME = {True: ("juste", "Juste"), False: ("faux", "Pas tout à fait")}


def _feedback_place() -> Any:
    """Là où paraîtra un verdict, que les lecteurs d'écran diront (voir front.js)."""
    place = widgets.HTML()
    place.add_class("cours-retour")
    return place
