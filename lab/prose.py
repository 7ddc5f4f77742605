"""Le Markdown du cours en HTML qui se suffit : formules en MathML, images incluses, liens vérifiés."""

import base64
import html
import mimetypes
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:
    import mistune
    from latex2mathml.converter import convert
    from mistune.plugins.math import math
    from mistune.plugins.table import table
except ImportError as missing:
    library = (missing.name or "").split(".")[0]
    sys.exit(f"La bibliothèque {library} manque dans ce Python : lancez « make site », qui l'installe.")

# Combien d'arguments demande chaque élément : un de moins, et le navigateur n'affiche rien de bon.
ARGUMENTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3}


def formula(latex: str, *, block: bool = False) -> str:
    """Une formule LaTeX en MathML, les symboles de l'enseignant et de l'élève dans leurs couleurs.

    Lève ValueError, formule comprise, si elle est mal écrite ou contient une commande inconnue.
    """
    # Sans le \big de \big\lVert, que latex2mathml ne comprend pas : en MathML, ces traits s'allongent d'eux-mêmes.
    simple = re.sub(r"\\[bB]ig[lr]?(?=\\[lr][vV]ert)", "", latex)
    try:
        root = ET.fromstring(convert(simple, display="block" if block else "inline").replace("xmlns=", "data-ns=", 1))
        _check(root)
    except Exception as error:  # latex2mathml n'a pas d'ancêtre commun à ses erreurs
        raise ValueError(
            f"La formule « {latex.strip()} » est mal écrite ({error or type(error).__name__}) : "
            "vérifiez ses accolades et ses commandes."
        ) from error
    del root.attrib["data-ns"]
    root.set("alttext", latex.strip())
    for element in root.iter():
        if role := _role(element):
            element.set("class", role)
        if element.text == "/":
            element.attrib |= {"lspace": "0", "rspace": "0"}
        if (
            element.tag == "mi" and len(element.text or "") > 1
        ):  # ln, cos : sans cette espace, p ln q se lirait « plnq »
            element.tag, element.attrib = "mo", {"lspace": "0.167em", "rspace": "0"}
    return re.sub(
        r"<mn>(\d+)</mn><mrow><mo>,</mo></mrow><mn>(\d+)</mn>", r"<mn>\1,\2</mn>", ET.tostring(root, "unicode")
    )


def _check(root: ET.Element) -> None:
    for element in root.iter():
        text = element.text or ""
        if text.startswith("\\") or (element.tag == "mi" and text in "{}" and text):
            raise ValueError(f"« {text} » n'est pas compris")
        if len(element) != ARGUMENTS.get(element.tag, len(element)):
            raise ValueError("il manque un argument")


def _role(element: ET.Element) -> str | None:
    """P_T, IR_T, t_i sont à l'enseignant ; P_S, IR_S, s_i à l'élève. La température T seule n'est à personne."""
    if element.tag not in ("msub", "msubsup"):
        return None
    base, index = ("".join(part.itertext()) for part in element[:2])
    return "teacher" if base == "t" or index == "T" else "student" if base in ("s", "S") or index == "S" else None


class Renderer(mistune.HTMLRenderer):
    """Le Markdown d'un fichier de `folder`, rendu pour une page du site.

    pages : la page du site qui remplace chaque source, par le nom de celle-ci.
    """

    def __init__(self, folder: Path, pages: Mapping[str, str]) -> None:
        super().__init__(escape=False)
        self.folder, self.pages = folder, pages

    def block_math(self, text: str) -> str:
        """Une formule sur sa ligne."""
        return f'<div class="formula">{formula(text, block=True)}</div>\n'

    def inline_math(self, text: str) -> str:
        """Une formule dans une phrase."""
        return formula(text)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Un titre, et l'ancre que GitHub lui donnerait."""
        words = re.sub(r"<[^>]*>", "", text).lower()
        anchor = re.sub(r"[^\w -]", "", words).replace(" ", "-")
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Un lien vers une page du site ou une adresse ; vers un autre fichier du dépôt, son texte seul.

        Le site est fait pour être copié : ce fichier-là n'y serait plus.
        """
        if re.match(r"#|\w+:", url):
            return super().link(text, url, title)
        path, mark, anchor = url.partition("#")
        name = self.pages.get(self._existing(path).name)
        return super().link(text, f"{name}.html{mark}{anchor}", title) if name else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Une image, incluse dans la page."""
        if not text:
            raise ValueError(
                f"L'image « {url} » n'a pas de texte de remplacement : écrivez ![ce qu'elle montre]({url})."
            )
        target = self._existing(url)
        return f'<img src="{embedded(target)}" alt="{html.escape(html.unescape(text))}">'

    def _existing(self, path: str) -> Path:
        target = (self.folder / path).resolve()
        if not target.exists():
            raise ValueError(f"Le lien « {path} » ne mène à aucun fichier de {self.folder.name}/ : corrigez-le.")
        return target


def embedded(picture: Path) -> str:
    """Un fichier d'image en adresse `data:`, à mettre dans la page."""
    return f"data:{mimetypes.guess_type(picture)[0]};base64,{base64.b64encode(picture.read_bytes()).decode()}"


def rendered(source: str, *, folder: Path, pages: Mapping[str, str]) -> str:
    """Le Markdown `source`, dont les liens partent de `folder`, en HTML (voir `Renderer`).

    Lève ValueError si une formule est mal écrite, si un lien ne mène nulle part, si une image n'a pas de texte.
    """
    content = mistune.create_markdown(renderer=Renderer(folder, pages), plugins=[table, math])(source)
    assert isinstance(content, str)
    return content
