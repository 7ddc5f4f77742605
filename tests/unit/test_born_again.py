"""L'objectif Born-Again et ses deux contrôles : ce que chacun garde de l'enseignant."""

import pytest
import torch

from course_utils.born_again import (
    Cwtm,
    Dkpp,
    agreement,
    cwtm_loss,
    cwtm_weights,
    dkpp_loss,
    ensemble,
    mislabelled,
    permuted_dark_knowledge,
)
from course_utils.data import load
from course_utils.inference import Teacher
from course_utils.losses import kd_loss
from course_utils.models import fresh, mlp
from course_utils.objectives import BornAgain

CLASSES = 7


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(64, CLASSES, generator=torch.Generator().manual_seed(0))


def test_weights_follow_confidence_and_sum_to_one(logits: torch.Tensor) -> None:
    weights = cwtm_weights(logits)
    assert weights.sum().item() == pytest.approx(1)
    assert torch.equal(weights.argsort(), logits.softmax(dim=1).amax(dim=1).argsort())


def test_uniform_confidence_gives_ordinary_cross_entropy(logits: torch.Tensor) -> None:
    labels = torch.arange(64) % CLASSES
    found = cwtm_loss(logits, torch.zeros_like(logits), labels)
    assert found.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-6)


def test_an_example_without_label_does_not_count_and_none_is_nan(logits: torch.Tensor) -> None:
    labels, teacher = torch.arange(64) % CLASSES, logits.roll(1, dims=0)
    holes = labels.masked_fill(torch.arange(64) % 3 == 0, -100)
    kept = holes != -100
    found, expected = cwtm_loss(logits, teacher, holes), cwtm_loss(logits[kept], teacher[kept], labels[kept])
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert cwtm_loss(logits, teacher, torch.full((64,), -100)).isnan()
    assert cwtm_loss(logits, teacher, labels.to(torch.int8)) == cwtm_loss(logits, teacher, labels)


@pytest.mark.parametrize("teacher", [torch.zeros(1, CLASSES), torch.zeros(64, CLASSES + 1), torch.zeros(64)])
def test_another_shape_is_refused_never_broadcast(logits: torch.Tensor, teacher: torch.Tensor) -> None:
    said = "doivent être égales" if teacher.ndim == 2 else r"Les logits de l'enseignant ont la forme \(64,\)"
    with pytest.raises(ValueError, match=said):
        cwtm_loss(logits, teacher, torch.zeros(64, dtype=torch.int64))
    with pytest.raises(ValueError, match=said):
        dkpp_loss(logits, teacher, torch.Generator())


def test_no_digit_is_lost_in_float64_and_half_precision_is_computed_in_float32(logits: torch.Tensor) -> None:
    labels, wide = torch.arange(64) % CLASSES, logits.double()
    assert cwtm_loss(wide, wide, labels).dtype == dkpp_loss(wide, wide, torch.Generator()).dtype == torch.float64
    assert cwtm_weights(logits.bfloat16()).sum().item() == pytest.approx(1, abs=1e-6)


def test_permutation_keeps_maximum_and_values(logits: torch.Tensor) -> None:
    p = logits.softmax(dim=1)
    q = permuted_dark_knowledge(p, torch.Generator().manual_seed(1))
    top = p.argmax(dim=1, keepdim=True)
    assert torch.equal(q.gather(1, top), p.gather(1, top))
    assert torch.equal(q.sort(dim=1).values, p.sort(dim=1).values)
    assert (q != p).any(dim=1).float().mean() > 0.9


def test_permutations_are_uniform_and_differ_between_rows() -> None:
    p = torch.tensor([[0.1, 0.6, 0.2, 0.07, 0.03]]).expand(20_000, 5)
    q = permuted_dark_knowledge(p, torch.Generator().manual_seed(2))
    assert q[:, [0, 2, 3, 4]].mean(dim=0).tolist() == pytest.approx([0.1] * 4, abs=2e-3)
    assert len(torch.unique(q, dim=0)) == 24


def test_the_seed_alone_decides_the_permutation(logits: torch.Tensor) -> None:
    first, second = (dkpp_loss(logits, 2 * logits, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


def test_objectives_train_the_student_only_and_born_again_ignores_labels() -> None:
    images = load("fashion-mnist", train_size=100).train
    teacher = Teacher(mlp((16,)))
    batch = images.batch(torch.arange(20))
    wrong_labels = images.batch(torch.arange(20))
    wrong_labels.y = (wrong_labels.y + 1) % 10
    student = mlp((16,), seed=1)
    for objective in (BornAgain(teacher), Cwtm(teacher), Dkpp(teacher)):
        (term,) = objective(student, batch).values()
        term.backward()
        assert all(p.grad is not None for p in student.parameters())
        assert all(p.grad is None for p in teacher.parameters())
    (found,) = BornAgain(teacher)(student, wrong_labels).values()
    assert torch.equal(found, kd_loss(student(batch.x), teacher.logits(batch), 1.0))


def test_a_student_cannot_be_its_own_teacher() -> None:
    model = mlp((16,))
    batch = load("fashion-mnist", train_size=100).train.batch(torch.arange(4))
    for objective in (BornAgain(Teacher(model)), Cwtm(Teacher(model)), Dkpp(Teacher(model))):
        with pytest.raises(ValueError, match="même réseau"):
            objective(model, batch)
        objective(fresh(model, seed=1), batch)


def test_ensemble_averages_probabilities_and_agreement_counts(logits: torch.Tensor) -> None:
    other = logits.roll(1, dims=1)
    mean = ensemble([logits, other])
    assert torch.allclose(mean, (logits.softmax(dim=1) + other.softmax(dim=1)) / 2)
    assert agreement(logits, 3 * logits) == 1
    assert agreement(logits, other) == 0


def test_mislabelled_changes_the_wanted_share_and_nothing_in_place() -> None:
    images = load("fashion-mnist", train_size=1000).train
    before = images.labels.clone()
    noisy = mislabelled(images, 0.4, seed=0)
    assert (noisy.y != images.y).float().mean().item() == pytest.approx(0.36, abs=0.05)
    assert torch.equal(images.labels, before)
    assert torch.equal(mislabelled(images, 0.4, seed=0).labels, noisy.labels)
    assert torch.equal(mislabelled(images, 0.0, seed=0).labels, before)
    with pytest.raises(ValueError, match="part"):
        mislabelled(images, 1.5, seed=0)
