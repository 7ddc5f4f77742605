"""Écrire une campagne au fil de l'eau : un CSV ligne par ligne, puis sa fiche. Une reprise saute ce qui est fait."""

import csv
import json
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from course_utils.files import write_whole
from course_utils.inference import best_device
from course_utils.results import RESULTS, fingerprint


class Campaign:
    """data/results/NAME.csv et .json. Une ligne est écrite dès qu'elle est connue : une coupure ne perd rien."""

    def __init__(self, name: str, columns: tuple[str, ...], key: tuple[str, ...], folder: Path = RESULTS) -> None:
        """columns : les colonnes du CSV ; key : celles qui désignent une ligne (la méthode et la graine)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.csv, self.json = folder / f"{name}.csv", folder / f"{name}.json"
        self.columns, self.key = columns, key
        self.start = time.perf_counter()
        self.before = 0.0  # secondes déjà dépensées par les exécutions précédentes
        self.done: set[tuple[str, ...]] = set()
        if self._whole_lines():
            with self.csv.open(encoding="utf-8", newline="") as file:
                self.done = {tuple(row[name] for name in key) for row in csv.DictReader(file)}
            self.before = json.loads(self.json.read_text(encoding="utf-8"))["seconds"] if self.json.exists() else 0.0
        else:
            self._append(columns)

    def has(self, *key: Any) -> bool:
        """Vrai si cette ligne est déjà écrite."""
        return tuple(map(str, key)) in self.done

    def write(self, **row: Any) -> None:
        """Ajoute une ligne ; les nombres à virgule sont arrondis à six chiffres."""
        texts = [f"{row[c]:.6g}" if isinstance(row[c], float) else str(row[c]) for c in self.columns]
        self._append(tuple(texts))
        self.done.add(tuple(str(row[name]) for name in self.key))
        print(", ".join(f"{name} = {text}" for name, text in zip(self.columns, texts, strict=True)), flush=True)

    def finish(self, *, seeds: list[int], settings: dict[str, Any], machine: str = "") -> None:
        """Écrit la fiche : ce qu'il faut pour refaire la campagne, et ce qu'elle a coûté."""
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        card = {
            "seeds": seeds,
            "settings": settings,
            "seconds": round(self.before + time.perf_counter() - self.start),
            "machine": machine or f"{best_device().type}, {torch.get_num_threads()} fil(s) de calcul",
            "commit": commit.stdout.strip(),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "sha256": fingerprint(self.csv.read_text(encoding="utf-8")),
        }
        write_whole(self.json, (json.dumps(card, ensure_ascii=False, indent=2) + "\n").encode("utf-8"))

    def _whole_lines(self) -> str:
        """Ce qui est déjà écrit ; une coupure en pleine écriture laisse une ligne sans fin : elle sera refaite."""
        text = self.csv.read_text(encoding="utf-8") if self.csv.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            write_whole(self.csv, whole.encode("utf-8"))
        return whole

    def _append(self, texts: tuple[str, ...]) -> None:
        with self.csv.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(texts)
