"""Parier avant de voir : un choix à engager, comparé ensuite à ce qui est mesuré (à importer d'`exercises`)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from course_utils.drawing.palette import BLUE
from course_utils.french import typography
from course_utils.interaction.front import bundle
from course_utils.interaction.panels import CHOICES_STYLE, Verdict, inline, panel, verdict


def predict(
    question: str, choices: Sequence[str], *, right: str | None = None, because: str | None = None
) -> "Prediction":
    """Un pari à faire avant d'exécuter la suite : `pari = predict("…", ["elle monte", "elle baisse"])`.

    Si `right` (l'un des choix) et `because` sont donnés, la réponse s'affiche dès l'engagement ; sinon une
    cellule suivante appelle `pari.reveal(right=…, because=f"… {mesure}")`. Ne bloque jamais « Tout exécuter ».
    """
    return Prediction(question, choices, right, because)


class Prediction:
    """Le pari : `.choice` est le choix engagé (None tant que le bouton n'a pas été pressé)."""

    def __init__(self, question: str, choices: Sequence[str], right: str | None, because: str | None) -> None:
        self.choices = [typography(choice) for choice in choices]
        if len(set(self.choices)) < 2 or len(set(self.choices)) != len(self.choices):
            raise ValueError(f"Un pari demande au moins deux choix, tous différents : reçu {list(choices)}.")
        self.question = typography(question)
        self.choice: str | None = None
        self._right = self._known(right)
        self._because = because or ""
        self._radio = widgets.RadioButtons(
            options=self.choices, value=None, layout=widgets.Layout(width="auto"), description=""
        )
        # son fond est dit, et l'encre dans choices.css : le bleu « primary » de VS Code est trop clair pour du blanc
        fill = widgets.ButtonStyle(button_color=BLUE)
        self._button = widgets.Button(description="Je m'engage", style=fill, disabled=True)
        self._button.add_class("cours-engage")
        self._outcome = widgets.HTML()
        self._outcome.add_class("cours-retour")
        question_panel = widgets.HTML(panel("vide", "Prédisez avant d'exécuter", inline(question)))
        question_panel.add_class("cours-question")
        self._radio.add_class("cours-choix")
        self._radio.observe(self._ready, names="value")
        self._button.on_click(self._commit)
        self.widget = widgets.VBox(
            [
                widgets.HTML(CHOICES_STYLE),
                question_panel,
                self._radio,
                self._button,
                self._outcome,
            ]
        )
        self.widget.add_class("cours-quiz")

    def reveal(self, *, right: str, because: str) -> Verdict:
        """Compare le pari engagé à ce qui a été mesuré ; sans pari, le dit gentiment et donne la réponse.

        Lève ValueError si `right` n'est pas l'un des choix.
        """
        self._right, self._because = self._known(right), because
        return self._compare()

    def _known(self, right: str | None) -> str | None:
        if right is not None and typography(right) not in self.choices:
            raise ValueError(f"La bonne réponse « {right} » n'est pas l'un des choix : {' ; '.join(self.choices)}.")
        return None if right is None else typography(right)

    def _ready(self, change: Any) -> None:
        self._button.disabled = change["new"] is None

    def _commit(self, _: Any) -> None:
        if self.choice is not None:
            return  # le bouton reste actif : désactivé, il perdrait le curseur du clavier, renvoyé en haut de la page
        self.choice = self._radio.value
        self._radio.disabled = True
        self._button.description = "C'est noté"
        if self._right is not None:
            self._outcome.value = self._compare().html
        else:
            self._outcome.value = panel("vide", "C'est noté", "La réponse vient plus bas, avec la mesure.")

    def _compare(self) -> Verdict:
        right = (self._right or "").rstrip(".")
        if self.choice is None:
            return self._unspoiled(f"La réponse : **{right}**. {self._because}")
        guess = self.choice.rstrip(".")
        if self.choice == self._right:
            return verdict("juste", "Bien vu", f"Votre pari : **{guess}**. {self._because}")
        return verdict("faux", "Surprise", f"Votre pari : **{guess}**. La réponse : **{right}**. {self._because}")

    def _unspoiled(self, answer: str) -> Verdict:
        """Sans pari, la réponse est repliée : « Tout exécuter » ne la montre pas à qui n'a pas encore cherché."""
        title, advice = "Avez-vous parié ?", "Faites-le d'abord, plus haut : on retient mieux."
        folded = f"<details><summary>La réponse</summary>{inline(answer)}</details>"
        return replace(
            verdict("vide", title, answer, advice), html=panel("vide", inline(title), inline(advice), folded)
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        plain = f"{self.question}\n" + "\n".join(f"○ {choice}" for choice in self.choices)
        return bundle(self.widget, plain)
