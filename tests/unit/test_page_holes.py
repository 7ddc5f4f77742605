"""Les pages du site : des fautes d'un caractère qui y mettraient un nombre, un nom ou un lien faux."""

import base64
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets as widgets
import nbformat
import pytest

from course_utils import results
from course_utils.drawing.palette import GRID, PAPER
from course_utils.figures import text_panel
from course_utils.lessons import lessons
from course_utils.live import live
from course_utils.results import Row
from experiments.campaign import Campaign, View, grid
from lab import campaigns, films, lesson, site
from tests.typography import plain

BASES = {"seul": 0.5, "KD": 0.6, "enseignant": 0.9}


def rows_of(methods: tuple[str, ...], sizes: tuple[int, ...], seeds: int = 2) -> list[Row]:
    """Deux graines à deux centièmes l'une de l'autre ; un dixième de plus par taille ; un seul enseignant."""
    return [
        {"method": method, "train_size": size, "seed": seed, "test": BASES.get(method, 0.7) + 0.1 * i + 0.02 * seed}
        for method in methods
        for i, size in enumerate(sizes)
        for seed in range(1 if method == "enseignant" else seeds)
    ]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Ce que reçoivent les dessins de la page : leurs données, sous « data », et leurs réglages."""
    seen: list[dict[str, Any]] = []

    def record(*given: Any, **settings: Any) -> str:
        seen.append({"data": given[-1], "names": given[0], **settings})
        return ""

    for chart in ("line_chart", "bar_chart"):
        monkeypatch.setattr(campaigns, chart, record)
    monkeypatch.setattr(campaigns, "stack", lambda *panels: "".join(panels))
    return seen


def cells(rows: list[Row], view: View) -> list[list[str]]:
    """Le tableau d'une vue, ligne par ligne, en-têtes compris."""
    text = plain(campaigns.table(rows, view))
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in re.findall(r"<tr>(.*?)</tr>", text)]


def test_each_method_has_its_curve_and_the_teacher_its_line(drawn: list[dict[str, Any]]) -> None:
    rows = [row for row in rows_of(("seul", "KD", "enseignant"), (1, 8)) if row["train_size"] < 8 or row["seed"] < 2]
    campaigns.figure([*rows, *rows_of(("court",), (8,))], View("test", "train_size", series="method"))
    (chart,) = drawn
    assert list(chart["data"]) == ["seul", "KD"], "un point seul est dans le tableau"
    assert chart["data"]["KD"].y == pytest.approx([0.61, 0.71]) and set(chart["levels"]) == {"enseignant"}
    assert (chart["title"], chart["x_label"], chart["log_x"]) == ("Exactitude sur le test", "labels", True)
    assert plain(chart["y_format"](0.5)) == "50 %"


@pytest.mark.parametrize(("sizes", "log"), [((1, 7), False), ((0, 8), False), ((2, 16), True)])
def test_an_axis_is_logarithmic_only_over_wide_positive_values(
    sizes: tuple[int, ...], log: bool, drawn: list[dict[str, Any]]
) -> None:
    campaigns.figure(rows_of(("seul",), sizes), View("test", "train_size", series="method"))
    assert drawn[0]["log_x"] is log


def test_without_series_the_curve_is_named_after_its_value(drawn: list[dict[str, Any]]) -> None:
    campaigns.figure(rows_of(("seul", "KD"), (1, 2)), View("test", "train_size", panel="method"))
    assert [list(chart["data"]) for chart in drawn] == [["exactitude sur le test"]] * 2
    assert [plain(chart["title"]) for chart in drawn] == [
        f"Exactitude sur le test : méthode « {name} »" for name in ("seul", "KD")
    ]


def test_only_the_rows_of_a_view_are_shown() -> None:
    view = View("test", "train_size", series="method", where={"method": "KD"})
    assert cells(rows_of(("seul", "KD"), (1, 2)), view)[0] == ["labels", "KD"]


def test_bars_of_one_group_have_their_intervals_and_a_frame_around_them(drawn: list[dict[str, Any]]) -> None:
    rows = rows_of(("seul", "enseignant"), (1,))
    campaigns.figure(rows, View("test", "method"))
    (chart,) = drawn
    assert chart["names"] == ["seul", "enseignant"] and chart["data"] == pytest.approx([0.51, 0.9])
    half = results.interval([0.5, 0.52]).half
    assert chart["intervals"][0] == pytest.approx((0.51 - half, 0.51 + half)) and chart["intervals"][1] == (0.9, 0.9)
    assert chart["limits"] == pytest.approx((0.2, 0.92))
    campaigns.figure([row | {"test": 0.99} for row in rows], View("test", "method"))
    assert drawn[1]["limits"] == pytest.approx((0.8, 1.0))


def test_bars_of_several_groups_keep_their_names(drawn: list[dict[str, Any]]) -> None:
    campaigns.figure(rows_of(("seul", "KD"), (1, 2)), View("test", "method", series="train_size"))
    (chart,) = drawn
    assert list(map(plain, chart["data"])) == ["labels = 1", "labels = 2"] and chart["intervals"] == ()
    assert next(iter(chart["data"].values())) == pytest.approx([0.51, 0.61])


def test_bars_that_count_start_at_zero(drawn: list[dict[str, Any]]) -> None:
    rows = [{"method": m, "seed": 0, "errors_before": n} for m, n in (("seul", 100), ("KD", 200))]
    campaigns.figure(rows, View("errors_before", "method"))
    assert drawn[0]["limits"] == pytest.approx((0, 210)) and drawn[0]["value_format"](100) == "100"


def test_a_wide_table_is_turned_and_nothing_moves() -> None:
    view, many = View("test", "train_size", series="method"), ("a", "b", "c", "d", "KD")
    narrow, wide = cells(rows_of(many[2:], (1, 2)), view), cells(rows_of(many, (1, 2), seeds=1), view)
    assert narrow[0] == ["labels", "c", "d", "KD"] and [line[0] for line in narrow[1:]] == ["1", "2"]
    assert wide[0] == ["méthode", "1", "2"] and [line[0] for line in wide[1:]] == list(many)
    assert wide[1][1:] == ["70,0 %", "80,0 %"] and wide[-1][1:] == ["60,0 %", "70,0 %"]


def test_the_teacher_of_curves_is_not_in_the_table_and_lines_keep_their_order() -> None:
    table = cells(rows_of(("seul", "enseignant"), (8, 1)), View("test", "train_size", series="method"))
    assert [line[0] for line in table] == ["labels", "8", "1"] and table[0][1:] == ["seul"]


def test_one_interval_is_enough_to_call_them_means() -> None:
    rows = [*rows_of(("seul",), (1,)), *rows_of(("seul",), (2,), seeds=1)]
    assert cells(rows, View("test", "train_size"))[0][1] == plain(campaigns.AVERAGE)


def test_counted_values_have_counted_intervals() -> None:
    rows = [{"method": "KD", "train_size": 1, "seed": s, "errors_before": 100 + 10 * s} for s in range(2)]
    assert cells(rows, View("errors_before", "train_size"))[1][1] == "105 ± 63,5"


def test_a_name_cannot_pass_for_a_tag() -> None:
    rows = rows_of(("p < q & r", "<b>"), (1, 2))
    assert cells(rows, View("test", "train_size", series="method"))[0][1:] == ["p &lt; q &amp; r", "&lt;b&gt;"]


@pytest.mark.parametrize(("seconds", "spent"), [(119, "119 secondes"), (120, "2 minutes"), (7200, "120 minutes")])
def test_a_campaign_says_what_it_cost_and_gives_its_table(
    seconds: int, spent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = {"seconds": seconds, "machine": "cpu", "versions": {"torch": "2.14"}, "commit": "abc"}
    monkeypatch.setattr(results, "card", lambda name: card)
    points = grid(seed=range(3), method=["seul", "KD"])
    campaign = Campaign("Essai", "?", "", points, lambda **point: [], ("test",), {})
    text = plain(campaigns.provenance("rkd", campaign, [{"seed": 0, "method": "KD", "test": 0.5}] * 7))
    assert f"6 essais, {spent} de calcul (cpu), torch 2.14, code abc. Essais qui manquent : 5." in text
    data = re.search(r'base64,([^"]+)"', text)
    assert data and base64.b64decode(data[1]) == (results.RESULTS / "rkd.csv").read_bytes()


# --- Les films et les leçons ---


def test_the_menu_of_a_film_gives_each_text_its_value_and_starts_at_the_start() -> None:
    axis = films.axis_of(widgets.Dropdown(options=[("Un", 1), ("Deux", 2)]))
    assert (axis.stops, axis.texts) == ([1, 2], ["Un", "Deux"])
    assert films.axis_of(widgets.FloatLogSlider(base=2, min=0, max=2, step=1)).stops == [1, 2, 4]
    assert films.shared([films.MOST], films.MOST) == [films.MOST]
    sliders = dict.fromkeys("abcd", (0, 99, 1, 5))
    found = films.film(live(lambda **values: text_panel(str(values)), **sliders, presets={"un": {"a": 30}}))
    assert found and found["controls"][0]["start"] == 0


def output(**data: str) -> Any:
    return nbformat.v4.new_output("display_data", {name.replace("_", "/"): value for name, value in data.items()})


def test_only_texts_of_the_same_stream_are_joined() -> None:
    streams = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in
               (("stdout", "a"), ("stdout", "b"), ("stderr", "c"))]  # fmt: skip
    pictures = [output(text_plain="d"), output(text_plain="e")]
    assert [one.get("text") for one in lesson.joined([*streams, *pictures])] == ["ab", "c", None, None]


def test_each_kind_of_output_is_shown() -> None:
    shown = lesson._Output({})
    assert shown(nbformat.v4.new_output("stream", name="stdout", text="a < b")) == "<pre>a &lt; b</pre>"
    assert shown(output(text_plain="a < b")) == "<pre>a &lt; b</pre>"
    assert shown(output(text_plain="x", text_html="<p>y</p>")) == "<p>y</p>"
    assert shown(output(text_plain="<Figure>", image_png="QUJD")) == (
        '<img src="data:image/png;base64,QUJD" alt="&lt;Figure&gt;">'
    )
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="a < b", traceback=[])
    assert plain(shown(error)) == "<pre>ValueError : a &lt; b</pre>"


def test_a_live_picture_without_a_film_stays_still_and_a_film_opens_on_its_still() -> None:
    data = {lesson.WIDGET: {"model_id": "un"}, "image/svg+xml": "<svg>ici</svg>"}
    view, moving = nbformat.v4.new_output("display_data", data), {"film": {"frames": ["<svg>ailleurs</svg>"]}}
    assert lesson._Output({"un": {"film": None}})(view) == "<svg>ici</svg>" == lesson._Output({})(view)
    assert '<div class="picture"><svg>ici</svg></div>' in lesson._Output({"un": moving})(view)


def question(statement: str, *, several: bool) -> dict[str, Any]:
    choices = [{"text": f"{right}", "right": right, "explanation": f"car {right}"} for right in (False, True)]
    return {"statement": statement, "several": several, "choices": choices}


def test_each_choice_of_a_quiz_opens_on_its_own_verdict() -> None:
    page = lesson.quiz([question("Un", several=False), question("Deux", several=True)])
    found = re.findall("<summary>(.*?)</summary>(.*?)</details>", page)
    assert ["True" if "Juste" in told else "False" for _, told in found] == [text for text, _ in found]
    assert all(f"car {text}" in told and ("Pas tout à fait" in told) is (text == "False") for text, told in found)
    first, second = page.split("\n")
    assert "<b>1.</b> Un" in first and "<b>2.</b> Deux" in second
    assert "plusieurs réponses" not in first and "plusieurs réponses" in second


def test_two_bets_do_not_share_their_answer() -> None:
    bets = [lesson.prediction({"question": text, "choices": ["oui", "non"]}) for text in ("Un", "Deux")]
    assert [len(set(re.findall('name="([^"]+)"', bet))) for bet in bets] == [1, 1]
    assert len(set(re.findall('name="([^"]+)"', "".join(bets)))) == 2


def test_only_the_notebooks_of_the_course_become_pages() -> None:
    links = '<a href="02_hinton.ipynb#x"></a><a href="mien.ipynb"></a>'
    assert re.findall('"([^"]+)"', lesson.pages_of_the_site(links)) == ["02_hinton.html#x", "mien.ipynb"]


def test_a_solution_follows_the_check_of_its_exercise_alone(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "un.py").write_text("le_corrige = 1", encoding="utf-8")
    sources = ('check("zero")', "# %load solutions/un.py", 'check("un")', 'check("deux")')
    parts = lesson.lesson([nbformat.v4.new_code_cell(one) for one in sources], {}, markdown=str, folder=tmp_path)
    assert parts.count("Une solution") == 1 and parts.index("zero") < parts.index("le_corrige") < parts.index("deux")


def test_a_notebook_runs_in_its_folder_and_what_keeps_its_widgets_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = []

    def client(content: Any, *, resources: dict[str, Any], **_: Any) -> SimpleNamespace:
        def execute() -> None:
            where.append(resources["metadata"]["path"])
            content.cells[-1].outputs = [nbformat.v4.new_output("display_data", {"application/json": {"un": {}}})]

        return SimpleNamespace(execute=execute)

    monkeypatch.setattr(lesson, "NotebookClient", client)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), tmp_path / "un.ipynb")
    shown, kept = lesson.executed(tmp_path / "un.ipynb")
    assert [cell.source for cell in shown] == ["1"] and kept == {"un": {}} and where == [str(tmp_path)]


# --- Le site ---


def test_the_page_of_a_notebook_has_its_contents_its_neighbours_and_its_script(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = lessons()
    text = f"# Titre\n\n## La suite\n\n[après]({second.name})"
    monkeypatch.setattr(site, "executed", lambda notebook: ([nbformat.v4.new_markdown_cell(text)], {}))
    page = site.lesson_page(first)
    assert '<ol><li><a href="#la-suite">La suite</a></li></ol>' in page and '<h2 id="la-suite">' in page
    assert page.count("<nav>") == 2 and page.count("animate(film)") > 1
    assert f'<a href="{second.stem}.html">après</a>' in page


def test_the_whole_site_has_every_page_and_a_part_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "lesson_page", lambda notebook: notebook.name)
    monkeypatch.setattr(campaigns, "content", lambda: "")
    built = [path.name for path in site.build(site=tmp_path)]
    assert built == [f"{name}.html" for name in (*site.PAGES.values(), site.CAMPAIGNS, "index")]
    assert [path.name for path in site.build(["aide_memoire.md"], tmp_path)] == ["aide-memoire.html", "index.html"]
    with pytest.raises(ValueError, match=r"Source inconnue.*absente\.md"):
        list(site.build(["absente.md"], tmp_path))


def test_only_the_sheet_is_printed_and_only_the_sources_named_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    built, printed, pages = [], [], [site.SITE / "aide-memoire.html", site.SITE / "index.html"]
    monkeypatch.setattr(site, "build", lambda only: built.append(only) or iter(pages))
    monkeypatch.setattr(site, "chromium", lambda: "chromium")
    monkeypatch.setattr(site, "print_pdf", lambda browser, page: printed.append(page.stem) or page)
    monkeypatch.setattr(sys, "argv", ["site.py", "aide_memoire.md"])
    site.main()
    assert (built, printed) == ([["aide_memoire.md"]], ["aide-memoire"])


def test_an_old_pdf_does_not_pass_for_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "page.pdf").touch()
    with pytest.raises(RuntimeError, match=r"n.a pas imprimé page\.html"):
        site.print_pdf(sys.executable, tmp_path / "page.html")


def test_each_part_of_a_page_has_its_frame_and_its_title_is_the_first(tmp_path: Path) -> None:
    page = site.page("Le signe # commente\n\n# Un & deux\n\n## A\n\na\n\n## B\n\nb\n", kind="essai", folder=tmp_path)
    assert page.count("<section>") == 2 and "<title>Un &amp; deux</title>" in page
    assert re.findall("--(grid|paper):([^;]+);", page) == [("grid", GRID), ("paper", PAPER)]
    cards = re.findall(r'<a href="(\w+)\.html">(<img [^>]*>)?<span>', site.welcome())
    assert [name for name, _ in cards] == [path.stem for path in lessons()] and all(drawing for _, drawing in cards)
