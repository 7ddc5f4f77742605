"""Écrire en français : nombres à virgule décimale et espaces insécables."""

import io
import math
import re
import sys
from functools import lru_cache

NBSP, NNBSP = "\u00a0", "\u202f"  # espace insécable ; espace fine insécable
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# Ce que la typographie ne doit jamais toucher : code, formules, adresses, balises.
_PROTECTED = re.compile(r"`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$|https?://\S+|<[^<>\n]+>", re.S)


def french_number(x: float, digits: int | None = None) -> str:
    """Un nombre écrit à la française : « 0,25 », « 1 800 », « −3 », « 1,2 × 10⁻⁶ ».

    `digits` : nombre de décimales. Sans lui, trois chiffres significatifs (les entiers sont entiers), et une
    puissance de dix quand le nombre est trop petit ou trop grand pour être lu d'un coup d'œil.
    """
    return _written(float(x), digits)


@lru_cache(maxsize=4096)  # une image vivante réécrit presque toujours les mêmes nombres
def _written(x: float, digits: int | None) -> str:
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if digits is not None:
        text = f"{x:,.{digits}f}"
        if not float(text.replace(",", "")):
            text = text.lstrip("-")  # pas de « −0,00 »
    elif x == 0:
        text = "0"
    elif 1e-3 <= abs(x) < 1e7:
        decimals = max(0, 2 - math.floor(math.log10(abs(x))))
        text = f"{x:,.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        return power_of_ten(x)
    return text.replace(",", NNBSP).replace(".", ",").replace("-", "−")


def power_of_ten(x: float) -> str:
    """« 10⁻³ » ou « 1,2 × 10⁻⁶ », quelle que soit la taille du nombre (non nul)."""
    mantissa, exponent = f"{x:.1e}".split("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    if mantissa in ("1.0", "-1.0"):
        return power if x > 0 else "−" + power
    mantissa = mantissa.removesuffix(".0").replace(".", ",").replace("-", "−")
    return f"{mantissa}{NBSP}×{NBSP}{power}"


def french_percent(x: float, digits: int | None = None) -> str:
    """Une proportion entre 0 et 1 écrite en pourcentage : 0,934 devient « 93,4 % »."""
    return f"{french_number(100 * x, digits)}{NBSP}%"


def plural(count: float) -> str:
    """La marque du pluriel, qui commence à deux en français : `f"{n} époque{plural(n)}"`."""
    return "s" if abs(count) >= 2 else ""


def typography(text: str) -> str:
    """Pose les espaces insécables du français ; on peut donc taper des espaces ordinaires.

    Espace fine insécable avant ; ! ? et dans les grands nombres, espace insécable avant : et %, et à
    l'intérieur des « ». Le code entre accents graves, les formules, les adresses et les balises ne
    changent pas. Appliquer deux fois ne change rien de plus.
    """
    kept: list[str] = []

    def set_aside(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\ue000{len(kept) - 1}\ue001"

    text = _PROTECTED.sub(set_aside, text)
    text = re.sub(rf"[ {NBSP}{NNBSP}]+([;!?])(?=\W|$)", NNBSP + r"\1", text)
    text = re.sub(rf"[ {NBSP}{NNBSP}]+(:)(?=\s|$)", NBSP + r"\1", text)
    text = re.sub(rf"«[ {NBSP}{NNBSP}]*", "«" + NBSP, text)
    text = re.sub(rf"[ {NBSP}{NNBSP}]*»", NBSP + "»", text)
    text = re.sub(r"(?<=\d) %", NBSP + "%", text)
    text = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", NNBSP, text)
    return re.sub("\ue000(\\d+)\ue001", lambda match: kept[int(match[1])], text)


def forgiving_console() -> None:
    """Qu'une console Windows, qui n'a pas tous nos caractères, montre un point d'interrogation à leur place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
