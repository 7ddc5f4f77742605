"""Les notebooks de la séance vus comme des fichiers : lesquels, dans quel ordre, et ce que dit leur ouverture."""

import json
import re
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def lessons() -> list[Path]:
    """Les notebooks numérotés, dans l'ordre du cours."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def opening(path: Path) -> str:
    """Le texte de la première cellule : titre, ce que l'on saura, durée."""
    return "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])


def title(path: Path) -> str:
    """Le titre d'un notebook, numéro compris ; à défaut, le nom de son fichier."""
    found = re.search(r"^# (.+)$", opening(path), re.M)
    return found[1] if found else path.stem
