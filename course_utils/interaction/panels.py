"""Ce qu'un exercice, un pari ou un quiz affiche : des encadrés lisibles sur thème clair comme sombre."""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from course_utils.drawing.palette import INK
from course_utils.french import typography
from course_utils.interaction.front import style

# Le fond, la bordure, l'encre et le symbole : le sens ne tient jamais à la couleur seule.
_TONES = {
    "juste": ("#E5F5EF", "#00704F", "✓"),
    "faux": ("#FCEBE2", "#A84300", "✗"),
    "vide": ("#EEF3F8", "#005A8C", "✎"),
}


# Les choix d'un pari ou d'un quiz : assez gros, et jamais coupés quand ils sont longs.
CHOICES_STYLE = style(Path(__file__).with_name("choices.css").read_text(encoding="utf-8"))


_CODE = "<code style='font-size:0.95em;color:inherit;background:none;padding:0'>{}</code>"


def inline(text: str) -> str:
    """Un texte écrit par un humain, en HTML : typographie, `code` entre accents graves, **gras**, *italique*."""
    parts = re.split(r"`([^`]+)`", escape(typography(text), quote=False))  # prose, code, prose…
    prose = [re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", part) for part in parts[::2]]
    prose = [re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", r"<em>\1</em>", part) for part in prose]
    return "".join(a + b for a, b in zip(prose, [*map(_CODE.format, parts[1::2]), ""], strict=True))


def panel(tone: str, title: str, *paragraphs: str) -> str:
    """Un encadré HTML ; `title` et `paragraphs` sont du HTML déjà échappé (voir `inline`)."""
    background, color, symbol = _TONES[tone]
    body = "".join(f"<div style='margin-top:6px'>{part}</div>" for part in paragraphs if part)
    return (
        f"<div style='background:{background};color:{INK};border-left:6px solid {color};border-radius:6px;"
        "padding:10px 16px;margin:4px 0;font-size:16px;line-height:1.45;max-width:820px'>"
        f"<strong style='color:{color};font-size:17px'><span aria-hidden='true'>{symbol}</span> {title}</strong>"
        f"{body}</div>"
    )


@dataclass(frozen=True)
class Verdict:
    """La réponse à une réponse : `status` vaut « vide », « faux » ou « juste » ; `message` est du texte simple."""

    status: str
    message: str
    html: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.message}

    def __repr__(self) -> str:
        return self.message


def verdict(status: str, title: str, sentence: str, hint: str = "", *, detail: str = "") -> Verdict:
    """Un verdict écrit une fois, en texte et en HTML ; `detail` est montré en chasse fixe, avant l'indice."""
    code = "<pre style='margin:0;white-space:pre-wrap;color:inherit;background:none;font-size:15px'>{}</pre>"
    block = code.format(escape(detail)) if detail else ""
    html = panel(status, inline(title), inline(sentence), block, inline(hint))
    title, sentence, hint = (re.sub(r"\*\*|`", "", typography(part)) for part in (title, sentence, hint))
    return Verdict(status, "\n".join(line for line in (title, sentence, detail, hint) if line), html)
