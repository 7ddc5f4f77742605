"""La boucle, l'enseignant gelé et les objectifs : ce qui bouge, ce qui ne bouge pas, ce qui est refusé."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from course_utils import losses, models, objectives, training
from course_utils.data import Images
from course_utils.training import Teacher, evaluate, fit, predict


def toy(n=96, seed=0, classes=3):
    """Des images dont la classe se lit dans la luminosité : n images 1×8×8."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    noise = torch.randint(0, 60, (n, 1, 8, 8), generator=generator)
    pixels = (noise + 60 * labels.view(-1, 1, 1, 1)).to(torch.uint8)
    return Images(pixels, labels, torch.arange(n), ("a", "b", "c"), (0.4,), (0.2,))


def small(seed=0, dropout=0.0):
    return models.mlp((16,), inputs=64, classes=3, dropout=dropout, seed=seed)


def convolutional(seed=0):
    return models.resnet(8, width=4, classes=3, seed=seed)


def weights_of(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def quick(student, images, objective=None, **settings):
    settings = {"epochs": 2, "lr": 2e-2, "batch_size": 32, "progress": False} | settings
    return fit(student, images, objective or objectives.Supervised(), **settings)


def test_it_learns_and_reports_each_epoch():
    images, student = toy(), small()
    history = quick(student, images, epochs=20, validation=toy(seed=1))
    assert evaluate(student, toy(seed=2)) > 0.95
    assert len(history.losses) == len(history.accuracy) == 20
    assert history.losses[-1]["labels"] < history.losses[0]["labels"]
    assert history.seconds > 0 and not history.interrupted and not student.training


@pytest.mark.parametrize("build", [lambda: small(dropout=0.5), convolutional])
@pytest.mark.parametrize("augment", [False, True])
def test_same_seed_same_weights_to_the_bit(build, augment):
    first, second, other = build(), build(), build()
    quick(first, toy(), seed=3, augment=augment)
    torch.rand(7)  # le hasard du lecteur ne s'en mêle pas
    quick(second, toy(), seed=3, augment=augment)
    quick(other, toy(), seed=4, augment=augment)
    assert torch.equal(weights_of(first), weights_of(second))
    assert not torch.equal(weights_of(first), weights_of(other))


def test_same_seed_same_weights_in_another_process():
    code = (
        "import hashlib, sys; sys.path.insert(0, 'tests/unit'); from test_training import *\n"
        "s = convolutional(); quick(s, toy()); print(hashlib.sha256(weights_of(s).numpy().tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", code]
    twins = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    prints = {twin.communicate()[0] for twin in twins}
    assert [twin.returncode for twin in twins] == [0, 0]
    assert len(prints) == 1 and len(prints.pop()) == 65


def test_global_randomness_is_left_alone():
    state = torch.random.get_rng_state()
    quick(small(dropout=0.5), toy(), augment=True)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("n", [33, 1, 32])
def test_a_last_batch_of_one_image_suits_batchnorm(n):
    images = toy().subset(torch.arange(n))
    quick(convolutional(), images, epochs=1)
    sizes = [len(b) for b in training._split(torch.arange(n), 32)]
    assert sum(sizes) == n and (n == 1 or min(sizes) > 1)


def test_a_diverging_loss_stops_with_its_step_and_a_remedy():
    student = small()
    with pytest.raises(training.DivergenceError, match=r"pas \d+\s.*lr"):
        quick(student, toy(), lr=1e25, optimizer=torch.optim.SGD, epochs=20)


@pytest.mark.parametrize("stop", [0, 1, 4])
def test_an_interruption_keeps_what_was_learnt(stop, capsys):
    class Interrupting(objectives.Supervised):
        calls = 0

        def __call__(self, student, batch):
            if self.calls == stop:
                raise KeyboardInterrupt
            self.calls += 1
            return super().__call__(student, batch)

    student = small()
    before = weights_of(student)
    history = quick(student, toy(), Interrupting(), epochs=5)
    assert history.interrupted and len(history.losses) == stop // 3
    assert "Interrompu (époques finies" in capsys.readouterr().out
    assert torch.equal(before, weights_of(student)) == (stop == 0)
    assert not student.training
    quick(student, toy())  # et l'on peut continuer


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "epochs vaut 0"),
        ({"batch_size": 0}, "batch_size vaut 0"),
        ({"lr": 0.0}, "lr vaut 0.0"),
        ({"lr": float("nan")}, "lr vaut nan"),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        quick(small(), toy(), **settings)


def test_no_image_is_refused():
    with pytest.raises(ValueError, match="aucune image"):
        quick(small(), toy().subset(torch.zeros(0, dtype=torch.long)))


def test_learning_rate_rises_then_falls_to_zero():
    factors = [training.learning_rate_factor(i / 1000) for i in range(1001)]
    top = factors.index(max(factors))
    assert 0 < factors[0] < 0.2 and max(factors) == pytest.approx(1) and factors[-1] == pytest.approx(0)
    assert factors[: top + 1] == sorted(factors[: top + 1]) and factors[top:] == sorted(factors[top:], reverse=True)


def test_augmentation_moves_whole_pixels_and_says_so():
    images = toy(4)
    batch = images.batch(torch.arange(4))
    moved = training.augmented(batch, torch.Generator().manual_seed(0))
    assert moved.augmented and torch.equal(moved.index, batch.index) and not torch.equal(moved.x, batch.x)
    black = (torch.zeros(()) - 0.4) / 0.2
    for after, before in zip(moved.x, batch.x, strict=True):
        assert torch.isin(after, torch.cat([before.flatten(), black.view(1)])).all()
        candidates = [
            torch.roll(flip, (dy, dx), (1, 2))[:, 2:-2, 2:-2]
            for flip in (before, before.flip(2))
            for dy in range(-2, 3)
            for dx in range(-2, 3)
        ]
        assert any(torch.equal(after[:, 2:-2, 2:-2], c) for c in candidates)


def test_prediction_leaves_the_network_as_it_was():
    net, images = convolutional(), toy()
    net.train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    logits = predict(net, images)
    assert net.training and logits.shape == (96, 3) and logits.dtype == torch.float32
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert evaluate(net, images) == (logits.argmax(1) == images.y).float().mean().item()


def test_a_teacher_never_moves():
    original = convolutional()
    teacher = Teacher(original)
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    teacher.train()
    teacher.model.train()  # un appelant distrait
    student = convolutional(seed=1)
    quick(student, toy(), objectives.Hinton(teacher), augment=True)
    quick(original, toy())  # entraîner l'original ensuite ne change rien à sa copie
    assert all(torch.equal(v, before[k]) for k, v in teacher.state_dict().items())
    assert not any(p.requires_grad for p in teacher.parameters())
    assert not teacher.training


def test_cached_logits_follow_the_image_through_shuffles_and_subsets():
    images, teacher = toy(), Teacher(small())
    truth = predict(teacher, images)
    shuffled = torch.randperm(96, generator=torch.Generator().manual_seed(1))
    assert_close(teacher.logits(images.batch(shuffled)), truth[shuffled])
    part = images.only(1).subset(torch.arange(5).flip(0))
    assert_close(teacher.logits(part.batch(torch.arange(5))), truth[images.y == 1][:5].flip(0))
    assert_close(teacher.logits(images.batch(torch.arange(3))), truth[:3])


def test_cached_logits_are_never_those_of_other_images():
    teacher, images, others = Teacher(small()), toy(), toy(seed=1)
    teacher.logits(images.batch(torch.arange(9)))
    assert_close(teacher.logits(others.batch(torch.arange(9))), predict(teacher, others)[:9])
    images.pixels.mul_(0)  # modifiés sur place : la table est refaite
    assert_close(teacher.logits(images.batch(torch.arange(9))), predict(teacher, images)[:9])


def test_augmented_logits_are_computed_on_the_augmented_images():
    teacher, images = Teacher(small()), toy()
    batch = training.augmented(images.batch(torch.arange(9)), torch.Generator().manual_seed(0))
    assert_close(teacher.logits(batch), teacher(batch.x))
    assert not torch.allclose(teacher.logits(batch), teacher.logits(images.batch(torch.arange(9))))


def test_hinton_objective_is_the_loss_of_the_slide():
    images, teacher, student = toy(), Teacher(small(1)), small(0)
    batch = images.batch(torch.arange(20))
    terms = objectives.Hinton(teacher, temperature=5, soft_weight=0.3, hard_weight=0.6)(student, batch)
    expected = losses.hinton_loss(
        student(batch.x), teacher(batch.x), batch.y, temperature=5, soft_weight=0.3, hard_weight=0.6
    )
    assert set(terms) == {"labels", "enseignant"}
    assert_close(sum(terms.values()), expected)
    assert set(objectives.Hinton(teacher, hard_weight=0)(student, batch)) == {"enseignant"}


def test_a_student_is_not_its_own_teacher():
    student = small()
    with pytest.raises(ValueError, match="même réseau"):
        quick(student, toy(), objectives.Hinton(Teacher(student)))
    quick(models.fresh(student, 1), toy(), objectives.Hinton(Teacher(student)))


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: objectives.Hinton(small()), TypeError, "StagedNet"),
        (lambda: objectives.Hinton(Teacher(small()), soft_weight=-1), ValueError, "-1"),
        (lambda: objectives.Hinton(Teacher(small()), soft_weight=0, hard_weight=0), ValueError, "0"),
        (lambda: objectives.Hinton(Teacher(small()), temperature=0), ValueError, "température vaut 0"),
        (lambda: objectives.Supervised(label_smoothing=1), ValueError, "label_smoothing vaut 1"),
    ],
)
def test_impossible_objectives_are_refused_at_once(build, error, words):
    with pytest.raises(error, match=words):
        build()


def test_distillation_alone_learns_without_any_label():
    images, teacher = toy(), small()
    quick(teacher, images, epochs=20)
    blind = replace(images, labels=torch.full_like(images.labels, -100))
    student = small(seed=7)
    quick(student, blind, objectives.Hinton(Teacher(teacher), hard_weight=0), epochs=80)
    assert evaluate(student, toy(seed=2)) > 0.95
