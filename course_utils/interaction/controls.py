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
    """Un réglage prêt à l'emploi.

    widget : ce qu'on déplace (`.value`). read : la valeur donnée à l'image. row : la ligne affichée.
    echo : met à jour ce qui accompagne le widget, une fois l'image redessinée.
    """

    widget: Any
    read: Callable[[], Any]
    row: Any
    echo: Callable[[], None] = lambda: None


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
    """Le réglage décrit par `control`, son nom écrit à gauche dans une colonne de `label_width` pixels.

    Lève ValueError si la description n'est pas comprise.
    """
    style = {"description_width": f"{label_width:.0f}px"}
    if isinstance(control, widgets.Widget):
        return Control(control, lambda: control.value, control)
    if isinstance(control, bool):
        indent = widgets.Layout(width="auto", margin=f"2px 2px 2px {label_width + 10:.0f}px")
        box = widgets.Checkbox(control, description=label, indent=False, layout=indent)
        return Control(box, lambda: box.value, box)
    if isinstance(control, Mapping | list) and control:
        options = list(control.items()) if isinstance(control, Mapping) else control
        menu = widgets.Dropdown(options=options, description=label, style=style, layout=widgets.Layout(width="auto"))
        return Control(menu, lambda: menu.value, widgets.HBox([menu]))
    if isinstance(control, Log):
        return _paired(*_log_slider(control), label, label_width)
    if isinstance(control, tuple) and len(control) in (3, 4) and all(isinstance(v, int | float) for v in control):
        low, high, step, start = (*control, control[0])[:4]
        if low < high and step > 0 and low <= start <= high:
            return _paired(*_slider(low, high, step, start), label, label_width)
    raise ValueError(
        f"Le réglage « {name} » vaut {control!r} : donnez (bas, haut, pas) ou (bas, haut, pas, départ) avec "
        "bas ≤ départ ≤ haut et pas > 0, log(bas, haut, départ), une liste, un dictionnaire, True, False ou un widget."
    )


Pair = tuple[Any, Any, Callable[[Any], Any]]  # le curseur, sa case, et la valeur nette du curseur


def _slider(low: float, high: float, step: float, start: float) -> Pair:
    settings = {"min": low, "max": high, "step": step, "value": start}
    if all(isinstance(value, int) for value in settings.values()):
        return widgets.IntSlider(**settings), widgets.BoundedIntText(**settings), int
    return widgets.FloatSlider(**settings), widgets.BoundedFloatText(**settings), _without_noise


def _without_noise(value: float) -> float:
    """0.1 + 0.2 redevient 0.3."""
    return round(value, 9)


def _log_slider(control: Log) -> Pair:
    low, high, start = control
    first, notch = math.log10(low), 0.05

    def tidy(value: float) -> float:
        """Aux crans du curseur, deux chiffres suffisent : 1 ; 1,1 ; 1,3 ; … ; 2 ; … (série de Renard R20)."""
        at_notch = 10 ** (first + round((math.log10(value) - first) / notch) * notch)
        digits = 2 if math.isclose(value, at_notch, rel_tol=1e-6) else 9
        return min(max(float(f"{value:.{digits}g}"), low), high)

    slider = widgets.FloatLogSlider(value=start, min=first, max=math.log10(high), step=notch)
    return slider, widgets.BoundedFloatText(value=start, min=low, max=high, step=None), tidy


def _paired(slider: Any, box: Any, tidy: Callable[[Any], Any], label: str, label_width: float) -> Control:
    """Le curseur et sa case vont ensemble.

    Un curseur d'ipywidgets n'a pas de nom pour un lecteur d'écran, et un curseur logarithmique annonce son exposant :
    c'est la case qui porte le nom et la vraie valeur, et qui permet de la taper.
    """
    box.description, box.style = label, {"description_width": f"{label_width:.0f}px"}
    box.layout = widgets.Layout(width=f"{label_width + 110:.0f}px")
    slider.readout, slider.tooltip = False, label
    slider.layout = widgets.Layout(width="420px", margin="2px 2px 2px 18px")

    def echo() -> None:
        box.value = tidy(slider.value)

    def from_box(change: Any) -> None:
        if change["new"] != tidy(slider.value):
            slider.value = change["new"]

    box.observe(from_box, names="value")
    return Control(slider, lambda: tidy(slider.value), widgets.HBox([box, slider]), echo)
