"""Toucher à tout ce qui bouge, au clavier et à la souris : l'image change, et la page ne saute jamais."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, TimeoutError

from tests.browser.notebook_page import NotebookPage

# Un pari est un bloc ; un quiz en contient un par question.
QUESTIONS = ", ".join(f".cours-quiz{inside}.widget-vbox:has(> .cours-choix)" for inside in ("", " "))


FROZEN = 10_000  # millisecondes


def touch_everything(notebook: NotebookPage, live: Locator) -> None:
    """Chaque réglage d'une image vivante."""
    live.scroll_into_view_if_needed()
    fold_and_unfold(notebook, live)
    height = notebook.steady_height()

    def still() -> None:
        assert notebook.height() == pytest.approx(height, abs=1), "la hauteur du notebook change"

    for slider in live.get_by_role("slider").all():
        press_slider_keys(notebook, live, slider, still)
        drag_slider(notebook, live, slider, still)
    for box in live.locator("input[type=number]").all():
        type_in_box(notebook, live, box, still)
    for menu in live.locator("select").all():
        choose_in_menu(notebook, live, menu, still)
    for box in live.locator("input[type=checkbox]").all():
        for gesture in (lambda box=box: press(notebook, box, "Space"), lambda box=box: click(notebook, box)):
            before = drawing(live)
            gesture()
            assert differs(notebook, live, before), "la case à cocher ne change pas l'image"
            still()
    buttons = live.get_by_role("button").all()
    for device, gesture in (("clavier", lambda button: press(notebook, button, "Enter")),
                            ("souris", lambda button: click(notebook, button))):  # fmt: skip
        for slider in live.get_by_role("slider").all() if buttons else []:
            press(notebook, slider, "End")  # ailleurs qu'où mènent les boutons
        seen = {drawing(live)}
        for button in buttons:
            gesture(button)
            seen.add(drawing(live))
            still()
        assert not buttons or len(seen) > 1, f"aucun bouton ne change l'image ({device})"


def fold_and_unfold(notebook: NotebookPage, live: Locator) -> None:
    """La sortie repliée puis dépliée : ses éléments sont détachés de la page, puis rattachés."""
    node = live.element_handle()  # repliée, l'image n'est plus dans la page : le locator en trouverait une autre
    bar = node.evaluate_handle("node => node.closest('.jp-CodeCell').querySelector('.jp-OutputCollapser')").as_element()
    assert bar
    try:
        for seen in (False, True):
            bar.click(timeout=FROZEN)
            notebook.page.wait_for_function(
                "([node, seen]) => node.isConnected === seen", arg=[node, seen], timeout=FROZEN
            )
        notebook.page.wait_for_timeout(100)
        notebook.page.wait_for_function("true", timeout=FROZEN)
    except TimeoutError:
        notebook.page.close()  # une page figée ne répondrait à rien de ce qui suit
        pytest.fail("la page ne répond plus quand une sortie est repliée, puis dépliée")


def press_slider_keys(notebook: NotebookPage, live: Locator, slider: Locator, still: Callable[[], None]) -> None:
    """Les flèches et les bouts : au pixel près, une touche au moins change l'image."""
    start, photo = drawing(live), photograph(live)
    moved = False
    for key in ("ArrowUp", "End", "Home", "ArrowRight"):
        before = slider.get_attribute("aria-valuenow")
        press(notebook, slider, key)
        at_its_end = slider.get_attribute("aria-valuenow") == before
        moved = moved or (not at_its_end and differs(notebook, live, start) and photograph(live) != photo)
        still()
    assert moved, "aucune touche du curseur ne change l'image"


def drag_slider(notebook: NotebookPage, live: Locator, slider: Locator, still: Callable[[], None]) -> None:
    """La poignée tirée aux quatre cinquièmes puis aux deux cinquièmes de sa course, puis un clic près de son début."""
    mouse, said = notebook.page.mouse, {slider.get_attribute("aria-valuetext")}
    seen = {drawing(live)}
    for share in (0.8, 0.4):
        mouse.move(*middle(slider))
        mouse.down()
        mouse.move(*along(slider, share), steps=3)
        mouse.up()
        notebook.page.wait_for_timeout(60)
        notebook.settle()
        said.add(slider.get_attribute("aria-valuetext"))
        seen.add(drawing(live))
        still()
    assert len(said) > 1, "la souris ne tire pas la poignée"
    assert len(seen) > 1, "la poignée tirée à la souris ne change pas l'image"
    before = slider.get_attribute("aria-valuetext")
    mouse.click(*along(slider, 0.05))
    notebook.page.wait_for_timeout(60)
    notebook.settle()
    assert slider.get_attribute("aria-valuetext") != before, "un clic sur la piste ne déplace pas la poignée"
    still()


def type_in_box(notebook: NotebookPage, live: Locator, box: Locator, still: Callable[[], None]) -> None:
    """Une valeur tapée dans la case, puis Entrée : l'image suit, la poignée aussi, et elle dit cette valeur."""
    row = box.locator("xpath=ancestor::*[contains(@class, 'cours-reglage')]")
    slider = row.get_by_role("slider")
    name = row.locator("label").first.inner_text()
    assert slider.get_attribute("aria-label") == name, "le curseur n'a pas le nom écrit"
    low, high = (float(box.get_attribute(bound) or "nan") for bound in ("min", "max"))
    whole = (box.get_attribute("step") or "any").isdigit()
    seen, places = {drawing(live)}, {middle(slider)}
    for share in (0.81, 0.37):
        value = round(low + share * (high - low), 0 if whole or high - low > 20 else 1)
        box.fill(f"{value:g}")
        press(notebook, box, "Enter")
        end = time.monotonic() + 5
        while drawing(live) in seen and time.monotonic() < end:
            notebook.page.wait_for_timeout(40)
        seen.add(drawing(live))
        places.add(middle(slider))
        said = (slider.get_attribute("aria-valuetext") or "").replace("\u202f", "").replace(",", ".")
        assert float(said) == pytest.approx(value), f"le curseur annonce {said} quand la case vaut {value:g}"
        still()
    assert len(seen) > 1, "une valeur tapée dans la case ne change pas l'image"
    assert len(places) > 1, "la poignée ne suit pas la case"


def choose_in_menu(notebook: NotebookPage, live: Locator, menu: Locator, still: Callable[[], None]) -> None:
    """Chaque option, puis la flèche du bas. La liste ouverte d'un menu est dessinée par le système, hors de la page :
    la souris n'y est pas essayée, mais on vérifie qu'elle atteint le menu."""
    for index in [*range(1, menu.locator("option").count()), 0]:
        if menu.evaluate("menu => menu.selectedIndex") == index:
            continue
        before = drawing(live)
        menu.select_option(index=index)
        assert differs(notebook, live, before), f"l'option {index} du menu ne change pas l'image"
        still()
    menu.click(trial=True)
    before = drawing(live)
    press(notebook, menu, "ArrowDown")
    assert differs(notebook, live, before), "la flèche du bas ne change pas le choix du menu"
    still()


def answer_everything(notebook: NotebookPage) -> None:
    """Chaque pari et chaque question de quiz : un choix au clavier, un à la souris, le bouton s'il y en a un."""
    for question in notebook.page.locator(QUESTIONS).all():
        before = question.inner_text()
        group = question.locator(".cours-choix")
        assert group.get_attribute("role") and group.get_attribute("aria-label"), f"choix sans question :\n{before}"
        assert question.locator(".cours-retour").get_attribute("role") == "status", f"verdict muet :\n{before}"
        choices, buttons = question.locator("input").all(), question.get_by_role("button").all()
        radio = choices[0].get_attribute("type") == "radio"
        press(notebook, choices[0], "ArrowDown" if radio else "Space")
        assert choices[radio].is_checked(), f"le clavier ne choisit pas :\n{before}"
        assert buttons or appears(notebook, question, before), f"aucune réponse ne s'affiche, au clavier :\n{before}"
        chosen = question.inner_text()
        click(notebook, choices[-1].locator("xpath=ancestor::label"))
        assert choices[-1].is_checked(), f"la souris ne choisit pas :\n{before}"
        assert buttons or appears(notebook, question, chosen), f"aucune réponse ne s'affiche, à la souris :\n{before}"
        for button in buttons:
            button.click(trial=True)  # la souris l'atteint ; un pari ne s'engage qu'une fois : ici, au clavier
            press(notebook, button, "Enter")
            assert appears(notebook, question, chosen), f"aucune réponse ne s'affiche :\n{before}"
            assert button.evaluate("button => button === document.activeElement"), "le clavier a perdu sa place"


def drawing(live: Locator) -> str:
    """Ce que l'image vivante dessine : le contenu du SVG, sans son texte de remplacement."""
    return live.locator("svg").first.inner_html()


def photograph(live: Locator) -> bytes:
    """L'image vivante telle qu'on la voit, au pixel près (dix fois plus long que de relire son dessin)."""
    # Le cadre de l'image, et non l'image : celle-ci est remplacée à chaque mouvement.
    return live.locator(".widget-html", has=live.page.locator("svg")).last.screenshot(animations="disabled")


def middle(control: Locator) -> tuple[float, float]:
    """Le point de l'écran où la souris le prend."""
    control.scroll_into_view_if_needed()
    box = control.bounding_box()
    assert box, "ce réglage n'est pas affiché"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def along(slider: Locator, share: float) -> tuple[float, float]:
    """Un point de la piste, de 0 (le début) à 1 (le bout)."""
    track = slider.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box()
    assert track, "la piste n'est pas affichée"
    return track["x"] + share * track["width"], track["y"] + track["height"] / 2


def press(notebook: NotebookPage, control: Locator, key: str) -> None:
    """Une touche sur un réglage ; rend la main quand le noyau y a répondu."""
    control.focus()
    notebook.page.keyboard.press(key)
    notebook.page.wait_for_timeout(60)  # le temps que le message parte vers le noyau
    notebook.settle()


def click(notebook: NotebookPage, control: Locator) -> None:
    """Un clic de souris ; rend la main quand le noyau y a répondu."""
    control.click()
    notebook.page.wait_for_timeout(60)
    notebook.settle()


def differs(notebook: NotebookPage, live: Locator, before: str, seconds: float = 5.0) -> bool:
    """Vrai dès que le dessin n'est plus celui d'avant."""
    return becomes_other(notebook, lambda: drawing(live), before, seconds)


def appears(notebook: NotebookPage, block: Locator, before: str, seconds: float = 5.0) -> bool:
    """Vrai dès que le texte du bloc n'est plus celui d'avant."""
    return becomes_other(notebook, block.inner_text, before, seconds)


def becomes_other(notebook: NotebookPage, look: Callable[[], str], before: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while look() == before:
        if time.monotonic() > end:
            return False
        notebook.page.wait_for_timeout(40)
    return True
