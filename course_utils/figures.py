"""Les figures du cours : des fonctions pures qui rendent du texte SVG, à afficher avec `show` ou à faire vivre.

    >>> show(line_chart({"élève seul": (epochs, accuracy)}, alt="…", levels={"enseignant": 0.935}))

Chaque figure demande `alt`, la phrase lue à qui ne voit pas l'image. Les briques sont dans `drawing/`. matplotlib
ne sert qu'aux rares figures fixes que ces fonctions ne savent pas dessiner.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from course_utils.drawing.charts import line_chart, scatter
from course_utils.drawing.grids import heat_map, image_grid
from course_utils.drawing.layout import side_by_side, stack, text_panel
from course_utils.drawing.named_points import NamedPoint, named_points
from course_utils.drawing.palette import CATEGORIES, GRID, INK, MUTED, PALETTE, PAPER
from course_utils.drawing.rows import bar_chart, closest_merges, tree
from course_utils.drawing.series import Curve
from course_utils.drawing.svg import WIDTH, alt_of, document, number, size_of
from course_utils.french import french_number, french_percent

__all__ = [
    "CATEGORIES",
    "PALETTE",
    "Curve",
    "NamedPoint",
    "bar_chart",
    "closest_merges",
    "french_number",
    "french_percent",
    "from_matplotlib",
    "heat_map",
    "image_grid",
    "line_chart",
    "matplotlib_style",
    "named_points",
    "scatter",
    "show",
    "side_by_side",
    "stack",
    "text_panel",
    "tree",
]


class Shown:
    """Une figure fixe qui s'affiche dans un notebook, avec son texte de remplacement."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # En HTML d'abord : Jupyter affiche un image/svg+xml dans une balise <img> qui n'a pas de texte de remplacement.
        return {"text/html": self.svg, "image/svg+xml": self.svg, "text/plain": alt_of(self.svg)}

    def __repr__(self) -> str:
        return alt_of(self.svg)


def show(svg: str) -> None:
    """Affiche une figure fixe, où que soit l'appel dans la cellule.

    Lève ValueError si `svg` n'est pas une figure.
    """
    from IPython.display import display  # ici : importer les figures n'a pas à attendre IPython

    size_of(svg)  # refuse tout de suite ce qui n'est pas une figure
    display(Shown(svg))


@contextmanager
def matplotlib_style() -> Iterator[None]:
    """`with matplotlib_style(): …` : les couleurs et les tailles du cours, et la virgule sur les axes."""
    import matplotlib.pyplot as plt
    from cycler import cycler
    from matplotlib.ticker import ScalarFormatter

    class Comma(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return super().__call__(x, pos).replace(".", ",")

    settings: Any = {
        "axes.prop_cycle": cycler(color=CATEGORIES),
        "font.size": 12,
        "axes.titlesize": 14,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": GRID,
        "axes.edgecolor": MUTED,
        "text.color": INK,
        "axes.labelcolor": INK,
        "lines.linewidth": 2.5,
        "figure.figsize": (8, 4.4),
        "figure.facecolor": PAPER,
        "savefig.bbox": "tight",
        "image.cmap": "cividis",
    }
    before = set(plt.get_fignums())
    with plt.rc_context(settings):
        yield
        for figure in [plt.figure(i) for i in set(plt.get_fignums()) - before]:
            for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
                if type(axis.get_major_formatter()) is ScalarFormatter:
                    axis.set_major_formatter(Comma())


def from_matplotlib(figure: Any, *, alt: str) -> str:
    """Une figure matplotlib changée en SVG avec son texte de remplacement, puis fermée ; à donner à `show`."""
    import matplotlib.pyplot as plt

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    plt.close(figure)
    drawing = buffer.getvalue()
    found = re.search(r'<svg[^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', drawing)
    assert found, "matplotlib écrit toujours une viewBox"
    height = WIDTH * float(found[2]) / float(found[1])
    body = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="{WIDTH}" height="{number(height)}" '
        f'viewBox="0 0 {found[1]} {found[2]}">{drawing[found.end() :]}'
    )
    return document(WIDTH, height, body, alt)
