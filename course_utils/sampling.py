"""Tirer des exemples au hasard sans déformer la proportion des classes."""

import numpy as np
import torch
from torch import Tensor


def stratified_order(labels: Tensor, seed: int) -> Tensor:
    """Un ordre des exemples dont tout début est stratifié : ses classes sont dans les proportions de `labels`.

    labels : (n,) int64, chaque classe de 0 à K - 1 présente. Rend une permutation de 0 à n - 1, la même partout.

    Le r-ième exemple d'une classe de c exemples vient à la place r / c : toutes les classes avancent du même pas.
    Les premiers éléments forment donc des échantillons stratifiés qui s'emboîtent, et les K premiers ont une
    image par classe. Lève ValueError si `seed` n'est pas un entier de 0 à 2**32 - 1.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"seed = {seed!r} ne convient pas : donnez un entier de 0 à 2**32 - 1.")
    # RandomState est le générateur dont NumPy promet que la suite ne changera jamais (NEP 19) : ainsi, même avec
    # une version future, la validation reste celle qu'aucun enseignant n'a vue.
    shuffled = torch.from_numpy(np.random.RandomState(seed).permutation(len(labels))).long()
    by_class = shuffled[torch.argsort(labels[shuffled], stable=True)]
    place = torch.cat([torch.arange(c, dtype=torch.float64) / c for c in torch.bincount(labels).tolist()])
    return by_class[torch.argsort(place, stable=True)]
