"""Du curseur à l'image : le temps entre une touche et la première image nouvelle, dans un vrai navigateur.

    python -m benchmarks.latency             # tous les notebooks : le temps de les exécuter, et deux minutes
    python -m benchmarks.latency 01 07       # ceux-là

Une ligne par curseur, sur 20 touches : la médiane et le 95e centile, en millisecondes, les images vides et les
changements de hauteur. La première ligne, « plancher », est une image vivante qui n'affiche que sa valeur : ce que
coûtent la machine et JupyterLab, avant tout dessin.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from course_utils.french import forgiving_console, french_number
from course_utils.lessons import lessons
from lab.browser import chromium, flags
from tests.browser.jupyter import lab
from tests.browser.notebook_page import NotebookPage

MOVES = 20
LONGEST_RUN = 300  # secondes, pour exécuter un notebook
FLOOR = """from course_utils.figures import text_panel
from course_utils.live import live
live(lambda x: text_panel(str(x)), x=(0, 100, 1), labels={"x": "plancher"})"""

ADD_CELL = """source => {
  const {content} = window.jupyterapp.shell.currentWidget;
  content.model.sharedModel.addCell({cell_type: 'code', source});
}"""
# À chaque touche : dans combien de temps le dessin sera-t-il remplacé, et montré ? ipywidgets ne remplace que ce qui
# change : il suffit de regarder son cadre, sans relire le dessin, ce qui retarderait ce que l'on chronomètre.
DELAYS = """live => {
  const watch = window.watch = {seen: [], pressed: null};
  const onKey = event => { watch.pressed = event.timeStamp; };
  addEventListener('keydown', onKey, {capture: true});
  const observer = new MutationObserver(() => {
    if (watch.pressed === null) return;
    const start = watch.pressed;
    watch.pressed = null;
    requestAnimationFrame(() => watch.seen.push(performance.now() - start));
  });
  observer.observe(live.querySelector('svg[role=img]').parentElement, {childList: true});
  watch.stop = () => {
    observer.disconnect();
    removeEventListener('keydown', onKey, {capture: true});
  };
}"""
# À chaque image de l'écran : quelle est la hauteur du dessin (0 s'il manque), et celle de l'image vivante ? Cela se
# mesure à part : demander une mise en page soixante fois par seconde retarderait ce que l'on chronomètre.
HEIGHTS = """live => {
  const watch = window.watch = {seen: []};
  let running = true;
  requestAnimationFrame(function look() {
    const drawn = live.querySelector('svg[role=img]')?.getBoundingClientRect().height ?? 0;
    watch.seen.push([drawn, Math.round(live.getBoundingClientRect().height)]);
    if (running) requestAnimationFrame(look);
  });
  watch.stop = () => { running = false; };
}"""
STOP = "() => { watch.stop(); return watch.seen; }"


@dataclass(frozen=True)
class Row:
    """Ce qu'a donné un curseur : les délais en millisecondes, les images vides, les hauteurs différentes vues."""

    name: str
    delays: list[float]
    blank: int
    heights: int


def measure(notebook: NotebookPage, live: Locator, slider: Locator, name: str) -> Row:
    """Appuie MOVES fois sur une flèche du clavier, le curseur allant et venant entre ses bouts."""
    page = notebook.page
    slider.scroll_into_view_if_needed()
    slider.focus()
    page.keyboard.press("Home")
    notebook.settle()
    page.wait_for_timeout(300)
    delays = pressing(notebook, live, slider, DELAYS)
    heights = pressing(notebook, live, slider, HEIGHTS)
    blank = sum(drawn < 1 for drawn, _ in heights)
    return Row(name, delays, blank, len({height for drawn, height in heights if drawn >= 1}))


def pressing(notebook: NotebookPage, live: Locator, slider: Locator, watch: str) -> list[Any]:
    """Ce qu'a vu `watch` pendant MOVES touches."""
    page = notebook.page
    live.evaluate(watch)
    key = "ArrowRight"
    for move in range(MOVES):
        value, low, high = (float(slider.get_attribute(f"aria-value{end}") or 0) for end in ("now", "min", "max"))
        key = "ArrowLeft" if value >= high else "ArrowRight" if value <= low else key
        page.keyboard.press(key)
        page.wait_for_timeout(120 + 7 * (move % 5))  # jamais deux fois la même phase par rapport à l'écran
    notebook.settle()
    return page.evaluate(STOP)


def rows_of(page: Page, address: str, name: str) -> list[Row]:
    """Une ligne par curseur d'un notebook, après l'avoir exécuté."""
    with closing(NotebookPage(page, address, name)) as notebook:
        notebook.run_all(LONGEST_RUN)
        found = []
        for number, live in enumerate(notebook.live_objects(), 1):
            for row in live.locator(".widget-hbox:has([role=slider])").all():
                label = row.locator(".widget-label").first.inner_text()
                slider = row.get_by_role("slider")
                found.append(measure(notebook, live, slider, f"{name[:2]}, image {number}, {label}"))
        return found


def floor(page: Page, address: str) -> list[Row]:
    """Le même temps pour une image qui n'affiche que sa valeur."""
    with closing(NotebookPage(page, address, "00_accueil.ipynb")) as notebook:
        page.evaluate(ADD_CELL, FLOOR)
        notebook.run_all(LONGEST_RUN)
        live = notebook.live_objects()[-1]
        return [measure(notebook, live, live.get_by_role("slider").first, "plancher")]


def line(row: Row) -> str:
    """Une ligne du tableau."""
    if len(row.delays) < 2:
        return f"{row.name:<50} aucune image nouvelle"
    high = statistics.quantiles(row.delays, n=20, method="inclusive")[-1]
    median = french_number(statistics.median(row.delays), 0)
    return (
        f"{row.name:<50}{median:>9}{french_number(high, 0):>7}{len(row.delays):>8}{row.blank:>8}{row.heights - 1:>10}"
    )


def watch(browser: Browser, address: str, names: list[str]) -> None:
    """Écrit les lignes du plancher, puis celles de chaque notebook."""
    jobs: list[Callable[[Page, str], list[Row]]] = [floor, *(partial(rows_of, name=name) for name in names)]
    # Un onglet par notebook : JupyterLab y est neuf, et ce qu'un notebook y laisse ne pèse pas sur le suivant.
    for found in jobs:
        with closing(browser.new_page(viewport={"width": 1280, "height": 900})) as page:
            page.set_default_timeout(120_000)
            for row in found(page, address):
                print(line(row), flush=True)


def main() -> None:
    """Écrit le tableau."""
    forgiving_console()
    numbers = {path.name[:2]: path.name for path in lessons()}
    wanted = sys.argv[1:] or list(numbers)
    if unknown := [number for number in wanted if number not in numbers]:
        sys.exit(f"Il n'y a pas de notebook {', '.join(unknown)} : choisissez parmi {', '.join(numbers)}.")
    names = [numbers[number] for number in wanted]
    with sync_playwright() as playwright:
        path = chromium(playwright.chromium.executable_path)
        if path is None:
            sys.exit("Aucun navigateur Chromium : installez-en un, ou nommez-le dans COURS_CHROMIUM.")
        print(f"{'':<50}{'médiane':>9}{'p95':>7}{'images':>8}{'vides':>8}{'hauteurs':>10}")
        with (
            tempfile.TemporaryDirectory() as home,
            lab(Path(home)) as address,
            playwright.chromium.launch(executable_path=path, args=flags()) as browser,
        ):
            watch(browser, address, names)


if __name__ == "__main__":
    main()
