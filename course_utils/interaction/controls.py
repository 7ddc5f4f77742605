"""Les réglages d'une image vivante : curseurs, menus, cases à cocher, toujours nommés."""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import ipywidgets as widgets

from course_utils.drawing.palette import BLUE
from course_utils.drawing.svg import zoom
from course_utils.interaction.front import ROW, style


class Log(NamedTuple):
    """Un réglage logarithmique de `low` à `high`."""

    low: float
    high: float
    start: float


class Control(NamedTuple):
    """Un réglage prêt à l'emploi.

    widget : ce qu'on déplace (`.value`). row : la ligne affichée. read : la valeur donnée à l'image. write : la change
    (par `widget.value`, une valeur entre deux crans d'un curseur ne céderait pas au cran le plus proche d'elle).
    watch : reçoit la fonction à appeler à chaque changement. accepts : vrai pour une valeur que le réglage peut
    prendre (toujours faux pour un widget fait ailleurs, dont on ne connaît pas les bornes).
    """

    widget: Any
    row: Any
    read: Callable[[], Any]
    write: Callable[[Any], None]
    watch: Callable[[Callable[[], None]], None]
    accepts: Callable[[Any], bool]


def log(low: float, high: float, start: float) -> Log:
    """Un curseur logarithmique, vingt crans par facteur dix : `temperature=log(0.5, 20, 4)`.

    Lève ValueError si 0 < low ≤ start ≤ high et low < high ne sont pas respectés.
    """
    numbers = all(isinstance(value, Real) for value in (low, high, start))
    if not numbers or not 0 < low <= start <= high or low == high:
        raise ValueError(
            "Un curseur logarithmique veut 0 < low ≤ start ≤ high, avec low et high différents : "
            f"reçu low = {low!r}, high = {high!r}, start = {start!r}."
        )
    return Log(low, high, start)


def control_for(name: str, control: Any, label: str, label_width: float) -> Control:
    """Le réglage décrit par `control`, son nom écrit à gauche dans une colonne de `label_width` pixels.

    Lève ValueError si la description n'est pas comprise.
    """
    if isinstance(control, widgets.Widget):
        return _plain(control, control)
    if isinstance(control, bool):
        indent = widgets.Layout(width="auto", margin=f"2px 2px 2px {label_width + 10:.0f}px")
        box = widgets.Checkbox(control, description=label, indent=False, layout=indent)
        return _plain(box, _row(box))
    if isinstance(control, Mapping | list) and control:
        menu = widgets.Dropdown(
            options=list(control.items()) if isinstance(control, Mapping) else control,
            description=label,
            style={"description_width": f"{label_width:.0f}px"},
            layout=widgets.Layout(width="auto", min_width=f"{label_width + 110 * zoom():.0f}px"),
        )
        choices = list(control.values()) if isinstance(control, Mapping) else control
        return _plain(menu, _row(menu), choices)
    if isinstance(control, Log):
        return _dial(*_log_pair(control), label, label_width)
    if isinstance(control, tuple) and len(control) in (3, 4) and all(isinstance(v, int | float) for v in control):
        low, high, step, start = (*control, control[0])[:4]
        if low < high and step > 0 and low <= start <= high:
            return _dial(*_linear_pair(low, high, step, start), label, label_width)
    raise ValueError(
        f"Le réglage « {name} » vaut {control!r} : donnez (bas, haut, pas) ou (bas, haut, pas, départ) avec "
        "bas ≤ départ ≤ haut et pas > 0, log(bas, haut, départ), une liste, un dictionnaire, True, False ou un widget."
    )


def temperature_presets(temperature: Control) -> dict[str, dict[str, int]]:
    """Les boutons « T = 1 », « T = 4 » et « T = 20 », pour les seules valeurs que ce réglage peut prendre."""
    return {f"T = {t}": {"temperature": t} for t in (1, 4, 20) if temperature.accepts(t)}


def _row(*parts: Any, notches: Sequence[float] = ()) -> Any:
    front = widgets.HTML(style(f".{ROW} {{}}", notches), layout=widgets.Layout(display="none"))
    row = widgets.HBox([*parts, front], layout=widgets.Layout(flex_flow="row wrap"))  # dans un volet étroit
    row.add_class(ROW)
    return row


def _plain(widget: Any, row: Any, choices: Sequence[Any] = ()) -> Control:
    def write(value: Any) -> None:
        widget.value = value

    def watch(draw: Callable[[], None]) -> None:
        widget.observe(lambda _: draw(), names="value")

    return Control(widget, row, lambda: widget.value, write, watch, lambda value: value in choices)


class Grid(NamedTuple):
    """Les crans d'un curseur. place : le numéro du cran (non entier entre deux crans) ; neat : la valeur d'un cran."""

    place: Callable[[float], float]
    neat: Callable[[float], float]

    def value_of(self, raw: float, current: float) -> float:
        """La valeur que veut dire la position `raw` du curseur, quand la valeur était `current`.

        Le navigateur ramène le curseur au cran le plus proche et nous le renvoie : il ne faut pas que ce cran
        remplace une valeur plus précise, tapée ou choisie par un bouton (3,75).
        """
        place = self.place(raw)
        if abs(place - round(place)) > 1e-6:
            return raw if isinstance(raw, int) else float(f"{raw:.9g}")
        return current if round(self.place(current)) == round(place) else self.neat(raw)


def _dial(slider: Any, box: Any, grid: Grid, label: str, label_width: float) -> Control:
    """Un curseur et sa case, toujours d'accord : la case porte le nom et la vraie valeur, et permet de la taper."""
    box.description, box.style = label, {"description_width": f"{label_width:.0f}px"}
    box.layout = widgets.Layout(width=f"{label_width + 110 * zoom():.0f}px")
    slider.readout, slider.tooltip = False, label
    slider.layout = widgets.Layout(width=f"{420 * zoom():.0f}px", min_width="200px", margin="2px 2px 2px 18px")
    slider.style.handle_color = BLUE  # blanche, la poignée se perd sur fond clair
    current = box.value

    def write(value: float) -> None:
        box.value = value

    def watch(draw: Callable[[], None]) -> None:
        def from_slider(change: Any) -> None:
            nonlocal current
            current = grid.value_of(change["new"], current)
            try:
                draw()
            finally:
                box.value = current  # après l'image : c'est elle qu'on attend

        def from_box(change: Any) -> None:
            nonlocal current
            if change["new"] == current:
                return
            current = change["new"]
            if slider.value == current:
                draw()
            else:
                slider.value = current

        slider.observe(from_slider, names="value")
        box.observe(from_box, names="value")

    row = _row(box, slider, notches=_ROUND if isinstance(slider, widgets.FloatLogSlider) else ())
    return Control(slider, row, lambda: current, write, watch, lambda value: box.min <= value <= box.max)


Pair = tuple[Any, Any, Grid]


def _linear_pair(low: float, high: float, step: float, start: float) -> Pair:
    def place(value: float) -> float:
        return (value - low) / step

    settings = {"min": low, "max": high, "step": step, "value": start}
    if all(isinstance(value, int) for value in settings.values()):
        return widgets.IntSlider(**settings), widgets.BoundedIntText(**settings), Grid(place, round)
    grid = Grid(place, lambda value: round(value, 9))  # 0.1 + 0.2 redevient 0.3
    return widgets.FloatSlider(**settings), widgets.BoundedFloatText(**settings), grid


# Vingt crans par facteur dix, aux valeurs arrondies que fixe la norme ISO 3 (série R″20).
_ROUND = (1, 1.1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9)


def _log_pair(control: Log) -> Pair:
    low, high, start = control
    first, step = math.log10(low), 1 / len(_ROUND)

    def neat(value: float) -> float:
        decade, notch = divmod(round(math.log10(value) / step), len(_ROUND))
        return min(max(float(f"{_ROUND[notch] * 10.0**decade:.9g}"), low), high)

    slider = widgets.FloatLogSlider(value=start, min=first, max=math.log10(high), step=step)
    box = widgets.BoundedFloatText(value=start, min=low, max=high, step=None)
    return slider, box, Grid(lambda value: (math.log10(value) - first) / step, neat)
