"""Le site dans un vrai navigateur, ouvert depuis le disque et sans réseau : rien ne manque, et les curseurs bougent."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from lab import site
from lab.browser import chromium
from tests.typography import shown_faults

A4 = (794, 1123)  # pixels CSS
FORMULAS = "() => [...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)"
# Ce qui dépasse de sa partie, donc de sa colonne, vers la droite.
OUTSIDE = """() => [...document.querySelectorAll('section')].flatMap(section => {
  const edge = section.getBoundingClientRect().right + 0.5;
  const out = [...section.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > edge);
  return [...out.map(e => e.outerHTML), ...(section.scrollWidth > section.clientWidth ? [section.innerText] : [])];
})"""
# Le texte des sorties et celui que lit un lecteur d'écran.
SHOWN = """() => [...document.querySelectorAll('.output')].flatMap(output => [
  output.innerText, ...[...output.querySelectorAll('svg text')].map(text => text.textContent),
  ...[...output.querySelectorAll('[aria-label]')].map(named => named.getAttribute('aria-label')),
])"""
# Les images réduites au point que leurs textes, de 14 pixels au moins, ne se lisent plus.
SHRUNK = """() => [...document.querySelectorAll('.output svg[role=img], figure svg[role=img], .prose img')]
  .map(e => [e.getAttribute('alt') ?? e.getAttribute('aria-label'),
             e.getBoundingClientRect().width / (e.naturalWidth ?? e.viewBox.baseVal.width)])
  .filter(([_, scale]) => scale > 0 && scale < 0.8)"""
HEIGHT = "document.documentElement.scrollHeight"
LESSONS = [name for source, name in site.PAGES.items() if source not in site.PRINTED]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Le site entier, notebooks exécutés compris : plusieurs minutes, une seule fois."""
    folder = tmp_path_factory.mktemp("dossier copié ailleurs") / "site"
    list(site.build(site=folder))
    return folder


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """Un onglet vierge de la largeur d'une feuille A4."""
    context = browser.new_context(viewport={"width": A4[0], "height": A4[1]})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", [*site.PAGES.values(), site.CAMPAIGNS, "index"])
def test_page_opens_from_the_disk(tab: Page, folder: Path, name: str) -> None:
    problems = listened(tab)
    tab.goto((folder / f"{name}.html").as_uri())
    for width in (1280, A4[0], 400):
        tab.set_viewport_size({"width": width, "height": A4[1]})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(SHRUNK) == []
    links: list[str] = tab.locator("a").evaluate_all("links => links.map(link => link.href)")
    inside = [link.partition("#")[0] for link in links if link.startswith("file:")]
    assert {link for link in inside if not (folder / Path(link).name).exists()} == set()
    assert problems == []


@pytest.mark.parametrize("name", LESSONS)
def test_every_film_moves(tab: Page, folder: Path, name: str) -> None:
    problems = listened(tab)
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.goto((folder / f"{name}.html").as_uri())
    films = tab.locator(".film").all()
    for film in films:
        film.locator(".controls").wait_for()  # tous d'abord : ceux d'un autre film allongent la page
    for film in films:
        still, height = drawing(film), tab.evaluate(HEIGHT)
        # Les curseurs d'abord : dans certaines situations d'un menu, un curseur n'a plus d'effet.
        for control in (*film.locator("input").all(), *film.locator("select").all()):
            before = drawing(film)
            control.focus()
            seen = set()
            for key in ("End", "ArrowLeft", "Home", "ArrowRight"):
                tab.keyboard.press(key)
                seen.add(drawing(film))
                assert tab.evaluate(HEIGHT) == height, "la hauteur de la page change"
            assert seen != {before}, f"« {control.get_attribute('id')} » ne change pas l'image"
        moved = drawing(film)
        for button in film.get_by_role("button").all():
            button.click()
        assert film.get_by_role("button").count() == 0 or drawing(film) != moved or drawing(film) == still
    assert problems == []


def test_a_film_starts_on_its_still_picture(tab: Page, folder: Path) -> None:
    tab.goto((folder / "01_labels_doux.html").as_uri())
    film = tab.locator(".film").first
    film.locator(".controls").wait_for()
    still = drawing(film)
    slider = film.get_by_label("Température T")
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert drawing(film) != still
    tab.keyboard.press("ArrowLeft")
    assert drawing(film) == still and film.locator(".value").last.inner_text() == "1"


def test_without_script_the_still_pictures_teach(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "01_labels_doux.html").as_uri())
    pictures = page.locator(".film svg[role=img]").all()
    assert len(pictures) == 2 and all(picture.is_visible() for picture in pictures)
    page.locator(".question summary").first.click()
    assert page.locator(".question details[open] div").first.is_visible()
    context.close()


@pytest.mark.parametrize("name", LESSONS)
def test_what_the_cells_show_is_well_typeset(tab: Page, folder: Path, name: str) -> None:
    tab.goto((folder / f"{name}.html").as_uri())
    assert [fault for text in tab.evaluate(SHOWN) for fault in shown_faults(text)] == []


def test_every_formula_is_drawn(tab: Page, folder: Path) -> None:
    drawn = 0
    for name in ("aide-memoire", *LESSONS[1:]):
        tab.goto((folder / f"{name}.html").as_uri())
        heights = tab.evaluate(FORMULAS)
        assert all(height > 4 for height in heights), name
        drawn += len(heights)
        assert "$" not in tab.locator("main").evaluate(PROSE), name
    assert drawn > 150


PROSE = (
    "main => [...main.querySelectorAll('p, li, td')].filter(e => !e.closest('.output')).map(e => e.innerText).join()"
)


# La deuxième est la plus large des polices de site.css : si la page y tient, elle tient dans toutes.
@pytest.mark.parametrize("font", [None, "DejaVu Sans"])
def test_sheet_fits_its_columns_and_one_page(tab: Page, folder: Path, font: str | None) -> None:
    tab.goto((folder / "aide-memoire.html").as_uri())
    if font:
        tab.add_style_tag(content=f"body {{ font-family: '{font}' }}")
    tab.emulate_media(media="print")
    assert tab.evaluate(OUTSIDE) == []
    assert tab.evaluate(HEIGHT) <= A4[1]
    assert page_sizes(tab.pdf(prefer_css_page_size=True)) == [(210, 297)]


def test_printed_sheet_is_one_a4_page(browser: Browser, folder: Path) -> None:
    path = chromium(browser.browser_type.executable_path)
    assert path
    assert page_sizes(site.print_pdf(path, folder / "aide-memoire.html").read_bytes()) == [(210, 297)]


def listened(tab: Page) -> list[str]:
    """La liste où arriveront les problèmes de cet onglet."""
    problems: list[str] = []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("requestfailed", lambda request: problems.append(request.url))
    tab.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else problems.append(r.url))
    return problems


def drawing(film: Locator) -> str:
    """Ce que le film montre."""
    return film.locator(".picture").inner_html()


def page_sizes(pdf: bytes) -> list[tuple[int, int]]:
    """La largeur et la hauteur de chaque page d'un PDF de Chromium, en millimètres."""
    pages = [part for part in re.split(rb"\bendobj\b", pdf) if re.search(rb"/Type\s*/Page\b", part)]
    boxes = [re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", part) for part in pages]
    return [(round(float(box[1]) / 72 * 25.4), round(float(box[2]) / 72 * 25.4)) for box in boxes if box]
