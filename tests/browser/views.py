"""Un notebook exécuté, vu par tous : par un lecteur d'écran, dans le noir, à 200 %, et sans widgets."""

from playwright.sync_api import Page

from tests.browser import accessibility, front_ends
from tests.browser.notebook_page import NotebookPage

# Ce que nous écrivons ; le reste de la page est à JupyterLab.
AREAS = (".jp-OutputArea-output", ".jp-RenderedMarkdown")
COLOURS = ("color-contrast", "link-in-text-block")
TALLEST = 599  # pixels : ce que JupyterLab laisse au notebook sur un écran de 1280 × 720
ZOOMED = (640, 450)  # pixels CSS : la moitié de l'onglet, ce qu'il en reste à 200 %


def everybody_reads(notebook: NotebookPage) -> None:
    """Aucune faute d'axe-core, clair et sombre ; les textes des images se détachent ; rien n'est coupé à 200 %."""
    with notebook.whole():
        prepare(notebook)
        light = accessibility.read(notebook.page, AREAS)
        assert light.faults == [], "\n".join(light.faults)
        texts = notebook.page.locator(".jp-RenderedMarkdown :is(p, h1, h2, h3)").count()
        assert light.contrasts >= texts, f"axe n'a lu que {light.contrasts} textes, pour {texts} paragraphes et titres"
        faint = accessibility.faint_texts(notebook.page, AREAS)
        assert faint == [], "\n".join(faint)
        assert tall(notebook.page) == [], "plus hautes que l'écran d'un vidéoprojecteur"
        with notebook.dark():
            dark = accessibility.read(notebook.page, AREAS, only=COLOURS)
            assert dark.faults == [], "thème sombre\n" + "\n".join(dark.faults)
            assert dark.contrasts >= texts, f"thème sombre : axe n'a lu que {dark.contrasts} textes"
            faint = accessibility.faint_texts(notebook.page, AREAS)
            assert faint == [], "thème sombre\n" + "\n".join(faint)
    with notebook.resized(*ZOOMED):
        cut = accessibility.cut(notebook.page, AREAS)
        assert cut == [], "à 200 %\n" + "\n".join(cut)
        small = accessibility.small_texts(notebook.page, AREAS, accessibility.ZOOM)
        assert small == [], "à 200 %\n" + "\n".join(small)


def tall(page: Page) -> list[str]:
    """Les images vivantes que l'on ne voit pas en entier, réglages compris : on ne peut pas les régler et les voir."""
    heights = page.evaluate("[...document.querySelectorAll('.cours-vivant')].map(e => e.offsetHeight)")
    return [f"image {i} : {height} px" for i, height in enumerate(heights) if height > TALLEST]


def prepare(notebook: NotebookPage) -> None:
    """Montre tout à axe.

    Le corps de la page de JupyterLab n'a aucune hauteur, tout y est posé par-dessus : axe croit que rien n'est visible,
    et ne vérifierait le contraste de presque aucun texte. Un bouton inactif (celui d'un pari engagé) est dispensé de
    contraste : le rendre actif montre celui que l'on a vu avant de s'engager.
    """
    notebook.page.evaluate("document.body.style.minHeight = '100vh'")
    notebook.page.evaluate("document.querySelectorAll('.cours-quiz button').forEach(b => { b.disabled = false })")


def everything_shows_elsewhere(notebook: NotebookPage) -> None:
    """Seuls les widgets de base servent, et ce qui ne s'affiche pas sans eux est dit autrement."""
    models = notebook.widget_models()
    assert front_ends.foreign(models) == [], f"widgets inconnus de VS Code et de Colab : {front_ends.foreign(models)}"
    outputs = notebook.outputs()
    assert len(notebook.live_objects()) == sum(output["live"] for output in outputs)
    assert not notebook.live_objects() or models, "aucun widget n'a été vu passer"
    mute = front_ends.mute(outputs)
    assert mute == [], "\n".join(mute)
