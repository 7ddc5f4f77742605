"""Les verdicts, les paris et les quiz : chaque réponse possible, juste, fausse, vide ou en erreur."""

import math
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from torch import Tensor

from course_utils.exercises import Exercise, Verdict, check, judge, predict, typography
from course_utils.interaction.compare import difference, short
from course_utils.interaction.panels import inline
from course_utils.interaction.quiz import Quiz, read_quiz
from course_utils.lessons import NOTEBOOKS


def soften(logits: Tensor, temperature: float) -> Tensor:
    return torch.softmax(logits / temperature, -1)


def cases() -> tuple[tuple[Any, ...], ...]:
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    return ((z, 1.0), (z, 4.0))


SOFTEN = Exercise(
    reference=soften,
    why="On divise les logits par `T` avant l'exponentielle.",
    cases=cases,
    mistakes={
        "La température manque.": lambda logits, temperature: torch.softmax(logits, -1),
        "La somme doit se faire sur les classes.": lambda logits, temperature: torch.softmax(logits / temperature, 0),
        "Cette erreur-là ne sait pas traiter ce cas.": lambda logits: logits,
    },
    properties={
        "Le gradient doit passer.": lambda answer: answer(torch.ones(2, requires_grad=True), 2.0).requires_grad
    },
)


def no_temperature(logits: Tensor, temperature: float) -> Tensor:
    return torch.softmax(logits, -1)


def crash(logits: Tensor, temperature: float) -> Tensor:
    scaled = logits / temperatura  # type: ignore[name-defined]  # noqa: F821
    return torch.softmax(scaled, -1)


def crash_deeper(logits: Tensor, temperature: float) -> Tensor:
    return torch.softmax(logits / temperature, 7)


def in_place(logits: Tensor, temperature: float) -> Tensor:
    logits /= temperature
    return torch.softmax(logits, -1)


def aliased(logits: Tensor, temperature: float) -> Tensor:
    logits /= 2 * temperature
    return torch.softmax(logits, -1)


def forgetful(logits: Tensor, temperature: float) -> Tensor | None:
    return soften(logits, temperature) if temperature == 1.0 else None


def test_a_right_answer() -> None:
    found = judge(
        SOFTEN, lambda logits, temperature: (logits / temperature).softmax(dim=1) if logits.ndim > 1 else logits
    )
    assert found.status == "juste"
    assert found.message == "Juste\nOn divise les logits par T avant l'exponentielle."
    assert "<code" in found.html and "✓" in found.html


@pytest.mark.parametrize("blank", [None, ..., lambda logits, temperature: ..., lambda logits, temperature: (1, ...)])
def test_an_empty_stub_is_not_an_error(blank: Any) -> None:
    found = judge(SOFTEN, blank)
    assert found.status == "vide" and "À vous de jouer" in found.message


def test_a_forgotten_return_is_said() -> None:
    found = judge(SOFTEN, lambda logits, temperature: None)
    assert found.status == "faux" and "sa dernière ligne doit être return" in found.message


def test_an_error_in_a_property_is_not_the_fault_that_it_looks_for() -> None:
    exercise = replace(SOFTEN, properties={"Les lignes ont pour somme 1.": lambda answer: answer("texte", 1.0)})
    found = judge(exercise, soften)
    assert found.status == "faux" and "une vérification s'arrête sur une erreur" in found.message
    assert (
        "Voici ce qu'elle vérifiait\u00a0: Les lignes ont pour somme 1." in found.message
        and "TypeError" in found.message
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (no_temperature, ["Indice. La température manque.", "temperature = 4", "Attendu", "Obtenu", "sur 15"]),
        (
            lambda logits, temperature: torch.softmax(logits / temperature, 0),
            ["La somme doit se faire sur les classes."],
        ),
        (
            lambda logits, temperature: soften(logits, temperature)[0],
            ["La forme attendue est (3, 5), la vôtre est (5,)"],
        ),
        (lambda logits, temperature: soften(logits, temperature) * math.nan, ["contient des NaN"]),
        (
            lambda logits, temperature: soften(logits, temperature).round().long(),
            ["à virgule", "de type int : .float() les convertit."],
        ),
        (lambda logits, temperature: 0.5, ["Un tenseur est attendu", "couperait le gradient"]),
        (lambda logits, temperature: "softmax", ["Un tenseur est attendu, pas un objet str"]),
        (lambda logits, temperature: soften(logits.detach(), temperature), ["Le gradient doit passer."]),
        (crash, ["scaled = logits / temperatura", "NameError", "s'arrête sur une erreur"]),
        (crash_deeper, ["return torch.softmax(logits / temperature, 7)", "IndexError"]),
        (lambda logits: logits, ["TypeError"]),
        (in_place, ["Le résultat est juste, mais votre fonction modifie logits lui-même"]),
        (aliased, ["modifie logits lui-même", ".clone()"]),
        (lambda logits, temperature: logits.max(1), [".values et .indices"]),
        (lambda logits, temperature: list(soften(logits, temperature)), ["torch.stack assemble des tenseurs"]),
        (forgetful, ["Dans ce cas, votre fonction ne rend rien", "temperature = 4"]),
        (torch.ones(3), ["Une fonction est attendue", "sans parenthèses"]),
    ],
)
def test_a_wrong_answer_is_refused_and_explained(answer: Any, words: list[str]) -> None:
    found = judge(SOFTEN, answer)
    assert found.status == "faux"
    for word in words:
        assert word in found.message.replace("\u00a0", " ").replace("\u202f", " "), found.message
    assert "✗" in found.html


def test_of_two_hints_the_one_that_also_explains_the_other_cases_is_given() -> None:
    exercise = Exercise(
        reference=lambda a, b: a - b,
        why="",
        cases=[(3, 1), (5, 2)],
        mistakes={"Le premier.": lambda a, b: a, "Un nombre fixe, ou b.": [lambda a, b: 3, lambda a, b: b]},
    )
    hints = {"Le premier.": lambda a, b: a, "Un nombre fixe, ou b.": lambda a, b: 3}
    for hint, wrong in hints.items():
        assert hint in judge(exercise, wrong).message
    assert "Un nombre fixe" in judge(exercise, lambda a, b: b).message


def test_what_differs_in_a_list_is_told_by_its_place_and_its_length_by_both_lengths() -> None:
    names = [f"couche {k}" for k in range(9)]
    exercise = Exercise(reference=lambda n: names[:n], why="", cases=[(9,)])
    assert "À la place 7 (comptée depuis 0)" in judged(exercise, lambda n: [*names[:7], "autre", names[8]])
    assert "Une liste de 9 valeurs est attendue, la vôtre en a 8." in judged(exercise, lambda n: names[:8])
    assert "pas un objet str" in judged(exercise, lambda n: "couche 0")


def test_a_changed_argument_is_named_as_the_function_names_it() -> None:
    exercise = Exercise(reference=lambda costs, y: [len(costs), y], why="", cases=[([3.0, 1.0], 1)])

    def emptied(*things: Any) -> list[int]:
        things[0].clear()
        return [0, 0]

    def sorts(c: list[float], y: int) -> list[int]:
        c.sort()
        return [0, 0]

    assert "modifie c lui-même : partez d'une copie, copy.deepcopy(c)" in judged(exercise, sorts)
    assert "modifie costs lui-même" in judged(exercise, emptied)
    named = replace(exercise, cases=[{"costs": [3.0, 1.0], "y": 1}])
    assert "modifie costs lui-même" in judged(named, lambda costs, y: [costs.pop(), y])


def judged(exercise: Exercise, answer: Any) -> str:
    return judge(exercise, answer).message.replace("\u00a0", " ")


def test_the_student_gets_copies() -> None:
    seen: list[Tensor] = []
    z = torch.ones(2, 3)
    exercise = Exercise(reference=soften, why="Oui.", cases=((z, 2.0),))

    def answer(logits: Tensor, temperature: float) -> Tensor:
        seen.append(logits)
        logits.zero_()
        return soften(torch.ones(2, 3), temperature)

    assert judge(exercise, answer).status == "faux"
    assert seen[0] is not z and (z == 1).all()


@pytest.mark.parametrize(
    ("reference", "right", "wrong"),
    [
        (0.3679, 0.36790001, 0.37),
        (3, 3, 4),
        (True, True, False),
        ("T²", "T²", "T"),
        (torch.arange(3), torch.arange(3), torch.arange(4)),
        (np.eye(2), np.eye(2), np.ones((2, 2))),
        ((1.0, 2.0), [1.0, 2.0], (1.0, 3.0)),
        ({"dur": 1.0}, {"dur": 1.0}, {"mou": 1.0}),
        (0.5, torch.tensor(0.5), torch.tensor([0.5])),
        (0.5, np.float64(0.5), math.nan),
        (0.5, 0.5, "0,5"),
    ],
)
def test_an_exercise_may_ask_for_a_value(reference: Any, right: Any, wrong: Any) -> None:
    exercise = Exercise(reference=reference, why="C'est cela.", mistakes={"Un indice.": wrong})
    assert judge(exercise, right).status == "juste"
    found = judge(exercise, wrong)
    assert found.status == "faux" and "Indice. Un indice." in found.message
    assert judge(exercise, ...).status == "vide"


def test_half_precision_and_empty_tensors_compare() -> None:
    assert difference(torch.ones(2), torch.ones(2, dtype=torch.bfloat16), 1e-2) is None
    assert difference(torch.ones(0), torch.ones(0), 1e-5) is None
    assert difference(math.nan, math.nan, 1e-5) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (np.float32(0.25), "0.25"),
        (np.int64(3), "3"),
        (torch.tensor(1.5), "tenseur 1.5"),
        (torch.arange(2), "tenseur de forme (2,)\u00a0: [0, 1]"),
        (torch.zeros(2, 3), "tenseur de forme (2, 3)\u00a0: [0, 0, 0, 0, …]"),
        ((1, 2.5), "(1, 2.5)"),
        ({"a": 1.0}, "{'a'\u00a0: 1}"),
        ("x" * 200, repr("x" * 200)[:79] + "…"),
    ],
)
def test_values_are_printed_in_few_words(value: Any, text: str) -> None:
    assert short(value) == text


def test_check_finds_the_exercise_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("course_utils.verdicts.nb98")
    module.EXERCISES = {"98-adoucir": SOFTEN}  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "course_utils.verdicts.nb98", module)
    assert check("98-adoucir", soften).status == "juste"
    with pytest.raises(ValueError, match=r"Exercice inconnu.*98-durcir.*98-adoucir"):
        check("98-durcir", soften)
    with pytest.raises(ValueError, match=r"objet function.*entre guillemets"):
        check(soften, "98-adoucir")  # type: ignore[arg-type]
    for name in ("99-rien", "adoucir", ""):
        with pytest.raises(ValueError, match="aucun pour ce notebook"):
            check(name, soften)


def test_a_verdict_displays_as_html_and_text() -> None:
    found = judge(SOFTEN, None)
    assert isinstance(found, Verdict)
    assert found._repr_mimebundle_() == {"text/html": found.html, "text/plain": found.message}
    assert repr(found) == found.message


def test_emphasis_is_drawn_and_products_are_not_emphasis() -> None:
    assert inline("la **même** époque *du test*") == "la <strong>même</strong> époque <em>du test</em>"
    assert "<em>" not in inline("`2 * t * x` et `a*b*c`, puis 3 * 4 * 5 et `T**2`")


def test_html_of_the_student_is_escaped() -> None:
    def answer(logits: Tensor, temperature: float) -> Tensor:
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in judge(SOFTEN, answer).html


# ---------------------------------------------------------------- parier


def click(widget: Any) -> None:
    """Presse le premier bouton d'un groupe de widgets."""
    next(child for child in widget.children if isinstance(child, widgets.Button)).click()


def tick(widget: Any, position: int) -> None:
    """Coche un choix d'un groupe de widgets."""
    next(child for child in widget.children if isinstance(child, widgets.VBox)).children[position].value = True


def radio(widget: Any) -> Any:
    return next(child for child in widget.children if isinstance(child, widgets.RadioButtons))


def test_a_guess_is_compared_to_the_measure() -> None:
    for choice, status in (("elle monte", "juste"), ("elle baisse", "faux")):
        guess = predict("Si T monte, l'entropie ?", ["elle monte", "elle baisse"])
        radio(guess.widget).value = choice
        click(guess.widget)
        assert guess.choice == choice and radio(guess.widget).disabled
        assert "plus bas" in guess.widget.children[-1].value
        found = guess.reveal(right="elle monte", because="Mesuré : 1,2 bit puis 2,1 bits.")
        assert found.status == status and "2,1 bits" in found.message and choice in found.message


def test_without_a_guess_the_answer_is_given_kindly() -> None:
    guess = predict("?", ["oui", "non"])
    found = guess.reveal(right="oui", because="Mesuré.")
    assert found.status == "vide" and "Avez-vous parié" in found.message and "oui" in found.message
    shown, folded = found.html.split("<details>")
    assert "oui" not in shown and "oui" in folded and "<details open" not in found.html
    radio(guess.widget).value = "non"  # un pari tardif reçoit sa réponse aussitôt
    click(guess.widget)
    assert "Surprise" in guess.widget.children[-1].value


def test_an_immediate_prediction_answers_at_once() -> None:
    guess = predict("?", ["oui", "non"], right="oui", because="C'est ainsi.")
    button = next(child for child in guess.widget.children if isinstance(child, widgets.Button))
    assert button.disabled  # rien à engager tant que rien n'est choisi
    radio(guess.widget).value = "oui"
    assert not button.disabled
    button.click()
    assert "Bien vu" in guess.widget.children[-1].value and "C'est ainsi." in guess.widget.children[-1].value


def test_predictions_are_checked() -> None:
    with pytest.raises(ValueError, match="au moins deux choix, tous différents"):
        predict("?", ["oui", "oui"])
    with pytest.raises(ValueError, match="n'est pas l'un des choix"):
        predict("?", ["oui", "non"]).reveal(right="peut-être", because="")
    assert predict("Quoi ?", ["a : b", "c"]).reveal(right="a : b", because="").status == "vide"
    assert "○" in predict("Quoi ?", ["a", "b"])._repr_mimebundle_()["text/plain"]


# ---------------------------------------------------------------- quiz

GOOD = """
[[question]]
enonce = "Pourquoi `T²` ?"
[[question.choix]]
texte = "Pour les gradients"
juste = true
explication = "Oui : ils sont en `1/T²`."
[[question.choix]]
texte = "Pour la perte"
juste = false
explication = "Non."
[[question]]
enonce = "Lesquelles ?"
plusieurs = true
[[question.choix]]
texte = "A"
juste = true
explication = "Oui."
[[question.choix]]
texte = "B"
juste = true
explication = "Oui aussi."
"""


def written(folder: Path, content: str) -> Path:
    path = folder / "01.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_choice_says_whether_it_was_to_be_ticked(tmp_path: Path) -> None:
    one_right = GOOD.replace('juste = true\nexplication = "Oui aussi."', 'juste = false\nexplication = "Non."')
    (second,) = Quiz(read_quiz(written(tmp_path, one_right))).widget.children[2:3]
    boxes, button, feedback = second.children[1:]
    boxes.children[0].value = True
    button.click()
    said = [line for line in ("À cocher\u00a0: <strong>A", "À laisser\u00a0: <strong>B") if line in feedback.value]
    assert len(said) == 2 and "✗" not in feedback.value


def test_a_quiz_explains_each_answer_and_counts_first_tries(tmp_path: Path) -> None:
    played = Quiz(read_quiz(written(tmp_path, GOOD)))
    _, first, second, total = played.widget.children
    choice, feedback = first.children[1:]
    choice.value = 1
    assert "Pas tout à fait" in feedback.value and "Non." in feedback.value
    choice.value = 0  # se corriger est permis, mais ne compte pas
    assert "✓" in feedback.value and "<code" in feedback.value
    assert not total.value
    boxes, button, feedback = second.children[1:]
    for box in boxes.children:
        box.value = True
    button.click()
    assert "Oui aussi." in feedback.value
    assert played.score == 1 and "Score\u00a0: 1 sur 2" in total.value and "1 bonne réponse" in total.value
    assert "Pourquoi" in played._repr_mimebundle_()["text/plain"]


def pointed(folder: Path, *lessons: str) -> Quiz:
    """Un quiz d'une question par leçon à relire ; le premier choix y est toujours le bon."""
    question = GOOD.split("[[question]]")[1]
    return Quiz(read_quiz(written(folder, "".join(f'[[question]]\nvoir = "{name}"{question}' for name in lessons))))


def answer(played: Quiz, *choices: int) -> list[str]:
    """Répond à chaque question, dans l'ordre ; rend ce qui s'affiche sous chacune, puis le score."""
    *questions, total = played.widget.children[1:]
    for question, choice in zip(questions, choices, strict=True):
        radio(question).value = choice
    return [question.children[-1].value for question in questions] + [total.value]


def test_each_answer_points_to_the_notebook_to_reread(tmp_path: Path) -> None:
    right, wrong, _ = answer(pointed(tmp_path, "02", "07"), 0, 1)
    for feedback, number in ((right, "02"), (wrong, "07")):
        (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
        assert f"→ à relire\u00a0: <a href='{path.name}'" in feedback and f"notebook {number}" in feedback
    assert "La distillation de Hinton" in right and "RKD\u00a0: apprendre des relations" in wrong


def test_the_score_lists_once_and_in_order_what_to_reread(tmp_path: Path) -> None:
    *_, total = answer(pointed(tmp_path, "07", "03", "07", "01"), 1, 1, 1, 0)
    assert "À relire" in total and re.findall(r"notebook (\d\d)", total) == ["03", "07"]


def test_correcting_oneself_does_not_clear_the_list(tmp_path: Path) -> None:
    played = pointed(tmp_path, "03", "01")
    radio(played.widget.children[1]).value = 1
    *_, total = answer(played, 0, 0)
    assert re.findall(r"notebook (\d\d)", total) == ["03"]


def test_nothing_to_reread_when_all_is_right(tmp_path: Path) -> None:
    *_, total = answer(pointed(tmp_path, "03", "01"), 0, 0)
    assert "2 sur 2" in total and "relire" not in total


def test_a_question_with_several_answers_points_too(tmp_path: Path) -> None:
    played = Quiz(read_quiz(written(tmp_path, GOOD.replace("plusieurs = true", 'plusieurs = true\nvoir = "05"'))))
    radio(played.widget.children[1]).value = 0
    click(played.widget.children[2])
    assert "Cochez au moins une" in played.widget.children[2].children[-1].value  # rien de coché : rien de noté
    assert played.widget.children[-1].value == ""
    tick(played.widget.children[2], 0)
    click(played.widget.children[2])
    feedback, total = played.widget.children[2].children[-1].value, played.widget.children[-1].value
    assert "notebook 05" in feedback and re.findall(r"notebook (\d\d)", total) == ["05"]
    assert "relire" not in played.widget.children[1].children[-1].value  # `voir` est facultatif


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'juste = true\nexplication = "Oui : ',
            'juste = false\nexplication = "Oui : ',
            "question 1.*exactement un choix juste.*il y en a 0",
        ),
        ("juste = false", "juste = true", r"question 1.*plusieurs = true.*il y en a 2"),
        ("juste = false", "just = false", "question 1, choix 2.*champ inconnu `just`"),
        ("juste = false", 'juste = "non"', "question 1, choix 2.*`juste` doit être true ou false"),
        ('explication = "Non."', 'explication = ""', "question 1, choix 2.*`explication` doit être un texte"),
        ('texte = "B"', 'texte = "A"', "question 2.*tous différents"),
        ("plusieurs = true", "plusieurs = 1", "question 2.*`plusieurs`"),
        ("plusieurs = true", 'plusieurs = true\nvoir = "42"', "question 2.*`voir` vaut '42'.*00, 01, 02"),
        ("plusieurs = true", 'plusieurs = true\nvoir = "0?"', r"question 2.*`voir` vaut '0\?'"),
        ("plusieurs = true", "plusieurs = true\nvoir = 2", "question 2.*`voir` doit être un texte"),
        ('enonce = "Lesquelles ?"', "", "question 2.*`enonce`"),
        ('enonce = "Lesquelles ?"', 'enonce = "Lesquelles ?', "faute de syntaxe TOML à la ligne 13"),
        ("[[question]]", "[[questions]]", "doit contenir des questions"),
    ],
)
def test_a_fault_in_a_quiz_is_told_in_french(tmp_path: Path, old: str, new: str, words: str) -> None:
    content = GOOD.replace(old, new) if old == "[[question]]" else GOOD.replace(old, new, 1)
    with pytest.raises(ValueError, match=rf"01\.toml.*{words}"):
        read_quiz(written(tmp_path, content))


def test_a_missing_or_unreadable_quiz(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    with pytest.raises(ValueError, match=r"07\.toml n'existe pas.*quiz disponibles\W+01"):
        read_quiz(tmp_path / "07.toml")
    (tmp_path / "02.toml").write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_quiz(tmp_path / "02.toml")
    with pytest.raises(ValueError, match="doit contenir des questions"):
        read_quiz(written(tmp_path, ""))


@pytest.mark.parametrize(
    "right",
    [
        "Pourquoi\u202f?",
        "Ainsi\u00a0: «\u00a0oui\u00a0»\u202f!",
        "1800 images, 1\u202f800 images, 3\u00a0%",
        "T\u00a0: `x`\u202f?",
        "Aucune espace: ici, ni là?",
    ],
)
def test_typography(right: str) -> None:
    plain = right.replace("\u00a0", " ").replace("\u202f", " ")
    assert typography(plain) == typography(right) == right


def test_typography_leaves_code_and_formulas() -> None:
    kept = "`a" + " ? b" + " : c`, $x" + " : y$, https://exemple.fr/?a=1"
    assert typography(kept) == kept


def test_stars_and_accents_of_code_are_not_markup() -> None:
    assert "T**2</code> et <code" in re.sub(r" style='[^']*'", "", inline("`T**2` et `y**3`"))
    assert inline("**gras** et *penché*") == "<strong>gras</strong> et <em>penché</em>"


def test_the_line_of_a_student_is_shown_as_it_is_written() -> None:
    from course_utils.interaction.panels import verdict

    said = verdict("faux", "Erreur", "La `ligne` **fautive** :", detail="return T**2 * f(**{`x`})")
    assert "return T**2 * f(**{`x`})" in said.message and "La ligne fautive" in said.message


def test_an_answer_that_destroys_a_list_it_was_given_is_refused() -> None:
    exercise = Exercise(reference=lambda costs: sorted(costs), why="", cases=lambda: [([3.0, 1.0, 2.0],)], mistakes={})

    def destroys(costs: list[float]) -> list[float]:
        found = sorted(costs)
        costs.clear()
        return found

    assert judge(exercise, lambda costs: sorted(costs)).status == "juste"
    found = judge(exercise, destroys)
    assert found.status == "faux" and "lui-même" in found.message
