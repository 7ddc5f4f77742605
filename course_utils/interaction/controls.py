"""Les réglages d'une image vivante : curseurs, menus, cases à cocher, toujours nommés."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ipywidgets as widgets


class Log(NamedTuple):
    """Un réglage logarithmique de `low` à `high`."""

    low: float
    high: float
    start: float


class Control(NamedTuple):
    """Un réglage prêt à l'emploi : son widget (`.value`), la valeur donnée à l'image, et la ligne affichée."""

    widget: Any
    read: Callable[[], Any]
    row: Any


def log(low: float, high: float, start: float) -> Log:
    """Un curseur logarithmique, vingt crans par facteur dix : `temperature=log(0.5, 20, 4)`.

    Lève ValueError si 0 < low ≤ start ≤ high et low < high ne sont pas respectés.
    """
    if not 0 < low <= start <= high or low == high:
        raise ValueError(
            "Un curseur logarithmique veut 0 < low ≤ start ≤ high, avec low et high différents : "
            f"reçu low = {low}, high = {high}, start = {start}."
        )
    return Log(low, high, start)


def control_for(name: str, control: Any, label: str, label_width: float) -> Control:
    """Le réglage décrit par `control`, avec son nom écrit à gauche."""
    style = {"description_width": f"{label_width:.0f}px"}
    if isinstance(control, widgets.Widget):
        return Control(control, lambda: control.value, control)
    if isinstance(control, bool):
        box = widgets.Checkbox(control, description=label, indent=False, layout=widgets.Layout(width="auto"))
        return Control(box, lambda: box.value, box)
    if isinstance(control, Mapping | list):
        options = list(control.items()) if isinstance(control, Mapping) else control
        menu = widgets.Dropdown(options=options, description=label, style=style, layout=widgets.Layout(width="auto"))
        return Control(menu, lambda: menu.value, widgets.HBox([menu]))
    if isinstance(control, Log):
        return _log_slider(control, label, style)
    if isinstance(control, tuple) and len(control) in (3, 4) and all(isinstance(v, int | float) for v in control):
        return _slider(control, label, style)
    raise ValueError(
        f"Le réglage « {name} » vaut {control!r} : donnez (bas, haut, pas), log(bas, haut, départ), "
        "une liste, un dictionnaire, True ou False, ou un widget."
    )


_TRACK = {"width": "420px"}


def _slider(control: tuple[float, ...], label: str, style: dict[str, str]) -> Control:
    low, high, step, *start = control
    whole = all(isinstance(value, int) for value in control)
    kind, box_kind = (
        (widgets.IntSlider, widgets.BoundedIntText) if whole else (widgets.FloatSlider, widgets.BoundedFloatText)
    )
    settings = {"min": low, "max": high, "step": step, "value": start[0] if start else low}
    slider = kind(**settings, readout=False, layout=_TRACK)
    box = box_kind(**settings, description=label, style=style)
    return _paired(slider, box, (lambda value: value) if whole else (lambda value: round(value, 9)))  # 0.1 + 0.2


def _log_slider(control: Log, label: str, style: dict[str, str]) -> Control:
    low, high, start = control
    first, notch = math.log10(low), 0.05
    slider = widgets.FloatLogSlider(
        value=start, min=first, max=math.log10(high), step=notch, readout=False, layout=_TRACK
    )
    box = widgets.BoundedFloatText(value=start, min=low, max=high, step=None, description=label, style=style)

    def tidy(value: float) -> float:
        """Aux crans du curseur, deux chiffres suffisent : 1 ; 1,1 ; 1,3 ; … ; 2 ; … (série de Renard R20)."""
        at_notch = 10 ** (first + round((math.log10(value) - first) / notch) * notch)
        rounded = float(f"{value:.2g}") if math.isclose(value, at_notch, rel_tol=1e-6) else value
        return min(max(rounded, low), high)

    return _paired(slider, box, tidy)


def _paired(slider: Any, box: Any, tidy: Callable[[Any], Any]) -> Control:
    """Le curseur et sa case vont ensemble.

    Un curseur d'ipywidgets n'a pas de nom pour un lecteur d'écran et un curseur logarithmique annonce son exposant :
    c'est la case qui porte le nom et la vraie valeur, et qui permet de la taper.
    """
    box.layout = widgets.Layout(width="max-content")

    def from_slider(change: Any) -> None:
        box.value = tidy(change["new"])

    def from_box(change: Any) -> None:
        if change["new"] != tidy(slider.value):
            slider.value = change["new"]

    slider.observe(from_slider, names="value")
    box.observe(from_box, names="value")
    return Control(slider, lambda: tidy(slider.value), widgets.HBox([box, slider]))
