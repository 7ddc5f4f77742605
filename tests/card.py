"""Une carte graphique imitée, pour les machines qui n'en ont pas : mêler ses tenseurs à ceux du processeur échoue.

    python -m tests.card notebooks/04_auto_distillation.ipynb

Tout calcule sur le processeur. Chaque tenseur porte seulement l'appareil où il serait, et une opération entre deux
appareils lève l'erreur que CUDA lèverait. Ni la vitesse, ni le hasard, ni les bits d'une vraie carte ne sont imités.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from course_utils import data_free, inference, intermediate, packing, training
from tests.course import code

CARD, PROCESSOR = "cuda", "cpu"
WHERE, ON_A_CARD = Tensor.device.__get__, Tensor.is_cuda.__get__
SET_DATA, SLOPE = Tensor.data.__set__, Tensor.grad.__get__
NAMES_A_DEVICE = (torch.device, torch._C._nn._parse_to)
MAY_MIX = (Tensor.copy_, Tensor.__setitem__, torch._has_compatible_shallow_copy_type)
TO_NUMPY = (Tensor.numpy, Tensor.__array__)


def place_of(tensor: Tensor) -> str:
    """Où ce tenseur serait."""
    return getattr(tensor, "apparent_place", PROCESSOR)


def put(found: Any, place: str) -> Any:
    """Note que tous les tenseurs de `found` seraient là ; rend `found`."""
    for tensor in tensors(found):
        tensor.apparent_place = place  # type: ignore[attr-defined]
    return found


def tensors(found: Any) -> Iterator[Tensor]:
    """Les tenseurs d'un argument, d'une liste ou d'un dictionnaire d'arguments."""
    if isinstance(found, Tensor):
        yield found
    elif isinstance(found, list | tuple):
        for each in found:
            yield from tensors(each)
    elif isinstance(found, dict):
        yield from tensors(list(found.values()))


class ImitatedCard(TorchFunctionMode):
    """À l'intérieur, `.to("cuda")` réussit sans carte, et un mélange d'appareils échoue."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in NAMES_A_DEVICE:
            return func(*args, **kwargs)
        if func == WHERE:
            return torch.device(CARD, 0) if place_of(args[0]) == CARD else torch.device(PROCESSOR)
        if func == ON_A_CARD:
            return place_of(args[0]) == CARD
        if func == SET_DATA:
            func(*args)
            return put(args[0], place_of(args[1]))
        if func == SLOPE:
            return put(func(*args), place_of(args[0]))
        if func in (Tensor.cpu, Tensor.cuda):
            return _moved(args[0], CARD if func is Tensor.cuda else PROCESSOR, args[0])
        if func is Tensor.to:
            return _to(*args, **kwargs)
        return _computed(func, args, kwargs)


def _moved(tensor: Tensor, place: str, converted: Tensor) -> Tensor:
    """`converted` à cet endroit ; une copie, si `tensor` était ailleurs."""
    copied = converted is tensor and place_of(tensor) != place
    return put(tensor.clone() if copied else converted, place)


def _to(tensor: Tensor, *rest: Any, **kwargs: Any) -> Tensor:
    named = [each for each in (*rest, kwargs.pop("device", None)) if isinstance(each, str | torch.device | Tensor)]
    wanted = [place_of(each) if isinstance(each, Tensor) else torch.device(each).type for each in named]
    rest = tuple(PROCESSOR if isinstance(each, str | torch.device) else each for each in rest)
    converted = tensor.to(*rest, **kwargs) if rest or kwargs else tensor
    return _moved(tensor, wanted[0] if wanted else place_of(tensor), converted)


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [*tensors(args), *tensors(kwargs)]
    places = {place_of(tensor) for tensor in given if tensor.dim() > 0}  # un nombre seul se mêle à tout
    if func in TO_NUMPY and CARD in places:
        raise TypeError("can't convert cuda:0 device type tensor to numpy.")
    asked = kwargs.get("device")
    if asked is not None:
        kwargs["device"] = PROCESSOR
    # les positions, elles, peuvent rester sur le processeur : x_sur_la_carte[positions]
    indexed = func is Tensor.__getitem__ and place_of(args[0]) == CARD
    if len(places) > 1 and asked is None and func not in MAY_MIX and not indexed:
        raise RuntimeError(f"Expected all tensors to be on the same device ({getattr(func, '__name__', func)}).")
    result = func(*args, **kwargs)
    known = {id(tensor) for tensor in given}
    new = [tensor for tensor in tensors(result) if id(tensor) not in known]
    if asked is not None:
        put(new, torch.device(asked).type)
    elif CARD in places or any(place_of(tensor) == CARD for tensor in given):
        put(new, CARD)
    return result


def _copied_in_place(deepcopy: Callable[[Tensor, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """La copie d'un poids reste où il était : elle ne passe pas par `ImitatedCard`."""
    return lambda tensor, memo: put(deepcopy(tensor, memo), place_of(tensor))


def install() -> None:
    """Le cours, dans ce processus, croit avoir une carte ; un apprentissage n'y dure qu'une époque."""
    for kind in (Tensor, nn.Parameter):
        kind.__deepcopy__ = _copied_in_place(kind.__deepcopy__)  # type: ignore[method-assign]
    for module in (data_free, inference, intermediate, training):
        module.best_device = lambda: torch.device(CARD)  # type: ignore[attr-defined]
    inference.bfloat16_wins = lambda device_type: False  # type: ignore[assignment]
    packing._machine_gains = lambda: False  # type: ignore[assignment]
    training.fit = partial(_short, training.fit)  # type: ignore[assignment]


def _short(fit: Callable[..., Any], *args: Any, epochs: int, **settings: Any) -> Any:
    return fit(*args, epochs=min(epochs, 1), **settings)


def main(path: Path) -> int:
    """Exécute le notebook cellule après cellule ; rend 1 si l'une d'elles échoue."""
    from IPython.core.interactiveshell import InteractiveShell

    warnings.simplefilter("ignore")  # torch avertit que CUDA manque
    install()
    cells = code(path)
    os.chdir(path.resolve().parent)
    shell = InteractiveShell.instance()
    with ImitatedCard():
        runs = [shell.run_cell(cell.source) for cell in cells]
    failed = [f"{k} : {run.error_in_exec or run.error_before_exec!r}" for k, run in enumerate(runs) if not run.success]
    print("Cellules de code en échec :", *(failed or ["aucune"]), sep="\n", file=sys.stderr)
    return len(failed) > 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
