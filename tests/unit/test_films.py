"""Les films : quelles positions, quelles images, et un notebook exécuté rendu sans noyau."""

import base64
import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import nbformat
import pytest
from nbconvert import HTMLExporter

from course_utils.drawing.svg import alt_of
from course_utils.exercises import predict, quiz
from course_utils.figures import text_panel
from course_utils.french import typography
from course_utils.live import Live, live, log
from lab import films, lesson
from tests.course import ROOT


def echo(**values: Any) -> str:
    """Une image qui dit ses valeurs."""
    return text_panel(" ; ".join(f"{name}={value!r}" for name, value in values.items()), width=600)


def frame(film: dict[str, Any], *places: int) -> str:
    """Ce que dit l'image à ces positions, retrouvée comme le fait lesson.js."""
    index = 0
    for place, control in zip(places, film["controls"], strict=True):
        index = index * len(control["texts"]) + place
    return alt_of(film["frames"][index])


def texts(film: dict[str, Any], control: int = 0) -> list[str]:
    return film["controls"][control]["texts"]


def test_every_combination_is_drawn_at_its_place() -> None:
    found = films.film(live(echo, n=(1, 3, 1, 2), kind=["a", "b"], on=False, labels={"n": "Nombre"}))
    assert found
    assert [(c["label"], c["kind"], c["start"]) for c in found["controls"]] == [
        ("Nombre", "curseur", 1),
        ("kind", "menu", 0),
        ("on", "menu", 0),
    ]
    assert texts(found) == ["1", "2", "3"] and texts(found, 2) == ["non", "oui"]
    assert len(found["frames"]) == 12
    for n in range(3):
        for kind in range(2):
            for on in range(2):
                assert frame(found, n, kind, on) == f"n={n + 1} ; kind={'ab'[kind]!r} ; on={bool(on)}"


def test_a_logarithmic_slider_says_the_rounded_value_that_is_drawn() -> None:
    found = films.film(live(echo, t=log(0.5, 20, 4)))
    assert found and texts(found)[:3] == ["0,5", "0,55", "0,6"] and texts(found)[-1] == "20"
    assert texts(found)[found["controls"][0]["start"]] == "4"
    assert all(frame(found, k) == f"t={text.replace(',', '.')}" for k, text in enumerate(texts(found)) if "," in text)


def test_a_fine_slider_keeps_its_ends_its_start_and_what_its_buttons_want() -> None:
    view = live(echo, n=(0, 1999, 1, 7), t=log(0.1, 10, 1), presets={"bas": {"t": 0.37}, "loin": {"n": 1234}})
    found = films.film(view)
    assert found and len(found["frames"]) <= 1.2 * films.MOST
    values = texts(found)
    assert (values[0], values[-1]) == ("0", "1\u202f999") and {"7", "1\u202f234"} <= set(values)
    assert found["controls"][0]["start"] == values.index("7")
    assert {button["text"]: button["at"] for button in found["presets"]} == {
        "bas": [None, texts(found, 1).index("0,37")],
        "loin": [values.index("1\u202f234"), None],
    }


def test_the_film_starts_where_the_picture_was_shown() -> None:
    view = live(echo, n=(0, 9, 1, 3))
    view.controls["n"].value = 8
    found = films.film(view)
    assert found and frame(found, found["controls"][0]["start"]) == "n=3"


def test_too_many_combinations_leave_the_buttons() -> None:
    sliders = dict.fromkeys("abcd", (0, 30, 1, 0))
    found = films.film(live(echo, **sliders, presets={"tout": {"a": 30, "b": 30}}))
    assert found and len(found["controls"]) == 1
    assert texts(found) == ["au départ", "tout"]
    assert frame(found, 1) == "a=30 ; b=30 ; c=0 ; d=0"
    assert films.film(live(echo, **sliders)) is None


def test_a_foreign_widget_makes_no_film() -> None:
    assert films.film(live(echo, text=widgets.Text("a"))) is None


@pytest.mark.parametrize(("sizes", "room"), [([2000, 48], 480), ([3, 100, 100], 480), ([5], 480), ([], 3)])
def test_shared_room_takes_from_the_finest(sizes: list[int], room: float) -> None:
    counts = films.shared(sizes, room)
    product = 1
    for count, size in zip(counts, sizes, strict=True):
        assert 1 <= count <= size
        product *= count
    assert product <= room
    assert all(c == s or c >= max(counts) - 1 for c, s in zip(counts, sizes, strict=True))


def test_keepsakes_of_what_is_shown() -> None:
    view, bet, questions = live(echo, n=(0, 1, 1)), predict("Pair ?", ["oui", "non"]), quiz("01")
    kept = films.keepsakes()
    assert len(kept[view.widget.model_id]["film"]["frames"]) == 2
    assert kept[bet.widget.model_id] == {"pari": {"question": "Pair\u202f?", "choices": ["oui", "non"]}}
    assert len(kept[questions.widget.model_id]["quiz"]) == len(questions.questions)
    json.dumps([kept[thing.widget.model_id] for thing in (view, bet, questions)])


CELLS = [
    "from course_utils.exercises import check, predict, quiz\n"
    "from course_utils.figures import show, text_panel\nfrom course_utils.live import live",
    'print("un")\nprint("deux")',
    'live(lambda n: text_panel(str(n)), n=(0, 2, 1), labels={"n": "Nombre"})',
    'predict("Pair ?", ["oui", "non"])',
    "def softened_softmax(logits, temperature):\n    return ...\n\n\n# %load solutions/01-softmax-temperature.py",
    'check("01-softmax-temperature", softened_softmax)',
    'quiz("01")',
    'from tqdm.auto import tqdm\nfor _ in tqdm(range(3), desc="barre"): pass',
    'show(text_panel("montrée"))',
    "from IPython.display import HTML\nHTML(\"<a href='02_distillation_hinton.ipynb#suite'>suite</a>\")",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], dict[str, dict[str, Any]]]:
    return lesson.executed(notebook(tmp_path_factory.mktemp("dossier"), CELLS))


def notebook(folder: Path, cells: list[str]) -> Path:
    """Un petit notebook de ces cellules de code."""
    path = folder / "petit.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    return path


def rendered(executed: tuple[list[Any], dict[str, dict[str, Any]]], number: int) -> str:
    """Une cellule et ses sorties, sans le code coloré."""
    cells, kept = executed
    shown = [nbformat.v4.new_code_cell("# %load solutions/01-softmax-temperature.py"), cells[number]]
    content = lesson.lesson(shown, kept, markdown=str, folder=ROOT / "notebooks")
    return content.split("</pre>", 2)[2]


def test_printed_lines_are_together(executed: Any) -> None:
    assert rendered(executed, 1).strip() == '<div class="output"><pre>un\ndeux\n</pre></div>'


def test_a_live_picture_becomes_a_still_and_its_film(executed: Any) -> None:
    text = rendered(executed, 2)
    assert alt_of(text) == "0"
    packed = re.search(r'<script type="text/plain">([^<]+)</script>', text)
    assert packed
    film = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    assert [alt_of(frame) for frame in film["frames"]] == ["0", "1", "2"]
    assert film["controls"][0]["label"] == "Nombre"


def test_a_bet_and_a_quiz_keep_their_choices(executed: Any) -> None:
    assert rendered(executed, 3).count('type="radio"') == 2
    questions = quiz("01").questions
    text = rendered(executed, 6)
    choices = [choice for question in questions for choice in question.choices]
    assert text.count("<summary>") == len(choices)
    assert text.count("✓") == sum(choice.right for choice in choices)


def test_an_exercise_offers_its_solution(executed: Any) -> None:
    text = rendered(executed, 5)
    assert "À vous de jouer" in text and text.count("Une solution") == 1 and "softened_softmax" in text


def test_a_progress_bar_leaves_nothing(executed: Any) -> None:
    assert "output" not in rendered(executed, 7)


def test_a_picture_stays_and_links_stay_inside_the_site(executed: Any) -> None:
    assert alt_of(rendered(executed, 8)) == "montrée"
    assert "href='02_distillation_hinton.html#suite'" in rendered(executed, 9)


def test_without_widget_state_nbconvert_shows_the_still_and_the_questions(executed: Any) -> None:
    # JupyterLab enregistre les sorties, et non l'état des widgets.
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=executed[0]))
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert [alt_of(base64.b64decode(picture).decode()) for picture in pictures] == ["0"]
    text = html.unescape(page)
    assert (
        'aria-label="montrée"' in text
        and "○ oui" in text
        and all(typography(question.statement) in text for question in quiz("01").questions)
    )
    assert "widget-view+json" not in page


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"petit\.ipynb ne s'exécute pas jusqu'au bout") as refused:
        lesson.executed(notebook(tmp_path, ["1 / 0"]))
    assert "ZeroDivisionError" in str(refused.value)


def test_a_cell_without_end_and_a_kernel_that_stops_are_told_in_french(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lesson, "LONGEST_CELL", 1)
    with pytest.raises(RuntimeError, match=r"petit\.ipynb .* une cellule dure plus de 1 secondes"):
        lesson.executed(notebook(tmp_path, ["import time\ntime.sleep(60)"]))
    monkeypatch.setattr(lesson, "LONGEST_CELL", 60)
    with pytest.raises(RuntimeError, match=r"petit\.ipynb .* son noyau s'est arrêté"):
        lesson.executed(notebook(tmp_path, ["import os\nos._exit(1)"]))


def test_headings_are_listed() -> None:
    page = '<h1>T</h1><h2 id="a">Le <em>premier</em></h2>\n<p>x</p><h2 id="b">Le second ?</h2>'
    assert list(lesson.headings(page)) == [("a", "Le premier"), ("b", "Le second\u202f?")]


def test_a_picture_that_fails_is_not_hidden(tmp_path: Path) -> None:
    source = "from course_utils.live import Live, live\nfrom course_utils.figures import text_panel\n"
    source += "live(lambda n: text_panel(str(1 / (2 - n))), n=(0, 3, 1))"
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        lesson.executed(notebook(tmp_path, [source]))


def test_live_type_is_the_one_that_is_looked_for() -> None:
    assert type(live(echo, n=(0, 1, 1))) is Live
