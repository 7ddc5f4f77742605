"""Les pages à imprimer : le constructeur, et l'aide-mémoire tenu par le code qu'il résume."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from course_utils import absent, adapters, cost, losses, models, objectives, training
from lab import prose, site
from tests.course import ROOT
from tests.typography import code_faults

SHEET = (ROOT / "notebooks" / "aide_memoire.md").read_text(encoding="utf-8")
KNOWN = {name: value for module in (absent, adapters, cost, losses, models, objectives, training)
         for name, value in vars(module).items() if callable(value)}  # fmt: skip
# Ce que la page cite sans que ce soit un nom du cours.
ELSEWHERE = {"make site", "course_utils", "requires_grad", "eval()", '"mse"', '"l2"'}


class Reader(HTMLParser):
    """Les balises d'une page, dans l'ordre."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        """Toutes les valeurs d'un attribut."""
        return [value for _, attrs in self.tags if (value := attrs.get(attribute)) is not None]


def render(text: str, tmp_path: Path) -> str:
    return site.page(text, kind="essai", folder=tmp_path)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return list(site.build(site.PRINTED, tmp_path_factory.mktemp("dossier") / "site"))


def test_small_page(tmp_path: Path) -> None:
    (tmp_path / "02_essai.ipynb").touch()
    (tmp_path / "aide_memoire.md").touch()
    (tmp_path / "dessin.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    text = (
        "# L'élève à l'œuvre\n\nUne formule $T^2$ et [un notebook](02_essai.ipynb), [la page](aide_memoire.md#suite).\n"
        "\n## Été\n\n$$\\frac{a}{b}$$\n\n| n | p |\n|---|---|\n| $x$ | 0,5 |\n\n![Une « flèche »](dessin.svg)\n"
    )
    found = render(text, tmp_path)
    assert "<title>L'élève à l'œuvre</title>" in found.replace("&#x27;", "'")
    assert '<math display="inline" alttext="T^2">' in found and '<math display="block"' in found
    assert 'href="aide-memoire.html#suite"' in found
    assert "un notebook, <a" in found, "un fichier hors du site ne serait plus là, le site copié : pas de lien"
    assert '<section>\n<h2 id="été">Été</h2>' in found and "<td>0,5</td>" in found
    assert 'src="data:image/svg+xml;base64,' in found and 'alt="Une « flèche »"' in found


@pytest.mark.parametrize(
    "latex", ["\\frac{a}{", "\\frac{a}", "\\truc{a}", "a^{", "x_", "\\left( a", "a}", "\\begin{aligned} a &= b"]
)
def test_broken_formula_is_named(latex: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refused:
        render(f"# Titre\n\nVoici ${latex}$.\n", tmp_path)
    said = str(refused.value)
    assert said.startswith(f"La formule «\u00a0{latex}\u00a0» est mal écrite") and said.count(". ") == 0


@pytest.mark.parametrize("text", ["[ailleurs](absent.ipynb)", "![un dessin](absent.svg)", "![](aide.svg)"])
def test_broken_link_and_mute_image_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "aide.svg").touch()
    with pytest.raises(ValueError, match=re.search(r"\w+\.(ipynb|svg)", text)[0]):  # type: ignore[index]
        render(text, tmp_path)


@pytest.mark.parametrize(
    ("latex", "roles"),
    [
        ("D(P_T, P_S)", ["teacher", "student"]),
        ("\\mathrm{IR}_T^{i-1} - S_i", ["teacher", "student"]),
        ("t_i s_j", ["teacher", "student"]),
        ("T^2 \\exp(z_i/T) + p_s", []),
    ],
)
def test_each_side_has_its_color(latex: str, roles: list[str]) -> None:
    assert re.findall(r'class="(\w+)"', prose.formula(latex)) == roles


def test_decimal_comma_is_one_number() -> None:
    assert "<mn>5,6</mn>" in prose.formula("5{,}6 \\cdot 10^6")


def test_pages_stand_alone(pages: list[Path]) -> None:
    assert [page.name for page in pages] == ["aide-memoire.html", "guide-enseignant.html", "index.html"]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        read = Reader(text)
        assert ("html", {"lang": "fr"}) in read.tags and "<title>" in text
        assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in read.tags}
        assert not re.search(r"@import|url\(", text)
        assert all(source.startswith("data:") for source in read.values("src"))
        silent = page.stem == "index"  # là, un dessin est suivi de son titre, dans le même lien
        assert all(silent or attrs.get("alt") for tag, attrs in read.tags if tag == "img")
        levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h\d", tag)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        anchors = set(read.values("id"))
        for link in read.values("href"):
            path, _, anchor = link.partition("#")
            # ni les notebooks ni les campagnes ne sont faits ici
            known = path in {f"{name}.html" for name in (*site.PAGES.values(), site.CAMPAIGNS)}
            assert known or link.startswith("https://") or (page.parent / path).exists()
            assert path or anchor in anchors


def test_without_a_browser_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = ROOT / "site" / "aide-memoire.html"
    monkeypatch.setattr(site, "build", lambda only: [page])
    monkeypatch.setattr(site, "chromium", lambda: None)
    monkeypatch.setattr(sys, "argv", ["site.py"])
    site.main()
    assert "Sans navigateur Chromium, pas de PDF" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="n'a pas imprimé page"):
        site.print_pdf(sys.executable, tmp_path / "page.html")


def test_a_browser_that_does_not_print_keeps_no_page_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ROOT / "site"
    monkeypatch.setattr(site, "build", lambda only: iter([folder / "aide-memoire.html", folder / "index.html"]))
    monkeypatch.setattr(site, "chromium", lambda: str(tmp_path / "chromium"))
    monkeypatch.setattr(sys, "argv", ["site.py"])
    with pytest.raises(SystemExit, match=r"n'a pas imprimé aide-memoire\.html \(dossier ou fichier absent\)"):
        site.main()
    assert "index.html" in capsys.readouterr().out


def test_missing_library_is_one_sentence() -> None:
    code = "import sys; sys.modules['latex2mathml'] = None; import lab.site"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1
    expected = "La bibliothèque latex2mathml manque dans ce Python : lancez « make site », qui l'installe.\n"
    assert done.stderr == expected


@pytest.mark.parametrize(
    "path", [path for name in ("lab", "experiments") for path in sorted((ROOT / name).rglob("*.py"))], ids=str
)
def test_french_typography(path: Path) -> None:
    assert code_faults(path.read_text(encoding="utf-8")) == []


def snippets() -> list[str]:
    """Tout le code de l'aide-mémoire : les blocs, puis ce qui est cité dans les phrases."""
    blocks = re.findall(r"```python\n(.*?)```", SHEET, re.S)
    prose = re.sub(r"```.*?```", "", SHEET, flags=re.S)
    return [*blocks, *(quoted for quoted in re.findall(r"`([^`]+)`", prose) if quoted not in ELSEWHERE)]


def calls() -> list[ast.Call]:
    return [node for code in snippets() for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Name)
    return call.func.id


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


@pytest.mark.parametrize("call", calls(), ids=ast.unparse)
def test_call_of_the_sheet_exists_with_these_defaults(call: ast.Call) -> None:
    function = KNOWN[name_of(call)]
    known = parameters_of(function)
    inspect.signature(function).bind(*call.args, **{keyword.arg: None for keyword in call.keywords if keyword.arg})
    for keyword in call.keywords:
        default = known[str(keyword.arg)].default
        if default is not inspect.Parameter.empty:
            assert ast.literal_eval(keyword.value) == default, keyword.arg


def test_every_default_of_a_method_is_on_the_sheet() -> None:
    shown = {name_of(call): {keyword.arg for keyword in call.keywords} for call in calls()}
    for name in ("Hinton", "Hint", "Lit", "Rkd", "BornAgain", "challenge_score"):
        defaults = {key for key, p in parameters_of(KNOWN[name]).items() if p.default is not inspect.Parameter.empty}
        assert defaults <= shown[name], name


def test_every_quoted_name_exists() -> None:
    options = {key for call in calls() for key in parameters_of(KNOWN[name_of(call)])}
    for code in snippets():
        words = {re.sub(r"=.*", "", code)} if re.fullmatch(r"\w+(=\w+)?", code) else set()
        assert words <= KNOWN.keys() | options, code


def test_score_formula_has_the_reference_network_of_the_code() -> None:
    numbers = re.findall(r"\\frac\{[wf]\}\{(\d)\{,\}(\d) \\cdot 10\^(\d)\}", SHEET)
    assert [float(f"{a}.{b}e{c}") for a, b, c in numbers] == [cost.REFERENCE_WEIGHTS, cost.REFERENCE_MACS]
