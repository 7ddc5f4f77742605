"""Le code sous chaque Python admis, avec les bibliothèques les plus anciennes, puis les plus récentes.

C'est ce que fait « make versions » :

    python tests/versions.py [VERSION…]

Chaque ligne du tableau est un environnement jetable où uv installe requirements.txt et les outils de test, et où les
tests d'unité sont exécutés. Un Python absent du PATH est nommé, puis laissé de côté. Comptez plusieurs gigaoctets à
télécharger la première fois sous Linux : torch y apporte CUDA.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
RESOLUTIONS = {"anciennes": "lowest-direct", "récentes": "highest"}
SHOWN = ("torch", "numpy", "jupyterlab")
LONGEST = 1800  # secondes par commande
QUICK = ["-m", "pytest", "-q", "-p", "no:nbval", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]


def interpreter(version: str) -> str | None:
    """Le Python de cette version sur le PATH, s'il démarre."""
    path = shutil.which(f"python{version}")
    started = path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0
    return path if started else None


def requirements() -> list[str]:
    """Ce qu'installe « make test », une dépendance par élément, sans le cours lui-même."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    lines = [line for name in ("site", "campagne", "test") for line in extras[name]]
    tools = [line for line in lines if not line.startswith("course-utils")]
    return [*(ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines(), *tools]


def succeeds(command: list[str], **options: Any) -> bool:
    """Vrai si la commande réussit ; un vieux fil d'exécution peut empêcher pytest de finir : on ne l'attend pas."""
    try:
        return subprocess.run(command, timeout=LONGEST, **options).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def row(python: str, resolution: str, folder: Path) -> tuple[str, ...]:
    """Installe, exécute les tests d'unité, et rend les versions vues, le bilan de pytest et sa durée."""
    start = time.perf_counter()
    uv, venv, log = [sys.executable, "-m", "uv"], folder / "venv", folder / "journal.txt"
    (folder / "requirements.txt").write_text("\n".join(requirements()), encoding="utf-8")
    inside = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = ["-r", str(folder / "requirements.txt"), "--resolution", resolution, "--only-binary", ":all:"]
    commands = [
        [*uv, "venv", "--quiet", "--python", python, str(venv)],
        [*uv, "pip", "install", "--quiet", "--python", str(inside), *wanted],
        [str(inside), *QUICK, "tests/unit"],
    ]
    with log.open("w", encoding="utf-8") as out:
        env = os.environ | {"PYTHONPATH": str(ROOT)}  # le cours n'y est pas installé : les noyaux le trouvent ainsi
        failed = not all(succeeds(command, cwd=ROOT, env=env, stdout=out, stderr=out) for command in commands)
    said = log.read_text(encoding="utf-8")
    if failed:
        print("\n".join(said.splitlines()[-60:]), file=sys.stderr)
    listed = subprocess.run([*uv, "pip", "list", "--python", str(inside)], capture_output=True, text=True).stdout
    versions = [found[1] if (found := re.search(rf"^{name} +(\S+)", listed, re.M)) else "—" for name in SHOWN]
    summary = re.search(r"^(?:=+ )?(\d+ (?:passed|failed).*) in ", said, re.M)
    outcome = summary[1] if summary else "rien n'a pu être exécuté, le journal dit pourquoi"
    return (*versions, f"ÉCHEC : {outcome}" if failed else outcome, f"{time.perf_counter() - start:.0f} s")


def main() -> None:
    """Le tableau, ligne par ligne ; le code de sortie est 1 si une ligne a échoué."""
    asked = sys.argv[1:] or PYTHONS
    found = {version: path for version in asked if (path := interpreter(version))}
    absent = [version for version in asked if version not in found]
    print(f"Python absents de cette machine, laissés de côté : {', '.join(absent) or 'aucun'}.")
    print("| " + " | ".join(("Python", "bibliothèques", *SHOWN, "tests d'unité", "durée")) + " |")
    print("|---" * (len(SHOWN) + 4) + "|", flush=True)
    outcomes = []
    for version, python in found.items():
        for name, resolution in RESOLUTIONS.items():
            with tempfile.TemporaryDirectory() as folder:
                cells = row(python, resolution, Path(folder))
            outcomes.append(cells)
            print("| " + " | ".join((version, name, *cells)) + " |", flush=True)
    sys.exit(not outcomes or any("ÉCHEC" in outcome for *_, outcome, _ in outcomes))


if __name__ == "__main__":
    main()
