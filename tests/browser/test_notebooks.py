"""Chaque notebook dans un vrai navigateur : tout exécuter, toucher à tout ce qui bouge, le voir par d'autres yeux.

Un notebook n'est exécuté qu'une fois : ses gestes sont essayés à la suite, dans le même onglet.
"""

import os
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page

from tests.browser.gestures import answer_everything, touch_everything
from tests.browser.notebook_page import NotebookPage
from tests.browser.preview import preview, told, told_by_preview
from tests.browser.views import everybody_reads, everything_shows_elsewhere
from tests.course import NOTEBOOKS, ROOT, Stub, stubs

CAPTURES = Path(__file__).parent / "captures"
# Leur premier dessin ne montre que des résultats rangés : son aperçu, dans le README, doit dire les mêmes nombres.
DRAW_CAMPAIGNS = ("04", "08")
LONGEST_RUN = 400  # secondes : une machine chargée peut en demander cinq fois plus qu'une machine calme


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook(page: Page, address: str, path: Path) -> None:
    with closing(NotebookPage(page, address, path.name)) as notebook:
        notebook.run_all(LONGEST_RUN)
        everything_shows_elsewhere(notebook)
        if os.environ.get("COURS_APERCUS") == "1":
            preview(notebook, path)
        if path.name.startswith(DRAW_CAMPAIGNS):
            assert told(notebook.live_objects()[0]) == told_by_preview(path), "« make apercus » refait les aperçus"
        for live in notebook.live_objects():
            touch_everything(notebook, live)
        CAPTURES.mkdir(exist_ok=True)
        notebook.screenshot(str(CAPTURES / f"{path.stem}.png"))
        answer_everything(notebook)
        for stub in stubs(path):
            do_exercise(notebook, stub)
        everybody_reads(notebook)
        assert notebook.kernel_errors() == []
        assert notebook.problems == []


REOPENED = ROOT / "notebooks" / "essai_rouvert.ipynb"
CELLS = [
    "from course_utils.figures import bar_chart\nfrom course_utils.live import live",
    "live(lambda t: bar_chart(['a'], [1 / t], alt='une barre'), t=(1, 5, 1))",
    "from course_utils.exercises import quiz\nquiz('01')",
]


# Rouvert plus tôt, le notebook s'attacherait au noyau qui s'arrête.
STOPPED = """async () => {
  const {sessions} = window.jupyterapp.serviceManager;
  for (;;) {
    await sessions.refreshRunning();
    if (![...sessions.running()].length) return;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}"""


def test_a_saved_notebook_reopens_with_its_pictures(page: Page, address: str) -> None:
    """Son noyau arrêté : les images et les quiz sont là, et non « Error displaying widget »."""
    try:
        cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), REOPENED)
        with closing(NotebookPage(page, address, REOPENED.name)) as notebook:
            notebook.run_all(LONGEST_RUN)
            notebook.save()
        page.evaluate(STOPPED)
        with closing(NotebookPage(page, address, REOPENED.name)):
            page.wait_for_selector(".cours-vivant svg")
            page.wait_for_selector(".cours-quiz input[type=radio]")
            assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()
    finally:
        REOPENED.unlink(missing_ok=True)


def test_interface_is_in_french(page: Page, address: str) -> None:
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".lm-MenuBar-itemLabel")
    menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
    assert "Fichier" in menus and "File" not in menus


def test_kernel_is_watched_in_the_status_bar(page: Page, address: str) -> None:
    with closing(NotebookPage(page, address, "00_accueil.ipynb")):
        indicator = ".jp-Notebook-ExecutionIndicator"
        page.wait_for_selector(f"#jp-main-statusbar {indicator}")
        assert page.locator(f".jp-NotebookPanel-toolbar {indicator}").count() == 0


def do_exercise(notebook: NotebookPage, stub: Stub) -> None:
    """Un exercice fait faux, puis juste : le verdict le dit, dans le navigateur."""
    wrong = stub.source.replace("return ...", "return 12345.0")
    assert notebook.answer(stub.source, wrong).startswith("✗"), f"{stub.name} : la réponse fausse n'est pas refusée"
    right = notebook.answer(stub.source, stub.solution.read_text(encoding="utf-8"))
    assert right.startswith("✓"), f"{stub.name} : la solution n'est pas acceptée\n{right}"
