"""Les campagnes : déclarées sans faute, reprises sans rien refaire, coupées n'importe où sans rien perdre."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from distributed import LocalCluster

from course_utils import results
from experiments import run, worker
from experiments.campaign import PROVENANCE, Campaign, grid, load, names
from experiments.journal import Journal
from tests.processes import Launch, command_line

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = "tests.unit.campaign_example"
PLACE = {"seconds": 0.5, "machine": "cpu", "commit": "abc", "python": "3.11", "torch": "2.14"}


def campaign(seeds: int = 3, **settings: Any) -> Campaign:
    points = grid(seed=range(seeds), lr=[0.1])
    return Campaign("Essai", "?", "", points, lambda seed, lr: [{"accuracy": seed / 3}], ("accuracy",), settings)


def outcome(point: dict[str, Any]) -> dict[str, Any]:
    """Ce que rend un ouvrier ; chaque graine est faite à un autre commit."""
    return {"rows": campaign().measure(**point), **PLACE, "commit": f"c{point['seed']}"}


def perform_all(journal: Journal) -> int:
    """Fait ce qui manque, dans le désordre, et rend combien d'essais ont été faits."""
    todo = journal.missing()[::-1]
    for point in todo:
        journal.add(point, outcome(point))
    journal.finish()
    return len(todo)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "essai.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- Le journal ---


def test_the_table_follows_the_grid_whatever_the_order_of_the_runs(tmp_path: Path) -> None:
    assert perform_all(Journal("essai", campaign(), tmp_path)) == 3
    rows = table(tmp_path)
    assert [row["seed"] for row in rows] == ["0", "1", "2"] and rows[1]["accuracy"] == "0.333333"
    assert all(row[name] == str(PLACE[name]) for row in rows for name in PROVENANCE if name != "commit")
    card = json.loads((tmp_path / "essai.json").read_text(encoding="utf-8"))
    assert (card["seeds"], card["grid"], card["seconds"]) == ([0, 1, 2], {"lr": [0.1]}, 2)
    assert card["commit"] == "c0\u202f; c1\u202f; c2", "la fiche aussi suit la grille"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["essai.csv", "essai.json"]


def test_what_is_written_is_what_the_notebooks_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert results.column(results.load("essai"), "accuracy", lr=0.1) == [0, 0.333333, 0.666667]


def test_a_finished_campaign_is_not_done_again_and_a_larger_one_only_adds(tmp_path: Path) -> None:
    assert perform_all(Journal("essai", campaign(), tmp_path)) == 3
    before = (tmp_path / "essai.json").read_bytes()
    assert perform_all(Journal("essai", campaign(), tmp_path)) == 0
    assert (tmp_path / "essai.json").read_bytes() == before
    assert perform_all(Journal("essai", campaign(seeds=5), tmp_path)) == 2
    assert perform_all(Journal("essai", campaign(seeds=1), tmp_path)) == 0
    assert len(table(tmp_path)) == 5, "une grille réduite ne jette rien"


def test_wherever_it_is_cut_it_resumes_to_the_same_table(tmp_path: Path) -> None:
    """Une ligne coupée au milieu d'un nombre (0.33 pour 0.333333) ne doit pas passer pour un résultat."""
    journal = Journal("essai", campaign(), tmp_path)
    for point in journal.missing():
        journal.add(point, outcome(point))
    whole = journal.path.read_bytes()
    journal.finish()
    expected = (tmp_path / "essai.csv").read_bytes(), (tmp_path / "essai.json").read_bytes()
    for kept in range(len(whole) + 1):
        for path in tmp_path.iterdir():
            path.unlink()
        journal.path.write_bytes(whole[:kept])
        done = perform_all(Journal("essai", campaign(), tmp_path))
        assert done == 3 - max(whole[:kept].count(b"\n") - 1, 0)
        assert ((tmp_path / "essai.csv").read_bytes(), (tmp_path / "essai.json").read_bytes()) == expected


@pytest.mark.parametrize("lost", [("essai.json",), (), ("essai.csv", "essai.json")])
def test_cut_between_the_table_and_its_card(tmp_path: Path, lost: tuple[str, ...]) -> None:
    journal = Journal("essai", campaign(), tmp_path)
    perform_all(journal)
    expected = (tmp_path / "essai.json").read_bytes()
    for point in campaign().points:
        journal.add(point, outcome(point))
    for name in lost:
        (tmp_path / name).unlink()
    assert perform_all(Journal("essai", campaign(), tmp_path)) == 0
    assert (tmp_path / "essai.json").read_bytes() == expected and not journal.path.exists()


def test_other_settings_are_refused(tmp_path: Path) -> None:
    unfinished = Journal("essai", campaign(epochs=2), tmp_path)
    unfinished.add(unfinished.missing()[0], {"rows": [{"accuracy": 0.5}], **PLACE})
    for _ in range(2):
        with pytest.raises(ValueError, match="epochs : 2 → 3".replace(" : ", "[ \u00a0]: ")) as error:
            Journal("essai", campaign(epochs=3), tmp_path)
        assert "\n" not in str(error.value) and "essai.csv" in str(error.value)
        perform_all(Journal("essai", campaign(epochs=2), tmp_path))  # complète : la fiche aussi s'en souvient


def test_a_setting_given_value_by_value_may_gain_a_value_not_change_one(tmp_path: Path) -> None:
    def sized(*sizes: int, **settings: Any) -> Campaign:
        points = grid(seed=range(3), lr=[0.1], train_size=sizes)
        return replace(campaign(**settings), points=points)

    recipe = {"hidden": 300}
    journal = Journal("essai", sized(1800, epochs={"1800": 20}, teacher=recipe), tmp_path)
    for point in journal.missing():
        journal.add(point, {"rows": [{"accuracy": 0.5}], **PLACE})
    journal.finish()
    larger = Journal("essai", sized(1800, 6000, epochs={"1800": 20, "6000": 8}, teacher=recipe), tmp_path)
    assert len(larger.missing()) == 3
    for other in ({"1800": 19}, {"6000": 8}, {}, {"1800": 20, "autre": 1}):
        with pytest.raises(ValueError, match="ont changé"):
            Journal("essai", sized(1800, 6000, epochs=other, teacher=recipe), tmp_path)
    with pytest.raises(ValueError, match="ont changé"):  # une recette n'est pas donnée valeur par valeur de la grille
        Journal("essai", sized(1800, epochs={"1800": 20}, teacher=recipe | {"weight_decay": 1}), tmp_path)


@pytest.mark.parametrize("measured", [("score",), ("accuracy", "autre"), ()])
def test_other_columns_are_refused_and_nothing_is_written(tmp_path: Path, measured: tuple[str, ...]) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    before = (tmp_path / "essai.csv").read_bytes()
    with pytest.raises(ValueError, match="Les colonnes de la campagne essai ont changé"):
        Journal("essai", replace(campaign(), measured=measured), tmp_path)
    assert (tmp_path / "essai.csv").read_bytes() == before


@pytest.mark.parametrize("damage", [(b"0.333333", b"0.933333"), (b"1,0.1,0.333333", b"1,0.1")])
def test_a_damaged_table_is_not_signed_again_by_an_extension(tmp_path: Path, damage: tuple[bytes, bytes]) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    larger = Journal("essai", campaign(seeds=5), tmp_path)
    point = larger.missing()[0]
    larger.add(point, {"rows": [{"accuracy": 0.5}], **PLACE})
    table = tmp_path / "essai.csv"
    assert damage[0] in table.read_bytes()
    table.write_bytes(table.read_bytes().replace(*damage))
    with pytest.raises(ValueError, match="abîmés"):
        Journal("essai", campaign(seeds=5), tmp_path)


@pytest.mark.parametrize("lost", ["essai.csv", "essai.json"])
def test_a_table_without_its_card_is_not_done_again(tmp_path: Path, lost: str) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    (tmp_path / lost).unlink()
    with pytest.raises(ValueError, match="abîmés"):
        Journal("essai", campaign(), tmp_path)


def test_a_reduced_grid_keeps_its_rows_and_a_card_that_says_so(tmp_path: Path) -> None:
    perform_all(Journal("essai", campaign(seeds=3), tmp_path))
    reduced = Journal("essai", campaign(seeds=1), tmp_path)
    reduced.finish()
    card = json.loads((tmp_path / "essai.json").read_text(encoding="utf-8"))
    assert card["seeds"] == [0, 1, 2] and card["grid"] == {"lr": [0.1]} and card["seconds"] == round(3 * 0.5)


def test_a_worker_that_has_other_settings_refuses_its_run() -> None:
    told = worker.perform(EXAMPLE, {"seed": 0}, '{"epochs": 99}')
    assert "d'autres réglages" in told["error"]


def test_what_dask_could_not_start_is_told_as_it_is() -> None:
    error = RuntimeError("Error during deserialization of the task graph.")
    error.__cause__ = ModuleNotFoundError("No module named 'experiments'")
    assert run.told(error).endswith("No module named 'experiments'")


@pytest.mark.parametrize("name", ["essai.csv", "essai.json", "essai.journal"])
@pytest.mark.parametrize("damage", [b"", b"<html>", b"{}\n{}\n", b"\xff\xfe\n\n"])
def test_damaged_results_are_told_in_one_french_sentence(tmp_path: Path, name: str, damage: bytes) -> None:
    perform_all(Journal("essai", campaign(), tmp_path))
    (tmp_path / name).write_bytes(damage)
    if name == "essai.journal" and b"\n" not in damage:
        assert Journal("essai", campaign(), tmp_path).missing() == [], "une ligne entamée est refaite"
        return
    with pytest.raises(ValueError, match="abîmés") as error:
        Journal("essai", campaign(), tmp_path)
    assert "\n" not in str(error.value) and "git checkout" in str(error.value)


def test_a_failure_is_recorded_and_tried_again(tmp_path: Path) -> None:
    journal = Journal("essai", campaign(), tmp_path)
    first, *others = journal.missing()
    journal.add(first, {"error": "ValueError : non"})
    for point in others:
        journal.add(point, {"rows": [{"accuracy": 1.0}], **PLACE})
    journal.finish()
    card = json.loads((tmp_path / "essai.json").read_text(encoding="utf-8"))
    assert card["failures"] == [{"seed": "0", "lr": "0.1", "error": "ValueError : non"}] and len(table(tmp_path)) == 2
    assert perform_all(Journal("essai", campaign(), tmp_path)) == 1
    assert json.loads((tmp_path / "essai.json").read_text(encoding="utf-8"))["failures"] == []


# --- Les campagnes du cours ---


@pytest.mark.parametrize("name", names())
def test_every_campaign_is_declared_without_fault(name: str) -> None:
    """Ses essais sont tous différents, ses vues et ses comparaisons nomment des colonnes et des lignes qui existent."""
    declared = load(name)
    assert len({declared.key(point) for point in declared.points}) == len(declared.points)
    assert all(tuple(point) == declared.keys for point in declared.points)
    assert len(set(declared.columns)) == len(declared.columns)
    assert json.loads(json.dumps(dict(declared.settings)))
    for view in declared.views:
        assert {view.value, view.x, view.series, view.panel, *view.where} - {""} <= {*declared.columns}
    for comparison in declared.comparisons:
        assert {*comparison.rows, *comparison.other_rows, comparison.value} <= {*declared.columns}


@pytest.mark.parametrize("name", names())
def test_every_campaign_is_stored_whole(name: str) -> None:
    declared = load(name)
    journal = Journal(name, declared)
    assert journal.missing() == [] and not journal.path.exists()
    assert tuple(results.load(name)[0]) == declared.columns
    for comparison in declared.comparisons:
        for where in (comparison.rows, comparison.other_rows):
            assert len(results.column(results.load(name), comparison.value, **where)) > 1


def test_stored_campaigns_are_small() -> None:
    assert sum(path.stat().st_size for path in results.RESULTS.iterdir()) < 2e6


# --- Le coureur, pour de vrai ---


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "experiments.run", EXAMPLE, "--resultats", str(folder), "--ouvriers", "2", *options]


# Le temps, sur une machine chargée, d'agir avant que la campagne soit finie.
UNHURRIED = {"RYTHME": "0.3"}


def start(launch: Launch, folder: Path, traces: Path) -> subprocess.Popen[str]:
    traces.mkdir(exist_ok=True)
    environment = os.environ | {"TRACES": str(traces)} | UNHURRIED
    return launch(command(folder), cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def finished(traces: Path) -> dict[str, int]:
    """Combien de fois chaque essai a été mené jusqu'au bout."""
    return {path.stem: len(path.read_text(encoding="utf-8")) for path in traces.glob("*.fini")}


def journaled(folder: Path) -> set[str]:
    path = folder / "campaign_example.journal"
    lines = path.read_bytes().split(b"\n")[1:-1] if path.exists() else []
    return {str(json.loads(line)["point"]["seed"]) for line in lines}


def wait_for(runs: int, folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(journaled(folder)) < runs:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[1]
        time.sleep(0.02)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [p for p in psutil.Process(process.pid).children(recursive=True) if "spawn_main" in command_line(p)]


def listened(process: psutil.Process) -> set[str]:
    """Les adresses où ce processus attend des connexions."""
    with suppress(psutil.Error):  # il vient de finir
        return {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return set()


def test_a_worker_then_the_runner_killed_lose_nothing_and_redo_nothing(tmp_path: Path, launch: Launch) -> None:
    folder, traces = tmp_path / "résultats", tmp_path / "traces"
    process = start(launch, folder, traces)
    wait_for(4, folder, process)
    workers = workers_of(process)
    assert {address for p in (psutil.Process(process.pid), *workers) for address in listened(p)} == {"127.0.0.1"}
    workers[0].kill()  # Dask en lance un autre, et lui redonne l'essai en cours
    wait_for(9, folder, process)
    workers += workers_of(process)
    process.kill()
    process.communicate()
    psutil.wait_procs(workers, timeout=30)
    kept = journaled(folder)
    assert len(kept) >= 9 and not (folder / "campaign_example.csv").exists()
    before = finished(traces)

    second = start(launch, folder, traces)
    errors = second.communicate(timeout=240)[1]
    assert second.returncode == 0, errors
    with (folder / "campaign_example.csv").open(encoding="utf-8", newline="") as file:
        seeds = [row["seed"] for row in csv.DictReader(file)]
    assert seeds == [str(seed) for seed in range(24)], "aucun essai perdu, aucun en double"
    assert all(finished(traces)[seed] == before[seed] for seed in kept), "un essai gardé n'est pas refait"

    done = finished(traces)
    third = start(launch, folder, traces)
    third.communicate(timeout=60)
    assert third.returncode == 0 and finished(traces) == done, "une campagne finie n'est pas refaite"
    assert sum(done.values()) <= 24 + 4, "seuls les essais en cours lors d'un arrêt sont refaits"


def test_ctrl_c_says_what_is_left_and_nothing_else(tmp_path: Path, launch: Launch) -> None:
    ears = signal.signal(signal.SIGINT, signal.default_int_handler)  # sinon, un test lancé en arrière-plan serait sourd
    environment = os.environ | UNHURRIED
    process = launch(command(tmp_path), cwd=ROOT, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    signal.signal(signal.SIGINT, ears)
    wait_for(3, tmp_path, process)
    os.killpg(process.pid, signal.SIGINT)  # comme un terminal : à tous les processus de la commande
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in errors
    assert f"Essais à faire : {24 - len(journaled(tmp_path))}" in errors


@pytest.mark.filterwarnings("ignore:Creating scratch directories")  # Dask se plaint d'un disque lent
def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = subprocess.run(
        command(tmp_path, "--ouvriers", "1"),
        cwd=ROOT, env=os.environ | {"ECHEC": "3"}, text=True, capture_output=True, check=False, timeout=240,
    )  # fmt: skip
    assert process.returncode == 1 and "Échecs : 1" in process.stdout.replace("\u00a0", " ")
    card = json.loads((tmp_path / "campaign_example.json").read_text(encoding="utf-8"))
    assert [failure["seed"] for failure in card["failures"]] == ["3"]
    assert "graine 3" in card["failures"][0]["error"] and "campaign_example.py" in card["failures"][0]["error"]
    assert run.main([EXAMPLE, "--resultats", str(tmp_path)]) == 0, "la même commande refait l'essai qui a échoué"
    assert json.loads((tmp_path / "campaign_example.json").read_text(encoding="utf-8"))["failures"] == []


def test_a_worker_that_always_dies_on_a_run_is_told_in_french(tmp_path: Path) -> None:
    process = subprocess.run(
        command(tmp_path, "--ouvriers", "1"),
        cwd=ROOT, env=os.environ | {"MORT": "3", "RYTHME": "0"}, text=True, capture_output=True, check=False,
        timeout=240,
    )  # fmt: skip
    assert process.returncode == 1
    failures = json.loads((tmp_path / "campaign_example.json").read_text(encoding="utf-8"))["failures"]
    assert {"seed": "3", "error": run.KILLED} in failures and all(one["error"] == run.KILLED for one in failures)
    assert run.KILLED.replace(" :", "\u00a0:") in process.stderr or run.KILLED in process.stderr


@pytest.mark.filterwarnings("ignore:Creating scratch directories")  # Dask se plaint d'un disque lent
def test_the_same_command_works_on_a_cluster_already_started(tmp_path: Path) -> None:
    with LocalCluster(1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as elsewhere:
        options = ["--resultats", str(tmp_path), "--scheduler", elsewhere.scheduler_address]
        assert run.main([EXAMPLE, *options]) == 0
    assert Journal("campaign_example", load(EXAMPLE), tmp_path).missing() == []


def test_a_cluster_that_does_not_answer_is_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([EXAMPLE, "--resultats", str(tmp_path), "--scheduler", "tcp://127.0.0.1:9"]) == 1
    told = capsys.readouterr().err
    assert "tcp://127.0.0.1:9" in told and "dask scheduler" in told and told.count("\n") == 1


@pytest.mark.filterwarnings("ignore:Creating scratch directories")  # Dask se plaint d'un disque lent
def test_a_cluster_lost_on_the_way_is_told_in_one_sentence_and_no_run_is_said_to_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RYTHME", UNHURRIED["RYTHME"])
    with LocalCluster(1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as elsewhere:
        cut = threading.Thread(target=lambda: (wait_for_journal(tmp_path), elsewhere.close()))
        cut.start()
        assert run.main([EXAMPLE, "--resultats", str(tmp_path), "--scheduler", elsewhere.scheduler_address]) == 1
        cut.join()
    told = [line for line in capsys.readouterr().err.splitlines() if "cluster" in line]
    assert told == ["Le cluster ne répond plus\u00a0: relancez-le\u202f; la même commande reprendra là."]
    journal = Journal("campaign_example", load(EXAMPLE), tmp_path)
    assert 0 < len(journal.missing()) < 24 and not journal.failures


def wait_for_journal(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not journaled(folder) and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.parametrize("wrong", ["0", "-1", "deux"])
def test_a_number_of_workers_that_cannot_be_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run.main([EXAMPLE, f"--ouvriers={wrong}"])
    assert stopped.value.code == 2 and "donnez un entier d'au moins 1" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [[], [{"accuracy": torch.tensor(0.5)}]], ids=["aucune ligne", "un tenseur"])
def test_rows_that_cannot_be_written_are_the_failure_of_their_run(
    rows: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "load", lambda name: replace(load(EXAMPLE), measure=lambda **point: rows))
    assert set(worker.perform(EXAMPLE, {"seed": 0}, "{}")) == {"error"}


def test_without_git_a_run_is_kept_without_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(worker, "provenance", worker.provenance.__wrapped__)
    outcome = worker.perform(EXAMPLE, {"seed": 6}, "{}")
    assert outcome["rows"] == [{"accuracy": 0.25}] and outcome["commit"] == ""


def test_a_module_that_declares_no_campaign_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"tests\.course ne déclare aucune campagne"):
        load("tests.course")


@pytest.mark.parametrize("name", ["hinton", "./hinton_grid", "../x", ".x", "a.b", "a..b"])
def test_an_unknown_campaign_is_refused_in_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([name]) == 1
    told = capsys.readouterr().err
    assert f"{name} n'existe pas" in told and "hinton_grid" in told and told.count("\n") == 1


def test_results_that_cannot_be_written_are_told_in_french(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fichier").touch()
    for where, cause in (("fichier", "un fichier porte déjà ce nom"), ("fichier/x", "dossier ou fichier absent")):
        assert run.main([EXAMPLE, "--resultats", str(tmp_path / where)]) == 1
        told = capsys.readouterr().err
        assert cause in told and "--resultats" in told and told.count("\n") == 1 and "Errno" not in told


def test_results_do_not_make_the_code_dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, table = tmp_path / "experiments" / "code.py", tmp_path / "data" / "results" / "essai.csv"
    for path in (code, table):
        path.parent.mkdir(parents=True)
        path.touch()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Début"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(worker, "CAMPAIGNS", code.parent)
    clean = worker.commit()
    table.unlink()
    assert worker.commit() == clean and clean and "+" not in clean
    code.write_text("1", encoding="utf-8")
    assert worker.commit() == clean + "+"


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with run.locked(tmp_path / "essai.verrou"), pytest.raises(ValueError, match="déjà en cours"):  # noqa: SIM117
        with run.locked(tmp_path / "essai.verrou"):
            pass


def test_without_a_name_the_campaigns_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in names()) and "complète" in told


def test_a_campaign_whose_settings_changed_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (run.RESULTS / "rkd.csv", run.RESULTS / "rkd.json", run.RESULTS / "lit.csv", run.RESULTS / "lit.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    card = json.loads((tmp_path / "rkd.json").read_text(encoding="utf-8"))
    card["settings"] = {"epochs": -1}
    (tmp_path / "rkd.json").write_text(json.dumps(card), encoding="utf-8")
    assert run.main(["--resultats", str(tmp_path)]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "make campagne NOM=rkd" in lines["rkd"] and "complète" in lines["lit"] and "à faire" in lines["balance"]


def test_reading_a_journal_leaves_the_line_that_another_process_is_writing(tmp_path: Path) -> None:
    journal = Journal("essai", campaign(), tmp_path)
    journal.add(journal.missing()[0], {"rows": [{"accuracy": 0.5}], **PLACE})
    with journal.path.open("ab") as file:
        file.write(b'{"point": {"se')
    before = journal.path.read_bytes()
    reader = Journal("essai", campaign(), tmp_path)
    assert len(reader.missing()) == 2 and journal.path.read_bytes() == before
    reader.add(reader.missing()[0], {"rows": [{"accuracy": 0.5}], **PLACE})  # le premier essai gardé la remplace
    assert len(Journal("essai", campaign(), tmp_path).missing()) == 1


@pytest.mark.parametrize(("wins", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_row_says_the_precision_in_which_it_learned(
    wins: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "bfloat16_wins", lambda kind: wins)
    assert worker.provenance.__wrapped__()["machine"].endswith(f", {precision}")
