"""Le guide de l'enseignant suit les notebooks : ses sections, les réglages qu'il nomme, ses durées, ses nombres."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from course_utils import results
from course_utils.french import french_number
from tests.course import NOTEBOOKS, ROOT, code, read
from tests.typography import faults, plain

GUIDE = ROOT / "notebooks" / "guide_enseignant.md"
PARTS = ["La démonstration de deux minutes", "Ce que l'on dit", "Questions attendues", "Le piège"]


TEXT = plain(GUIDE.read_text(encoding="utf-8"))
SECTIONS = dict(re.findall(r"^## (\d\..+)\n((?:(?!## ).*\n?)*)", TEXT, re.M))
TITLES = {path: plain(read(path)[0].source).splitlines()[0].removeprefix("# ") for path in NOTEBOOKS}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_one_section_for_every_notebook_in_order() -> None:
    assert list(SECTIONS) == list(TITLES.values())


@every_notebook
def test_every_section_has_its_four_parts(path: Path) -> None:
    section = SECTIONS[TITLES[path]]
    assert re.findall(r"^### (.+)$", section, re.M) == PARTS
    questions = section.split("### Questions attendues")[1].split("###")[0]
    assert len(re.findall(r"^- \*\*.+\?\*\* ", questions, re.M)) == 3


@every_notebook
def test_every_control_and_every_section_named_exists(path: Path) -> None:
    section = SECTIONS[TITLES[path]]
    source = plain("\n".join(cell.source for cell in code(path)))
    named = re.findall(r"\*\*`([^`]+)`\*\*", section)
    assert [name for name in named if f'"{name}"' not in source] == []
    headings = {
        heading
        for cell in read(path)
        if cell.kind == "markdown"
        for heading in re.findall(r"^#{2,3} (.+)$", plain(cell.source), re.M)
    }
    cited = re.findall(r"^\d\. Section « (.+?) » :", section, re.M)
    assert cited and [title for title in cited if title not in headings] == []


@every_notebook
def test_durations_are_those_of_the_notebook(path: Path) -> None:
    introduction = plain(read(path)[0].source)
    told = re.search(r"\*\*Durée\*\* : (\d+ minutes).* ; tout exécuter prend (.+?)(?: sur deux cœurs)?\.", introduction)
    assert told and f"| [{TITLES[path]}]({path.name}) | {told[1]} | {told[2]} |" in TEXT


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", TEXT)
    assert links and [link for link in links if not (GUIDE.parent / link).exists()] == []


def test_typography() -> None:
    assert faults(GUIDE.read_text(encoding="utf-8")) == []


def section_of(number: int) -> str:
    """Ce que le guide dit d'un notebook."""
    return next(text for title, text in SECTIONS.items() if title.startswith(f"{number}."))


def gap(campaign: str, column: str, first: dict[str, object], second: dict[str, object]) -> str:
    """L'écart moyen, en points, entre deux lignes d'une campagne, écrit comme dans le guide."""
    rows = results.load(campaign)
    mean = results.paired(results.column(rows, column, **first), results.column(rows, column, **second)).mean
    return f"{'+' if mean > 0 else ''}{french_number(100 * mean, 2)} point"


@pytest.mark.parametrize(
    ("size", "temperature", "weight", "bounds"),
    [(1800, 1, 0.1, True), (1800, 1, 1, True), (1800, 4, 1, True), (1800, 20, 1, False), (1800, 20, 3, False),
     (6000, 4, 1, False)],
)  # fmt: skip
def test_the_instructor_reads_what_the_map_of_hinton_shows(
    size: int, temperature: float, weight: float, bounds: bool
) -> None:
    """Les titres de la carte du notebook 02, que le guide annonce case par case."""
    rows = results.matching(results.load("hinton_grid"), train_size=size)
    alone = results.column(rows, "validation", method="seul")
    found = results.paired(results.column(rows, "validation", temperature=temperature, soft_weight=weight), alone)
    mean, low, high = (french_number(100 * x, 2) for x in (found.mean, found.low, found.high))
    assert (f"{mean} point, de {low} à {high}" if bounds else f"{mean} point") in section_of(2)


def test_more_labels_leave_less_to_the_teacher() -> None:
    """Le guide l'affirme, et le notebook 02 le demande."""
    gains = {}
    for size in (1800, 6000):
        rows = results.matching(results.load("hinton_grid"), train_size=size)
        chosen = results.column(rows, "test", temperature=4, soft_weight=1)
        gains[size] = results.paired(chosen, results.column(rows, "test", method="seul"))
    assert gains[6000].high < gains[1800].low and gains[6000].significant


def test_small_students_prefer_small_temperatures_and_less_so_as_they_grow() -> None:
    """La dernière phrase de la section du notebook 02 sur la taille de l'élève."""
    rows = results.load("student_size")
    falls = [
        results.paired(*(results.column(rows, "test", units=units, temperature=t) for t in (2.5, 20)))
        for units in (10, 30, 100, 300)
    ]
    assert all(fall.low > 0 for fall in falls)
    assert all(larger.mean < smaller.mean for smaller, larger in pairwise(falls))


CLEAN, NOISY = {"condition": "labels propres"}, {"condition": "40\u00a0% de labels au hasard"}
ALONE = {"method": "seul"}
THIRD_PANEL = {"data": "cifar10-jpeg", "family": "resnet", "depth": 20}
FIRST_PANEL = {"data": "fashion-mnist", "family": "resnet", "depth": 14}
FEW, SMALL = {"train_size": 1800}, {"dimension": 16}


@pytest.mark.parametrize(
    ("number", "campaign", "column", "first", "second"),
    [
        (2, "hinton_grid", "test", FEW | {"temperature": 4.0, "soft_weight": 1.0}, FEW | ALONE),
        (4, "born_again", "accuracy", CLEAN | {"method": "génération 1"}, CLEAN | {"method": "génération 0"}),
        (4, "born_again", "accuracy", CLEAN | {"method": "génération 4"}, CLEAN | {"method": "génération 0"}),
        (4, "born_again", "accuracy", CLEAN | {"method": "lissage des labels"}, CLEAN | {"method": "génération 0"}),
        (4, "born_again", "accuracy", NOISY | {"method": "génération 1"}, NOISY | {"method": "génération 0"}),
        (6, "lit", "accuracy", FIRST_PANEL | {"method": "LIT"}, FIRST_PANEL | ALONE),
        (6, "lit", "accuracy", FIRST_PANEL | {"method": "KD"}, FIRST_PANEL | ALONE),
        (6, "lit", "accuracy", FIRST_PANEL | {"method": "LIT"}, FIRST_PANEL | {"method": "indices partout"}),
        (6, "lit", "accuracy", THIRD_PANEL | {"method": "LIT"}, THIRD_PANEL | {"method": "indices partout"}),
        (7, "rkd", "recall", SMALL | {"method": "RKD distances et angles"}, SMALL | {"method": "labels et KD"}),
        (7, "rkd", "accuracy", SMALL | {"method": "labels et RKD"}, SMALL | {"method": "labels et KD"}),
    ],
)
def test_numbers_are_those_of_the_campaigns(
    number: int, campaign: str, column: str, first: dict[str, object], second: dict[str, object]
) -> None:
    assert gap(campaign, column, first, second) in section_of(number)


LIT, EVERYWHERE, KD = {"method": "LIT"}, {"method": "indices partout"}, {"method": "labels et KD"}
UNLABELLED, TINY = {"method": "KD sans label"}, {"dimension": 4}


@pytest.mark.parametrize(
    ("number", "campaign", "column", "first", "second", "apart"),
    [
        (6, "lit", "accuracy", FIRST_PANEL | LIT, FIRST_PANEL | ALONE, True),
        (6, "lit", "accuracy", FIRST_PANEL | LIT, FIRST_PANEL | EVERYWHERE, False),
        (6, "lit", "accuracy", THIRD_PANEL | LIT, THIRD_PANEL | EVERYWHERE, True),
        (7, "rkd", "recall", SMALL | {"method": "RKD distances et angles"}, SMALL | KD, False),
        (7, "rkd", "recall", SMALL | {"method": "RKD distances et angles"}, SMALL | UNLABELLED, False),
        (7, "rkd", "recall", TINY | {"method": "RKD distances et angles"}, TINY | UNLABELLED, True),
        (7, "rkd", "accuracy", SMALL | {"method": "labels et RKD"}, SMALL | KD, True),
    ],
)
def test_intervals_are_those_of_the_campaigns(
    number: int, campaign: str, column: str, first: dict[str, object], second: dict[str, object], apart: bool
) -> None:
    found = results.paired(*(results.column(results.load(campaign), column, **one) for one in (first, second)))
    low, high = (("+" if end > 0 else "") + french_number(100 * end, 2) for end in (found.low, found.high))
    assert f"entre {low} et {high}" in section_of(number) and found.significant == apart


SNEAKER, SHIRT, BAG = {"class": "basket"}, {"class": "chemise"}, {"class": "sac"}
TAUGHT, ERASED = {"method": "distillé"}, {"method": "renormalisé"}


@pytest.mark.parametrize(
    ("campaign", "column", "where"),
    [
        ("absent", "recall_before", TAUGHT | SNEAKER),
        ("absent", "recall_prior", TAUGHT | SNEAKER),
        ("absent", "recall_prior", TAUGHT | SHIRT),
        ("absent", "recall_test", TAUGHT | SNEAKER),
        ("absent", "recall_test", TAUGHT | SHIRT),
        ("absent", "teacher_recall", TAUGHT | SNEAKER),
        ("absent", "teacher_recall", TAUGHT | SHIRT),
        ("absent", "recall_prior", TAUGHT),
        ("absent", "recall_prior", ERASED),
        ("absent", "recall_prior", ERASED | SNEAKER),
        ("absent", "recall_prior", ERASED | BAG),
        ("other_world", "test", {"world": "mnist"}),
        ("other_world", "test", {"world": "fashion-mnist"}),
    ],
)
def test_shares_of_the_unseen_class_are_those_of_the_campaigns(
    campaign: str, column: str, where: dict[str, object]
) -> None:
    mean = results.interval(results.column(results.load(campaign), column, **where)).mean
    assert re.search(rf"\b{french_number(100 * mean, 1)}\b", section_of(3))


def test_the_biases_of_the_sneaker_and_the_errors_on_digits_are_those_of_the_campaigns() -> None:
    test, prior = (
        french_number(results.interval(results.column(results.load("absent"), key, **TAUGHT, **SNEAKER)).mean, 1)
        for key in ("bias_test", "bias_prior")
    )
    assert f"un biais de {test} ; la règle sans label en trouve {prior}" in section_of(3)
    before, prior, test = (
        french_number(results.interval(results.column(results.load("absent_mnist"), key, transfer="sans le 3")).mean, 0)
        for key in ("errors_before", "errors_prior", "errors_test")
    )
    told = f"part de {before} erreurs ; la règle les ramène à {prior}, le biais choisi sur le test à {test}"
    assert told in section_of(3)


def test_the_plans_last_as_long_as_they_say() -> None:
    """La somme des colonnes du tableau « Deux plans », pause comprise."""
    rows = re.findall(r"^\| \d \| (.+?) \| (.+?) \|", TEXT, re.M)
    assert len(rows) == len(NOTEBOOKS)
    short, long = (sum(int(n) for row in rows for n in re.findall(r"(\d+) min", row[column])) for column in (0, 1))
    assert (short, long) == (90, 180)


def test_how_much_the_soft_labels_vary_is_what_the_campaign_measured() -> None:
    rows = results.load("other_world")
    digits, clothes = (
        french_number(results.interval(results.column(rows, "variation", world=world)).mean, 3)
        for world in ("mnist", "fashion-mnist")
    )
    assert f"un écart-type de {digits} contre {clothes}" in section_of(3)


def test_errors_on_digits_without_any_three_are_those_of_the_campaign() -> None:
    rows = results.load("absent_mnist")
    rule, best = (
        results.interval(results.column(rows, f"errors_{way}", transfer="sans le 3")).mean for way in ("prior", "test")
    )
    assert f"{rule:.0f} erreurs, contre {best:.0f} pour le biais choisi sur le test" in section_of(3)
    assert rule < 1.1 * best, "« presque aussi bien »"


def test_what_is_said_of_fitnets() -> None:
    rows, card = results.load("fitnets"), results.card("fitnets")
    common, (small, _, _) = card["settings"]["lr"], sorted({row["lr"] for row in rows})

    def accuracies(method: str, depth: int, lr: float) -> list[float]:
        return results.column(rows, "accuracy", method=method, depth=depth, lr=lr)

    started = "seul, initialisation de He", "indice à l'étage 2, puis KD"
    he, guided = (f"{french_number(100 * max(accuracies(method, 25, common)), 1)} %" for method in started)
    assert f"initialisé selon He atteint {he}, le meilleur guidé à l'étage 2, {guided}" in section_of(5)
    slow = sorted(accuracies("seul", 19, small))
    assert f"à 5 × 10⁻⁴, les trois élèves démarrent, l'un d'eux à peine ({french_number(100 * slow[0], 1)} %)" in (
        section_of(5)
    )
    assert small == 5e-4 and len(slow) == 3 and 0.15 < slow[0] < 0.2 and slow[1] > 0.4
    assert all(a < 0.15 for lr in (small, 1e-3, common) for a in accuracies("seul", 25, lr))
    deep = [accuracies(method, 25, common) for method in ("seul", "KD", started[1])]
    assert [sum(a < 0.15 for a in found) for found in deep] == [3, 3, 0]
    for depth in (19, 25):
        assert sum(a < 0.15 for a in accuracies("indice à l'étage 1, puis KD", depth, common)) == 1


def test_what_is_said_of_lit() -> None:
    rows = results.load("lit")
    students = [row for row in rows if row["method"] != "enseignant"]
    found = {
        key: {method: results.column(same, "accuracy") for method, same in results.grouped(group, "method").items()}
        for key in dict.fromkeys((row["data"], row["family"], row["depth"]) for row in students)
        for group in [results.matching(students, data=key[0], family=key[1], depth=key[2])]
    }
    over = {
        other: {key: results.paired(values["LIT"], values[other]) for key, values in found.items()}
        for other in ("seul", "KD", "indices partout")
    }
    assert len(found) == 12
    residual = {key: gap for key, gap in over["seul"].items() if key[1] == "resnet"}
    assert [key for key, gap in residual.items() if gap.low <= 0] == [("fashion-mnist", "resnet", 8)]
    grouped = {key: gap for key, gap in over["seul"].items() if key[1] == "resnext"}
    assert [key for key, gap in grouped.items() if gap.significant] == [("fashion-mnist", "resnext", 29)]
    assert 0 < 100 * grouped["fashion-mnist", "resnext", 29].mean < 1  # « d'un point à peine »
    assert abs(100 * over["KD"]["fashion-mnist", "resnext", 29].mean) < 0.05  # « KD y gagne autant »
    assert all((100 * gap.mean < 0.1) == (depth == 11) for (*_, depth), gap in grouped.items())
    for key in (key for key in residual if key[0] == "cifar10-jpeg"):
        points = [100 * over[other][key].mean for other in ("seul", "KD")]
        assert min(points) > 2.5 and max(points) < 5.5 and abs(points[0] - points[1]) < 1
        assert over["KD"][key].low > 0
        targets = results.paired(found[key]["indices partout"], found[key]["seul"])
        assert 2 * targets.mean > over["seul"][key].mean  # « une bonne part du gain »
    clothes = [gap for (data, *_), gap in over["KD"].items() if data == "fashion-mnist"]
    assert len(clothes) == 6 and not any(gap.significant for gap in clothes), "LIT n'y dépasse KD nulle part"
    for depth in (14, 20):
        values = found["fashion-mnist", "resnet", depth]
        assert results.paired(values["KD"], values["seul"]).low > 0, "KD y gagne presque autant que LIT"
    fitnets = {key: results.paired(values["FitNets"], values["seul"]) for key, values in found.items()}
    ahead = {key for key, gap in fitnets.items() if gap.low > 0}
    assert ahead == {("cifar10-jpeg", "resnet", 20), ("fashion-mnist", "resnext", 29)}
    shallow, deep = (found["cifar10-jpeg", "resnet", depth] for depth in (14, 20))
    assert results.paired(shallow["LIT"], deep["seul"]).low > 0.02  # « bien mieux que 20 couches seules »
    assert all(0.5 < 100 * residual["fashion-mnist", "resnet", depth].mean < 1.5 for depth in (14, 20))
    control = over["indices partout"]
    assert [key[1] for key, gap in control.items() if gap.significant] == ["resnet"] * 3
    assert all(gap.low > 0 for gap in control.values() if gap.significant)
    smallest = [found[data, family, 8 if family == "resnet" else 11] for data, family in {key[:2] for key in found}]
    gaps = [results.paired(values["FitNets"], values["seul"]) for values in smallest]
    assert all(gap.mean < 0 for gap in gaps) and sum(gap.high < 0 for gap in gaps) == 3
