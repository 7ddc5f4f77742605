"""L'apprentissage, les réseaux et leurs pertes : des fautes d'un caractère que rien d'autre ne remarquerait."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import torch
from torch import nn

from course_utils import balance, losses, models, objectives, results, training
from course_utils.challenge_peers import known_entries
from course_utils.cost import macs
from course_utils.data import Images
from course_utils.inference import Teacher, labels_within
from course_utils.training import evaluate, fit
from experiments import shared, transfer
from experiments.teacher import main as remake
from tests.typography import plain


def toy(n: int = 96, seed: int = 0) -> Images:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.arange(n) % 3, torch.arange(n), ("a", "b", "c"), (0.4,), (0.2,))


def test_dropout_is_the_one_asked() -> None:
    network, x = models.mlp((400,), inputs=9, dropout=0.5).train(), torch.ones(1, 9)
    kept = (network.stages[0](x) > 0).sum() / (network.eval().stages[0](x) > 0).sum()
    assert 0.35 < kept < 0.65


def test_angles_of_more_points_than_one_block() -> None:
    x, t = torch.randn(2, 520, 3, generator=torch.Generator().manual_seed(0)).unbind()
    assert 0 < losses.rkd_angle_loss(x, t).item() < 1


def test_the_slope_of_angles_holds_far_from_the_origin() -> None:
    generator = torch.Generator().manual_seed(0)
    x, t = (torch.randn(40, 6, generator=generator) for _ in range(2))
    far = (x + 2**17).requires_grad_()
    exact = far.detach().double().requires_grad_()
    (found,) = torch.autograd.grad(losses.rkd_angle_loss(far, t), far)
    (wanted,) = torch.autograd.grad(losses.rkd_angle_loss(exact, t.double()), exact)
    assert (found.double() - wanted).norm() < 2e-3 * wanted.norm()


def test_every_shift_and_both_sides_come_up() -> None:
    pixels = torch.zeros(4000, 1, 8, 8, dtype=torch.uint8)
    pixels[:, 0, 3, 2] = 255
    images = Images(pixels, torch.zeros(4000, dtype=torch.long), torch.arange(4000), ("a",), (0.0,), (1.0,))
    moved = training.augmented(images.batch(torch.arange(4000)), torch.Generator().manual_seed(0)).x
    spots = moved.nonzero()[:, 2:]
    assert spots[:, 0].unique().tolist() == [1, 2, 3, 4, 5]
    assert (spots[:, 1] <= 2).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_features_are_given_in_the_ordinary_layout() -> None:
    teacher = Teacher(models.resnet(8, width=4, classes=3))
    assert all(feature.is_contiguous() for feature in teacher.features(toy().batch(torch.arange(8), "cpu")))


def test_neither_network_runs_beyond_the_hint() -> None:
    teacher, ran = Teacher(models.resnet(8, width=4, classes=3)), []
    student = models.resnet(8, width=4, classes=3, seed=1)
    for network in (teacher.model, student):
        network.stages[1].register_forward_hook(lambda *_: ran.append(1))
    objectives.Hint(teacher, nn.Identity(), guided=1, hint=1)(student, toy().batch(torch.arange(8), "cpu"))
    assert not ran


def test_answers_to_modified_pixels_are_not_kept() -> None:
    images, teacher = toy(), Teacher(models.mlp((16,), inputs=64, classes=3))
    for _ in range(3):
        teacher.logits(images.batch(torch.arange(4), "cpu"))
        images.pixels[0] += 1
    assert len(teacher._answers) == 1


def test_a_label_too_many_is_refused_before_the_batch_that_holds_it() -> None:
    with pytest.raises(ValueError, match="classes=3"):
        labels_within(torch.zeros(3, 2), toy().batch(torch.tensor([0, 1, 3]), "cpu"))


def test_labels_that_sum_to_less_than_one_are_refused() -> None:
    with pytest.raises(ValueError, match="somme"):
        losses.cross_entropy(torch.zeros(2, 4), torch.full((2, 4), 0.23))


@pytest.mark.parametrize("output", [lambda z: z[..., None], lambda z: z[..., None, None], lambda z: z[:, 0]])
def test_outputs_that_are_not_one_number_per_class_are_never_scored(output) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = models.mlp((4,), inputs=64, classes=3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return output(self.inside(x))

    for asked in (lambda: evaluate(Odd(), toy()), lambda: fit(Odd(), toy(), objectives.Supervised(), epochs=1)):
        with pytest.raises(ValueError, match="N exemples, C classes"):
            asked()


def test_a_student_that_returns_a_tuple_is_told() -> None:
    student = models.mlp((4,), inputs=64, classes=3)
    student.register_forward_hook(lambda _module, _inputs, output: (output,))
    with pytest.raises(TypeError, match="tuple"):
        fit(student, toy(), objectives.Supervised(), epochs=1)


def test_a_frozen_student_is_refused_even_with_a_regressor_to_train() -> None:
    teacher, student = Teacher(models.resnet(8, width=4, classes=3)), models.resnet(8, width=4, classes=3, seed=1)
    hint = objectives.Hint(teacher, nn.Conv2d(4, 4, 1), guided=1, hint=1)
    with pytest.raises(ValueError, match="gelé"):
        fit(student.requires_grad_(False), toy(), hint, epochs=1)


def test_weights_given_twice_move_once() -> None:
    class Twice(objectives.Supervised):
        def parameters(self):
            return student.parameters()

    learned = []
    for objective in (objectives.Supervised(), Twice()):
        student = models.mlp((4,), inputs=64, classes=3)
        learned.append(fit(student, toy(), objective, epochs=1, progress=False).losses)
    assert learned[0] == learned[1]


def test_the_bar_goes_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = MagicMock()
    bar.__enter__.return_value = bar
    monkeypatch.setattr(training, "_progress_bar", lambda steps, shown: bar)
    fit(models.mlp((8,), inputs=64, classes=3), toy(), objectives.Supervised(), epochs=2, batch_size=32)
    assert bar.update.call_count == 6


@pytest.mark.parametrize("before", [(True, False), (False, True)])
def test_the_settings_of_cudnn_are_given_back(before: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "benchmark", before[0])
    monkeypatch.setattr(cudnn, "deterministic", before[1])
    fit(models.mlp((8,), inputs=64, classes=3), toy(), objectives.Supervised(), epochs=1, progress=False)
    assert (cudnn.benchmark, cudnn.deterministic) == before


def test_a_network_left_in_train_mode_is_counted() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)).train()
    assert macs(network, (1, 4, 4)) == 16 * 8 + 8 * 3 and network.training


def test_the_setting_of_attention_is_given_back() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        macs(models.mlp((8,), inputs=16), (1, 4, 4))
        assert not torch.backends.mha.get_fastpath_enabled()
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def test_phases_follow_one_another_in_memory() -> None:
    pixels = torch.zeros(64, 1, 8, 8, dtype=torch.uint8)
    images = Images(pixels, torch.arange(64) % 10, torch.arange(64), tuple("0123456789"), (0.4,), (0.2,))
    costs = [balance.cost(method, models.resnet(8, width=8, seed=1), images, epochs=2) for method in ("KD", "FitNets")]
    assert costs[1].memory == costs[0].memory


def test_the_student_of_notebook_02_is_the_one_of_its_settings() -> None:
    found = next(e for e in known_entries("Fashion-MNIST", (1, 28, 28)) if e.name.startswith("élève du 02"))
    chosen = {"train_size": 1800, "method": "distillé", "temperature": 4, "soft_weight": 1}
    tests = results.column(results.load("hinton_grid"), "test", **chosen)
    assert found.accuracy == pytest.approx(sum(tests) / len(tests))


def test_validation_chooses_and_test_judges(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, seen = shared.dataset("fashion-mnist"), {}

    def learned(model, images, objective, **settings):
        seen["train"], seen["validation"] = images, settings["validation"]
        return training.History(losses=[{"labels": 1.0}], accuracy=[0.5])

    monkeypatch.setattr(training, "fit", learned)
    monkeypatch.setattr(training, "evaluate", lambda model, images: seen.update(test=images) or 0.25)
    remake(["fashion-resnet20", "--sortie", str(tmp_path)])
    assert all(seen[part] is getattr(data, part) for part in ("train", "validation", "test"))


def test_errors_are_corrected_on_validation_and_counted_on_test(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)

    def part(n: int) -> SimpleNamespace:
        return SimpleNamespace(logits=2 * torch.randn(n, 10, generator=generator), y=torch.arange(n) % 10)

    data = SimpleNamespace(validation=part(300), test=part(500))
    monkeypatch.setattr(transfer, "predict", lambda student, images: images.logits)
    row = transfer.corrected_errors(None, data, [7, 8], [7, 8])

    def wrong(bias: float) -> torch.Tensor:
        return transfer.with_bias(data.test.logits, [7, 8], bias).argmax(1) != data.test.y

    assert row["bias_prior"] == pytest.approx(transfer.prior_bias(data.validation.logits, [7, 8], 0.2))
    assert row["errors_test"] == min(int(wrong(bias).sum()) for bias in transfer.BIASES.tolist())
    assert row["unseen_before"] == int((wrong(0.0) & ~torch.isin(data.test.y, torch.tensor([7, 8]))).sum())


def test_a_gap_shows_on_which_side_of_zero_it_falls() -> None:
    told = plain(results.compared("a", [0.50001, 0.50002, 0.50003], "b", [0.5, 0.50001, 0.50002]))
    assert told.startswith("a contre b : +0,001 point, entre +0,001 et +0,001 : significatif")
    small = plain(results.compared("a", [0.50001, 0.49999, 0.50001], "b", [0.5, 0.5, 0.5]))
    assert small.startswith("a contre b : 0,00 point, entre")
    assert "+2,00 points" in plain(results.compared("a", [0.51996, 0.51996], "b", [0.5, 0.5]))
    assert [results.legible(value, 0) for value in (0.26, -3.4, 0.0, 12.0)] == ["+0,3", "−3", "0", "+12"]
