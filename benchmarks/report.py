"""Les mesures, leur tableau et leur fichier."""

import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from course_utils.french import french_number, typography
from experiments.run import cores

REFERENCE = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Measure:
    """Un nombre mesuré, l'étendue de ses tours, et ce qu'il faut atteindre (au moins, ou au plus) s'il le faut."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Vrai ou faux ; None si rien n'est demandé. Un nombre qui n'a pu être mesuré (NaN) n'atteint rien."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None


def measured(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
) -> Measure:
    """La médiane de plusieurs tours, et leur étendue."""
    middle = statistics.median(values)
    return Measure(name, unit, middle, min(values), max(values), at_least, at_most, note)


def table(measures: Sequence[Measure], reference: dict[str, float]) -> str:
    """Une ligne par mesure ; les notes sont sous le tableau. reference : les valeurs déjà enregistrées, par nom."""
    head = ["mesure", "médiane", "étendue", "à atteindre", "atteint", "référence"]
    lines = [head, *(_cells(measure, reference.get(measure.name)) for measure in measures)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    texts = [
        "  ".join(_aligned(cell, width, i) for i, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    texts.insert(1, "  ".join("─" * width for width in widths))
    notes = [typography(f"{measure.name} : {measure.note}") for measure in measures if measure.note]
    return "\n".join([*texts, *([""] if notes else []), *notes])


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _cells(measure: Measure, reference: float | None) -> list[str]:
    def shown(value: float) -> str:
        return typography(f"{french_number(value)} {measure.unit}".rstrip())

    bound = next(
        (f"{sign} {shown(b)}" for sign, b in (("≥", measure.at_least), ("≤", measure.at_most)) if b is not None), ""
    )
    spread = f"{french_number(measure.low)} – {french_number(measure.high)}" if measure.low < measure.high else ""
    verdict = {True: "oui", False: "non", None: ""}[measure.reached]
    return [measure.name, shown(measure.value), spread, bound, verdict, "" if reference is None else shown(reference)]


def machine() -> dict[str, Any]:
    """Ce qui fait la vitesse d'une machine, sans rien qui la nomme."""
    return {
        "processeur": _processor(),
        "cœurs": cores(),
        "fils de calcul": torch.get_num_threads(),
        "carte graphique": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "système": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def to_json(measures: Sequence[Measure], spent: float) -> str:
    """Le texte du fichier : la machine, la durée de l'ensemble, puis chaque mesure et son verdict."""
    rows = [asdict(measure) | {"reached": measure.reached} for measure in measures]
    content = {"machine": machine(), "seconds": round(spent), "measures": rows}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def values_in(path: Path) -> dict[str, float]:
    """Les valeurs d'un fichier de mesures, par nom ; aucune s'il n'existe pas."""
    if not path.is_file():
        return {}
    return {row["name"]: row["value"] for row in json.loads(path.read_text(encoding="utf-8"))["measures"]}
