"""Le coureur et le journal d'une campagne : des fautes d'un caractère qui perdraient ou fausseraient un essai."""

import csv
import json
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import distributed
import pytest
import tqdm

from experiments import run
from experiments.campaign import Campaign, Point, grid, load, names
from experiments.journal import Journal
from tests.typography import plain

PLACE = {"seconds": 0.5, "machine": "cpu", "commit": "abc", "python": "3.11", "torch": "2.14"}


def campaign(seeds: int = 3, **settings: Any) -> Campaign:
    return Campaign("Essai", "?", "", grid(seed=range(seeds)), lambda seed: [], ("accuracy",), settings)


def outcome(point: Point, **place: Any) -> dict[str, Any]:
    return {"rows": [{"accuracy": point["seed"] / 3}], **PLACE, **place}


def perform_all(journal: Journal, failing: tuple[int, ...] = ()) -> None:
    for point in journal.missing():
        journal.add(point, {"error": "non"} if point["seed"] in failing else outcome(point))
    journal.finish()


def seeds_of(journal: Journal) -> list[int]:
    return [point["seed"] for point in journal.missing()]


def card_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "essai.json").read_text(encoding="utf-8"))


def extension_cut_before_its_card(folder: Path, failing: tuple[int, ...] = ()) -> Path:
    """Une campagne de trois graines menée à cinq, coupée quand le tableau est écrit et sa fiche ne l'est pas."""
    perform_all(Journal("essai", campaign(), folder))
    journal, card = Journal("essai", campaign(5), folder), (folder / "essai.json").read_bytes()
    for point in journal.missing():
        journal.add(point, {"error": "non"} if point["seed"] in failing else outcome(point))
    kept = journal.path.read_bytes()
    journal.finish()
    (folder / "essai.json").write_bytes(card)
    journal.path.write_bytes(kept)
    return journal.csv


@pytest.mark.parametrize("failing", [(), (4,)])
def test_an_extension_cut_before_its_card_loses_nothing(failing: tuple[int, ...], tmp_path: Path) -> None:
    extension_cut_before_its_card(tmp_path, failing)
    journal = Journal("essai", campaign(5), tmp_path)
    assert seeds_of(journal) == list(failing)
    perform_all(journal)
    assert card_of(tmp_path)["seeds"] == [0, 1, 2, 3, 4] and Journal("essai", campaign(5), tmp_path).missing() == []


@pytest.mark.parametrize("damage", [(b"0,0,0.5,", b"0,0,"), (b"0,0,0.5,", b"0,0,0.5,0.5,")])
def test_a_row_too_short_or_too_long_is_refused_even_then(damage: tuple[bytes, bytes], tmp_path: Path) -> None:
    table = extension_cut_before_its_card(tmp_path)
    assert damage[0] in table.read_bytes()
    table.write_bytes(table.read_bytes().replace(*damage))
    with pytest.raises(ValueError, match="abîmés"):
        Journal("essai", campaign(5), tmp_path)


def test_a_finished_table_of_which_a_number_changed_is_refused(tmp_path: Path) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    table = tmp_path / "essai.csv"
    table.write_bytes(table.read_bytes().replace(b"0.333333", b"0.933333"))
    with pytest.raises(ValueError, match="abîmés"):
        Journal("essai", campaign(), tmp_path)


@pytest.mark.parametrize("refused", ["essai.csv", "essai.json"])
def test_a_table_or_a_card_that_cannot_be_written_keeps_the_journal(
    refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    before, real = (tmp_path / refused).read_bytes(), Path.replace

    def full(draft: Path, target: Path) -> Path:
        if target.name == refused:
            raise OSError(28, "No space left on device")
        return real(draft, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disque plein"):
        perform_all(Journal("essai", campaign(5), tmp_path))
    assert (tmp_path / refused).read_bytes() == before
    assert Journal("essai", campaign(5), tmp_path).missing() == []


def test_a_run_is_on_the_disk_before_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, synced, real = Journal("essai", campaign(), tmp_path), [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (real(file), synced.append(journal.path.read_bytes())))
    for point in journal.missing():
        journal.add(point, outcome(point))
        assert synced[-1] == journal.path.read_bytes() and synced[-1].count(b"\n") == len(synced) + 1


def test_a_run_that_failed_before_a_cut_is_tried_again_and_no_longer_said_to_fail(tmp_path: Path) -> None:
    journal = Journal("essai", campaign(), tmp_path)
    for point in journal.missing():
        journal.add(point, {"error": "non"} if point["seed"] == 1 else outcome(point))
    again = Journal("essai", campaign(), tmp_path)
    assert seeds_of(again) == [1] and list(again.failures) == [("1",)]
    perform_all(again)
    assert not again.failures and card_of(tmp_path)["failures"] == []


def test_a_failure_outside_the_grid_is_not_on_the_card(tmp_path: Path) -> None:
    journal = Journal("essai", campaign(), tmp_path)
    journal.add({"seed": 2}, {"error": "non"})
    perform_all(Journal("essai", campaign(2), tmp_path))
    assert card_of(tmp_path)["failures"] == [] and card_of(tmp_path)["seeds"] == [0, 1]


def test_rows_beyond_the_grid_come_last(tmp_path: Path) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    Journal("essai", replace(campaign(), points=[{"seed": 2}]), tmp_path).finish()
    with (tmp_path / "essai.csv").open(encoding="utf-8", newline="") as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["2", "0", "1"]


def test_a_card_says_each_origin_once_and_each_axis_in_the_order_of_the_grid(tmp_path: Path) -> None:
    points = grid(seed=range(2), method=["seul", "KD"])
    journal = Journal("essai", replace(campaign(), points=points), tmp_path)
    for point, commit in zip(points, ("abc", "", "abc", "abd"), strict=True):
        journal.add(point, outcome(point, commit=commit))
    journal.finish()
    card = card_of(tmp_path)
    assert (card["machine"], card["versions"]) == ("cpu", {"python": "3.11", "torch": "2.14"})
    assert (card["commit"], card["grid"]) == ("abc\u202f; abd", {"method": ["seul", "KD"]})


@pytest.mark.parametrize(("before", "after"), [({}, {"lr": 0.1}), ({"lr": 0.1}, {})])
def test_a_setting_gained_or_lost_is_refused(before: dict[str, Any], after: dict[str, Any], tmp_path: Path) -> None:
    perform_all(Journal("essai", campaign(epochs=2, **before), tmp_path))
    with pytest.raises(ValueError, match="ont changé"):
        Journal("essai", campaign(epochs=2, **after), tmp_path)


def test_a_setting_that_gains_a_value_and_changes_another_is_refused(tmp_path: Path) -> None:
    perform_all(Journal("essai", campaign(2, epochs={"0": 20, "1": 20}), tmp_path))
    Journal("essai", campaign(epochs={"0": 20, "1": 20, "2": 8}), tmp_path)
    with pytest.raises(ValueError, match="ont changé"):
        Journal("essai", campaign(epochs={"0": 20, "1": 19, "2": 8}), tmp_path)


# --- Le coureur ---


class Future:
    """Un essai confié à Dask."""

    def __init__(self, outcome: Any, fault: Exception | None = None) -> None:
        self.outcome, self.fault = outcome, fault

    def exception(self) -> Exception | None:
        return self.fault


def test_the_bar_counts_the_runs_already_done_and_says_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    points, bars, real = grid(seed=range(4)), [], tqdm.tqdm
    client = SimpleNamespace(map=lambda function, names, todo, settings, pure: [Future(outcome(p)) for p in todo])
    monkeypatch.setattr(run, "load", lambda name: campaign(4))
    monkeypatch.setattr(distributed, "as_completed", lambda asked, **_: [(future, future.outcome) for future in asked])
    monkeypatch.setattr(tqdm, "tqdm", lambda **options: bars.append(real(**options)) or bars[-1])
    assert list(run.outcomes(client, "essai", points[1:], 4)) == [(point, outcome(point)) for point in points[1:]]
    (bar,) = bars
    assert (bar.initial, bar.n, bar.total) == (1, 4, 4)
    assert bar.smoothing == 0 and "reste {remaining}" in bar.bar_format


def test_a_worker_that_dies_and_a_module_that_lacks_are_told_each_in_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Future(None, distributed.scheduler.KilledWorker("essai", None, 3))
    client = SimpleNamespace(map=lambda *_, **__: [dead, Future(None, ModuleNotFoundError("il manque"))])
    monkeypatch.setattr(run, "load", lambda name: campaign())
    monkeypatch.setattr(distributed, "as_completed", lambda asked, **_: [(future, future.outcome) for future in asked])
    told = [plain(found["error"]) for _, found in run.outcomes(client, "essai", grid(seed=range(2)), 2)]
    assert told == [plain(run.KILLED), "ModuleNotFoundError : il manque"]


def test_workers_have_one_thread_each_hear_no_ctrl_c_and_stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    started: dict[str, Any] = {}

    def local(**options: Any) -> AbstractContextManager[None]:
        heard, scratch = signal.getsignal(signal.SIGINT), Path(options["local_directory"])
        started.update(options, heard=heard, scratch=scratch, made=scratch.is_dir())
        return nullcontext()

    monkeypatch.setattr(distributed, "LocalCluster", local)
    monkeypatch.setattr(distributed, "Client", lambda cluster: nullcontext())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with run.cluster(None, 3):
            assert started["heard"] is signal.SIG_IGN
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (started["n_workers"], started["threads_per_worker"], started["memory_limit"]) == (3, 1, 0)
    assert started["host"] == "127.0.0.1" and started["dashboard_address"].startswith("127.0.0.1:")
    assert started["made"] and not started["scratch"].exists()
    environment = dask.config.get("distributed.nanny.pre-spawn-environ")
    assert environment["OMP_NUM_THREADS"] == 1 and environment["MALLOC_TRIM_THRESHOLD_"] >= 2**24


def no_cluster(scheduler: str | None, workers: int) -> AbstractContextManager[None]:
    raise AssertionError("il n'y a rien à faire")


def test_a_campaign_cut_after_its_last_run_is_only_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "cluster", no_cluster)
    journal = Journal("essai", campaign(), tmp_path)
    for point in journal.missing():
        journal.add(point, outcome(point))
    run.complete("essai", Journal("essai", campaign(), tmp_path), None, 1)
    assert card_of(tmp_path)["seeds"] == [0, 1, 2] and not journal.path.exists()


def test_only_the_runs_that_lack_are_made_and_the_bar_counts_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def outcomes(client: None, name: str, todo: list[Point], total: int) -> list[tuple[Point, dict[str, Any]]]:
        asked.append((todo, total))
        return [(point, outcome(point)) for point in todo]

    monkeypatch.setattr(run, "cluster", lambda scheduler, workers: nullcontext())
    monkeypatch.setattr(run, "outcomes", outcomes)
    journal = Journal("essai", campaign(), tmp_path)
    journal.add({"seed": 1}, outcome({"seed": 1}))
    run.complete("essai", journal, None, 1)
    assert asked == [([{"seed": 0}, {"seed": 2}], 3)] and card_of(tmp_path)["seeds"] == [0, 1, 2]


def test_a_finished_campaign_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "cluster", no_cluster)
    perform_all(Journal("essai", campaign(), tmp_path))
    before = (tmp_path / "essai.csv").read_bytes()
    run.complete("essai", Journal("essai", replace(campaign(), points=[{"seed": 2}]), tmp_path), None, 1)
    assert (tmp_path / "essai.csv").read_bytes() == before


def test_what_is_done_and_what_failed_are_counted(tmp_path: Path) -> None:
    journal = Journal("essai", campaign(5), tmp_path)
    for seed in (0, 1):
        journal.add({"seed": seed}, outcome({"seed": seed}))
    journal.add({"seed": 2}, {"error": "non"})
    assert plain(run.summary(journal)).startswith("essai.csv : 2 essais sur 5. Échecs : 1 (voir essai.json)")
    told = plain(run.overview(tmp_path))
    assert all(f"({len(load(name).points)} essais, {len(load(name).points)} à faire)" in told for name in names())


def test_the_command_refuses_a_second_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "complete", lambda *_: None)
    with run.locked(tmp_path / "campaign_example.verrou"):
        assert run.main(["tests.unit.campaign_example", "--resultats", str(tmp_path)]) == 1
    assert "déjà en cours" in capsys.readouterr().err


def test_a_ctrl_c_before_the_journal_is_opened_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(name: str) -> Campaign:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "load", load)
    assert run.main(["essai"]) == 130 and "Essais à faire : tous ;" in plain(capsys.readouterr().err)


def test_there_are_as_many_workers_as_cores_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 8}, raising=False)
    assert run.cores() == 3 == run.options().parse_args([]).ouvriers
