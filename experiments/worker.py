"""Ce que fait un ouvrier : un essai d'une campagne, et d'où viennent ses lignes."""

import json
import platform
import subprocess
import time
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import torch

from course_utils.inference import best_device, bfloat16_wins
from experiments.campaign import CAMPAIGNS, Campaign, Point, load


def settings_of(campaign: Campaign) -> str:
    """Les réglages d'une campagne, en un texte qui se compare."""
    return json.dumps(dict(campaign.settings), sort_keys=True)


def perform(name: str, point: Point, settings: str) -> dict[str, Any]:
    """Un essai, fait par un ouvrier : ses lignes et d'où elles viennent, ou l'erreur qui l'a arrêté.

    settings : les réglages que connaît le coureur (voir settings_of). Un ouvrier lancé avant un changement, ou sur une
    machine dont la copie n'est pas à jour, en a d'autres : ses nombres ne seraient pas ceux que dirait la fiche.

    Un seul fil de calcul : le résultat ne dépend pas du nombre de cœurs, et deux essais vont plus vite côte à côte
    que l'un après l'autre sur deux fils.
    """
    torch.set_num_threads(1)
    origin = provenance()
    start = time.perf_counter()
    try:
        campaign = load(name)
        if settings_of(campaign) != settings:
            raise ValueError("cet ouvrier a d'autres réglages : mettez sa copie du cours à jour et relancez-le")
        rows = campaign.measure(**point)
        if not rows:
            raise ValueError("measure n'a rendu aucune ligne")
        json.dumps(rows)  # ce que le journal ne saurait pas écrire est l'échec de cet essai, pas de la campagne
    except Exception as error:  # un essai qui échoue n'arrête pas les autres
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = " ".join(str(error).split())
        return {"error": f"{type(error).__name__} : {told} ({Path(where.filename).name}, ligne {where.lineno})"}
    seconds = round(time.perf_counter() - start, 2)
    return {"rows": rows, "seconds": seconds, **origin}


@cache
def provenance() -> dict[str, str]:
    """La machine et sa précision, le commit et les versions."""
    device = best_device().type
    chip = torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} fil de calcul"
    return {
        "machine": f"{chip}, {'bfloat16' if bfloat16_wins(device) else 'float32'}",
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def commit() -> str:
    """Le commit, avec un + si du code a changé depuis ; rien si le cours n'est pas un dépôt, ou sans git.

    Les résultats ne comptent pas : refaire une campagne commence par effacer les siens.
    """

    def said(*command: str) -> str:
        done = subprocess.run(["git", *command], capture_output=True, text=True, check=False, cwd=CAMPAIGNS)
        return done.stdout.strip()

    try:
        changed = said("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)data/results")
        return said("describe", "--always") + ("+" if changed else "")
    except OSError:
        return ""
