"""Écrit le site du cours dans site/ : les notebooks exécutés, les campagnes, l'aide-mémoire (A4), le guide.

    python -m lab.site                        # tout : le temps d'exécuter les notebooks, environ cinq minutes
    python -m lab.site aide_memoire.md        # cette source seule, de notebooks/

C'est ce que fait « make site ». Chaque page se suffit : style, images et script y sont inclus, les formules sont en
MathML, que les navigateurs affichent sans script ; rien n'est demandé au réseau, et le dossier peut être copié.
"""

import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from course_utils.drawing.palette import GRID, PALETTE, PAPER
from course_utils.files import reason, write_whole
from course_utils.french import forgiving_console
from course_utils.lessons import NOTEBOOKS, lessons, title
from lab import campaigns
from lab.browser import chromium, flags
from lab.lesson import executed, headings, lesson
from lab.prose import embedded, rendered

LAB = Path(__file__).resolve().parent
SITE = LAB.parent / "site"
SHEET = "aide-memoire"
# La source, dans notebooks/, et le nom de sa page.
PRINTED = {"aide_memoire.md": SHEET, "guide_enseignant.md": "guide-enseignant"}
PAGES = {path.name: path.stem for path in lessons()} | PRINTED
CAMPAIGNS = "campagnes"
WELCOME = "La distillation, à lire et à imprimer"


def page(source: str, *, kind: str, folder: Path) -> str:
    """Le Markdown `source`, dont les liens partent de `folder`, en une page HTML. kind : la classe que lit site.css.

    Lève ValueError si une formule est mal écrite, si un lien ne mène nulle part, si une image n'a pas de texte.
    """
    content = rendered(source, folder=folder, pages=PAGES)
    # Un cadre par partie : il permet de ne pas la couper en changeant de colonne.
    content = re.sub(r"<h2.*?(?=<h2|\Z)", r"<section>\n\g<0></section>\n", content, flags=re.S)
    found = re.search(r"^# (.+)$", source, re.M)
    return document(found[1] if found else WELCOME, content, kind=kind)


def document(name: str, content: str, *, kind: str, script: str = "") -> str:
    """Une page HTML complète, du titre `name`, qui se suffit."""
    colors = "".join(f"--{role}:{color};" for role, color in {**PALETTE, "grid": GRID, "paper": PAPER}.items())
    return (
        '<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(name)}</title>\n"
        f"<style>\n:root{{{colors}}}\n{(LAB / 'site.css').read_text(encoding='utf-8')}</style>\n"
        f'</head>\n<body class="{kind}">\n<main>\n{content}</main>\n{script}</body>\n</html>\n'
    )


def lesson_page(notebook: Path) -> str:
    """Un notebook, exécuté, en une page : son sommaire, ses cellules, et un chemin vers ses voisins.

    Lève RuntimeError s'il ne s'exécute pas jusqu'au bout, et ValueError comme `page`.
    """
    folder = notebook.parent
    cells, kept = executed(notebook)
    body = lesson(cells, kept, markdown=partial(rendered, folder=folder, pages=PAGES), folder=folder)
    contents = "".join(f'<li><a href="#{anchor}">{name}</a></li>' for anchor, name in headings(body))
    summary = f"<details class='contents'><summary>Sommaire</summary><ol>{contents}</ol></details>"
    script = f"<script>\n{(LAB / 'lesson.js').read_text(encoding='utf-8')}</script>\n"
    return document(title(notebook), f"{_way(notebook)}{summary}{body}{_way(notebook)}", kind="lesson", script=script)


def _way(notebook: Path) -> str:
    """Le notebook d'avant, le sommaire du site, le notebook d'après."""
    around = lessons()
    here = around.index(notebook) if notebook in around else len(around)
    before, after = around[max(here - 1, 0) : here], around[here + 1 : here + 2]
    links = [
        *(f'<a href="{path.stem}.html" rel="prev">← {html.escape(title(path))}</a>' for path in before),
        '<a href="index.html">Tous les notebooks</a>',
        *(f'<a href="{path.stem}.html" rel="next">{html.escape(title(path))} →</a>' for path in after),
    ]
    return f"<nav>{''.join(links)}</nav>\n"


def welcome(folder: Path = NOTEBOOKS) -> str:
    """L'accueil du site : les notebooks, chacun avec son dessin, puis les pages à imprimer."""
    cards = "\n".join(
        f'<li><a href="{path.stem}.html">{_drawing(path)}<span>{html.escape(title(path))}</span></a></li>'
        for path in lessons()
    )
    links = "\n".join(f"- [{title_of(folder / name)}]({name})" for name in PRINTED)
    printed = rendered(f"## À imprimer\n\n{links}\n", folder=folder, pages=PAGES)
    stored = f'<h2>Les résultats</h2>\n<p><a href="{CAMPAIGNS}.html">{campaigns.TITLE}</a></p>\n'
    content = f"<h1>{WELCOME}</h1>\n<ul class='cards'>\n{cards}\n</ul>\n{stored}{printed}"
    return document(WELCOME, content, kind="index")


def title_of(source: Path) -> str:
    """Le titre d'un fichier Markdown : sa première ligne."""
    return source.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def _drawing(notebook: Path) -> str:
    """Le dessin d'un notebook, muet pour un lecteur d'écran : le titre qui le suit dit déjà où mène le lien."""
    drawing = notebook.parent / "figures" / f"{notebook.stem}.svg"
    return f'<img src="{embedded(drawing)}" alt="">' if drawing.exists() else ""


def build(only: Sequence[str] = (), site: Path = SITE) -> Iterator[Path]:
    """Écrit dans `site` la page de chaque source, ou seulement de celles que nomme `only`, puis l'accueil.

    Rend chaque fichier aussitôt écrit. Lève ValueError si une source n'existe pas.
    """
    unknown = set(only) - set(PAGES)
    if unknown:
        raise ValueError(f"Source inconnue : {', '.join(sorted(unknown))} ; les sources sont {', '.join(PAGES)}.")
    for name, target in PAGES.items():
        if only and name not in only:
            continue
        source = NOTEBOOKS / name
        if name in PRINTED:
            content = page(source.read_text(encoding="utf-8"), kind=target, folder=NOTEBOOKS)
        else:
            content = lesson_page(source)
        yield _written(site / f"{target}.html", content)
    if not only:
        yield _written(site / f"{CAMPAIGNS}.html", document(campaigns.TITLE, campaigns.content(), kind=CAMPAIGNS))
    yield _written(site / "index.html", welcome())


def _written(path: Path, content: str) -> Path:
    write_whole(path, content.encode())
    return path


def print_pdf(browser: str, page: Path) -> Path:
    """Imprime une page par le navigateur, à côté d'elle. Lève RuntimeError, avec quoi faire, s'il n'y parvient pas."""
    pdf = page.with_suffix(".pdf")
    pdf.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", *flags(), f"--user-data-dir={profile}", "--no-pdf-header-footer"]
        command = [browser, *options, f"--print-to-pdf={pdf}", page.as_uri()]
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=120).stderr.strip()[-200:]
        except OSError as error:
            said = reason(error)
        except subprocess.TimeoutExpired:
            said = "deux minutes sans réponse"
    if not pdf.exists():
        raise RuntimeError(
            f"Le navigateur {browser} n'a pas imprimé {page.name} ({said}) : ouvrez cette page et imprimez-la (Ctrl-P)."
        )
    return pdf


def _announce(path: Path) -> None:
    print(f"Écrit : {path.relative_to(SITE.parent).as_posix()}", flush=True)


def main() -> None:
    """Construit tout, ou les sources que nomme la ligne de commande, et dit où."""
    forgiving_console()
    browser = chromium()
    try:
        pages = []
        for path in build(sys.argv[1:]):
            _announce(path)
            pages.append(path)
        for path in pages:  # en dernier : un navigateur qui n'imprime pas ne retient aucune page
            if browser and path.stem == SHEET:
                _announce(print_pdf(browser, path))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(str(error))
    if not browser and any(path.stem == SHEET for path in pages):
        print(f"Sans navigateur Chromium, pas de PDF : ouvrez site/{SHEET}.html et imprimez-le (Ctrl-P).")


if __name__ == "__main__":
    main()
