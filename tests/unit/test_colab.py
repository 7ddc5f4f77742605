"""Les paris, les quiz et les images vivantes avec ipywidgets 7, le seul que Colab affiche (tests/colab.txt)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COLAB = Path(sys.prefix) / "colab"

LESSON = """
from types import SimpleNamespace

import ipywidgets
from course_utils.exercises import predict, quiz
from course_utils.figures import text_panel
from course_utils.live import curves, live, log

assert ipywidgets.__version__.startswith("7."), ipywidgets.__version__


def seen(thing):
    view = thing._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
    assert view["version_major"] == 2 and view["model_id"] in ipywidgets.Widget.widgets
    return thing


bet = seen(predict("Monte ou baisse ?", ["elle monte", "elle baisse"], right="elle monte", because="Mesuré."))
radio, button = bet.widget.children[2:4]
radio.value = "elle monte"
button.click()
assert "Bien vu" in bet.widget.children[-1].value

asked = seen(quiz("01"))
_, choices, feedback = asked.widget.children[1].children
choices.index = 0
assert feedback.value

kinds = {"t": log(0.5, 20, 4), "k": (0, 9, 1), "x": (0.0, 1.0, 0.1), "menu": ["a", "b"], "box": True}
view = seen(live(lambda **values: text_panel(repr(values)), presets={"neuf": {"k": 9}}, **kinds))
for name, value in {"t": 8.0, "k": 7, "x": 0.3, "menu": "b", "box": False}.items():
    before, view.controls[name].value = view.svg, value
    assert view.svg != before, name

followed = seen(curves("Validation", epochs=2, teacher=0.9))
followed(SimpleNamespace(accuracy=[0.8]))
assert "80,0" in followed.widget.value
"""


@pytest.mark.skipif(not COLAB.is_dir(), reason="« make test » met ipywidgets 7 dans .venv/colab ; il n'y est pas")
def test_bets_quizzes_and_live_pictures_work_with_the_widgets_of_colab() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LESSON], env=os.environ | {"PYTHONPATH": str(COLAB)}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
