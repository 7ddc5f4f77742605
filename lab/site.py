"""Écrit les pages à lire hors de JupyterLab, dans site/ : l'aide-mémoire (une page A4) et le guide de l'enseignant.

    python -m lab.site

C'est ce que fait « make site ». Chaque page se suffit : style et images y sont inclus, les formules sont en MathML,
que les navigateurs affichent sans script ; rien n'est demandé au réseau.
"""

import base64
import html
import mimetypes
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from course_utils.drawing.palette import GRID, PALETTE, PAPER
from course_utils.files import write_whole
from lab.browser import chromium, flags

try:
    import mistune
    from latex2mathml.converter import convert
    from mistune.plugins.math import math
    from mistune.plugins.table import table
except ImportError as missing:
    library = (missing.name or "").split(".")[0]
    sys.exit(f"La bibliothèque {library} manque dans ce Python : lancez « make site », qui l'installe.")

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "site"
SHEET = "aide-memoire"
# La source, dans notebooks/, et le nom de sa page.
PAGES = {"aide_memoire.md": SHEET, "guide_enseignant.md": "guide-enseignant"}

# Combien d'arguments demande chaque élément : un de moins, et le navigateur n'affiche rien de bon.
ARGUMENTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3}


def formula(latex: str, *, block: bool = False) -> str:
    """Une formule LaTeX en MathML, les symboles de l'enseignant et de l'élève dans leurs couleurs.

    Lève ValueError, formule comprise, si elle est mal écrite ou contient une commande inconnue.
    """
    try:
        root = ET.fromstring(convert(latex, display="block" if block else "inline").replace("xmlns=", "data-ns=", 1))
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


class Page(mistune.HTMLRenderer):
    """Le Markdown d'une page de `folder`, rendu pour être lu depuis `site`."""

    def __init__(self, folder: Path, site: Path) -> None:
        super().__init__(escape=False)
        self.folder, self.site = folder, site

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
        """Un lien : vers l'autre page du site si elle y est, sinon vers le fichier du dépôt."""
        if not re.match(r"#|\w+:", url):
            path, mark, anchor = url.partition("#")
            target = self._existing(path)
            name = PAGES.get(target.name)
            url = (f"{name}.html" if name else Path(os.path.relpath(target, self.site)).as_posix()) + mark + anchor
        return super().link(text, url, title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Une image, incluse dans la page."""
        if not text:
            raise ValueError(
                f"L'image « {url} » n'a pas de texte de remplacement : écrivez ![ce qu'elle montre]({url})."
            )
        target = self._existing(url)
        content = base64.b64encode(target.read_bytes()).decode()
        return f'<img src="data:{mimetypes.guess_type(target)[0]};base64,{content}" alt="{html.escape(text)}">'

    def _existing(self, path: str) -> Path:
        target = (self.folder / path).resolve()
        if not target.exists():
            raise ValueError(f"Le lien « {path} » ne mène à aucun fichier de {self.folder.name}/ : corrigez-le.")
        return target


def page(source: str, *, kind: str, folder: Path, site: Path = SITE) -> str:
    """Le Markdown `source`, dont les liens partent de `folder`, en une page HTML. kind : la classe que lit site.css.

    Lève ValueError si une formule est mal écrite, si un lien ne mène nulle part, si une image n'a pas de texte.
    """
    content = mistune.create_markdown(renderer=Page(folder, site), plugins=[table, math])(source)
    assert isinstance(content, str)
    # Un cadre par partie : il permet de ne pas la couper en changeant de colonne.
    content = re.sub(r"<h2.*?(?=<h2|\Z)", r"<section>\n\g<0></section>\n", content, flags=re.S)
    title = re.search(r"^# (.+)$", source, re.M)
    colors = "".join(f"--{role}:{color};" for role, color in {**PALETTE, "grid": GRID, "paper": PAPER}.items())
    return (
        '<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title[1] if title else 'La distillation')}</title>\n"
        f"<style>\n:root{{{colors}}}\n{Path(__file__).with_suffix('.css').read_text(encoding='utf-8')}</style>\n"
        f'</head>\n<body class="{kind}">\n<main>\n{content}</main>\n</body>\n</html>\n'
    )


def build(site: Path = SITE, notebooks: Path = ROOT / "notebooks") -> list[Path]:
    """Écrit dans `site` les pages dont la source existe, puis l'accueil qui y mène. Rend les fichiers écrits."""
    sources = {notebooks / name: kind for name, kind in PAGES.items() if (notebooks / name).exists()}
    links = []
    for source, kind in sources.items():
        text = source.read_text(encoding="utf-8")
        write_whole(site / f"{kind}.html", page(text, kind=kind, folder=notebooks, site=site).encode())
        links.append(f"- [{text.splitlines()[0].removeprefix('# ')}]({source.name})")
    welcome = "# La distillation, à lire et à imprimer\n\n" + "\n".join(links) + "\n"
    write_whole(site / "index.html", page(welcome, kind="index", folder=notebooks, site=site).encode())
    return [site / f"{kind}.html" for kind in (*sources.values(), "index")]


def print_pdf(browser: str, page: Path) -> Path:
    """Imprime une page par le navigateur, à côté d'elle. Lève RuntimeError s'il n'y parvient pas."""
    pdf = page.with_suffix(".pdf")
    pdf.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", *flags(), f"--user-data-dir={profile}", "--no-pdf-header-footer"]
        command = [browser, *options, f"--print-to-pdf={pdf}", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if not pdf.exists():
        raise RuntimeError(
            f"Le navigateur {browser} n'a pas imprimé {page.name} ({done.stderr.strip()[-200:]}) : "
            "ouvrez cette page et imprimez-la (Ctrl-P)."
        )
    return pdf


def main() -> None:
    """Construit tout, et dit où."""
    try:
        written = build()
        browser = chromium()
        if browser:
            written.append(print_pdf(browser, SITE / f"{SHEET}.html"))
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(str(error))
    print("Écrits :", ", ".join(path.relative_to(ROOT).as_posix() for path in written))
    if not browser:
        print(f"Sans navigateur Chromium, pas de PDF : ouvrez site/{SHEET}.html et imprimez-le (Ctrl-P).")


if __name__ == "__main__":
    main()
