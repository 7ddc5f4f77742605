"""Les campagnes enregistrées : les relire, résumer des graines, comparer deux méthodes sur les mêmes graines.

Une campagne = data/results/NOM.csv (une ligne par réseau entraîné) et NOM.json (sa fiche : réglages, versions,
machine, graines, durée). `make campagne` les écrit, les notebooks les relisent ici.
"""

import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.files import reason, shown
from course_utils.french import french_number, plural, typography

RESULTS = Path(__file__).resolve().parents[1] / "data" / "results"

# Quantile 0,975 de la loi de Student pour 1, 2, … 30 degrés de liberté
STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip

Row = dict[str, Any]

_REMEDY = "rétablissez-le par « git checkout -- :/data/results » ou depuis une autre copie du cours"


@dataclass(frozen=True)
class Interval:
    """Une moyenne et son intervalle à 95 % : [low, high], de demi-largeur half."""

    mean: float
    half: float
    count: int

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    @property
    def significant(self) -> bool:
        """Vrai si l'intervalle ne contient pas zéro : à lire pour une différence."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """Le même jugement, en mots."""
        return "significatif" if self.significant else "non significatif"


def load(name: str) -> list[Row]:
    """Les lignes de la campagne `name`, les nombres convertis.

    Lève FileNotFoundError si la campagne n'existe pas, ValueError si un fichier est abîmé, OSError s'il ne se lit pas.
    """
    path = _existing(name, "csv")
    text = _text(path)
    if card(name).get("sha256", fingerprint(text)) != fingerprint(text):
        raise _damaged(path)
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        rows = list(reader)
    except csv.Error:
        raise _damaged(path) from None
    columns = reader.fieldnames or ()
    if len(columns) < 2 or not rows or any(None in (*row, *row.values()) for row in rows):
        raise _damaged(path)
    return [{key: _number(value) for key, value in row.items()} for row in rows]


def card(name: str) -> dict[str, Any]:
    """La fiche de la campagne `name` : réglages, versions, machine, graines, durée.

    Lève FileNotFoundError si elle n'existe pas, ValueError si la fiche est abîmée, OSError si elle ne se lit pas.
    """
    path = _existing(name, "json")
    try:
        found = json.loads(_text(path))
    except (json.JSONDecodeError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(found, dict):
        raise _damaged(path)
    return found


def fingerprint(text: str) -> str:
    """L'empreinte SHA-256 du texte d'une campagne, que sa fiche garde ; les fins de ligne de Windows n'y font rien."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def matching(rows: Sequence[Row], **where: Any) -> list[Row]:
    """Les lignes dont ces colonnes ont ces valeurs, par exemple `matching(rows, method="KD", seed=0)`."""
    return [row for row in rows if all(row[name] == value for name, value in where.items())]


def column(rows: Sequence[Row], key: str, **where: Any) -> list[Any]:
    """La colonne `key` des lignes qui satisfont `where`, rangée par graine : prête pour une comparaison appariée.

    Lève ValueError si aucune ligne ne convient, ou si une colonne n'existe pas.
    """
    for name in (key, *where, "seed") if rows else ():
        if name not in rows[0]:
            raise ValueError(f"La colonne « {name} » n'existe pas : choisissez parmi {', '.join(rows[0])}.")
    kept = sorted(matching(rows, **where), key=lambda row: row["seed"])
    if not kept:
        known = " ; ".join(f"{name} vaut {', '.join(map(str, list(grouped(rows, name))[:12]))}" for name in where)
        seen = f"ici, {known}" if rows else "la liste donnée est vide"
        raise ValueError(f"Aucune ligne ne satisfait {where} : {seen}.")
    return [row[key] for row in kept]


def by_seed(rows: Sequence[Row], key: str, **where: Any) -> dict[int, float]:
    """{graine : moyenne de la colonne `key`} sur les lignes qui satisfont `where`."""
    groups = grouped(matching(rows, **where), "seed")
    return {seed: math.fsum(row[key] for row in group) / len(group) for seed, group in sorted(groups.items())}


def grouped(rows: Sequence[Row], key: str) -> Mapping[Any, list[Row]]:
    """Les lignes rassemblées par valeur de la colonne `key`, dans l'ordre d'apparition."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def interval(values: Sequence[float]) -> Interval:
    """Moyenne et intervalle de Student à 95 % de n ≥ 2 valeurs indépendantes (une par graine)."""
    n = len(values)
    if n < 2:
        raise ValueError(f"Il y a {n} valeur : un intervalle en demande au moins deux, donc au moins deux graines.")
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    # au-delà de 30 degrés de liberté, le développement de Cornish et Fisher donne le quantile à 10⁻³ près
    quantile = STUDENT[n - 2] if n - 1 <= len(STUDENT) else 1.960 + 2.372 / (n - 1) + 2.823 / (n - 1) ** 2
    return Interval(mean, quantile * math.sqrt(variance / n), n)


def paired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Intervalle à 95 % de la différence first − second, graine par graine.

    Comparer sur les mêmes graines retire ce que les deux méthodes doivent à la même chance.
    Lève ValueError si les deux suites n'ont pas la même longueur.
    """
    if len(first) != len(second):
        raise ValueError(
            f"{len(first)} valeur{plural(len(first))} d'un côté, {len(second)} de l'autre : comparez les mêmes "
            "graines, rangées pareil."
        )
    return interval([a - b for a, b in zip(first, second, strict=True)])


def in_percent(values: Sequence[float]) -> str:
    """Des exactitudes entre 0 et 1, en mots : « 84,2 % ± 0,3 »."""
    found = interval(values)
    return typography(f"{french_number(100 * found.mean, 2)} % ± {french_number(100 * found.half, 2)}")


def compared(name: str, values: Sequence[float], other: str, other_values: Sequence[float]) -> str:
    """Deux suites d'exactitudes comparées graine par graine, en une phrase : l'écart et son intervalle à 95 %."""
    gap = paired(values, other_values)
    low, high = legible(100 * gap.low), legible(100 * gap.high)
    mean = legible(100 * gap.mean) if gap.significant else signed(100 * gap.mean)
    middle = f"{mean} point{plural(round(100 * gap.mean, 2))}"
    return typography(f"{name} contre {other} : {middle}, entre {low} et {high} : {gap.verdict} ({gap.count} graines).")


def legible(value: float, digits: int = 2) -> str:
    """Un écart signé, avec `digits` décimales, ou plus s'il en faut pour voir de quel côté de zéro il tombe."""
    return signed(value, next((more for more in range(digits, 5) if round(value, more)), digits))


def signed(value: float, digits: int = 2) -> str:
    """Un écart avec son signe, sauf s'il s'arrondit à zéro."""
    text = french_number(value, digits)
    return f"+{text}" if round(value, digits) > 0 else text


def _existing(name: str, kind: str) -> Path:
    path = RESULTS / f"{name}.{kind}"
    if not path.is_file():
        if any((RESULTS / f"{name}.{other}").is_file() for other in ("csv", "json")):  # l'un sans l'autre
            raise FileNotFoundError(f"{shown(path)} manque : {_REMEDY}.")
        known = ", ".join(sorted(found.stem for found in RESULTS.glob("*.csv"))) or "aucune"
        raise FileNotFoundError(f"Le fichier {path.name} n'est pas dans data/results : choisissez parmi {known}.")
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise _damaged(path) from None
    except OSError as error:
        raise OSError(f"{shown(path)} ne se lit pas ({reason(error)}) : {_REMEDY}.") from None


def _damaged(path: Path) -> ValueError:
    return ValueError(f"{shown(path)} est abîmé ou incomplet : {_REMEDY}.")


def _number(text: str) -> float | int | str:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text
