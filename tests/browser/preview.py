"""L'aperçu d'un notebook dans le README : sa première image vivante et ses réglages, en petit."""

import io
from pathlib import Path

from PIL import Image, PngImagePlugin
from playwright.sync_api import FloatRect, Locator

from tests.browser.gestures import click
from tests.browser.notebook_page import NotebookPage
from tests.course import ROOT

WIDTH = 640  # pixels
HEAVIEST = 40_000  # octets
TALLEST = 0.8  # hauteur, en largeurs : au-delà, l'aperçu s'arrête là

# Le cadre d'un widget est aussi large que la page : on s'arrête là où finit ce qu'il montre.
FRAME = """view => {
  const parts = 'svg[role=img], input, button, label, .noUi-target, .widget-html-content > *';
  const boxes = [...view.querySelectorAll(parts)].map(part => part.getBoundingClientRect()).filter(box => box.width);
  const [x, y] = [Math.min(...boxes.map(box => box.left)) - 8, Math.min(...boxes.map(box => box.top)) - 8];
  const right = Math.max(...boxes.map(box => box.right)), bottom = Math.max(...boxes.map(box => box.bottom));
  return {x, y, width: right - x + 8, height: bottom - y + 8};
}"""


def preview(notebook: NotebookPage, path: Path) -> None:
    """Écrit l'aperçu ; un notebook sans image vivante montre son premier pari."""
    view = (notebook.live_objects() or notebook.page.locator(".cours-quiz").all())[0]
    for button in view.locator("button").all()[1:2]:  # plus parlant que le premier, un cas simple
        click(notebook, button)
    with notebook.whole():
        frame: FloatRect = view.evaluate(FRAME)
        frame["height"] = min(frame["height"], TALLEST * frame["width"])
        photo = notebook.page.screenshot(clip=frame, animations="disabled")
    said = told(view)
    picture = next((png for colors in (64, 32, 16) if len(png := small(photo, colors, said)) <= HEAVIEST), None)
    assert picture, f"l'aperçu de {path.name} pèse plus de {HEAVIEST} octets"
    preview_of(path).write_bytes(picture)


def preview_of(path: Path) -> Path:
    """Le fichier de l'aperçu d'un notebook."""
    return ROOT / "notebooks" / "figures" / f"apercu-{path.name[:2]}.png"


def told(view: Locator) -> str:
    """Ce que disent les textes de remplacement d'une image vivante, nombres compris."""
    return "\n".join(view.locator("svg[role=img]").evaluate_all("all => all.map(svg => svg.ariaLabel)"))


def told_by_preview(path: Path) -> str:
    """Ce que disait l'image vivante quand l'aperçu a été fait."""
    with Image.open(preview_of(path)) as picture:
        return str(picture.info.get("Description", ""))


def small(picture: bytes, colors: int, description: str) -> bytes:
    """Un PNG ramené à WIDTH pixels de large et à ce nombre de couleurs, qui garde sa description."""
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("Description", description, zip=True)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    paletted = image.quantize(colors, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    paletted.save(out, "PNG", optimize=True, pnginfo=notes)
    return out.getvalue()
