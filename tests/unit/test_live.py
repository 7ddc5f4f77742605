"""Les images vivantes : réglages liés, erreurs visibles, image fixe sans noyau, courbes d'apprentissage."""

import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import IPython
import ipywidgets as widgets
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from course_utils.drawing import palette, svg
from course_utils.figures import text_panel
from course_utils.interaction.front import bundle
from course_utils.live import Live, curves, live, log


def echo(**values: Any) -> str:
    """Une image qui dit ses valeurs."""
    return text_panel(" ; ".join(f"{name}={value!r}" for name, value in values.items()), width=600)


def shown(vue: Live) -> str:
    return svg.alt_of(vue.svg)


def box_of(vue: Live, name: str) -> Any:
    """La case d'un curseur : sa voisine dans la ligne."""
    row = next(row for row in vue.widget.children if vue.controls[name] in getattr(row, "children", ()))
    return row.children[0]


@pytest.mark.parametrize(
    ("control", "kind", "first", "moved"),
    [
        ((0, 9, 1), widgets.IntSlider, 0, 7),
        ((0, 9, 1, 4), widgets.IntSlider, 4, 7),
        ((0.0, 1.0, 0.1), widgets.FloatSlider, 0.0, 0.3),
        (log(0.5, 20, 4), widgets.FloatLogSlider, 4.0, 8.0),
        (["a", "b"], widgets.Dropdown, "a", "b"),
        ({"premier": 1, "second": 2}, widgets.Dropdown, 1, 2),
        (True, widgets.Checkbox, True, False),
        (widgets.IntText(3), widgets.IntText, 3, 5),
    ],
)
def test_a_control_of_each_kind_moves_the_picture(control: Any, kind: type, first: Any, moved: Any) -> None:
    vue = live(echo, valeur=control)
    assert type(vue.controls["valeur"]) is kind
    assert shown(vue) == f"valeur={first!r}"
    vue.controls["valeur"].value = moved
    assert shown(vue) == f"valeur={moved!r}"


@pytest.mark.parametrize(("control", "value"), [((0, 9, 1), 5), ((0.0, 2.0, 0.1), 1.5), (log(0.5, 20, 4), 3.75)])
def test_the_slider_and_its_box_go_together(control: Any, value: float) -> None:
    vue = live(echo, t=control, labels={"t": "Température T"})
    box = box_of(vue, "t")
    assert box.description == "Température T"  # le nom que lit un lecteur d'écran
    vue.controls["t"].value = value
    assert box.value == value
    box.value = box.max
    assert vue.controls["t"].value == pytest.approx(box.max) and shown(vue) == f"t={box.max!r}"
    box.value = box.max + 100  # ce qu'on tape trop grand est ramené à la borne
    assert box.value == box.max and shown(vue) == f"t={box.max!r}"


def test_log_slider_gives_round_values_at_its_notches() -> None:
    vue = live(echo, t=log(0.5, 20, 4))
    slider = vue.controls["t"]
    seen = []
    for notch in range(1, int((slider.max - slider.min) / slider.step) + 1):
        slider.value = 10 ** (slider.min + notch * slider.step)
        seen.append(float(shown(vue).removeprefix("t=")))
    assert seen[:8] == [0.55, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
    assert {2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 20.0} <= set(seen)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("control", "precise", "notch"),
    [(log(0.5, 20, 4), 3.75, 0.5 * 10**0.9), ((0.0, 1.0, 0.1), 0.27, 0.3), ((0, 20, 5), 7, 5)],
)
def test_a_precise_value_survives_the_notch_that_the_browser_sends_back(
    control: Any, precise: float, notch: float
) -> None:
    vue = live(echo, t=control)
    box = box_of(vue, "t")
    box.value = precise
    vue.controls["t"].value = notch  # ce que le navigateur renvoie : le cran le plus proche
    assert shown(vue) == f"t={precise!r}" and box.value == precise
    vue.controls["t"].value = box.max
    assert shown(vue) == f"t={box.max!r}" and box.value == box.max
    box.value = precise
    assert shown(vue) == f"t={precise!r}"


@pytest.mark.parametrize(
    ("control", "precise", "preset"), [(log(0.5, 20, 4), 3.75, 4), (log(1, 200, 4), 1.05, 1), ((0, 100, 10), 33, 30)]
)
@pytest.mark.parametrize("snapped", [True, False], ids=["le navigateur a répondu", "il n'a pas répondu"])
def test_a_preset_replaces_a_precise_value_that_was_typed(
    control: Any, precise: float, preset: float, snapped: bool
) -> None:
    vue = live(echo, t=control, presets={"là": {"t": preset}})
    box = box_of(vue, "t")
    box.value = precise
    if snapped:
        vue.controls["t"].value = preset
    vue.widget.children[-2].children[0].click()
    assert float(shown(vue).removeprefix("t=")) == box.value == vue.controls["t"].value == preset


def test_float_noise_is_not_shown() -> None:
    vue = live(echo, t=(0.0, 1.0, 0.1))
    vue.controls["t"].value = 0.1 + 0.2
    assert shown(vue) == "t=0.3"


def test_one_move_is_one_picture() -> None:
    seen = []
    vue = live(lambda t, n: seen.append((t, n)) or text_panel("image"), t=log(0.5, 20, 4), n=(0, 9, 1))
    seen.clear()
    vue.controls["t"].value = 2.0
    box_of(vue, "n").value = 3
    assert seen == [(2.0, 0), (2.0, 3)]


def test_presets_set_everything_in_one_picture() -> None:
    seen = []
    vue = live(
        lambda t, n: seen.append((t, n)) or text_panel("image"),
        t=log(0.5, 20, 4),
        n=(0, 9, 1),
        presets={"T = 8": {"t": 8.0, "n": 5}},
    )
    button = next(
        b for row in vue.widget.children for b in getattr(row, "children", ()) if isinstance(b, widgets.Button)
    )
    seen.clear()
    button.click()
    assert seen == [(8.0, 5)]
    assert box_of(vue, "t").value == 8.0 and button.description == "T = 8"


def test_an_error_takes_the_place_of_the_picture_and_is_raised() -> None:
    def picture(t: int) -> str:
        if t > 3:
            raise ValueError("la température est trop grande")
        return text_panel("bien", width=500, height=200)

    vue = live(picture, t=(0, 9, 1))
    size = svg.size_of(vue.svg)
    with pytest.raises(ValueError, match="trop grande"):
        vue.controls["t"].value = 5
    assert "L'image n'a pas pu être dessinée. ValueError\u00a0: la température est trop grande" in shown(vue)
    assert svg.size_of(vue.svg) == size  # la page ne saute pas
    assert box_of(vue, "t").value == 5
    vue.controls["t"].value = 2
    assert shown(vue) == "bien"


def test_an_error_at_birth_is_shown_then_raised(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        live(lambda t: str(1 / t), t=(0, 9, 1))
    assert capsys.readouterr().out  # l'objet a été affiché avant que l'erreur n'interrompe la cellule


def test_what_is_not_a_figure_is_an_error() -> None:
    with pytest.raises(ValueError, match="n'est pas une figure"):
        live(lambda t: "<b>pas une figure</b>", t=(0, 9, 1))


@pytest.mark.parametrize("control", [(0, 9), (9, 0, 1), (0, 9, 0), (0, 9, 1, 12), "texte", None, [], ("a", "b", "c")])
def test_a_control_that_is_not_understood_is_refused(control: Any) -> None:
    with pytest.raises(ValueError, match="Le réglage «\u00a0t\u00a0» vaut"):
        live(echo, t=control)


@pytest.mark.parametrize("bounds", [(0, 1, 1), (1, 1, 1), (1, 10, 20), (-1, 1, 0.5)])
def test_log_needs_positive_ordered_bounds(bounds: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="0 < low ≤ start ≤ high"):
        log(*bounds)


@pytest.mark.parametrize("extra", [{"labels": {"x": "X"}}, {"presets": {"T = 1": {"x": 1}}}])
def test_an_unknown_name_in_labels_or_presets_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Réglage inconnu.*x.*les réglages de cette image sont t"):
        live(echo, t=(0, 9, 1), **extra)


def test_the_bundle_asks_nothing_that_the_widgets_of_ipywidgets_7_lack() -> None:
    shown = bundle(SimpleNamespace(model_id="abc"), "Dix barres.")
    view = {"version_major": 2, "version_minor": 0, "model_id": "abc"}
    assert shown == {"application/vnd.jupyter.widget-view+json": view, "text/plain": "Dix barres."}


def test_the_bundle_teaches_without_a_kernel() -> None:
    vue = live(echo, t=(0, 9, 1))
    bundle = vue._repr_mimebundle_()
    assert bundle["image/svg+xml"] == vue.svg and bundle["text/plain"] == "t=0"
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_picture_is_drawn_by_one_thread_and_the_others_come_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        vue = live(lambda x: text_panel(f"{torch.get_num_threads()} fil, {1 / x}"), x=(0, 2, 1, 1))
        assert shown(vue) == "1 fil, 1.0" and torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError):
            vue.controls["x"].value = 0
        assert torch.get_num_threads() == 3, "une image manquée ne ralentit pas les apprentissages qui suivent"
    finally:
        torch.set_num_threads(before)


def test_live_never_loads_the_training_code() -> None:
    code = "import sys, course_utils.live; print([m for m in sys.modules if m in ('torch', 'course_utils.training')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def history(*accuracy: float) -> SimpleNamespace:
    return SimpleNamespace(accuracy=list(accuracy), losses=[{"h": 1.0}] * len(accuracy))


def paths(figure: str) -> int:
    """Le nombre de courbes : les lignes brisées de plus d'un segment."""
    return len([d for d in re.findall(r'<path d="([^"]+)"', figure) if d.count("L") > 1])


def test_curves_follow_the_training() -> None:
    suivi = curves("Validation", epochs=4, teacher=0.935, name="élève seul")
    assert "aucune mesure" not in svg.alt_of(suivi.svg) and "93,5\u00a0%" in svg.alt_of(suivi.svg)
    for n in (1, 2, 3, 4):
        suivi(history(*[0.7, 0.8, 0.82, 0.83][:n]))
    assert "élève seul\u00a0: 83,0\u00a0%" in svg.alt_of(suivi.svg) and paths(suivi.svg) == 1
    suivi.named("élève distillé")(history(0.75, 0.85, 0.86))
    assert "élève distillé\u00a0: 86,0\u00a0%" in svg.alt_of(suivi.svg) and paths(suivi.svg) == 2
    assert suivi.widget.value == suivi.svg == suivi._repr_mimebundle_()["image/svg+xml"]


def test_curves_of_a_longer_training_than_said_widen_their_axis() -> None:
    """Un étudiant change le nombre d'époques à un endroit et l'oublie à l'autre : rien ne s'entasse au bord."""
    followed = curves("Validation", epochs=2)
    for done in range(1, 9):
        followed(history(*[0.5] * done))
    (path,) = re.findall(r'<path d="(M[^"]+)" fill="none" stroke="[^"]+" stroke-width="2.5"', followed.svg)
    places = [float(x) for x in re.findall(r"[ML]([\d.]+) ", path)]
    assert len(set(places)) == 8 and places == sorted(places)


def test_curves_are_stored_at_the_end_of_each_cell_that_moved_them_and_leave_no_callback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shell = InteractiveShell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    before = list(shell.events.callbacks["post_run_cell"])
    suivi = curves("Validation", epochs=4)
    stored: list[str] = []
    monkeypatch.setattr(suivi, "_display", SimpleNamespace(update=lambda shown: stored.append(shown.svg)))
    for done in ([0.7], [0.7, 0.8]):
        suivi(history(*done))
        suivi(history(*done))
        shell.events.trigger("post_run_cell", None)
        assert stored[-1] == suivi.svg and shell.events.callbacks["post_run_cell"] == before
        shell.events.trigger("post_run_cell", None)  # une autre cellule : il n'y a rien à ranger
    assert len(stored) == 2


def test_curves_want_a_validation() -> None:
    suivi = curves("Validation", epochs=2)
    with pytest.raises(ValueError, match="donnez `validation=…` à `fit`"):
        suivi(history())


def buttons_of(vue: Live) -> list[str]:
    """Le texte des boutons, dans l'ordre."""
    rows = [getattr(row, "children", ()) for row in vue.widget.children]
    return [child.description for children in rows for child in children if isinstance(child, widgets.Button)]


@pytest.mark.parametrize(("mode", "font", "slider", "box"), [("0", 16, 420, 110), ("1", 21, 546, 143)])
def test_presenter_mode_enlarges_the_controls(
    monkeypatch: pytest.MonkeyPatch, mode: str, font: int, slider: int, box: int
) -> None:
    monkeypatch.setenv("COURS_PRESENTATEUR", mode)
    vue = live(echo, t=log(0.5, 20, 4), labels={"t": "Température T"})
    style = vue.widget.children[0].value
    assert f"font-size: {font}px" in style
    assert f"handle-size: {16 if mode == '0' else 27}px" in style
    assert vue.controls["t"].layout.width == f"{slider}px"
    assert vue.controls["t"].style.handle_color == palette.BLUE
    label = float(box_of(vue, "t").style.description_width.removesuffix("px"))
    assert label >= svg.text_width("Température T", font)  # le nom tient en entier
    assert float(box_of(vue, "t").layout.width.removesuffix("px")) == pytest.approx(label + box, abs=1)
    menu = live(echo, t=["a", "b"], labels={"t": "Température T"}).controls["t"]
    assert menu.layout.min_width == box_of(vue, "t").layout.width  # un menu n'est jamais plus étroit qu'une case


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (log(0.5, 30, 1), ["T = 1", "T = 4", "T = 20"]),
        (log(0.5, 20, 1), ["T = 1", "T = 4", "T = 20"]),
        (log(2, 10, 4), ["T = 4"]),
        ((1, 30, 1), ["T = 1", "T = 4", "T = 20"]),
        ((0.5, 8.0, 0.5), ["T = 1", "T = 4"]),
        ([1.0, 2.0, 4.0, 8.0], ["T = 1", "T = 4"]),
        ({"4": 4.0, "20": 20.0}, ["T = 4", "T = 20"]),
        (["chaude", "froide"], []),
        (True, []),
        (widgets.FloatText(1.0), []),
    ],
)
def test_presenter_mode_offers_the_temperatures_that_the_control_can_take(
    monkeypatch: pytest.MonkeyPatch, control: Any, expected: list[str]
) -> None:
    assert buttons_of(live(echo, temperature=control)) == []
    monkeypatch.setenv("COURS_PRESENTATEUR", "1")
    vue = live(echo, temperature=control)
    assert buttons_of(vue) == expected
    bar = vue.widget.children[-2]
    for text, button in zip(expected, getattr(bar, "children", ()), strict=False):
        button.click()
        assert float(shown(vue).removeprefix("temperature=")) == float(text.removeprefix("T = "))


def test_presenter_mode_gives_no_preset_without_a_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURS_PRESENTATEUR", "1")
    assert buttons_of(live(echo, t=log(0.5, 20, 4))) == []


def test_the_presets_of_the_notebook_follow_and_are_not_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    presets = {"une chemise": {"image": 3}, "T = 4": {"temperature": 4.0, "image": 7}}
    controls = {"temperature": log(0.5, 30, 1), "image": (0, 9, 1)}
    assert buttons_of(live(echo, **controls, presets=presets)) == ["une chemise", "T = 4"]
    monkeypatch.setenv("COURS_PRESENTATEUR", "1")
    vue = live(echo, **controls, presets=presets)
    assert buttons_of(vue) == ["T = 1", "T = 4", "T = 20", "une chemise"]
    vue.widget.children[-2].children[1].click()
    values = [vue.controls[name].value for name in controls]
    assert values == [4.0, 7]  # celui du notebook l'emporte
