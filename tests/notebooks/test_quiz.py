"""Les quiz : bien formés, expliqués, écrits en bon français, et chacun posé par son notebook."""

from pathlib import Path

import pytest

from course_utils.interaction.quiz import Question, read_quiz
from tests.course import NOTEBOOKS, QUIZZES, first_arguments
from tests.typography import faults

every_quiz = pytest.mark.parametrize("path", QUIZZES, ids=lambda path: path.stem)


def test_each_quiz_is_asked_by_a_notebook() -> None:
    asked = [name for notebook in NOTEBOOKS for name in first_arguments(notebook, "quiz")]
    assert sorted(asked) == sorted(path.stem for path in QUIZZES)


@every_quiz
def test_four_to_six_questions(path: Path) -> None:
    assert 4 <= len(read_quiz(path)) <= 6


@every_quiz
def test_every_choice_is_explained_in_a_sentence(path: Path) -> None:
    for question in read_quiz(path):
        for choice in question.choices:
            assert len(choice.explanation) > len("Oui."), f"{question.statement} : {choice.text}"


@every_quiz
def test_the_right_answer_is_not_always_at_the_same_place(path: Path) -> None:
    places = [tuple(choice.right for choice in question.choices) for question in read_quiz(path)]
    assert len(set(places)) > 1


@every_quiz
def test_french_typography(path: Path) -> None:
    found = [fault for question in read_quiz(path) for text in texts(question) for fault in faults(text)]
    assert found == [], "\n".join(found)


def texts(question: Question) -> list[str]:
    """Tout ce qu'un lecteur lit d'une question."""
    return [question.statement, *(text for c in question.choices for text in (c.text, c.explanation))]
