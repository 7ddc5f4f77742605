"""Ce que les widgets ne font pas d'eux-mêmes dans le navigateur, pour qui n'a pas de souris ou ne voit pas l'écran.

La poignée d'un curseur d'ipywidgets n'a pas de nom, et celle d'un curseur logarithmique annonce son exposant (0,6 pour
4) ; les flèches d'un menu ou d'un choix changent de cellule dans JupyterLab. Rien, du côté de Python, n'y peut : c'est
la page qui y remédie (front.js). Là où elle ne le peut pas, tout marche encore, et la case voisine d'un curseur porte
le nom et la vraie valeur.
"""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

ROW = "cours-reglage"  # la classe de la ligne d'un réglage
_SCRIPT = Path(__file__).with_name("front.js").read_text(encoding="utf-8")


def style(css: str, notches: Sequence[float] = ()) -> str:
    """Une feuille de style à poser dans une boîte de classe ROW ou « cours-quiz » : dès qu'elle est lue, elle y agit.

    notches : les valeurs rondes d'un facteur dix, si le curseur de la ligne est logarithmique.
    """
    script = _SCRIPT.replace("NOTCHES", json.dumps(list(notches)))
    # Un <script> posé après coup n'est pas exécuté ; un style, lui, dit toujours qu'il est prêt.
    return f"<style onload='{escape(script)}'>{css}</style>"


def bundle(widget: Any, plain: str, svg: str | None = None) -> dict[str, Any]:
    """L'affichage d'un widget, et ce que montre à sa place qui n'a pas de noyau : une image, ou un texte.

    Il est écrit ici et non demandé au widget : ceux d'ipywidgets 7, que garde Colab, n'ont pas `_repr_mimebundle_`.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    image = {"image/svg+xml": svg} if svg else {}
    return {"application/vnd.jupyter.widget-view+json": view, **image, "text/plain": plain}
