"""Les quiz : bien formés, expliqués, écrits en bon français, et chacun posé par son notebook."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from course_utils import results
from course_utils.adapters import regressor
from course_utils.cost import challenge_score
from course_utils.data import load
from course_utils.french import french_number
from course_utils.interaction.quiz import QUIZ_FOLDER, Question, read_quiz
from course_utils.losses import hinton_loss, kd_loss, rkd_distance_loss, soften
from course_utils.models import mlp
from course_utils.objectives import Rkd
from course_utils.training import Teacher
from course_utils.verdicts.nb06 import EXERCISES
from tests.course import NOTEBOOKS, QUIZZES, first_arguments
from tests.typography import faults

FINAL = QUIZ_FOLDER / "08.toml"
LESSONS = [path for path in QUIZZES if path != FINAL]

every_quiz = pytest.mark.parametrize("path", QUIZZES, ids=lambda path: path.stem)


def test_each_quiz_is_asked_by_a_notebook() -> None:
    asked = [name for notebook in NOTEBOOKS for name in first_arguments(notebook, "quiz")]
    assert sorted(asked) == sorted(path.stem for path in QUIZZES)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_asks_four_to_six_questions(path: Path) -> None:
    assert 4 <= len(read_quiz(path)) <= 6


def test_the_final_quiz_asks_fifteen_and_says_what_to_read_again() -> None:
    questions = read_quiz(FINAL)
    assert len(questions) == 15
    assert [question.statement for question in questions if question.lesson is None] == []


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


# ---------------------------------------------------------------- le quiz final, recalculé

LN = torch.tensor([1.0, 2.0, 3.0, 4.0]).log()
GAPS = [1.0, 2.0, 3.0]
TEACHER_POINTS = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
STUDENT_POINTS = torch.tensor([[0.0], [1.0], [2.0]])


def softened(temperature: float) -> float:
    return soften(torch.stack([2 * LN[2], 2 * LN[1], LN[0]]), temperature)[0].item()


def total_loss() -> float:
    teacher = 2 * torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()
    return hinton_loss(torch.zeros(1, 4), teacher, torch.tensor([1]), temperature=2, soft_weight=2).item()


def half_width() -> float:
    return results.paired(GAPS, [0.0] * len(GAPS)).half


def regressor_size() -> int:
    return sum(parameter.numel() for parameter in regressor((16, 14, 14), (48, 14, 14)).parameters())


def lit_total() -> float:
    mix = EXERCISES["06-melange"].reference
    return float(mix(2.0, 1.0, 0.2 + 0.1 + 0.1, hard_share=0.8, kd_share=0.75))


def score() -> float:
    model = nn.Conv2d(2000, 2800, 1, bias=False)  # 5,6 M de poids, et 50 pixels : 280 M de multiplications-additions
    bits = {"weight_bits": 8, "activation_bits": 16}
    return challenge_score(model, (2000, 5, 10), structured_pruning=0.25, unstructured_pruning=0.25, **bits)


@pytest.mark.parametrize(
    ("words", "value", "digits"),
    [
        ("2 ln 3, 2 ln 2, 0", lambda: softened(2.0), 2),
        ("qui n'a rien appris", total_loss, 2),
        ("gains de 1, 2 et 3 points", half_width, 1),
        ("Combien de paramètres a le régresseur", regressor_size, 0),
        ("α = 0,8 et β = 0,75", lit_total, 2),
        ("en 0, 1 et 2 sur une droite", lambda: rkd_distance_loss(STUDENT_POINTS, TEACHER_POINTS).item(), 3),
        ("le score du défi", score, 4),
    ],
)
def test_the_computed_answers(words: str, value: Callable[[], float], digits: int) -> None:
    written = re.compile(rf"(?<![\d,]){re.escape(french_number(value(), digits))}(?![\d,])")
    assert [bool(written.search(c.text)) for c in asked(words).choices] == [c.right for c in asked(words).choices]


def test_three_gains_are_not_enough() -> None:
    gap = results.paired(GAPS, [0.0] * len(GAPS))
    assert gap.mean == 2 and not gap.significant and "non significatif" in right_choice("gains de 1, 2 et 3 points")


def test_softening_one_side_only_teaches_divided_logits() -> None:
    teacher = torch.randn(5, 10, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(soften(teacher / 4, 1), soften(teacher, 4))  # ce terme s'annulerait là
    assert kd_loss(teacher / 4, teacher, 4.0) > 0.1  # le vrai, non
    assert "même température" in right_choice("je laisse l'élève à T = 1")


def test_probabilities_are_logits_enough() -> None:
    teacher = torch.randn(5, 10, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(soften(soften(teacher, 1).log(), 4), soften(teacher, 4))
    assert "ln p" in right_choice("service en ligne")


def test_rkd_alone_never_reaches_the_last_layer() -> None:
    batch = load("fashion-mnist", train_size=10).train.batch(torch.arange(10))
    student, teacher = mlp((8,), seed=0), mlp((16,), seed=1)
    terms: list[Tensor] = list(Rkd(Teacher(teacher))(student.to(batch.x.device), batch).values())
    torch.stack(terms).sum().backward()
    assert [p.grad is None for p in student.head.parameters()] == [True, True]
    assert "couche finale" in right_choice("Sans label ni KD")


def test_the_campaign_says_what_helps_against_noisy_labels() -> None:
    rows = [row for row in results.load("born_again") if row["condition"].startswith("40")]
    by_method = {method: results.column(rows, "accuracy", method=method) for method in results.grouped(rows, "method")}
    zero = by_method["génération 0"]
    assert all(results.paired(by_method[f"génération {g}"], zero).low > 0 for g in (1, 2, 3, 4))
    assert not results.paired(by_method["lissage des labels"], zero).significant
    assert min(by_method, key=lambda method: sum(by_method[method])) == "même budget, un réseau"
    assert "réseau neuf" in right_choice("labels ont été tirés au hasard")


def test_the_campaign_says_what_starts_25_layers() -> None:
    rows = [row for row in results.load("fitnets") if row["depth"] == 25]
    by_method = {method: results.column(rows, "accuracy", method=method) for method in results.grouped(rows, "method")}
    he = by_method["seul, initialisation de He"]
    hints = [by_method[f"indice à l'étage {stage}, puis KD"] for stage in (1, 2)]
    assert len(he) == 3 and min(he) > max(max(hint) for hint in hints)
    assert max(by_method["seul"] + by_method["KD"]) < 0.15  # quel que soit le pas essayé
    assert "He" in right_choice("réseau fin de 25 couches")


def asked(words: str) -> Question:
    """La question du quiz final dont l'énoncé contient ces mots."""
    found = [q for q in read_quiz(FINAL) if words in re.sub(r"\s", " ", q.statement)]
    assert len(found) == 1, f"« {words} » désigne {len(found)} questions du quiz final"
    return found[0]


def right_choice(words: str) -> str:
    """Le texte du bon choix de cette question, avec des espaces ordinaires."""
    return next(re.sub(r"\s", " ", choice.text) for choice in asked(words).choices if choice.right)
