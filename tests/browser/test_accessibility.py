"""Les vérifications d'accessibilité refusent bien des pages fautives ; et les dessins des notebooks les passent."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from course_utils.figures import heat_map
from tests.browser import accessibility, front_ends
from tests.browser.views import TALLEST, tall
from tests.course import ROOT

DRAWINGS = sorted((ROOT / "notebooks" / "figures").glob("*.svg"))
AREA = ["main"]
PAGE = "<!doctype html><html lang='fr'><title>essai</title><body style='background:{ground};color:#111'><main>{}</main>"
PICTURE = (
    "<svg role='img' aria-label='Un texte.' viewBox='0 0 100 40' width='{width}' height='40'>"
    "<rect width='100' height='40' fill='{fill}'/><text x='8' y='25' font-size='14' fill='{ink}'>texte</text></svg>"
)


@pytest.fixture(scope="module")
def sheet(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 800, "height": 450})
    yield context.new_page()
    context.close()


def shown(sheet: Page, body: str, ground: str = "white") -> Page:
    sheet.set_content(PAGE.format(body, ground=ground))
    return sheet


def picture(*, width: str = "100", fill: str = "#fff", ink: str = "#111") -> str:
    return PICTURE.format(width=width, fill=fill, ink=ink)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<div role='slider' tabindex='0' aria-valuenow='1' aria-valuemin='0' aria-valuemax='2'></div>", "aria-input"),
        ("<input type='number'>", "label"),
        ("<select><option>un</option></select>", "select-name"),
        ("<button></button>", "button-name"),
        ("<p style='color:#999'>à peine gris</p>", "color-contrast"),
        ("<p>Un <a href='#' style='color:#222;text-decoration:none'>lien</a> perdu.</p>", "link-in-text-block"),
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
        ("<svg role='img' viewBox='0 0 9 9'></svg>", "svg-img-alt"),
        ("<h1>un</h1><h3>trois</h3>", "heading-order"),
        ("<table><tr><th></th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "empty-table-header"),
    ],
)
def test_a_fault_is_found(sheet: Page, body: str, rule: str) -> None:
    found = accessibility.read(shown(sheet, body), AREA).faults
    assert [fault for fault in found if fault.startswith(rule)], found


def test_a_good_page_has_no_fault(sheet: Page) -> None:
    body = "<h1>Un</h1><h2>Deux</h2><label>T <input type='number'></label><p>Un paragraphe.</p>" + picture()
    found = accessibility.read(shown(sheet, body), AREA)
    assert found.faults == [] and found.contrasts >= 4


@pytest.mark.parametrize(
    ("drawing", "ground", "faint"),
    [
        (picture(), "white", False),
        (picture(ink="#888"), "white", True),
        (picture(fill="#0072B2", ink="#111"), "white", True),
        (picture(fill="none"), "black", True),  # une image sans fond : noire sur le thème sombre
        (picture(fill="#0072B2", ink="#111' stroke='#fff' stroke-width='4' paint-order='stroke"), "white", False),
    ],
)
def test_a_text_lost_in_a_picture_is_found(sheet: Page, drawing: str, ground: str, faint: bool) -> None:
    assert bool(accessibility.faint_texts(shown(sheet, drawing, ground), AREA)) is faint


@pytest.mark.parametrize("height", [TALLEST, TALLEST + 1])
def test_a_live_picture_taller_than_the_screen_is_found(sheet: Page, height: int) -> None:
    found = tall(shown(sheet, f"<div class='cours-vivant' style='height:{height}px'></div>"))
    assert bool(found) is (height > TALLEST)


@pytest.mark.parametrize(("ink", "lost"), [("white", "0,10"), ("black", "0,50")])
def test_a_text_lost_in_a_cell_of_a_heat_map_is_found(sheet: Page, ink: str, lost: str) -> None:
    """Les cases y sont une image : l'une est presque blanche, l'autre presque noire."""
    cells = heat_map([[0.5, 0.1]], ["a"], ["b", "c"], alt="Deux cases.", limits=(0.1, 0.5))
    assert accessibility.faint_texts(shown(sheet, cells), AREA) == []
    lost_in_one = re.sub(r'fill="#\w+"( text-anchor="middle">0,)', rf'fill="{ink}"\1', cells)
    (fault,) = accessibility.faint_texts(shown(sheet, lost_in_one), AREA)
    assert fault.startswith(lost)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<p>Un paragraphe ordinaire, qui va à la ligne quand il le faut, et ne dépasse donc jamais.</p>", False),
        ("<p style='width:900px'>large</p>", True),
        (picture(width="900"), True),
        ("<label style='display:block;overflow:hidden;white-space:nowrap;width:60px'>un nom trop long</label>", True),
        ("<div style='overflow:auto'><table><tr><td style='min-width:900px'>a</td></tr></table></div>", False),
        ("<input style='width:60px' value='une valeur qui défile dans sa case'>", False),
    ],
)
def test_what_is_cut_is_found(sheet: Page, body: str, fault: bool) -> None:
    assert bool(accessibility.cut(shown(sheet, body), AREA)) is fault


@pytest.mark.parametrize(("zoom", "small"), [(1, True), (2, False)])
def test_a_small_text_is_found(sheet: Page, zoom: float, small: bool) -> None:
    drawing = picture().replace("font-size='14'", "font-size='8'")
    assert bool(accessibility.small_texts(shown(sheet, drawing), AREA, zoom)) is small


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.name)
def test_a_drawing_is_described_and_read_on_any_theme(sheet: Page, path: Path) -> None:
    shown(sheet, path.read_text(encoding="utf-8"), "black")
    assert accessibility.read(sheet, AREA).faults == []
    assert accessibility.faint_texts(sheet, AREA) == []


def test_a_widget_of_another_library_is_refused() -> None:
    core = ["@jupyter-widgets/controls : FloatSliderModel", "@jupyter-widgets/base : LayoutModel"]
    assert front_ends.foreign(core) == []
    assert front_ends.foreign([*core, "jupyter-matplotlib : MPLCanvasModel"]) == ["jupyter-matplotlib : MPLCanvasModel"]


@pytest.mark.parametrize(
    ("data", "live", "mute"),
    [
        ({"image/svg+xml": "<svg/>", "text/plain": "Dix barres."}, True, False),
        ({"text/plain": "Dix barres, et leur légende."}, True, True),
        ({"text/plain": "1. Que devient l'ordre des classes ?"}, False, False),
        ({"text/plain": "VBox(children=(HTML(value='…'), FloatSlider()))"}, False, True),
        ({"text/plain": "<course_utils.live.Live object at 0x7f>"}, False, True),
        ({}, False, True),
        ({"text/html": "<p>Une page.</p>"}, False, False),
    ],
)
def test_an_output_that_says_nothing_without_widgets_is_refused(data: dict[str, Any], live: bool, mute: bool) -> None:
    widget = {front_ends.WIDGET: {"model_id": "a"}}
    assert bool(front_ends.mute([{"data": data | widget, "live": live}])) is mute


def test_an_output_without_widgets_is_left_alone() -> None:
    assert front_ends.mute([{"data": {"text/plain": "3"}, "live": False}, {"data": {}, "live": False}]) == []
