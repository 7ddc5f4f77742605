"""Images vivantes : des curseurs, et une image SVG qui suit.

Une image vivante est du texte SVG dans un seul `ipywidgets.HTML`, dont seule la valeur change : mesuré, c'est
deux à quatre fois plus rapide que `interact` et rien ne clignote. Seuls les widgets de base d'ipywidgets
servent : ils marchent dans JupyterLab, VS Code et Colab sans rien installer d'autre.
"""

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ipywidgets as widgets

from course_utils.drawing.layout import text_panel
from course_utils.drawing.svg import WIDTH, alt_of, size_of
from course_utils.figures import french_percent, line_chart
from course_utils.french import typography

_PRESENTING = os.environ.get("COURS_PRESENTATEUR") == "1"
_STYLE = """<style>
.cours-vivant {font-size: SIZE}
.cours-vivant .widget-label, .cours-vivant .widget-label-basic, .cours-vivant input, .cours-vivant select,
.cours-vivant button {font-size: SIZE !important}
</style>""".replace("SIZE", "21px" if _PRESENTING else "16px")


class Log(NamedTuple):
    """Un curseur logarithmique de `low` à `high`."""

    low: float
    high: float
    start: float


def log(low: float, high: float, start: float) -> Log:
    """Un curseur logarithmique : `temperature=log(0.5, 20, 4)` ; vingt crans par facteur dix.

    Lève ValueError si 0 < low ≤ start ≤ high n'est pas respecté.
    """
    if not 0 < low <= start <= high:
        raise ValueError(f"Un curseur logarithmique veut 0 < low ≤ start ≤ high : reçu {low}, {start}, {high}.")
    return Log(low, high, start)


def live(
    picture: Callable[..., str],
    *,
    labels: Mapping[str, str] | None = None,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    **controls: Any,
) -> "Live":
    """Une image qui suit ses curseurs : `live(picture, temperature=log(0.5, 20, 4), image=(0, 99, 1))`.

    picture : reçoit les valeurs par leur nom et rend du texte SVG (voir `figures`).
    controls : (bas, haut, pas) ou (bas, haut, pas, départ) pour un curseur, entier si les nombres le sont ;
    `log(bas, haut, départ)` ; une liste ou {texte : valeur} pour un menu ; True ou False pour une case à cocher ;
    ou n'importe quel widget. labels : les noms français des réglages. presets : {texte du bouton : {nom : valeur}}.
    Une erreur dans `picture` s'affiche à la place de l'image, et est levée.
    """
    return Live(picture, controls, labels or {}, presets or {})


class Live:
    """L'image vivante : `.controls["temperature"].value = 4` la déplace, `.svg` est l'image du moment."""

    def __init__(
        self,
        picture: Callable[..., str],
        controls: Mapping[str, Any],
        labels: Mapping[str, str],
        presets: Mapping[str, Mapping[str, Any]],
    ) -> None:
        unknown = {*labels, *(name for values in presets.values() for name in values)} - set(controls)
        if unknown:
            raise ValueError(
                f"Réglage inconnu dans labels ou presets : {', '.join(sorted(unknown))} ; les réglages sont {', '.join(controls)}."
            )
        self._picture = picture
        self._paused = False
        self.svg = ""
        self.controls: dict[str, widgets.Widget] = {}
        self._read: dict[str, Callable[[], Any]] = {}
        rows = []
        label_width = max((len(labels.get(n, n)) for n in controls), default=0) * (13 if _PRESENTING else 10) + 8
        for name, control in controls.items():
            widget, read, row = _control(name, control, typography(labels.get(name, name)), f"{label_width}px")
            self.controls[name], self._read[name] = widget, read
            rows.append(row)
            widget.observe(self._on_change, names="value")
        self._html = widgets.HTML()
        buttons = [self._button(text, values) for text, values in presets.items()]
        bar = [widgets.HBox(buttons, layout=widgets.Layout(flex_flow="row wrap"))] if buttons else []
        self.widget = widgets.VBox([widgets.HTML(_STYLE), *rows, *bar, self._html])
        self.widget.add_class("cours-vivant")
        try:
            self.draw()
        except Exception:
            from IPython.display import display

            display(self)  # l'erreur interrompt la cellule : sans cela, on ne verrait pas la phrase
            raise

    def draw(self) -> None:
        """Redessine avec les valeurs du moment ; une erreur est montrée à la place de l'image, puis levée."""
        size = size_of(self.svg) if self.svg else (WIDTH, 120.0)
        try:
            svg = self._picture(**{name: read() for name, read in self._read.items()})
            size_of(svg)
        except Exception as error:
            sentence = f"L'image n'a pas pu être dessinée : {type(error).__name__}, {error}"
            self.svg = text_panel(sentence, color="wrong", width=size[0], height=size[1])
            self._html.value = self.svg
            raise
        self.svg = self._html.value = svg

    def _on_change(self, change: Any) -> None:
        if not self._paused:
            self.draw()

    def _button(self, text: str, values: Mapping[str, Any]) -> widgets.Button:
        button = widgets.Button(description=typography(text), layout=widgets.Layout(width="auto"))

        def press(_: Any) -> None:
            self._paused = True  # une seule image pour tous les réglages
            try:
                for name, value in values.items():
                    self.controls[name].value = value
            finally:
                self._paused = False
            self.draw()

        button.on_click(press)
        return button

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle = dict(self.widget._repr_mimebundle_() or {})
        return {**bundle, "image/svg+xml": self.svg, "text/plain": alt_of(self.svg)}


def _control(name: str, control: Any, label: str, width: str) -> tuple[Any, Callable[[], Any], Any]:
    """Le widget d'un réglage, sa lecture, et la ligne qui l'affiche."""
    style = {"description_width": width}
    if isinstance(control, widgets.Widget):
        return control, lambda: control.value, control
    if isinstance(control, bool):
        box = widgets.Checkbox(control, description=label, indent=False)
        return box, lambda: box.value, box
    if isinstance(control, Mapping | list):
        options = list(control.items()) if isinstance(control, Mapping) else list(control)
        menu = widgets.Dropdown(options=options, description=label, style=style, layout=widgets.Layout(width="auto"))
        return menu, lambda: menu.value, menu
    if isinstance(control, Log):
        return _log_slider(control, label, style)
    if isinstance(control, tuple) and len(control) in (3, 4) and all(isinstance(v, int | float) for v in control):
        return _slider(control, label, style)
    raise ValueError(
        f"Le réglage « {name} » vaut {control!r} : donnez (bas, haut, pas), log(bas, haut, départ), "
        "une liste, un dictionnaire, True ou False, ou un widget."
    )


def _slider(control: tuple[float, ...], label: str, style: dict[str, str]) -> tuple[Any, Callable[[], Any], Any]:
    low, high, step = control[:3]
    start = control[3] if len(control) == 4 else low
    whole = all(isinstance(v, int) for v in control)
    kind, box_kind = (
        (widgets.IntSlider, widgets.BoundedIntText) if whole else (widgets.FloatSlider, widgets.BoundedFloatText)
    )
    slider = kind(value=start, min=low, max=high, step=step, readout=False, layout=widgets.Layout(width="420px"))
    tidy = (lambda v: v) if whole else (lambda v: round(v, 9))  # 0.1 + 0.2 s'affiche 0.3
    box = box_kind(value=start, min=low, max=high, step=step, description=label, style=style)
    return _linked(slider, box, tidy)


def _log_slider(control: Log, label: str, style: dict[str, str]) -> tuple[Any, Callable[[], Any], Any]:
    first, step = math.log10(control.low), 0.05
    slider = widgets.FloatLogSlider(
        value=control.start,
        min=first,
        max=math.log10(control.high),
        step=step,
        readout=False,
        layout=widgets.Layout(width="420px"),
    )
    box = widgets.BoundedFloatText(
        value=control.start, min=control.low, max=control.high, step=None, description=label, style=style
    )

    def tidy(value: float) -> float:
        # Aux crans du curseur (série de Renard : 1 ; 1,1 ; 1,3 ; … ; 2 ; … ; 5 ; …), deux chiffres suffisent.
        notch = 10 ** (first + round((math.log10(value) - first) / step) * step)
        value = float(f"{value:.2g}") if math.isclose(value, notch, rel_tol=1e-6) else value
        return min(max(value, control.low), control.high)

    return _linked(slider, box, tidy)


def _linked(slider: Any, box: Any, tidy: Callable[[Any], Any]) -> tuple[Any, Callable[[], Any], Any]:
    """Le curseur et sa case vont ensemble : la case porte le nom (lu par un lecteur d'écran) et la valeur."""
    box.layout = widgets.Layout(width="max-content")

    def from_slider(change: Any) -> None:
        box.value = tidy(change["new"])

    def from_box(change: Any) -> None:
        if change["new"] != tidy(slider.value):
            slider.value = change["new"]

    slider.observe(from_slider, names="value")
    box.observe(from_box, names="value")
    return slider, lambda: tidy(slider.value), widgets.HBox([box, slider])


def curves(title: str, *, epochs: int, teacher: float | None = None, name: str = "élève") -> "Curves":
    """Des courbes d'exactitude de validation qui avancent pendant l'apprentissage.

    À donner à la boucle : `suivi = curves("Validation", epochs=8, teacher=0.93)` puis
    `fit(…, validation=…, on_epoch=suivi)`. Pour plusieurs apprentissages dans la même image :
    `fit(…, on_epoch=suivi.named("élève distillé"))`. teacher : l'exactitude de l'enseignant (0 à 1), en tirets.
    """
    return Curves(title, epochs, teacher, name)


class Curves:
    """Les courbes vivantes ; l'objet lui-même est appelable et trace sous son nom par défaut."""

    def __init__(self, title: str, epochs: int, teacher: float | None, name: str) -> None:
        from IPython.display import display

        self.title, self.epochs, self.teacher, self.name = title, epochs, teacher, name
        self.accuracies: dict[str, list[float]] = {}
        self._html = widgets.HTML()
        self.widget = widgets.VBox([self._html])
        self._draw()
        self._handle = display(self, display_id=True)

    def __call__(self, history: Any) -> None:
        self._record(self.name, history)

    def named(self, name: str) -> Callable[[Any], None]:
        """La fonction à donner à `fit(on_epoch=…)` pour tracer une courbe sous ce nom."""
        return lambda history: self._record(name, history)

    def _record(self, name: str, history: Any) -> None:
        if not history.accuracy:
            raise ValueError("Ces courbes montrent l'exactitude de validation : donnez `validation=…` à `fit`.")
        self.accuracies[name] = [float(value) for value in history.accuracy]
        self._draw()
        if len(history.accuracy) >= self.epochs and self._handle:
            self._handle.update(self)  # l'image finale reste dans le notebook enregistré

    def _draw(self) -> None:
        levels = {} if self.teacher is None else {f"enseignant : {french_percent(self.teacher, 1)}": self.teacher}
        last = {f"{n} : {french_percent(v[-1], 1)}": v for n, v in self.accuracies.items()}
        seen = [*levels.values(), *(value for values in self.accuracies.values() for value in values)]
        self.svg = self._html.value = line_chart(
            {label: (range(1, len(values) + 1), values) for label, values in last.items()},
            alt=f"{self.title}. Exactitude de validation par époque. " + " ; ".join([*last, *levels]) + ".",
            title=self.title,
            x_label="époque",
            y_label="exactitude de validation",
            levels=levels,
            x_limits=(1, max(self.epochs, 2)),
            y_limits=(min([0.5, *seen]), 1.0),
            y_format=french_percent,
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {**(self.widget._repr_mimebundle_() or {}), "image/svg+xml": self.svg, "text/plain": alt_of(self.svg)}
