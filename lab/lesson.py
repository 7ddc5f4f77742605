"""Un notebook exécuté, en HTML lisible sans noyau et sans réseau : images, verdicts, quiz, films (voir films.py)."""

import base64
import gzip
import html
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from course_utils.french import typography
from course_utils.interaction.panels import inline, panel

try:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer
except ImportError as missing:
    sys.exit(f"La bibliothèque {missing.name} manque dans ce Python : lancez « make site », qui l'installe.")

ROOT = Path(__file__).resolve().parents[1]
LONGEST_CELL = 300  # secondes
WIDGET = "application/vnd.jupyter.widget-view+json"
# Exécutée la dernière : elle dépose dans sa sortie ce qui remplacera chaque widget.
KEEP = """import sys
from IPython.display import display
sys.path.insert(0, {root!r})
from lab.films import keepsakes
display({{"application/json": keepsakes()}}, raw=True)"""


def executed(notebook: Path) -> tuple[list[Any], dict[str, dict[str, Any]]]:
    """Exécute un notebook dans un noyau neuf, depuis son dossier : ses cellules et ce qui remplace chaque widget.

    Lève RuntimeError, avec la cellule si l'une d'elles échoue, ou si le noyau s'arrête ou ne finit pas.
    """
    content = nbformat.read(notebook, as_version=4)
    last = nbformat.v4.new_code_cell(KEEP.format(root=str(ROOT)))
    content.cells.append(last)
    client = NotebookClient(
        content,
        timeout=LONGEST_CELL,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise RuntimeError(f"{notebook.name} ne s'exécute pas jusqu'au bout :\n{error}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        cause = (
            f"une cellule dure plus de {LONGEST_CELL} secondes"
            if isinstance(error, CellTimeoutError)
            else "son noyau s'est arrêté, peut-être faute de mémoire"
        )
        raise RuntimeError(
            f"{notebook.name} ne s'exécute pas jusqu'au bout : {cause} ; fermez les autres programmes, puis relancez."
        ) from error
    kept = next(output.data["application/json"] for output in last.outputs if "data" in output)
    return content.cells[:-1], kept


def lesson(
    cells: list[Any], kept: Mapping[str, dict[str, Any]], *, markdown: Callable[[str], str], folder: Path
) -> str:
    """Les cellules exécutées, en HTML. markdown : rend le Markdown d'une cellule ; folder : d'où partent les liens."""
    parts, solution = [], ""
    for cell in cells:
        if cell.cell_type == "markdown":
            parts.append(f'<div class="prose">{markdown(cell.source)}</div>')
            continue
        parts.append(_code(cell.source))
        parts += [f'<div class="output">{found}</div>' for found in map(_Output(kept), joined(cell.outputs)) if found]
        if solution and "check(" in cell.source:
            parts.append(f"<details class='solution'><summary>Une solution</summary>{_code(solution)}</details>")
            solution = ""
        if load := re.search(r"# %load (solutions/\S+)", cell.source):
            solution = (folder / load[1]).read_text(encoding="utf-8")
    return "\n".join(parts)


def joined(outputs: list[Any]) -> list[Any]:
    """Les sorties d'une cellule, les textes affichés l'un après l'autre n'en faisant plus qu'un, comme à l'écran."""
    together: list[Any] = []
    for output in outputs:
        if together and output.get("name", "") == together[-1].get("name"):
            text = together.pop().text + output.text
            together.append(nbformat.v4.new_output("stream", name=output.name, text=text))
        else:
            together.append(output)
    return together


def _code(source: str) -> str:
    return f'<pre class="code" tabindex="0">{highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))}</pre>'


class _Output:
    """Une sortie de cellule en HTML ; vide pour ce qui n'a de sens que devant un noyau (une barre de progression)."""

    def __init__(self, kept: Mapping[str, dict[str, Any]]) -> None:
        self.kept = kept

    def __call__(self, output: Any) -> str:
        if output.output_type == "stream":
            return f"<pre>{html.escape(output.text)}</pre>" if output.name == "stdout" else ""
        if output.output_type == "error":
            return f"<pre>{html.escape(f'{output.ename} : {output.evalue}')}</pre>"
        data = output.data
        if WIDGET in data:
            kind, content = next(iter(self.kept.get(data[WIDGET]["model_id"], {"": None}).items()))
            if kind == "film" and content:
                return film(content, data["image/svg+xml"])
            if kind == "quiz":
                return quiz(content)
            if kind == "pari":
                return prediction(content)
            return data.get("image/svg+xml", "")
        if "text/html" in data:
            return pages_of_the_site(data["text/html"])
        if "image/svg+xml" in data:
            return data["image/svg+xml"]
        if "image/png" in data:
            return f'<img src="data:image/png;base64,{data["image/png"]}" alt="{html.escape(data["text/plain"])}">'
        return f"<pre>{html.escape(data['text/plain'])}</pre>"


def film(content: Mapping[str, Any], still: str) -> str:
    """Une image fixe, et de quoi l'animer : lesson.js ajoute les réglages s'il sait lire le film."""
    packed = gzip.compress(json.dumps(content, ensure_ascii=False).encode(), mtime=0)
    return (
        f'<div class="film"><div class="picture">{still}</div>'
        f'<script type="text/plain">{base64.b64encode(packed).decode()}</script></div>'
    )


def quiz(questions: list[Mapping[str, Any]]) -> str:
    """Les questions d'un quiz ; chaque choix se déplie sur son verdict et son explication."""
    return "\n".join(_question(number, question) for number, question in enumerate(questions, 1))


def _question(number: int, question: Mapping[str, Any]) -> str:
    note = " <em>(plusieurs réponses)</em>" if question["several"] else ""
    choices = "".join(
        f"<details><summary>{inline(choice['text'])}</summary>"
        f"{panel(*_OUTCOME[choice['right']], inline(choice['explanation']))}</details>"
        for choice in question["choices"]
    )
    return f'<div class="question"><p><b>{number}.</b> {inline(question["statement"])}{note}</p>{choices}</div>'


_OUTCOME = {True: ("juste", "Juste"), False: ("faux", "Pas tout à fait")}


def prediction(content: Mapping[str, Any]) -> str:
    """Un pari : on y choisit sa réponse avant de lire la suite ; rien n'est enregistré."""
    name = f"pari-{zlib.crc32(content['question'].encode())}"
    choices = "".join(
        f'<label><input type="radio" name="{name}"> {inline(choice)}</label>' for choice in content["choices"]
    )
    title = panel("vide", "Prédisez avant de lire la suite", inline(content["question"]))
    return f'<div class="question">{title}{choices}</div>'


def pages_of_the_site(text: str) -> str:
    """Du HTML où les liens vers les notebooks mènent aux pages du site."""
    return re.sub(r"""(href=["']\d\d_\w+)\.ipynb""", r"\1.html", text)


def headings(text: str) -> Iterator[tuple[str, str]]:
    """L'ancre et le titre de chaque partie (h2) d'une page."""
    for anchor, title in re.findall(r'<h2 id="([^"]+)">([^\n]+)</h2>', text):
        yield anchor, typography(re.sub(r"<[^>]*>", "", title))
