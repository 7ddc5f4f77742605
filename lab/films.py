"""Dans le noyau d'un notebook exécuté : ce qu'il faut garder des widgets pour qu'une page sans noyau enseigne encore.

Une image vivante devient un film : ses images, dessinées d'avance pour un choix de positions de ses réglages, que le
script de la page (lesson.js) montre quand on déplace un curseur. Un quiz et un pari gardent leurs questions.
"""

import gc
import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import ipywidgets as widgets

from course_utils.figures import french_number
from course_utils.interaction.prediction import Prediction
from course_utils.interaction.quiz import Quiz
from course_utils.live import Live

MOST = 480  # images par film : quelques secondes de calcul, quelques centaines de kilo-octets une fois comprimées
FEWEST = 5  # crans d'un curseur : avec moins, on ne le verrait plus bouger


@dataclass(frozen=True)
class Axis:
    """Les positions d'un réglage, dans l'ordre. texts : le nom de chacune ; vide pour un curseur, qui dit sa valeur."""

    stops: list[Any]
    texts: list[str]


def keepsakes() -> dict[str, dict[str, Any]]:
    """Ce qui remplace chaque widget de ce noyau, par son identifiant : `{"film": …}`, `{"quiz": …}`, `{"pari": …}`."""
    kept: dict[str, dict[str, Any]] = {}
    for thing in gc.get_objects():  # type, et non isinstance, qui réveillerait des objets paresseux ou déjà morts
        if type(thing) is Live:
            kept[thing.widget.model_id] = {"film": film(thing)}
        elif type(thing) is Quiz:
            kept[thing.widget.model_id] = {"quiz": [asdict(question) for question in thing.questions]}
        elif type(thing) is Prediction:
            kept[thing.widget.model_id] = {"pari": {"question": thing.question, "choices": thing.choices}}
    return kept


def film(view: Live) -> dict[str, Any] | None:
    """Le film d'une image vivante, ou None si l'un de ses réglages ne peut pas être parcouru.

    controls : le nom, le genre et les positions de chaque réglage, et celle du départ. frames : une image par
    combinaison, le dernier réglage variant le plus vite. presets : les boutons, chacun avec une position par réglage.
    Trop de combinaisons : les curseurs n'ont plus que quelques crans ; s'il en restait moins de FEWEST, le film ne
    montre que les boutons, comme un menu. L'image vivante est laissée à la dernière de ces positions.
    """
    axes = {name: axis_of(widget) for name, widget in view.controls.items()}
    if not all(axis.stops for axis in axes.values()):
        return None
    sliders = [name for name, axis in axes.items() if not axis.texts]
    room = MOST / math.prod(len(axis.stops) for axis in axes.values() if axis.texts)
    counts = dict(zip(sliders, shared([len(axes[name].stops) for name in sliders], room), strict=True))
    if any(count < min(FEWEST, len(axes[name].stops)) for name, count in counts.items()):
        return _film_of_presets(view)
    for name, count in counts.items():
        wanted = [view.start[name], *(preset[name] for preset in view.presets.values() if name in preset)]
        stops = thinned(axes[name].stops, wanted, count)
        axes[name] = Axis(stops, [_said(view, name, stop) for stop in stops])
    return {
        "controls": [
            {
                "label": view.labels[name],
                "kind": "curseur" if name in sliders else "menu",
                "texts": axis.texts,
                "start": _place(axis, view.start[name]),
            }
            for name, axis in axes.items()
        ],
        "presets": [
            {"text": text, "at": [_place(axis, preset[n]) if n in preset else None for n, axis in axes.items()]}
            for text, preset in view.presets.items()
        ],
        "frames": [
            _drawn(view, dict(zip(axes, stops, strict=True)))
            for stops in itertools.product(*(axis.stops for axis in axes.values()))
        ],
    }


def axis_of(widget: Any) -> Axis:
    """Toutes les positions d'un réglage ; aucune si ce widget n'est pas de ceux que `live` sait faire."""
    if isinstance(widget, widgets.Dropdown):
        options = [option if isinstance(option, tuple) else (option, option) for option in widget.options]
        return Axis([value for _, value in options], [str(text) for text, _ in options])
    if isinstance(widget, widgets.Checkbox):
        return Axis([False, True], ["non", "oui"])
    if isinstance(widget, widgets.FloatLogSlider):
        exponents = [widget.min + k * widget.step for k in range(_last(widget) + 1)]
        return Axis([widget.base**exponent for exponent in exponents], [])
    if isinstance(widget, widgets.IntSlider | widgets.FloatSlider):
        return Axis([widget.min + k * widget.step for k in range(_last(widget) + 1)], [])
    return Axis([], [])


def shared(sizes: Sequence[int], room: float) -> list[int]:
    """Combien de crans garder de chaque curseur pour que leur produit tienne dans `room` : le plus fin cède d'abord."""
    counts = list(sizes)
    while counts and math.prod(counts) > room and max(counts) > 1:
        counts[counts.index(max(counts))] -= 1
    return counts


def thinned(stops: Sequence[float], wanted: Sequence[float], count: int) -> list[float]:
    """Environ `count` positions, régulièrement espacées, avec les deux bouts et les valeurs de `wanted`."""
    count = min(count, len(stops))
    kept = {stops[round(k * (len(stops) - 1) / max(count - 1, 1))] for k in range(count)}
    kept = {stop for stop in kept if not any(math.isclose(stop, value, rel_tol=1e-3) for value in wanted)}
    return sorted({*kept, *wanted})


def _film_of_presets(view: Live) -> dict[str, Any] | None:
    if not view.presets:
        return None
    situations = {"au départ": view.start, **{t: {**view.start, **preset} for t, preset in view.presets.items()}}
    menu = {"label": "Exemple", "kind": "menu", "texts": list(situations), "start": 0}
    return {"controls": [menu], "presets": [], "frames": [_drawn(view, values) for values in situations.values()]}


def _drawn(view: Live, values: dict[str, Any]) -> str:
    for name, value in values.items():
        view.controls[name].value = value
    return view.svg


def _said(view: Live, name: str, stop: float) -> str:
    """La valeur que l'image reçoit à cette position : un curseur logarithmique l'arrondit."""
    view.controls[name].value = stop
    return french_number(view.values()[name])


def _place(axis: Axis, value: Any) -> int:
    if isinstance(value, int | float):
        return min(range(len(axis.stops)), key=lambda k: abs(axis.stops[k] - value))
    return axis.stops.index(value)


def _last(widget: Any) -> int:
    """Le numéro du dernier cran d'un curseur."""
    return math.floor((widget.max - widget.min) / widget.step + 1e-9)
