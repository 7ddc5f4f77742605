"""Ce qu'un notebook demande à qui l'affiche : VS Code et Colab ont les widgets de base, GitHub n'en a aucun."""

import re
from collections.abc import Iterable
from typing import Any

CORE = {"@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output"}
WIDGET, PICTURE = "application/vnd.jupyter.widget-view+json", "image/svg+xml"
REPR = re.compile(r"\s*[A-Z]\w*\(.*\)\s*|\s*<.*>\s*", re.S)  # VBox(children=…), <course_utils.live.Live object at 0x…>


def foreign(models: Iterable[str]) -> list[str]:
    """Les modèles « module : nom » qui ne sont pas ceux d'ipywidgets, et que d'autres ne sauraient pas afficher."""
    return sorted({model for model in models if model.split(" : ")[0] not in CORE})


def mute(outputs: Iterable[dict[str, Any]]) -> list[str]:
    """Les sorties qui ne disent rien là où les widgets ne s'affichent pas.

    outputs : {"data" : le contenu par type, "live" : vrai pour une image vivante}. Une image vivante doit porter son
    image fixe ; tout autre widget, un texte ou du HTML qui ne soit pas une écriture d'objet Python.
    """
    found = []
    for output in outputs:
        data = output["data"]
        plain = "".join(data.get("text/plain", ""))
        teaches = bool(data.get("text/html")) or (len(plain) > 10 and not REPR.fullmatch(plain))
        if output["live"] and "<svg" not in "".join(data.get(PICTURE, "")):
            found.append(f"une image vivante sans son image fixe : {plain[:80]}")
        elif WIDGET in data and not teaches:
            found.append(f"un widget qui ne dit rien sans noyau : {plain[:80]!r}")
    return found
