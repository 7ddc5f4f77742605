"""Chaque notebook dans un vrai navigateur : tout exécuter, puis toucher à tout ce qui bouge.

Un notebook n'est exécuté qu'une fois : ses gestes sont essayés à la suite, dans le même onglet.
"""

import time
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.notebook_page import NotebookPage
from tests.course import NOTEBOOKS, Stub, stubs

CAPTURES = Path(__file__).parent / "captures"
LONGEST_RUN = 180  # secondes, le double de ce qu'un notebook peut prendre sur deux cœurs, et de la marge


# Un pari est un bloc ; un quiz en contient un par question.
QUESTIONS = ", ".join(
    f".cours-quiz{inside}.widget-vbox:has(> {choices})"
    for inside in ("", " ")
    for choices in (".widget-radio", ".widget-checkbox")
)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook(page: Page, address: str, path: Path) -> None:
    with closing(NotebookPage(page, address, path.name)) as notebook:
        notebook.run_all(LONGEST_RUN)
        for live in notebook.live_objects():
            touch_everything(notebook, live)
        CAPTURES.mkdir(exist_ok=True)
        notebook.screenshot(str(CAPTURES / f"{path.stem}.png"))
        answer_everything(notebook)
        for stub in stubs(path):
            do_exercise(notebook, stub)
        assert notebook.kernel_errors() == []
        assert notebook.problems == []


def test_interface_is_in_french(page: Page, address: str) -> None:
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".lm-MenuBar-itemLabel")
    menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
    assert "Fichier" in menus and "File" not in menus


def touch_everything(notebook: NotebookPage, live: Locator) -> None:
    """Chaque réglage, au clavier : l'image change, et la page ne saute jamais."""
    live.scroll_into_view_if_needed()
    height = notebook.steady_height()

    def still() -> None:
        assert notebook.height() == pytest.approx(height, abs=1), "la hauteur du notebook change"

    for slider in live.get_by_role("slider").all():
        start, photo = drawing(live), photograph(live)
        moved = False
        for key in ("ArrowRight", "End", "Home", "ArrowRight"):
            before = slider.get_attribute("aria-valuenow")
            press(notebook, slider, key)
            at_its_end = slider.get_attribute("aria-valuenow") == before
            moved = moved or (not at_its_end and differs(notebook, live, start) and photograph(live) != photo)
            still()
        assert moved, "aucune touche du curseur ne change l'image"
    for menu in live.locator("select").all():
        for index in [*range(1, menu.locator("option").count()), 0]:
            before = drawing(live)
            menu.select_option(index=index)
            assert differs(notebook, live, before), f"l'option {index} du menu ne change pas l'image"
            still()
    for box in live.locator("input[type=checkbox]").all():
        before = drawing(live)
        press(notebook, box, "Space")
        assert differs(notebook, live, before), "la case à cocher ne change pas l'image"
        still()
    presets = live.get_by_role("button").all()
    seen = {drawing(live)}
    for button in presets:
        press(notebook, button, "Enter")
        seen.add(drawing(live))
        still()
    assert not presets or len(seen) > 1, "aucun bouton ne change l'image"


def drawing(live: Locator) -> str:
    """Ce que l'image vivante dessine : le contenu du SVG, sans son texte de remplacement."""
    return live.locator("svg").first.inner_html()


def photograph(live: Locator) -> bytes:
    """L'image vivante telle qu'on la voit, au pixel près (dix fois plus long que de relire son dessin)."""
    # Le cadre de l'image, et non l'image : celle-ci est remplacée à chaque mouvement.
    return live.locator(".widget-html", has=live.page.locator("svg")).last.screenshot(animations="disabled")


def press(notebook: NotebookPage, control: Locator, key: str) -> None:
    """Une touche sur un réglage ; rend la main quand le noyau y a répondu."""
    control.focus()
    notebook.page.keyboard.press(key)
    notebook.page.wait_for_timeout(60)  # le temps que le message parte vers le noyau
    notebook.settle()


def differs(notebook: NotebookPage, live: Locator, before: str, seconds: float = 5.0) -> bool:
    """Vrai dès que le dessin n'est plus celui d'avant."""
    end = time.monotonic() + seconds
    while drawing(live) == before:
        if time.monotonic() > end:
            return False
        notebook.page.wait_for_timeout(40)
    return True


def answer_everything(notebook: NotebookPage) -> None:
    """Chaque pari et chaque question de quiz : un choix, puis le bouton s'il y en a un, et une réponse s'affiche."""
    for question in notebook.page.locator(QUESTIONS).all():
        before = question.inner_text()
        question.locator("input").first.check()
        for button in question.get_by_role("button").all():
            button.press("Enter")
        assert appears(notebook, question, before), f"aucune réponse ne s'affiche :\n{before}"


def do_exercise(notebook: NotebookPage, stub: Stub) -> None:
    """Un exercice fait faux, puis juste : le verdict le dit, dans le navigateur."""
    wrong = stub.source.replace("return ...", "return 12345.0")
    assert notebook.answer(stub.source, wrong).startswith("✗"), f"{stub.name} : la réponse fausse n'est pas refusée"
    right = notebook.answer(stub.source, stub.solution.read_text(encoding="utf-8"))
    assert right.startswith("✓"), f"{stub.name} : la solution n'est pas acceptée\n{right}"


def appears(notebook: NotebookPage, block: Locator, before: str, seconds: float = 5.0) -> bool:
    """Vrai dès que le texte du bloc n'est plus celui d'avant."""
    end = time.monotonic() + seconds
    while block.inner_text() == before and time.monotonic() < end:
        notebook.page.wait_for_timeout(40)
    return block.inner_text() != before
