"""Comparer la réponse attendue à la réponse obtenue, et dire la différence en une phrase."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.french import plural

PLACE = "À la place "


def is_blank(answer: Any) -> bool:
    """Vrai pour un exercice pas encore fait : `None`, `...`, ou une suite où reste un `...`."""
    if isinstance(answer, tuple | list):
        return any(part is not None and is_blank(part) for part in answer)
    return answer is None or answer is Ellipsis


def short(value: Any) -> str:
    """Une valeur en peu de mots : les nombres arrondis, les grands tableaux par leur forme et leur début."""
    if isinstance(value, np.bool_ | np.integer):
        value = value.item()
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if _is_array(value):
        array = _array(value)
        kind = "tenseur" if _is_tensor(value) else "tableau"
        if array.ndim == 0:
            return f"{kind} {array.item():.6g}" if array.dtype.kind == "f" else f"{kind} {array.item()}"
        flat = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in array.ravel()[:4].tolist()]
        dots = ", …" if array.size > 4 else ""
        return f"{kind} de forme {tuple(array.shape)} : [{', '.join(flat)}{dots}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r} : {short(v)}" for k, v in list(value.items())[:6]) + "}"
    if isinstance(value, tuple | list):
        inside = ", ".join(short(v) for v in value[:6])
        return f"({inside}{', …' if len(value) > 6 else ',' if len(value) == 1 else ''})"
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def difference(expected: Any, obtained: Any, tolerance: float) -> str | None:
    """Ce qui sépare deux valeurs, en une phrase ; None si elles s'accordent.

    Nombres, tableaux et tenseurs s'accordent à `tolerance` près (relative et absolue) ; les formes doivent être
    égales. Un tenseur attendu ne peut pas être remplacé par un nombre : le gradient serait perdu.
    """
    if _is_array(expected):
        if not _is_array(obtained):
            return _no_tensor(_array(expected), obtained)
        if _is_tensor(expected) and not _is_tensor(obtained):
            cut = ", qui couperait le gradient" if _array(expected).dtype.kind == "f" else ""
            return f"Un tenseur est attendu, pas un tableau NumPy{cut} : restez en torch."
        return _array_difference(_array(expected), _array(obtained), tolerance)
    if isinstance(expected, Mapping):
        if not isinstance(obtained, Mapping) or set(expected) != set(obtained):
            return f"Un dictionnaire aux clés {', '.join(map(str, expected))} est attendu."
        return _first(difference(expected[k], obtained[k], tolerance) for k in expected)
    if isinstance(expected, tuple | list):
        if _is_array(obtained) and _array(obtained).ndim == 1:
            obtained = _array(obtained).tolist()
        wanted = f"Une liste de {len(expected)} valeur{plural(len(expected))} est attendue"
        if not isinstance(obtained, Sequence) or isinstance(obtained, str):
            return f"{wanted}, pas un objet `{type(obtained).__name__}`."
        if len(obtained) != len(expected):
            return f"{wanted}, la vôtre en a {len(obtained)}."
        return _first(_at_place(k, e, o, tolerance) for k, (e, o) in enumerate(zip(expected, obtained, strict=True)))
    if isinstance(expected, bool) or not isinstance(expected, int | float | np.number):
        return None if type(expected) is type(obtained) and expected == obtained else "Ce n'est pas la bonne réponse."
    if _is_array(obtained):
        if _array(obtained).ndim:
            return f"Un seul nombre est attendu, pas un tableau de forme {tuple(_array(obtained).shape)}."
        obtained = _array(obtained).item()
    if isinstance(obtained, bool) or not isinstance(obtained, int | float | np.number):
        return f"Un nombre est attendu, pas un objet `{type(obtained).__name__}`{_two_tensors(obtained)}."
    if math.isnan(obtained) and not math.isnan(expected):
        return "Le résultat est NaN."
    return None if _close(np.asarray(expected), np.asarray(obtained), tolerance).all() else "La valeur est différente."


def _at_place(position: int, expected: Any, obtained: Any, tolerance: float) -> str | None:
    """La différence à une place d'une liste, avec cette place : d'une longue liste, on ne montre que le début."""
    found = difference(expected, obtained, tolerance)
    if found and found.startswith(PLACE):
        return f"{PLACE}{position}, {found.removeprefix(PLACE)}"
    return found and f"{PLACE}{position} (comptée depuis 0) : {found[0].lower()}{found[1:]}"


def _array_difference(expected: np.ndarray, obtained: np.ndarray, tolerance: float) -> str | None:
    if expected.shape != obtained.shape:
        return f"La forme attendue est {expected.shape}, la vôtre est {obtained.shape}."
    if obtained.dtype.kind not in "fiub" or (expected.dtype.kind == "f") != (obtained.dtype.kind == "f"):
        wanted, remedy = {"f": ("nombres à virgule", "float"), "b": ("booléens", "bool")}.get(
            expected.dtype.kind, ("nombres entiers", "long")
        )
        return f"Des {wanted} sont attendus, les vôtres sont de type {_kind(obtained)} : `.{remedy}()` les convertit."
    holes = np.isnan(obtained.astype(float))
    if holes.any() and not np.isnan(expected.astype(float)).any():
        if expected.ndim == 0:
            return "Le résultat est NaN."
        return f"Le résultat contient des NaN ({holes.sum()} sur {holes.size}), le premier {_at(holes)}."
    wrong = ~_close(expected, obtained, tolerance)
    if not wrong.any():
        return None
    if expected.ndim == 0:
        return "La valeur est différente."
    count, place = int(wrong.sum()), tuple(np.argwhere(wrong)[0])
    differ = "valeurs diffèrent" if count > 1 else "valeur diffère"
    first = f" ; la première, {_at(wrong)}," if count > 1 else f" : {_at(wrong)}, elle"
    return (
        f"{count} {differ} sur {expected.size}{first} "
        f"devrait être {short(float(expected[place]))} et vaut {short(float(obtained[place]))}."
    )


def _at(places: np.ndarray) -> str:
    """Le premier endroit vrai d'un tableau, en mots."""
    return f"à l'indice [{', '.join(map(str, np.argwhere(places)[0]))}]"


def _no_tensor(expected: np.ndarray, obtained: Any) -> str:
    """Ce qui a été rendu au lieu d'un tenseur, et quoi faire."""
    kind = f"Un tenseur est attendu, pas un objet `{type(obtained).__name__}`"
    if remedy := _two_tensors(obtained):
        return f"{kind}{remedy}."
    if isinstance(obtained, list | tuple):
        if any(part is None for part in obtained):
            return f"{kind}, dont une valeur est `None` : une fonction que vous appelez finit-elle par `return` ?"
        if expected.ndim == 0:
            return f"{kind} : additionnez ses termes, ou retirez la virgule après `return`."
        return f"{kind} : `torch.stack` assemble des tenseurs, `torch.tensor` des nombres."
    if isinstance(obtained, int | float) and expected.dtype.kind == "f":
        return f"{kind} : `.item()` ou `float()` couperait le gradient."
    return f"{kind}."


def _two_tensors(obtained: Any) -> str:
    """Le remède, quand la réponse est à la fois les valeurs et les indices d'un maximum, d'une médiane…"""
    both = type(obtained).__module__ == "torch.return_types"
    return " : avec un axe, cette fonction rend deux tenseurs, `.values` et `.indices`" if both else ""


def _close(expected: np.ndarray, obtained: np.ndarray, tolerance: float) -> np.ndarray:
    return np.isclose(obtained.astype(float), expected.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True)


def _kind(array: np.ndarray) -> str:
    """Le type des nombres, sans la précision : les tenseurs à virgule sont tous comparés en float64."""
    kinds = {"f": "float", "i": "int", "u": "int", "b": "bool"}
    return kinds.get(array.dtype.kind, str(array.dtype))


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "detach")


def _is_array(value: Any) -> bool:
    return _is_tensor(value) or isinstance(value, np.ndarray)


def _array(value: Any) -> np.ndarray:
    if not _is_tensor(value):
        return np.asarray(value)
    value = value.detach().cpu()
    return np.asarray(value.double() if value.is_floating_point() else value)  # numpy ignore bfloat16


def _first(sentences: Any) -> str | None:
    return next((sentence for sentence in sentences if sentence), None)
