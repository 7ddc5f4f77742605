"""Ce que l'on dit d'une fonction d'étudiant qui lève une erreur : la ligne, la raison, et quoi faire."""

import inspect
import linecache
import re
import traceback
from typing import Any

IMPORTS = {
    "math": "math",
    "np": "numpy as np",
    "numpy": "numpy",
    "copy": "copy",
    "torch": "torch",
    "nn": "torch.nn as nn",
    "F": "torch.nn.functional as F",
}
_REDUCTION = re.compile(r"\b(sum|mean|amax|max|amin|min|norm|logsumexp)\(")
# Ce que l'erreur dit en anglais, et quoi faire.
_REMEDIES = {
    "torch.return_types": "Avec un axe, cette fonction rend deux tenseurs : `.values` et `.indices`.",
    "'ellipsis'": "Il reste un `...` à compléter.",
    "bitwise_xor": "La puissance s'écrit `**` ; `^` est un « ou exclusif ».",
    "unsupported operand type(s) for ^": "La puissance s'écrit `**` ; `^` est un « ou exclusif ».",
    "only one element tensors": "`float()` et le module `math` ne prennent qu'un nombre : calculez avec torch.",
    "Boolean value of Tensor": "Un `if` ne décide que d'une valeur ; `torch.where` choisit case par case.",
    "Dimension out of range": "Ce tenseur n'a pas autant d'axes : regardez sa forme, `.shape`.",
    "must be Tensor, not": "Cette fonction de torch veut un tenseur ; d'un nombre, le module `math` suffit.",
    "inplace operation": "Vous écrivez sur place ce que le gradient doit relire : `torch.where` n'écrit rien.",
}


def code_of(function: Any) -> Any:
    """Le code écrit par l'étudiant, sous un éventuel décorateur ; None si ce n'est pas une fonction Python."""
    return getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None


def where_and_why(answer: Any, error: Exception) -> list[str]:
    """La ligne de l'étudiant qui a levé l'erreur, si on la connaît, puis l'erreur."""
    source = _source(answer, error)
    return [*([source] if source else []), traceback.format_exception_only(error)[-1].strip()]


def advice(answer: Any, error: Exception) -> str:
    """Quoi faire devant les erreurs les plus courantes, que Python et torch disent en anglais ; vide pour une autre."""
    said = str(error)
    if type(error) is NameError and error.name:
        wanted = IMPORTS.get(error.name)
        added = f"`import {wanted}`" if wanted else "son `import`"
        remedy = f"`{error.name}` n'existe pas ici : ajoutez {added} dans la cellule, ou corrigez ce nom."
    elif "must match the size" in said:
        kept = " Une somme ou un maximum garde-t-il son axe (`keepdim=True`) ?"
        remedy = "Les formes ne s'accordent pas." + (kept if _REDUCTION.search(_source(answer, error)) else "")
    else:
        remedy = next((remedy for words, remedy in _REMEDIES.items() if words in said), "")
    return f"**Indice.** {remedy}" if remedy else ""


def _source(answer: Any, error: Exception) -> str:
    file = getattr(code_of(answer), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip() if frames else ""
