"""Les campagnes enregistrées : intervalles de Student, comparaisons appariées, phrases, fiches."""

import csv
import json
from pathlib import Path

import pytest

from course_utils import results
from experiments.campaign import PROVENANCE


def test_interval_of_a_known_example() -> None:
    # n = 10, écart-type 1, quantile 2,262 : demi-largeur 2,262/√10
    values = [-1.5, -1.5, -0.5, -0.5, -0.5, 0.5, 0.5, 0.5, 1.5, 1.5]
    scale = (sum(v * v for v in values) / 9) ** 0.5
    found = results.interval([5 + v / scale for v in values])
    assert found.mean == pytest.approx(5)
    assert found.half == pytest.approx(2.262 / 10**0.5, rel=1e-6)


@pytest.mark.parametrize(("count", "quantile"), [(32, 2.03951), (100, 1.98422)])
def test_many_seeds_use_an_accurate_quantile(count: int, quantile: float) -> None:
    found = results.interval([0.0, 1.0] * (count // 2))
    assert found.half == pytest.approx(quantile * (0.25 / (count - 1)) ** 0.5, rel=1e-4)


def test_pairing_removes_the_luck_of_the_seed() -> None:
    first, second = [0.70, 0.80, 0.90], [0.69, 0.785, 0.89]
    assert results.paired(first, second).significant
    assert results.interval(first).low < results.interval(second).high


def test_sentences() -> None:
    sure = results.compared("B", [0.71, 0.81, 0.912], "A", [0.70, 0.80, 0.90])
    unsure = results.compared("B", [0.71, 0.79, 0.91], "A", [0.70, 0.80, 0.90])
    assert "significatif" in sure and "non significatif" not in sure
    assert "+1,07 point" in sure.replace("\u00a0", " ").replace("\u202f", " ")
    assert "non significatif" in unsure
    assert results.in_percent([0.5, 0.7]).startswith("60,00")


def test_a_gap_that_rounds_to_zero_has_no_minus_sign() -> None:
    told = results.compared("B", [0.5, 0.5, 0.50001], "A", [0.5, 0.5, 0.50002])
    assert "−0,00 point" not in told and "0,00" in told


def test_a_bound_that_rounds_to_zero_still_shows_its_side() -> None:
    gaps = (-0.0011, -0.0019, -0.0015)
    half = results.paired(gaps, (0.0, 0.0, 0.0)).half
    inside = [gap + 0.0015 - half - 0.00003 for gap in gaps]
    told = results.compared("B", inside, "A", [0.0, 0.0, 0.0]).replace("\u00a0", " ")
    assert "et −0,003 : significatif" in told


@pytest.mark.parametrize("values", [[], [0.5]])
def test_one_seed_is_not_an_interval(values: list[float]) -> None:
    with pytest.raises(ValueError, match="deux graines"):
        results.interval(values)


def test_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="mêmes graines"):
        results.paired([1.0, 2.0], [1.0, 2.0, 3.0])


def test_load_and_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "essai.csv").write_text("method,seed,accuracy\nkd,1,0.5\nkd,0,0.25\nseul,0,0.2\n", encoding="utf-8")
    (tmp_path / "essai.json").write_text('{"seeds": [0, 1]}', encoding="utf-8")
    rows = results.load("essai")
    assert results.column(rows, "accuracy", method="kd") == [0.25, 0.5]
    assert list(results.grouped(rows, "method")) == ["kd", "seul"]
    assert results.card("essai") == {"seeds": [0, 1]}
    with pytest.raises(ValueError, match=r"Aucune ligne.*ici, method vaut kd, seul.; seed vaut 1, 0"):
        results.column(rows, "accuracy", method="absente", seed=0)
    with pytest.raises(FileNotFoundError, match="essai"):
        results.load("autre")
    (tmp_path / "essai.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"essai\.json.*manque.*git checkout"):
        results.load("essai")  # et non « choisissez parmi essai »


@pytest.mark.parametrize("path", sorted(results.RESULTS.glob("*.csv")), ids=lambda path: path.stem)
def test_every_stored_campaign_has_a_card(path: Path) -> None:
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows and all(row[name] for row in rows for name in PROVENANCE) and all(float(row["seconds"]) for row in rows)
    assert {"versions", "machine", "seeds", "seconds", "commit"} <= set(card)


@pytest.mark.parametrize(("key", "where"), [("acuracy", {}), ("accuracy", {"methode": "KD"})])
def test_a_column_that_does_not_exist_is_told_with_those_that_do(key: str, where: dict[str, str]) -> None:
    rows = [{"seed": 0, "method": "KD", "accuracy": 0.5}]
    with pytest.raises(ValueError, match=r"n'existe pas.*seed, method, accuracy"):
        results.column(rows, key, **where)
