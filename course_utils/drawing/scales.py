"""De la valeur au pixel : les échelles, leurs bornes et leurs graduations rondes à virgule."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.french import power_of_ten

Format = Callable[[float], str]
Limits = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """De la valeur au pixel, linéaire ou logarithmique (`log`) ; `whole` : des graduations entières, pour des époques.

    Lève ValueError si les bornes sont impossibles.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not (-math.inf < self.low < self.high < math.inf) or (self.log and self.low <= 0):
            wanted = "0 < bas < haut sur une échelle logarithmique" if self.log else "bas < haut"
            raise ValueError(f"Les bornes d'un axe doivent vérifier {wanted} : reçu ({self.low}, {self.high}).")

    def __call__(self, value: float) -> float:
        """La position en pixels ; une valeur hors des bornes est ramenée au bord, NaN reste NaN."""
        if math.isnan(value):
            return math.nan
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low) if value > 0 else 0.0
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.stop - self.start)

    def ticks(self, count: int) -> list[float]:
        """Environ `count` graduations rondes au plus : 1-2-5, ou des puissances de dix en logarithmique."""
        if not self.log:
            step = _round_step((self.high - self.low) / count)
            step = max(step, 1.0) if self.whole else step
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            return [round(i * step, 12) for i in range(first, last + 1)]
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = math.ceil((last - first + 1) / count)
        fractions = (1, 2, 5) if 3 * (last - first) <= count + 1 else (1,)
        values = [fraction * 10.0**k for k in range(first, last + 1) if k % every == 0 for fraction in fractions]
        inside = [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]
        # un axe qui ne couvre pas une décade n'en a parfois aucune : celles d'un axe ordinaire
        return inside if len(inside) > 1 else Scale(self.low, self.high, self.start, self.stop).ticks(count)


def _round_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    # 25 ou 250, mais pas 2,5 : il demanderait une décimale de plus que 2 et 5, et des époques n'en ont pas.
    factors = (1, 2, 2.5, 5, 10) if power >= 10 else (1, 2, 5, 10)
    return next(power * factor for factor in factors if power * factor >= raw * 0.999)


def tick_labels(scale: Scale, count: int, form: Format) -> list[tuple[float, str]]:
    """Les graduations d'un axe (valeur, étiquette) : en linéaire, toutes avec autant de décimales ; en logarithmique,
    toutes en puissances de dix dès que l'une l'est.
    """
    values = scale.ticks(count)
    labels = [form(value) for value in values]
    if not scale.log:
        decimals = [len(found[1]) if (found := re.search(r",(\d+)", label)) else 0 for label in labels]
        labels = [_pad(label, has, max(decimals)) for label, has in zip(labels, decimals, strict=True)]
    elif any(_POWER.search(label) for label in labels):
        labels = [
            power_of_ten(value) if value not in (1, 10) else label for value, label in zip(values, labels, strict=True)
        ]
    return list(zip(values, labels, strict=True))


_POWER = re.compile("10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]")


def _pad(label: str, has: int, wanted: int) -> str:
    """« 1 » devient « 1,0 » à côté de « 0,5 » ; les puissances de dix restent telles quelles."""
    if has == wanted or _POWER.search(label):
        return label
    zeros = ("" if has else ",") + "0" * (wanted - has)
    return re.sub(r"(.*\d)", rf"\g<1>{zeros}", label, count=1)


def numbers(values: Any) -> np.ndarray:
    """Des nombres à dessiner, en float64 ; un tenseur peut porter un gradient ou venir d'une carte graphique."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, float)


def limits_of(values: Iterable[float], *, log: bool = False) -> Limits:
    """Des bornes d'axe un peu plus larges que les données ; les NaN et infinis ne comptent pas."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not finite:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(finite), max(finite)
    if log:
        return (low / 1.1, high * 1.1)
    margin = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    # Une borne naturelle (0, ou 1 pour une proportion) n'est pas franchie par la marge.
    return (0.0 if 0 <= low < margin else low - margin, 1.0 if 1 - margin < high <= 1 else high + margin)


def span_of(values: Iterable[float], *, log: bool = False) -> Limits:
    """L'étendue exacte des abscisses : une courbe va d'un bord à l'autre du repère."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not finite or min(finite) == max(finite):
        return limits_of(finite, log=log)
    return min(finite), max(finite)
