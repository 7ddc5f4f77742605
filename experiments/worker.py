"""Ce que fait un ouvrier : un essai d'une campagne, et d'où viennent ses lignes."""

import platform
import subprocess
import time
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import torch

from course_utils.inference import best_device, bfloat16_wins
from experiments.campaign import CAMPAIGNS, Point, load


def perform(name: str, point: Point) -> dict[str, Any]:
    """Un essai, fait par un ouvrier : ses lignes et d'où elles viennent, ou l'erreur qui l'a arrêté.

    Un seul fil de calcul : le résultat ne dépend pas du nombre de cœurs, et deux essais vont plus vite côte à côte
    que l'un après l'autre sur deux fils.
    """
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        rows = load(name).measure(**point)
    except Exception as error:  # un essai qui échoue n'arrête pas les autres
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = " ".join(str(error).split())
        return {"error": f"{type(error).__name__} : {told} ({Path(where.filename).name}, ligne {where.lineno})"}
    seconds = round(time.perf_counter() - start, 2)
    return {"rows": rows, "seconds": seconds, **provenance()}


@cache
def provenance() -> dict[str, str]:
    """La machine et sa précision, le commit (avec un + si des fichiers ont changé depuis) et les versions."""
    device = best_device().type
    chip = torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} fil de calcul"
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False, cwd=CAMPAIGNS
    )
    return {
        "machine": f"{chip}, {'bfloat16' if bfloat16_wins(device) else 'float32'}",
        "commit": git.stdout.strip(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
