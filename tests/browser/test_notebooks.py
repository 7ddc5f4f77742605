"""Chaque carnet dans un vrai navigateur : tout exécuter, puis toucher à tout ce qui bouge.

Un carnet n'est exécuté qu'une fois : ses gestes sont essayés à la suite, dans le même onglet.
"""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.notebook_page import NotebookPage
from tests.course import NOTEBOOKS

CAPTURES = Path(__file__).parent / "captures"
LONGEST_RUN = 180  # secondes, le double de ce qu'un carnet peut prendre sur deux cœurs, et de la marge


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_notebook(page: Page, address: str, name: str) -> None:
    notebook = NotebookPage(page, address, name)
    notebook.run_all(LONGEST_RUN)
    for live in notebook.live_objects():
        touch_everything(notebook, live)
    CAPTURES.mkdir(exist_ok=True)
    notebook.screenshot(str(CAPTURES / name.replace(".ipynb", ".png")))
    answer_everything(notebook)
    assert notebook.kernel_errors() == []
    assert notebook.problems == []
    notebook.close()


def test_interface_is_in_french(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".lm-MenuBar-itemLabel", timeout=60_000)
    menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
    assert "Fichier" in menus and "File" not in menus


def touch_everything(notebook: NotebookPage, live: Locator) -> None:
    """Chaque réglage, au clavier : l'image change, la page ne saute pas."""
    live.scroll_into_view_if_needed()
    height = notebook.height()
    for slider in live.get_by_role("slider").all():
        before = picture(live)
        slider.focus()
        assert any(changes(notebook, live, before, slider, key) for key in ("ArrowRight", "End", "Home")), (
            "aucune touche du curseur ne change l'image"
        )
        for key in ("Home", "End", "ArrowLeft"):
            press(notebook, slider, key)
    for menu in live.locator("select").all():
        options = menu.locator("option").count()
        assert options > 1
        for index in [*range(1, options), 0]:
            before = picture(live)
            menu.select_option(index=index)
            assert differs(notebook, live, before), f"l'option {index} du menu ne change pas l'image"
    for box in live.locator("input[type=checkbox]").all():
        before = picture(live)
        box.focus()
        assert changes(notebook, live, before, box, "Space"), "la case à cocher ne change pas l'image"
    presets = live.get_by_role("button").all()
    seen = {picture(live)}
    for button in presets:
        press(notebook, button, "Enter")
        seen.add(picture(live))
    assert not presets or len(seen) > 1, "aucun bouton ne change l'image"
    assert notebook.height() == pytest.approx(height, abs=1), "la hauteur du carnet change"


def picture(live: Locator) -> bytes:
    """L'image vivante telle qu'on la voit, au pixel près."""
    # Le cadre de l'image, et non l'image : celle-ci est remplacée à chaque mouvement.
    return live.locator(".widget-html", has=live.page.locator("svg")).last.screenshot(animations="disabled")


def press(notebook: NotebookPage, control: Locator, key: str) -> None:
    control.focus()
    notebook.page.keyboard.press(key)
    notebook.page.wait_for_timeout(60)  # le temps que le message parte vers le noyau
    notebook.settle()


def changes(notebook: NotebookPage, live: Locator, before: bytes, control: Locator, key: str) -> bool:
    """Vrai si cette touche, sur ce réglage, change l'image."""
    press(notebook, control, key)
    return differs(notebook, live, before)


def differs(notebook: NotebookPage, live: Locator, before: bytes, seconds: float = 2.0) -> bool:
    """Vrai dès que l'image n'est plus celle d'avant."""
    end = time.monotonic() + seconds
    while picture(live) == before:
        if time.monotonic() > end:
            return False
        notebook.page.wait_for_timeout(40)
    return True


def answer_everything(notebook: NotebookPage) -> None:
    """Chaque pari et chaque quiz : à chaque choix, ou au bouton qui le valide, une réponse s'affiche."""
    for block in notebook.page.locator(".cours-quiz").all():
        buttons = block.get_by_role("button").all()
        for group in block.locator(".widget-radio-box").all():
            before = block.inner_text()
            group.locator("input").first.check()
            assert buttons or appears(notebook, block, before), "aucune réponse au choix"
        for box in block.locator("input[type=checkbox]").all():
            box.check()
        for button in buttons:
            before = block.inner_text()
            button.press("Enter")
            assert appears(notebook, block, before), "aucune réponse au bouton"


def appears(notebook: NotebookPage, block: Locator, before: str, seconds: float = 5.0) -> bool:
    """Vrai dès que le texte du bloc n'est plus celui d'avant."""
    end = time.monotonic() + seconds
    while block.inner_text() == before and time.monotonic() < end:
        notebook.page.wait_for_timeout(40)
    return block.inner_text() != before
