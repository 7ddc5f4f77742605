"""Images vivantes : des curseurs, et une image SVG qui suit.

    >>> live(picture, temperature=log(0.5, 20, 4), image=(0, 99, 1), labels={"temperature": "Température T"})

L'image est du texte SVG dans un seul `ipywidgets.HTML`, dont seule la valeur change : c'est plus rapide que
`interact` et rien ne clignote. Seuls les widgets de base d'ipywidgets servent : rien d'autre à installer dans
JupyterLab, VS Code ou Colab.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from course_utils.drawing.layout import text_panel
from course_utils.drawing.svg import TEXT, WIDTH, alt_of, size_of, text_width, zoom
from course_utils.figures import french_percent, line_chart
from course_utils.french import typography
from course_utils.interaction.controls import control_for, log, temperature_presets
from course_utils.interaction.front import bundle

__all__ = ["Curves", "Live", "curves", "live", "log"]


def live(
    picture: Callable[..., str],
    *,
    labels: Mapping[str, str] | None = None,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    **controls: Any,
) -> "Live":
    """Une image qui suit ses réglages, à laisser en dernière ligne d'une cellule.

    picture : reçoit les valeurs par leur nom et rend du texte SVG (voir `figures`), en quelques millisecondes.
    controls : (bas, haut, pas) ou (bas, haut, pas, départ) pour un curseur, entier si les nombres le sont ;
    `log(bas, haut, départ)` ; une liste ou {texte : valeur} pour un menu ; True ou False pour une case à cocher ;
    ou n'importe quel widget. labels : le nom français de chaque réglage.
    presets : des boutons, {texte : {nom du réglage : valeur}}. Au vidéoprojecteur (COURS_PRESENTATEUR=1), une image
    qui a un réglage `temperature` reçoit aussi, avant eux, les boutons T = 1, T = 4 et T = 20.
    Une erreur dans `picture` s'affiche à la place de l'image, et elle est levée.
    """
    return Live(picture, controls, labels or {}, presets or {})


class Live:
    """L'image vivante : `.controls["temperature"].value = 4` la déplace, `.svg` est l'image du moment.

    `.labels` donne le nom affiché de chaque réglage, `.presets` les boutons, `.values()` ce qui est dessiné, `.start`
    ce qui l'était au départ.
    """

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
                f"Réglage inconnu dans labels ou presets : {', '.join(sorted(unknown))} ; "
                f"les réglages de cette image sont {', '.join(controls)}."
            )
        self.svg = ""
        self._picture, self._paused = picture, False
        self.labels = {name: typography(labels.get(name, name)) for name in controls}
        width = max((text_width(text, TEXT * zoom()) for text in self.labels.values()), default=0) + 12
        self._controls = {n: control_for(n, control, self.labels[n], width) for n, control in controls.items()}
        self.controls: dict[str, Any] = {name: control.widget for name, control in self._controls.items()}
        self.start = self.values()
        for control in self._controls.values():
            control.watch(self._changed)
        self._html = widgets.HTML()
        if zoom() > 1 and "temperature" in self._controls:
            presets = {**temperature_presets(self._controls["temperature"]), **presets}  # le notebook a le dernier mot
        self.presets = {typography(text): dict(values) for text, values in presets.items()}
        buttons = [self._button(text, values) for text, values in self.presets.items()]
        bar = (
            [widgets.HBox(buttons, layout=widgets.Layout(flex_flow="row wrap", margin="2px 0 4px"))] if buttons else []
        )
        self.widget = widgets.VBox([_style(), *(control.row for control in self._controls.values()), *bar, self._html])
        self.widget.add_class("cours-vivant")
        try:
            self.draw()
        except Exception:
            from IPython.display import display

            display(self)  # l'erreur interrompt la cellule : sans cela, la phrase ne serait pas vue
            raise

    def values(self) -> dict[str, Any]:
        """La valeur de chaque réglage, telle que `picture` la reçoit."""
        return {name: control.read() for name, control in self._controls.items()}

    def draw(self) -> None:
        """Redessine avec les valeurs du moment ; une erreur est montrée à la place de l'image, puis levée."""
        width, height = size_of(self.svg) if self.svg else (WIDTH, 120.0)
        try:
            with _one_thread():
                figure = self._picture(**self.values())
            size_of(figure)
        except Exception as error:
            sentence = f"L'image n'a pas pu être dessinée. {type(error).__name__} : {error}"
            self.svg = self._html.value = text_panel(sentence, color="wrong", width=width, height=height)
            raise
        self.svg = self._html.value = figure

    def _changed(self) -> None:
        if not self._paused:
            self.draw()

    def _button(self, text: str, values: Mapping[str, Any]) -> Any:
        button = widgets.Button(description=text, layout=widgets.Layout(width="auto"))

        def press(_: Any) -> None:
            self._paused = True  # une seule image pour tous les réglages
            try:
                for name, value in values.items():
                    self._controls[name].write(value)
            finally:
                self._paused = False
            self.draw()

        button.on_click(press)
        return button

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return bundle(self.widget, alt_of(self.svg), self.svg)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch, s'il est chargé, calcule ici sur un seul fil : réveiller les autres coûte plus qu'une image.

    Mesuré sur deux cœurs : 5 ms au lieu de 14, et 6 au lieu de 46 quand un autre programme occupe un cœur.
    """
    if (torch := sys.modules.get("torch")) is None:
        yield
        return
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(threads)


def _style() -> Any:
    """Les textes des réglages à la taille de ceux des figures (les widgets sont en 13 px d'origine)."""
    size, height = round(TEXT * zoom()), round(1.75 * TEXT * zoom())
    handle, track = round(16 * zoom() ** 2), round(4 * zoom())  # 16 et 4 px d'origine ; la poignée se voit de loin
    texts = ", ".join(f".cours-vivant {part}" for part in (".widget-label", ".widget-label-basic", "input", "select"))
    focused = ", ".join(f".cours-vivant {part}:focus-visible" for part in ("input", "select", "button"))
    return widgets.HTML(
        f"<style>{texts}, .cours-vivant button {{font-size: {size}px !important}}"
        f".cours-vivant input[type=checkbox] {{width: {size}px; height: {size}px}}"
        # la piste et le contour du clavier se voient sur fond clair comme sur fond sombre
        ".cours-vivant .noUi-connects {background: #767676 !important}"
        ".cours-vivant .noUi-handle:focus-visible {outline: 3px solid currentColor !important; outline-offset: 2px}"
        # en dedans : leur ligne couperait ce qui dépasse
        f"{focused} {{outline: 3px solid currentColor !important; outline-offset: -3px}}"
        # la flèche des menus, noire chez ipywidgets, disparaît sur fond sombre : celle du navigateur suit le texte
        ".cours-vivant select {appearance: auto !important; background-image: none !important}"
        f".cours-vivant .jupyter-widgets {{--jp-widgets-inline-height: {height}px; line-height: {height}px;"
        f" --jp-widgets-slider-handle-size: {handle}px; --jp-widgets-slider-track-thickness: {track}px}}</style>",
        layout=widgets.Layout(display="none"),
    )


def curves(title: str, *, epochs: int, teacher: float | None = None, name: str = "élève") -> "Curves":
    """Des courbes d'exactitude de validation, affichées aussitôt, qui avancent pendant l'apprentissage.

    `suivi = curves("Validation", epochs=8, teacher=0.93)` puis `fit(…, validation=…, on_epoch=suivi)`. Pour
    plusieurs apprentissages dans la même image : `fit(…, on_epoch=suivi.named("élève distillé"))`.
    teacher : l'exactitude de l'enseignant, entre 0 et 1, tracée en tirets. name : le nom de la première courbe.
    """
    return Curves(title, epochs, teacher, name)


class Curves:
    """Les courbes vivantes : un objet à donner à `fit(on_epoch=…)`."""

    def __init__(self, title: str, epochs: int, teacher: float | None, name: str) -> None:
        from IPython import get_ipython
        from IPython.display import display

        self.title, self.epochs, self.teacher, self.name = title, epochs, teacher, name
        self.accuracies: dict[str, list[float]] = {}
        self.widget = widgets.HTML()
        self._draw()
        self._display, self._stored, self._shell = display(self, display_id=True), True, get_ipython()

    def __call__(self, history: Any) -> None:
        """Reçoit l'historique (`.accuracy`) après une époque. Lève ValueError s'il n'y a pas de validation."""
        self._record(self.name, history)

    def named(self, name: str) -> Callable[[Any], None]:
        """La fonction à donner à `fit(on_epoch=…)` pour tracer une autre courbe, sous ce nom."""
        return lambda history: self._record(name, history)

    def _record(self, name: str, history: Any) -> None:
        if not history.accuracy:
            raise ValueError("Ces courbes montrent l'exactitude de validation : donnez `validation=…` à `fit`.")
        self.accuracies[name] = [float(value) for value in history.accuracy]
        self._draw()
        if self._stored and self._shell:
            self._shell.events.register("post_run_cell", self._store)
        self._stored = False

    def _store(self, _result: Any) -> None:
        """À la fin d'une cellule, même arrêtée : l'image du moment reste dans le notebook enregistré."""
        if self._display:
            self._display.update(self)
        self._shell.events.unregister("post_run_cell", self._store)  # d'autres courbes viendront : elles aussi
        self._stored = True

    def _draw(self) -> None:
        named = {f"{name} : {french_percent(values[-1], 1)}": values for name, values in self.accuracies.items()}
        levels = {} if self.teacher is None else {f"enseignant : {french_percent(self.teacher, 1)}": self.teacher}
        seen = [*levels.values(), *(value for values in named.values() for value in values)]
        now = " ; ".join([*named, *levels]) or "aucune mesure encore"
        self.svg = self.widget.value = line_chart(
            {label: (range(1, len(values) + 1), values) for label, values in named.items()},
            alt=f"{self.title}. Exactitude de validation par époque : {now}.",
            title=self.title,
            x_label="époque",
            y_label="exactitude de validation",
            levels=levels,
            x_limits=(1, max(2, self.epochs, *map(len, self.accuracies.values()))),
            y_limits=(min([0.5, *seen]), 1.0),
            y_format=french_percent,
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return bundle(self.widget, alt_of(self.svg), self.svg)
