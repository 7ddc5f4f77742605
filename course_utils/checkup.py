"""Le notebook d'accueil : l'état de la machine, un remède pour chaque défaut, et la carte des notebooks présents."""

import importlib.util
import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from course_utils.data import load, profile
from course_utils.french import french_number, plural, typography
from course_utils.inference import best_device, bfloat16_wins
from course_utils.lessons import lessons, opening, title
from course_utils.models import load_teacher

REFERENCE_GFLOPS = 115.0  # la machine à deux cœurs où les durées des notebooks ont été mesurées


class Line(NamedTuple):
    """Une vérification : son sujet, « ok », « attention » ou « défaut », ce qui est vu, le remède s'il en faut un."""

    subject: str
    state: str
    seen: str
    remedy: str = ""


SYMBOLS = {"ok": "✓ bon", "attention": "! à savoir", "défaut": "✗ à corriger"}


class Report:
    """Le résultat des vérifications, affichable ; `lines` les garde une à une."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def _repr_markdown_(self) -> str:
        rows = ["| état | vérification | vu ici | que faire |", "|---|---|---|---|"]
        rows += [
            f"| {SYMBOLS[x.state]} | {x.subject} | {_literal(x.seen)} | {_literal(x.remedy) or '—'} |"
            for x in self.lines
        ]
        return typography("\n".join(rows))

    def __repr__(self) -> str:
        rows = [f"{SYMBOLS[x.state]} : {x.subject} : {x.seen} {x.remedy}".rstrip() for x in self.lines]
        return typography("\n".join(rows))


def _literal(text: str) -> str:
    r"""Le même texte dans un tableau Markdown, où `\_` ou `|` voudraient dire autre chose ; `code` reste du code."""
    parts = text.split("`")
    return "`".join(re.sub(r"([\\|_*<])", r"\\\1", part) if i % 2 == 0 else part for i, part in enumerate(parts))


def checkup() -> Report:
    """Vérifie la machine, en 3 secondes environ. Un défaut n'empêche pas les autres lignes."""
    checks: list[tuple[str, Callable[[], Line]]] = [
        ("Python", _python),
        ("Bibliothèques", _libraries),
        ("Profil", _profile),
        ("Appareil de calcul", _device),
        ("Vitesse", _speed),
        ("Données", _data),
        ("Enseignant", _teacher),
        ("Autres données", _elsewhere),
    ]
    return Report([_safely(subject, check) for subject, check in checks])


def course_map() -> "CourseMap":
    """Les notebooks présents dans le dossier, avec leur titre et leur durée, lus dans les notebooks eux-mêmes."""
    lines = []
    for path in lessons():
        duration = re.search(r"\*\*Durée\*\*\s*:\s*(.+?)\.?$", opening(path), re.M)
        lines.append(Lesson(path.name, title(path), duration[1] if duration else ""))
    return CourseMap(lines)


class Lesson(NamedTuple):
    """Un notebook de la carte."""

    file: str
    title: str
    duration: str


class CourseMap:
    """La carte des notebooks, pour Jupyter."""

    def __init__(self, lines: list[Lesson]) -> None:
        self.lines = lines

    def _repr_markdown_(self) -> str:
        rows = ["| notebook | durée |", "|---|---|"]
        rows += [f"| [{one.title}]({one.file}) | {one.duration} |" for one in self.lines]
        return typography("\n".join(rows))

    def __repr__(self) -> str:
        return typography("\n".join(f"{one.file} : {one.title} ({one.duration})" for one in self.lines))


def _safely(subject: str, check: Callable[[], Line]) -> Line:
    try:
        return check()
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        return Line(subject, "défaut", type(error).__name__, str(error).replace("\n", " "))


def _python() -> Line:
    return Line("Python", "ok", f"{platform.python_version()} ({platform.system()})")


def _libraries() -> Line:
    names = ("torch", "torchvision", "ipywidgets", "matplotlib", "safetensors")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        remedy = "Lancez « make lab » à la racine du cours, ou « pip install -r requirements.txt »."
        return Line("Bibliothèques", "défaut", f"il manque {', '.join(missing)}", remedy)
    return Line("Bibliothèques", "ok", f"torch {torch.__version__}")


def _profile() -> Line:
    chosen = profile()
    if chosen == "express":
        return Line("Profil", "ok", "express : données fournies, sur cette machine")
    remedy = "Effacez la variable COURS_PROFIL : les notebooks sont écrits pour les données fournies."
    return Line("Profil", "attention", f"{chosen} : ne change rien de lui-même", remedy)


def _device() -> Line:
    device = best_device()
    precision = "bfloat16" if bfloat16_wins(device.type) else "float32"
    if device.type == "cuda":
        return Line("Appareil de calcul", "ok", f"{torch.cuda.get_device_name()}, en {precision}")
    threads = torch.get_num_threads()
    seen = f"processeur, {threads} fil{plural(threads)} de calcul, en {precision}"
    if threads < 2:
        remedy = "Un seul fil : tout marche, en deux fois plus de temps ; effacez OMP_NUM_THREADS, si elle existe."
        return Line("Appareil de calcul", "attention", seen, remedy)
    return Line("Appareil de calcul", "ok", seen)


def _speed() -> Line:
    a = torch.ones(1024, 1024)
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        _ = a @ a
        durations.append(time.perf_counter() - start)
    gflops = 2 * 1024**3 / min(durations) / 1e9
    if best_device().type == "cuda":
        seen = f"{gflops:.0f} milliards d'opérations par seconde au processeur ; les apprentissages iront sur la carte"
        return Line("Vitesse", "ok", seen)
    ratio = REFERENCE_GFLOPS / gflops
    seen = f"{gflops:.0f} milliards d'opérations par seconde : comptez {ratio:.1f} fois les durées annoncées"
    if ratio > 3:
        return Line(
            "Vitesse", "attention", seen.replace(".", ","), "Fermez les autres programmes ou notebooks ouverts."
        )
    return Line("Vitesse", "ok", seen.replace(".", ","))


def _data() -> Line:
    fashion = load("fashion-mnist")
    total = sum(len(part) for part in (fashion.train, fashion.validation, fashion.test))
    return Line(
        "Données", "ok", f"Fashion-MNIST, {french_number(total)} images vérifiées ; aucune connexion n'est nécessaire"
    )


def _teacher() -> Line:
    load_teacher("fashion-resnet")
    return Line("Enseignant", "ok", "fashion-resnet, empreinte vérifiée")


def _elsewhere() -> Line:
    folder = os.environ.get("COURS_DONNEES")
    if not folder:
        return Line("Autres données", "ok", "COURS_DONNEES n'est pas définie : seuls les dossiers habituels sont lus")
    if not Path(folder).expanduser().is_dir():
        remedy = "Donnez à COURS_DONNEES le chemin d'un dossier existant, ou effacez-la."
        return Line("Autres données", "attention", f"COURS_DONNEES = {folder} n'est pas un dossier", remedy)
    return Line("Autres données", "ok", f"COURS_DONNEES = {folder}")
