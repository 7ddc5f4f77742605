"""Les pertes relationnelles : valeurs exactes, invariances, cas dégénérés, gradients, mémoire, et l'objectif Rkd."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from course_utils import data, losses, relations
from course_utils.inference import Teacher
from course_utils.models import resnet
from course_utils.objectives import Rkd

BOTH = pytest.mark.parametrize("loss", [losses.rkd_distance_loss, losses.rkd_angle_loss])


def points(n: int, d: int, seed: int = 0, dtype=torch.float32) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def rotation(d: int, seed: int = 5, dtype=torch.float32) -> torch.Tensor:
    return torch.linalg.qr(points(d, d, seed, torch.float64))[0].to(dtype)


def explicit_distance(student, teacher):
    """La formule du code officiel, en boucles et en double précision."""

    def phi(x):
        x = x.double()
        d = torch.stack([torch.stack([(a - b).norm() for b in x]) for a in x])
        return d / d[d > 0].mean()

    return F.smooth_l1_loss(phi(student), phi(teacher)).item()


def explicit_angle(student, teacher):
    """La formule du code officiel, avec ses tableaux N×N×D et N×N×N, en double précision."""

    def phi(x):
        x = x.double()
        e = F.normalize(x[None] - x[:, None], dim=2)
        return torch.bmm(e, e.transpose(1, 2))

    return F.smooth_l1_loss(phi(student), phi(teacher)).item()


def gradient(loss, student, teacher):
    student = student.detach().clone().requires_grad_()
    value = loss(student, teacher)
    value.backward()
    return value.detach(), student.grad


def test_closed_form():
    student = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    teacher = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(3) / 2]])
    assert_close(losses.rkd_distance_loss(student, teacher), torch.tensor(1 / 72))
    assert_close(losses.rkd_angle_loss(student, teacher), torch.tensor(7 / 540))


@pytest.mark.parametrize(("n", "d_student", "d_teacher"), [(2, 3, 3), (3, 1, 5), (7, 2, 4), (33, 16, 9), (70, 5, 64)])
def test_value_of_the_official_formula(n, d_student, d_teacher):
    s, t = points(n, d_student), points(n, d_teacher, 1)
    assert losses.rkd_distance_loss(s, t).item() == pytest.approx(explicit_distance(s, t), rel=1e-5, abs=1e-9)
    assert losses.rkd_angle_loss(s, t).item() == pytest.approx(explicit_angle(s, t), rel=1e-5, abs=1e-9)


@BOTH
def test_gradient_against_finite_differences(loss):
    teacher = points(9, 6, 1, torch.float64)
    student = points(9, 4, 0, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher), student)


def test_gradient_far_from_the_centre_of_huber():
    """Écarts de plus de 1 : la branche linéaire de Huber, que des points au hasard n'atteignent presque pas."""
    student = torch.tensor([[0.0, 0.0], [1.0, 0.1], [-1.0, 0.2], [-1.2, 0.0]], dtype=torch.float64).requires_grad_()
    teacher = torch.tensor([[0.0], [1.0], [1.5], [2.0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: losses.rkd_angle_loss(x, teacher), student)


@pytest.mark.parametrize("block", [1, 3, 1000])
def test_blocks_change_nothing(block, monkeypatch):
    s, t = points(11, 4), points(11, 6, 1)
    expected = gradient(losses.rkd_angle_loss, s, t)
    monkeypatch.setattr(relations, "_block_size", lambda n, device: block)
    assert_close(gradient(losses.rkd_angle_loss, s, t), expected)


@BOTH
@pytest.mark.parametrize("side", [0, 1])
def test_rotation_translation_scale_change_nothing(loss, side):
    pair = [points(20, 6), points(20, 8, 1)]
    expected = loss(*pair)
    d = pair[side].shape[1]
    pair[side] = 250 * pair[side] @ rotation(d) + 30
    assert_close(loss(*pair), expected, rtol=1e-3, atol=1e-7)
    pair[side] = 1e-4 * pair[side]
    assert_close(loss(*pair), expected, rtol=1e-3, atol=1e-7)


@BOTH
def test_a_swapped_pair_is_seen_and_a_copy_is_not(loss):
    teacher = points(12, 5)
    swapped = teacher[[1, 0, *range(2, 12)]]
    assert loss(swapped, teacher) > 1e-3
    assert loss(teacher @ rotation(5), teacher) < 1e-10


@BOTH
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(loss, dtype):
    s, t = points(15, 6).to(dtype), points(15, 7, 1).to(dtype)
    value, grad = gradient(loss, s, t)
    assert value.dtype == torch.float32
    assert grad.dtype == dtype
    assert_close(value, loss(s.float(), t.float()))


@BOTH
def test_autocast_changes_nothing(loss):
    s, t = points(15, 6), points(15, 7, 1)
    expected = gradient(loss, s, t)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(gradient(loss, s, t), expected)


@BOTH
def test_maps_of_any_layout(loss):
    s, t = points(6, 3 * 4 * 4).view(6, 3, 4, 4), points(6, 5 * 2 * 2, 1).view(6, 5, 2, 2)
    expected = loss(s.flatten(1), t.flatten(1))
    assert_close(loss(s.to(memory_format=torch.channels_last), t), expected)
    wide = torch.empty(12, 3, 4, 4)
    wide[::2] = s
    assert_close(loss(wide[::2], t.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2)), expected)


def test_a_large_common_offset():
    x = 10 + 0.01 * points(30, 8)
    exact = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    off_diagonal = ~torch.eye(30, dtype=torch.bool)
    error = (relations.distances(x).double() - exact).abs() / exact
    assert error[off_diagonal].max() < 1e-4
    teacher = points(30, 4, 1)
    for loss, explicit in [
        (losses.rkd_distance_loss, explicit_distance),
        (losses.rkd_angle_loss, explicit_angle),
    ]:
        assert loss(x, teacher).item() == pytest.approx(explicit(x, teacher), rel=1e-4)
    wanted = gradient(losses.rkd_angle_loss, x.double(), teacher)[1]
    assert_close(gradient(losses.rkd_angle_loss, x, teacher)[1].double(), wanted, rtol=1e-3, atol=1e-4)


@BOTH
@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_a_duplicated_point_has_a_small_gradient(loss, noise):
    s = points(8, 5)
    s[3] = s[6] + noise  # la même image deux fois dans un lot, aux arrondis près
    value, grad = gradient(loss, s, points(8, 6, 1))
    assert value.isfinite()
    assert grad.isfinite().all()
    assert grad.abs().max() < 1


@BOTH
@pytest.mark.parametrize("student", [torch.ones(5, 3), torch.zeros(5, 3), points(1, 3), points(2, 3)])
def test_degenerate_batches(loss, student):
    for s, t in [(student, points(len(student), 4, 1)), (points(len(student), 4, 1), student)]:
        value, grad = gradient(loss, s, t)
        assert value.isfinite()
        assert grad.isfinite().all()


@BOTH
def test_two_points_have_nothing_to_learn(loss):
    """Une seule distance, divisée par elle-même, et aucun angle."""
    value, grad = gradient(loss, points(2, 3), points(2, 4, 1))
    assert value < 1e-12
    assert grad.abs().max() < 1e-6


@BOTH
def test_teacher_gets_no_gradient_and_nothing_is_modified(loss):
    s, t = points(6, 3).requires_grad_(), points(6, 4, 1).requires_grad_()
    before = s.detach().clone(), t.detach().clone()
    loss(s, t).backward()
    assert t.grad is None
    assert_close((s.detach(), t.detach()), before, rtol=0, atol=0)


@BOTH
def test_bad_arguments(loss):
    with pytest.raises(ValueError, match="même nombre d'exemples"):
        loss(points(4, 3), points(5, 3))
    with pytest.raises(ValueError, match="même nombre d'exemples"):
        loss(torch.zeros(4), torch.zeros(4))
    with pytest.raises(ValueError, match="vide"):
        loss(torch.zeros(0, 3), torch.zeros(0, 3))


def test_nothing_of_size_n_cubed_is_kept():
    s = points(64, 8).requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        losses.rkd_angle_loss(s, points(64, 8, 1))
    assert sum(kept) == s.numel()  # le gradient de l'élève, rien d'autre


@pytest.fixture(scope="module")
def images():
    pixels = torch.randint(0, 256, (40, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return data.Images(pixels, torch.arange(40) % 10, torch.arange(5, 35), tuple("abcdefghij"), (0.3,), (0.3,))


def test_objective(images):
    teacher, student = Teacher(resnet(8, width=6, seed=1)), resnet(8, width=4)
    batch = images.batch(torch.arange(12))
    student.eval()
    embeddings = student.embed(batch.x)
    wanted = losses.rkd_distance_loss(embeddings, teacher.model.embed(batch.x))
    assert_close(Rkd(teacher, angle_weight=0)(student, batch), {"distances": wanted})
    terms = Rkd(teacher, distance_weight=25, angle_weight=50, hard_weight=1, soft_weight=2)(student, batch)
    assert list(terms) == ["distances", "angles", "labels", "enseignant"]
    assert_close(terms["distances"], 25 * wanted)
    assert_close(terms["labels"], F.cross_entropy(student(batch.x), batch.y))
    assert_close(terms["enseignant"], 2 * losses.kd_loss(student(batch.x), teacher.logits(batch), 4))
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is None for p in teacher.parameters())


def test_teacher_embeddings_follow_the_images(images):
    teacher = Teacher(resnet(8, width=6, seed=1))
    batch = images.batch(torch.tensor([7, 2, 2, 20]))
    assert_close(teacher.embeddings(batch), teacher.model.embed(batch.x))
    assert len(list(teacher.parameters())) == len(list(teacher.model.parameters()))


def test_objective_refuses(images):
    teacher = Teacher(resnet(8, width=6, seed=1))
    with pytest.raises(ValueError, match="poids"):
        Rkd(teacher, distance_weight=0, angle_weight=0)
    with pytest.raises(ValueError, match="poids"):
        Rkd(teacher, angle_weight=-1)
    with pytest.raises(TypeError, match="StagedNet"):
        Rkd(teacher)(torch.nn.Linear(1, 1), images.batch(torch.arange(4)))
