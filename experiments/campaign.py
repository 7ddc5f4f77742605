"""Une campagne : les mêmes mesures, refaites pour chaque point d'une grille. Rien ici ne calcule ni n'écrit.

    CAMPAIGN = Campaign(
        title="Température et poids",
        points=grid(seed=range(10), temperature=[1.0, 4.0]),
        measure=measure,      # measure(seed=0, temperature=1.0) → [{"test": 0.84}]
        measured=("test",),
        settings={"epochs": 20},
        ...
    )

Chaque fichier d'experiments/campaigns en déclare une ; experiments/run.py les exécute.
"""

import importlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CAMPAIGNS = Path(__file__).with_name("campaigns")

Point = dict[str, Any]
Row = dict[str, Any]

# Ce que le coureur ajoute à chaque ligne : d'où elle vient, et ce qu'elle a coûté
PROVENANCE = ("seconds", "machine", "commit", "python", "torch")


@dataclass(frozen=True)
class View:
    """Comment montrer une campagne : une courbe par valeur de `series`, un panneau par valeur de `panel`.

    value : la colonne montrée, moyenne et intervalle sur les graines. x : la colonne de l'axe.
    where : les lignes montrées (toutes par défaut). title : ce qu'elles ont en commun, s'il faut le dire.
    """

    value: str
    x: str
    series: str = ""
    panel: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True)
class Comparison:
    """Deux groupes de lignes à comparer graine par graine, leurs noms en français, et la colonne comparée.

    other_value : la colonne du second groupe, si ce n'est pas la même. Plusieurs lignes d'une graine y sont moyennées.
    """

    name: str
    rows: Mapping[str, Any]
    other: str
    other_rows: Mapping[str, Any]
    value: str
    other_value: str = ""


@dataclass(frozen=True)
class Campaign:
    """Ce qu'il faut pour faire une campagne, la refaire et la lire.

    title, question : pour la page des résultats, en français. limits : ce que la campagne ne montre pas.
    points : ce que reçoit `measure`, un dictionnaire par essai, tous avec les mêmes clés.
    measure : fait un essai et rend ses lignes, le plus souvent une seule.
    measured : les colonnes que `measure` remplit.
    settings : ce qui est commun à tous les essais. Les changer demande de tout refaire.
    """

    title: str
    question: str
    limits: str
    points: Sequence[Point]
    measure: Callable[..., list[Row]]
    measured: tuple[str, ...]
    settings: Mapping[str, Any]
    views: tuple[View, ...] = ()
    comparisons: tuple[Comparison, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Les noms de ce qui désigne un essai."""
        return tuple(self.points[0])

    @property
    def columns(self) -> tuple[str, ...]:
        """Les colonnes du tableau."""
        return (*self.keys, *self.measured, *PROVENANCE)

    def key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Ce qui désigne l'essai d'un point ou d'une ligne, tel que le tableau l'écrit."""
        return tuple(written(row[name]) for name in self.keys)


def grid(**axes: Iterable[Any]) -> list[Point]:
    """Tous les points d'une grille, le premier axe variant le moins vite.

    >>> len(grid(seed=[0, 1], temperature=[1.0, 4.0, 20.0]))
    6
    """
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def written(value: Any) -> str:
    """Une valeur telle qu'un tableau l'écrit : six chiffres pour un nombre à virgule."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def load(name: str) -> Campaign:
    """La campagne que déclare experiments/campaigns/NAME.py, ou le module NAME. Lève ValueError s'il n'y en a pas."""
    module = name if "." in name else f"experiments.campaigns.{name}"
    unknown = ValueError(f"La campagne {name} n'existe pas : choisissez parmi {', '.join(names())}.")
    if not all(map(str.isidentifier, module.split("."))):  # un chemin, et non un nom
        raise unknown
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # une bibliothèque manque : ce n'est pas le nom qui est faux
        raise unknown from None
    if not isinstance(getattr(found, "CAMPAIGN", None), Campaign):
        raise ValueError(f"Le module {module} ne déclare aucune campagne : écrivez-y CAMPAIGN = Campaign(…).")
    return found.CAMPAIGN


def names() -> list[str]:
    """Les campagnes du cours."""
    return sorted(path.stem for path in CAMPAIGNS.glob("[a-z]*.py"))
