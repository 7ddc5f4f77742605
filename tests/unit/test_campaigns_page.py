"""La page des campagnes du site : chaque campagne y est, avec ses nombres, ses phrases et ses réserves."""

import csv
import io
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from course_utils import results
from course_utils.results_view import curve
from experiments.campaign import Comparison, View, load, names
from lab import campaigns
from tests.typography import faults, plain

NBSP = "\u00a0"
ROWS = [
    {"method": method, "size": size, "seed": seed, "test": base + seed / 100, "errors_before": 100 * size - seed}
    for method, base in (("seul", 0.5), ("KD", 0.6))
    for size in (1, 2)
    for seed in (0, 1, 2)
]


def test_a_comparison_is_made_seed_by_seed() -> None:
    told = campaigns.told(ROWS, Comparison("KD", {"method": "KD"}, "seul", {"method": "seul"}, "test"))
    # deux tailles par graine : moyennées avant d'être comparées, donc trois graines et non six
    assert plain(told) == "KD contre seul : +10,00 points, entre +10,00 et +10,00 : significatif (3 graines)."


def test_only_the_seeds_of_both_sides_are_compared() -> None:
    bases, lost = {"seul": 0.5, "KD": 0.6}, {("seul", 0), ("KD", 3)}
    rows = [
        {"method": method, "seed": seed, "test": base + seed / 100}
        for method, base in bases.items()
        for seed in range(4)
        if (method, seed) not in lost
    ]
    told = campaigns.told(rows, Comparison("KD", {"method": "KD"}, "seul", {"method": "seul"}, "test"))
    assert plain(told) == "KD contre seul : +10,00 points, entre +10,00 et +10,00 : significatif (2 graines)."


def test_errors_are_counted_not_turned_into_points() -> None:
    large, small = {"size": 2, "method": "KD"}, {"size": 1, "method": "KD"}
    told = campaigns.told(ROWS, Comparison("grand", large, "petit", small, "errors_before"))
    assert plain(told) == "grand : 199 ; petit : 99. Écart +100, entre +100 et +100 : significatif (3 graines)."


def test_numbers_of_the_table_are_means_and_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(campaigns.NAMES, "size", "taille")
    table = plain(campaigns.table(ROWS, View("test", x="size", series="method")))
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == ["taille", "seul", "KD"]
    half = 100 * results.interval([0.5, 0.51, 0.52]).half
    assert table.count(f"<td>51,0 % ± {half:.1f}".replace(".", ",")) == 2 and table.count("<td>61,0 % ±") == 2


def test_an_interval_never_leaves_the_proportions() -> None:
    rows = [{"depth": depth, "seed": seed, "test": value} for depth in (1, 2) for seed, value in enumerate((0.1, 0.9))]
    line = campaigns._bounded(curve(rows, "depth", "test"), View("test", x="depth"))
    assert line.y == [0.5, 0.5] and line.low == [0, 0] and line.high == [1, 1]


@pytest.mark.parametrize("name", names())
def test_each_campaign_is_shown_told_and_limited(name: str) -> None:
    campaign, part = load(name), campaigns.section(name, load(name))
    assert part.count("<svg") >= len(campaign.views) > 0 and part.count("<table>") >= len(campaign.views)
    assert all(len(alt) > 20 for alt in re.findall(r'<svg[^>]*aria-label="([^"]*)"', part))
    assert "" not in re.findall(r"<th[^>]*>(.*?)</th>", part), "une colonne sans nom"
    assert part.count("significatif (") == len(campaign.comparisons)
    assert "Essais qui manquent" not in part
    assert f"make campagne NOM={name}" in part and f'download="{name}.csv"' in part
    assert not re.search(r"\bnan\b|None|inf\b", re.sub(r"<[^>]*>", " ", part))
    assert faults(re.sub(r"<svg.*?</svg>|<[^>]*>", "", part, flags=re.S)) == []


def incomplete(folder: Path, name: str, lost: Callable[[results.Row], bool]) -> None:
    """La campagne `name` recopiée dans ce dossier, sans les lignes `lost`."""
    table, card = results.RESULTS / f"{name}.csv", results.card(name)
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not lost(row)]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (folder / table.name).write_text(text.getvalue(), encoding="utf-8")
    card |= {"sha256": results.fingerprint(text.getvalue())}
    (folder / f"{name}.json").write_text(json.dumps(card), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "lost", "missing"),
    [
        ("lit", lambda row: row["data"] == "cifar10-jpeg", 92),  # des panneaux entiers
        ("absent", lambda row: (row["method"], row["class"]) == ("distillé", "robe"), 3),  # une case
        ("rkd", lambda row: row["method"] != "enseignant", 230),  # il ne reste que l'enseignant
        ("other_world", lambda row: row["world"] == "mnist", 5),  # un côté de la comparaison
        ("rkd", lambda row: row["seed"] != "0", 207),  # une seule graine : aucun intervalle
    ],
)
def test_a_campaign_that_lacks_runs_is_shown_with_what_it_has(
    name: str, lost: Callable[[results.Row], bool], missing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incomplete(tmp_path, name, lost)
    for module in (results, campaigns):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    part = plain(campaigns.section(name, load(name)))
    assert f"Essais qui manquent : {missing}." in part and ("<table>" in part or missing == 230)
    assert not re.search(r"\bnan\b|None|inf\b", re.sub(r"<[^>]*>", " ", part))


def test_the_page_leads_to_every_campaign_in_order() -> None:
    page = campaigns.content()
    links = re.findall(r'<a href="#(\w+)">', page)
    assert links == names() == re.findall(r'<section id="(\w+)">', page)
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))
