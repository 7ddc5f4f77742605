"""Rendre à torch le réglage des gradients, quoi qu'il arrive."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def gradient_mode_kept() -> Iterator[None]:
    """Interrompu pendant sa sortie, `torch.no_grad` laisserait tout le noyau sans gradient ; ici, rien n'y reste."""
    before = torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_grad_enabled(before)
