"""Ce que plusieurs fichiers de tests/faults demandent."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Un seul fil de calcul : de si petits réseaux n'y perdent rien, et une machine occupée ne les ralentit plus."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
