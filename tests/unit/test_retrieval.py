"""Chercher l'image la plus proche : des points dont on connaît les voisins, le rappel et la perte."""

import pytest
import torch
from torch.testing import assert_close

from course_utils.retrieval import Triplet, neighbours, projection, recall_at_1, triplet_loss

LINE = torch.tensor([[0.0], [1.0], [3.0], [7.0]])


def test_neighbours_on_a_line_are_in_order_and_never_oneself() -> None:
    assert neighbours(LINE, 3).tolist() == [[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0]]


def test_neighbours_survive_a_large_common_offset() -> None:
    x = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(neighbours(x + 1000, 3), neighbours(((x + 1000).double() - 1000).float(), 3))


@pytest.mark.parametrize("k", [0, 4, -1])
def test_neighbours_that_do_not_exist_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k vaut {k}, pour 4 points.*de 1 à 3"):
        neighbours(LINE, k)


def test_one_point_has_no_neighbour() -> None:
    with pytest.raises(ValueError, match=r"au moins deux points.*reçu 1"):
        recall_at_1(LINE[:1], torch.tensor([5]))


def test_neighbours_by_parts_are_those_of_the_whole() -> None:
    x = torch.randn(2300, 3, generator=torch.Generator().manual_seed(0)).double()
    whole = torch.cdist(x, x).fill_diagonal_(torch.inf).topk(2, largest=False).indices
    assert torch.equal(neighbours(x, 2), whole)


def test_recall_counts_the_nearest_only() -> None:
    # 0 et 1 se prennent l'un pour l'autre ; le plus proche de 3 est 1, celui de 7 est 3.
    assert recall_at_1(LINE, torch.tensor([5, 5, 5, 6])) == pytest.approx(3 / 4)
    assert recall_at_1(LINE, torch.tensor([0, 1, 2, 3])) == 0


def test_recall_ignores_rotation_and_scale() -> None:
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(60, 5, generator=generator), torch.randint(0, 3, (60,), generator=generator)
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, generator=generator))
    assert recall_at_1(3 * x @ rotation, y) == recall_at_1(x, y)


def test_projection_keeps_a_flat_cloud_as_it_is() -> None:
    generator = torch.Generator().manual_seed(2)
    flat = torch.randn(30, 2, generator=generator).double() * torch.tensor([3.0, 1.0])
    frame, _ = torch.linalg.qr(torch.randn(7, 7, generator=generator).double())
    shown = projection(torch.cat([flat, torch.zeros(30, 5)], dim=1) @ frame + 4)
    assert_close(torch.cdist(shown, shown), torch.cdist(flat, flat), atol=1e-4, rtol=1e-4)
    assert shown.var(dim=0)[0] > shown.var(dim=0)[1]


def test_projection_does_not_flip_when_points_are_reordered() -> None:
    x = torch.randn(30, 6, generator=torch.Generator().manual_seed(3))
    order = torch.randperm(30, generator=torch.Generator().manual_seed(4))
    assert_close(projection(x[order]), projection(x)[order], atol=1e-4, rtol=1e-4)


def test_triplet_loss_by_hand() -> None:
    # Trois vecteurs unitaires : a et p de la même classe à √2, a et n confondus à une longueur près.
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    labels = torch.tensor([0, 0, 1])
    root = 2**0.5  # ancre a : √2 − 0 + 0,2 ; ancre p : √2 − √2 + 0,2
    assert triplet_loss(x, labels, margin=0.2).item() == pytest.approx((root + 0.2 + 0.2) / 2, abs=1e-6)


def test_triplet_loss_is_zero_once_the_margin_is_kept() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.01], [-1.0, 0.0], [-1.0, 0.01]], requires_grad=True)
    loss = triplet_loss(x, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == 0
    assert x.grad is not None and not x.grad.any()


def test_a_point_without_label_is_in_no_triplet() -> None:
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(12) % 3
    holes = labels.masked_fill(torch.arange(12) > 8, -100)
    assert_close(triplet_loss(x, holes), triplet_loss(x[:9], labels[:9]))


def test_triplet_objective_refuses_a_network_without_embedding() -> None:
    with pytest.raises(TypeError, match="StagedNet"):
        Triplet()(torch.nn.Linear(2, 2), None)  # type: ignore[arg-type]
    assert list(Triplet().parameters()) == []


def test_neighbours_of_two_tight_groups_far_apart_are_exact() -> None:
    """En float32, ‖x‖² + ‖y‖² − 2xy n'y garde aucun chiffre."""
    offset = torch.tensor([[100.0], [-100.0]]).repeat_interleave(50, dim=0)
    points = offset + 0.01 * torch.randn(100, 8, generator=torch.Generator().manual_seed(0))
    gaps = (points[:, None] - points[None]).norm(dim=-1).fill_diagonal_(torch.inf)
    assert_close(neighbours(points, 1)[:, 0], gaps.argmin(dim=1))
    twins = torch.cat([points, points])
    assert recall_at_1(twins, torch.arange(100).repeat(2)) == 1
