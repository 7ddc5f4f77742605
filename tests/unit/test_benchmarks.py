"""Les mesures : les deux façons calculent la même chose, et le tableau dit vrai. Rien n'est chronométré ici."""

import json
import math
import sys
from functools import partial

import nbformat
import pytest
import torch
from torch.testing import assert_close
from torch.utils.data import DataLoader, Subset

from benchmarks import __main__ as bench
from benchmarks import course, epochs, growth, imports, limit, measure, report, rkd, usual
from course_utils import inference, losses, models
from course_utils.data import Images, load
from course_utils.objectives import Hinton, Supervised
from course_utils.training import Teacher, fit


def toy(n=96, seed=0):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.arange(n) % 3, torch.arange(n).flip(0), ("a", "b", "c"), (0.4,), (0.2,))


def small(seed):
    return models.mlp((16,), inputs=64, classes=3, seed=seed)


def weights_of(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_usual_pictures_are_the_batches_of_the_course():
    images = toy(20)
    pixels, labels = next(iter(DataLoader(usual.Pictures(images), batch_size=20)))
    batch = images.batch(torch.arange(20))
    assert_close(pixels, batch.x)
    assert torch.equal(labels, batch.y)


def test_usual_loader_gives_each_image_once_in_an_order_set_by_its_seed():
    images = toy(20)
    labels, again, other = (
        torch.cat([y for _, y in usual.loader(images, workers=0, batch_size=8, seed=s)]) for s in (1, 1, 2)
    )
    assert torch.equal(labels, again) and not torch.equal(labels, other)
    assert torch.equal(labels.sort().values, images.y.sort().values)


def test_usual_losses_are_those_of_the_course():
    student, teacher = torch.randn(2, 12, 5, generator=torch.Generator().manual_seed(0)).unbind()
    labels = torch.arange(12) % 5
    assert_close(
        usual.distillation_loss(student, teacher, labels, 3.0),
        losses.hinton_loss(student, teacher, labels, temperature=3.0, soft_weight=1.0),
    )
    assert_close(usual.rkd_angle_loss(student, teacher), losses.rkd_angle_loss(student, teacher))


def test_same_order_same_weights(monkeypatch):
    """Une époque par la pratique courante et par le cours, dans le même ordre : mêmes poids, même perte."""
    monkeypatch.setattr(inference, "bfloat16_wins", lambda device: False)  # la pratique courante est en float32
    images, network = toy(), small(seed=9)
    ours, theirs = small(seed=0), small(seed=0)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(5)).tolist()
    batches = DataLoader(Subset(usual.Pictures(images), order), batch_size=16)
    loss = usual.distil(theirs, network, batches, epochs=1, lr=1e-2, temperature=3.0)
    history = fit(
        ours,
        images,
        Hinton(Teacher(network), temperature=3.0),
        epochs=1,
        lr=1e-2,
        batch_size=16,
        seed=5,
        progress=False,
    )
    assert not torch.allclose(weights_of(ours), weights_of(small(seed=0)), atol=1e-2)
    assert_close(weights_of(ours), weights_of(theirs), rtol=1e-4, atol=1e-5)
    assert loss == pytest.approx([sum(history.losses[0].values())], rel=1e-5)
    assert not theirs.training


def test_rounds_alternate():
    calls = []
    times = measure.interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert calls == ["a", "b"] * 3
    assert [len(found) for found in times.values()] == [3, 3]


def test_ratios_and_slope():
    assert measure.ratios([6.0, 8.0], [3.0, 2.0]) == [2.0, 4.0]
    sizes = [3, 10, 50, 80]
    for power in (0, 1, 2, 3):
        assert measure.slope(sizes, [7 * n**power for n in sizes]) == pytest.approx(power)


def test_fresh_process_times_one_statement():
    assert measure.fresh_seconds("import time; time.sleep(0.05)") >= 0.05


@pytest.mark.skipif(sys.platform != "linux", reason="la mémoire n'est mesurée que sous Linux")
def test_memory_of_the_usual_angles_is_its_two_tables():
    n, d = 192, 256
    assert rkd.usual_need(n, d) == 4 * (2 * n * n * d + 2 * n**3)
    assert 1 <= rkd.memory("habituelle", n, d) / rkd.usual_need(n, d) < 3


def test_angles_that_do_not_fit_are_left_out(monkeypatch):
    monkeypatch.setattr(rkd, "ROOM", rkd.usual_need(8, 4))
    assert list(rkd.times(8, 4, 1)) == ["du cours"]
    assert list(rkd.times(7, 4, 1)) == list(rkd.LOSSES)


def test_operations_of_an_epoch_in_closed_form():
    """Par image : avant, gradient des poids, gradient des entrées (sauf celles de la première couche)."""
    images = load("fashion-mnist", train_size=256).train
    layers = (784 * 800, 800 * 800, 800 * 10)
    assert limit.operations(epochs.STUDENTS["784-800-800-10"], images) == 256 * 2 * (3 * sum(layers) - layers[0])


def test_time_is_shared_between_groups():
    known = {
        "aten::addmm": 0,
        "aten::mkldnn_convolution": 0,
        "aten::native_batch_norm_backward": 1,
        "aten::_fused_adam_": 2,
    }
    groups = list(limit.GROUPS)
    assert {name: groups.index(limit.group_of(name)) for name in known} == known
    assert limit.group_of("aten::index_select") == limit.REST
    parts = limit.time_by_group(partial(epochs.epoch, partial(small, 0), toy(), Supervised()))
    assert sum(parts.values()) == pytest.approx(1)
    assert parts[groups[0]] > 0 and parts[groups[2]] > 0 and parts["BatchNorm"] == 0


@pytest.mark.parametrize("name", growth.LOSSES)
def test_each_loss_of_the_growth_has_a_gradient(name):
    (gradient,) = growth.prepare(name, 6)()
    assert gradient.shape == (6, growth.LOSSES[name].dimension)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_both_sides_of_an_epoch_on_a_few_images(monkeypatch):
    monkeypatch.setattr(epochs, "WORKERS", (0,))
    rows = epochs.against_usual(1, train_size=128) + epochs.against_plain(1, train_size=128)
    assert [row.at_least for row in rows[:4]] == [20, None, 5, None]
    assert [row.at_most for row in rows[4:]] == [1.05, 1.05]
    assert all(0 < row.low <= row.value <= row.high for row in rows)


def test_imports_that_are_timed_exist():
    for statement in (imports.TORCH, imports.CORE, imports.NOTEBOOK, imports.WIDGETS):
        exec(statement, {})


def cell(start, end):
    moments = {"iopub.execute_input": f"2030-01-01T00:00:{start}Z", "iopub.status.idle": f"2030-01-01T00:00:{end}Z"}
    return nbformat.v4.new_code_cell("pass", metadata={"execution": moments})


def test_longest_cells_of_a_notebook():
    text = nbformat.v4.new_markdown_cell("Un texte.")
    notebook = nbformat.v4.new_notebook(cells=[text, cell("01.0", "02.5"), cell("03.0", "03.2"), cell("04.0", "14.0")])
    assert course.longest_cells(notebook).startswith("cellules les plus longues : 3 (10,0 s), 1 (1,5 s), 2 (0,2 s)")
    assert course.total_seconds(notebook) == pytest.approx(11.7)


def test_a_target_is_reached_or_not():
    values = [1.0, 3.0, 2.0]
    row = report.measured("a", values, "×", at_least=2)
    assert (row.value, row.low, row.high) == (2, 1, 3)
    assert row.reached is True
    assert report.measured("a", values, "×", at_least=2.1).reached is False
    assert report.measured("a", values, "", at_most=2).reached is True
    assert report.measured("a", values, "", at_most=1.9).reached is False
    assert report.measured("a", values, "").reached is None
    assert report.measured("a", [math.nan], "", at_most=1).reached is False


def test_the_table_says_what_is_reached_and_what_the_reference_was():
    rows = [
        report.measured("époque", [4.0, 5.0, 6.0], "×", at_least=20, note="deux façons"),
        report.measured("import", [1.25], "", at_most=1.5),
    ]
    head, rule, first, second, blank, note = report.table(rows, {"import": 1.125}).split("\n")
    assert head.split() == ["mesure", "médiane", "étendue", "à", "atteindre", "atteint", "référence"]
    assert set(rule) == {"─", " "} and blank == ""
    assert first.split() == ["époque", "5", "×", "4", "–", "6", "≥", "20", "×", "non"]
    assert second.split() == ["import", "1,25", "≤", "1,5", "oui", "1,12"]
    assert note.split() == ["époque", ":", "deux", "façons"]


def test_main_writes_what_it_shows(tmp_path, monkeypatch, capsys):
    asked = []

    def section(name, value):
        def run(rounds):
            asked.append((name, rounds))
            return [report.measured(name, [value], "×", at_least=2)]

        return run

    monkeypatch.setattr(bench, "SECTIONS", {"bon": section("bon", 3.0), "mauvais": section("mauvais", 1.0)})
    monkeypatch.setattr(report, "REFERENCE", tmp_path / "absent.json")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    path = tmp_path / "dossier" / "mesures.json"
    bench.main(["--seulement", "bon", "--tours", "4", "--json", str(path)])
    bench.main(["--json", str(path)])
    assert asked == [("bon", 4), ("bon", 5), ("mauvais", 5)]
    assert "mauvais" in capsys.readouterr().out
    written = json.loads(path.read_text(encoding="utf-8"))
    assert [(row["name"], row["value"], row["reached"]) for row in written["measures"]] == [
        ("bon", 3.0, True),
        ("mauvais", 1.0, False),
    ]
    assert written["machine"]["torch"] == torch.__version__
    assert report.values_in(path) == {"bon": 3.0, "mauvais": 1.0}
    assert report.values_in(tmp_path / "absent.json") == {}


@pytest.mark.parametrize("wrong", [["--tours", "0"], ["--tours", "deux"], ["--seulement", "inconnu"]])
def test_wrong_options_are_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        bench.main(wrong)
    assert wrong[1] in capsys.readouterr().err
