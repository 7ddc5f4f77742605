"""Ce que le dépôt promet de lui-même : taille, langue, types, et un import léger."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = "data/FashionMNIST/raw/"  # les quatre fichiers d'origine, comprimés : rien à y lire


def tracked(*patterns: str) -> list[Path]:
    """Les fichiers suivis par git ; hors d'un dépôt git (archive), tous ceux des mêmes motifs."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_machine_path_in_a_tracked_file():
    machine = re.compile(r"/(?:home|Users|work|root)/\w")
    for path in tracked():
        if path.relative_to(ROOT).as_posix().startswith(EMBEDDED):
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        assert not (found := machine.search(text)), f"{path.relative_to(ROOT)} : {found and found[0]}"
