"""Le notebook d'accueil : chaque défaut est vu, nommé et accompagné de son remède ; les autres lignes restent."""

import importlib.util
from pathlib import Path

import pytest
import torch

from course_utils import checkup as module
from course_utils.checkup import Line, checkup, course_map
from tests.course import NOTEBOOKS


def line(subject: str) -> Line:
    return next(line for line in checkup().lines if line.subject == subject)


def test_healthy_machine_needs_no_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COURS_PROFIL", "COURS_DONNEES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "REFERENCE_GFLOPS", 1e-3)  # la machine la plus lente du monde suffit
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert [(x.subject, x.remedy) for x in checkup().lines if x.state != "ok"] == []


def test_unknown_profile_is_a_fault_and_the_other_lines_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURS_PROFIL", "nimporte")
    report = checkup()
    assert [x.subject for x in report.lines if x.state == "défaut"] == ["Profil"]
    assert "choisissez « express » ou « complet »" in line("Profil").remedy
    assert len(report.lines) == 8


def test_a_profile_that_changes_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURS_PROFIL", "complet")
    assert line("Profil").state == "attention" and "Effacez la variable COURS_PROFIL" in line("Profil").remedy


def test_missing_library_names_it_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ipywidgets" else found(name))
    seen = line("Bibliothèques")
    assert seen.state == "défaut" and "ipywidgets" in seen.seen and "make lab" in seen.remedy


def test_damaged_teacher_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(name: str) -> None:
        raise ValueError(f"{name} est abîmé : recopiez-le.")

    monkeypatch.setattr(module, "load_teacher", damaged)
    assert line("Enseignant") == Line("Enseignant", "défaut", "ValueError", "fashion-resnet est abîmé : recopiez-le.")


def test_data_folder_that_is_not_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURS_DONNEES", str(tmp_path / "absent"))
    assert line("Autres données").state == "attention"
    monkeypatch.setenv("COURS_DONNEES", str(tmp_path))
    assert line("Autres données") == Line("Autres données", "ok", f"COURS_DONNEES = {tmp_path}")


def test_one_thread_and_a_slow_machine_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(module, "REFERENCE_GFLOPS", 1e9)
    states = {x.subject: x.state for x in checkup().lines}
    assert states["Appareil de calcul"] == states["Vitesse"] == "attention"


def test_with_a_card_the_speed_of_the_processor_is_not_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "best_device", lambda: torch.device("cuda"))
    found = module._speed()
    assert found.state == "ok" and "sur la carte" in found.seen and "durées" not in found.seen


def test_report_is_a_table_in_french_typography() -> None:
    rows = checkup()._repr_markdown_().splitlines()
    assert len(rows) == 2 + 8
    assert any("70\u202f000" in row for row in rows)


def test_map_lists_exactly_the_notebooks_with_their_duration() -> None:
    lines = course_map().lines
    assert [lesson.file for lesson in lines] == [path.name for path in NOTEBOOKS]
    for lesson in lines:
        assert lesson.duration, lesson.file
        assert not lesson.title.endswith(".ipynb"), f"{lesson.file} n'a pas de titre"


def test_a_folder_given_from_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "donnees").mkdir()
    monkeypatch.setenv("COURS_DONNEES", "~/donnees")
    assert module._elsewhere().state == "ok"


def test_a_windows_path_stays_what_it_is_in_the_table() -> None:
    line = Line("Données", "défaut", r"C:\_cours|x", "tapez `make lab_x`")
    assert r"| C:\\\_cours\|x | tapez `make lab_x` |" in module.Report([line])._repr_markdown_()
