"""Un point du défi, et le tableau CSV où on les range."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import nn

from course_utils.cost import challenge_terms, macs, parameters
from course_utils.files import reason, shown


@dataclass(frozen=True)
class Entry:
    """Un réseau du défi : ce qui est compté, ce qui est mesuré, et la compression déclarée.

    accuracy : entre 0 et 1, NaN si elle n'a pas été mesurée ici. score : plus il est petit, mieux c'est.
    structured_pruning, unstructured_pruning : parts élaguées, de 0 à 1.
    """

    name: str
    data: str
    accuracy: float
    score: float
    weights: int
    macs: int
    weight_bits: int = 32
    activation_bits: int = 32
    structured_pruning: float = 0.0
    unstructured_pruning: float = 0.0


COLUMNS: Mapping[str, str] = {
    "name": "nom",
    "data": "jeu",
    "accuracy": "exactitude",
    "score": "score",
    "weights": "poids",
    "macs": "multiplications_additions",
    "weight_bits": "bits_poids",
    "activation_bits": "bits_activations",
    "structured_pruning": "elagage_structure",
    "unstructured_pruning": "elagage_non_structure",
}

FORMULA = ("=", "+", "-", "@")  # un tableur calcule une case qui commence ainsi


def entry(
    model: nn.Module, input_shape: Sequence[int], *, name: str, data: str, accuracy: float, **compression: Any
) -> Entry:
    """Le réseau sur le plan du défi. input_shape : (C, H, W) ; compression : les réglages de `challenge_terms`."""
    weights, work = parameters(model), macs(model, input_shape)
    score = sum(challenge_terms(weights, work, **compression))
    return Entry(name, data, accuracy, score, weights, work, **compression)


def read_points(path: Path) -> list[dict[str, str]]:
    """Les points d'un fichier écrit par `export`.

    Lève ValueError si ses colonnes ne sont pas celles d'un point, OSError s'il ne se lit pas.
    """
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        reader, rows = None, []
    except OSError as error:
        raise OSError(f"{shown(path)} ne se lit pas ({reason(error)}) : donnez un autre nom de fichier.") from error
    if (
        reader is None
        or list(reader.fieldnames or ()) != list(COLUMNS.values())
        or any(None in (*row, *row.values()) for row in rows)
    ):
        raise ValueError(f"{shown(path)} n'est pas un tableau de points du défi : donnez un autre nom de fichier.")
    return rows


def points_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Des points en texte CSV, avec leur en-tête."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS.values()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def row_of(point: Entry) -> dict[str, Any]:
    """La ligne CSV d'un point ; les nombres à virgule y ont six chiffres.

    Lève ValueError si le nom commence comme une formule : le tableur qui ouvrirait le fichier l'exécuterait.
    """
    if point.name.lstrip().startswith(FORMULA):
        raise ValueError(
            f"Le nom « {' '.join(point.name.split())} » serait lu par un tableur comme une formule : "
            "faites-le commencer par une lettre ou un chiffre."
        )
    values = {field.name: getattr(point, field.name) for field in fields(point)}
    return {COLUMNS[name]: f"{value:.6g}" if isinstance(value, float) else value for name, value in values.items()}
