"""Les pages à imprimer dans un vrai navigateur, sans réseau : rien ne manque, rien ne déborde, et une seule feuille."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from lab import site
from lab.browser import chromium

A4 = (794, 1123)  # pixels CSS
FORMULAS = "() => [...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)"
# Ce qui dépasse de sa partie, donc de sa colonne, vers la droite.
OUTSIDE = """() => [...document.querySelectorAll('section')].flatMap(section => {
  const edge = section.getBoundingClientRect().right + 0.5;
  const out = [...section.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > edge);
  return [...out.map(e => e.outerHTML), ...(section.scrollWidth > section.clientWidth ? [section.innerText] : [])];
})"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dossier") / "site"
    site.build(folder)
    return folder


@pytest.fixture
def sheet(browser: Browser) -> Iterator[Page]:
    """Un onglet vierge de la largeur d'une feuille A4."""
    context = browser.new_context(viewport={"width": A4[0], "height": A4[1]})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["aide-memoire", "guide-enseignant", "index"])
def test_page_opens_from_the_disk(sheet: Page, folder: Path, name: str) -> None:
    problems: list[str] = []
    sheet.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    sheet.on("pageerror", lambda error: problems.append(str(error)))
    sheet.on("requestfailed", lambda request: problems.append(request.url))
    sheet.goto((folder / f"{name}.html").as_uri())
    for width in (A4[0], 400):
        sheet.set_viewport_size({"width": width, "height": A4[1]})
        assert sheet.evaluate("document.documentElement.scrollWidth") <= width
    assert problems == []


def test_every_formula_is_drawn(sheet: Page, folder: Path) -> None:
    sheet.goto((folder / "aide-memoire.html").as_uri())
    heights = sheet.evaluate(FORMULAS)
    assert len(heights) > 40 and min(heights) > 4


# La deuxième est la plus large des polices de site.css : si la page y tient, elle tient dans toutes.
@pytest.mark.parametrize("font", [None, "DejaVu Sans"])
def test_sheet_fits_its_columns_and_one_page(sheet: Page, folder: Path, font: str | None) -> None:
    sheet.goto((folder / "aide-memoire.html").as_uri())
    if font:
        sheet.add_style_tag(content=f"body {{ font-family: '{font}' }}")
    sheet.emulate_media(media="print")
    assert sheet.evaluate(OUTSIDE) == []
    assert sheet.evaluate("document.documentElement.scrollHeight") <= A4[1]
    assert page_sizes(sheet.pdf(prefer_css_page_size=True)) == [(210, 297)]


def test_printed_sheet_is_one_a4_page(browser: Browser, folder: Path) -> None:
    path = chromium(browser.browser_type.executable_path)
    assert path
    assert page_sizes(site.print_pdf(path, folder / "aide-memoire.html").read_bytes()) == [(210, 297)]


def page_sizes(pdf: bytes) -> list[tuple[int, int]]:
    """La largeur et la hauteur de chaque page d'un PDF de Chromium, en millimètres."""
    pages = [part for part in re.split(rb"\bendobj\b", pdf) if re.search(rb"/Type\s*/Page\b", part)]
    boxes = [re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", part) for part in pages]
    return [(round(float(box[1]) / 72 * 25.4), round(float(box[2]) / 72 * 25.4)) for box in boxes if box]
