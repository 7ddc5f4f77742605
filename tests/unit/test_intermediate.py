"""FitNets et LIT : ce que valent les pertes, ce qui bouge à chaque étape, ce qui ne bouge jamais."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils import losses, models
from course_utils.adapters import (
    feature_shapes,
    inherit_ends,
    lit_adapters,
    regressor,
    still_statistics,
)
from course_utils.data import Images
from course_utils.objectives import Hint, Hinton, Hints, Lit, Supervised, fading
from course_utils.retrieval import embeddings
from course_utils.training import Teacher, fit

IMAGE = (1, 8, 8)


def toy(n=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    pixels = (torch.randint(0, 60, (n, *IMAGE), generator=generator) + 60 * labels.view(-1, 1, 1, 1)).to(torch.uint8)
    return Images(pixels, labels, torch.arange(n), ("a", "b", "c"), (0.4,), (0.2,))


def net(depth=8, width=4, seed=0):
    return models.resnet(depth, width=width, classes=3, seed=seed)


def state(module):
    return copy.deepcopy(module.state_dict())


def moved(before, module):
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


def train(student, objective, epochs=1, **settings):
    return fit(student, toy(), objective, epochs=epochs, lr=1e-2, batch_size=16, progress=False, **settings)


# --- Les formes ---


@pytest.mark.parametrize(
    ("student", "teacher", "kernel", "stride"),
    [
        ((16, 14, 14), (48, 14, 14), 1, 1),  # mêmes cartes : 1×1
        ((8, 28, 28), (24, 14, 14), 2, 2),  # deux fois plus grandes
        ((8, 16, 16), (24, 14, 14), 3, 1),
        ((8, 28, 28), (24, 7, 7), 4, 4),
        ((8, 15, 15), (24, 7, 7), 3, 2),
    ],
)
def test_the_regressor_lands_on_the_teachers_shape(student, teacher, kernel, stride):
    layer = regressor(student, teacher)
    assert layer(torch.zeros(2, *student)).shape == (2, *teacher)
    assert (layer.kernel_size[0], layer.stride[0]) == (kernel, stride)


def test_the_regressor_of_vectors_is_dense():
    assert regressor((16,), (96,))(torch.zeros(5, 16)).shape == (5, 96)


@pytest.mark.parametrize(
    ("student", "teacher"), [((8, 7, 7), (24, 14, 14)), ((16,), (24, 7, 7)), ((8, 7), (8, 7)), ((8, 9, 7), (8, 7, 7))]
)
def test_an_impossible_regressor_is_refused_with_both_shapes(student, teacher):
    with pytest.raises(ValueError, match="L'élève rend") as error:
        regressor(student, teacher)
    assert str(student) in str(error.value) and str(teacher) in str(error.value)


def test_maps_that_are_not_square_are_told_as_such() -> None:
    with pytest.raises(ValueError, match="cartes carrées"):
        regressor((8, 28, 30), (16, 14, 15))


def test_the_regressor_draws_its_weights_from_its_seed_alone():
    first = regressor((4, 8, 8), (8, 8, 8), seed=3)
    torch.rand(9)
    second, other = regressor((4, 8, 8), (8, 8, 8), seed=3), regressor((4, 8, 8), (8, 8, 8), seed=4)
    assert torch.equal(first.weight, second.weight) and not torch.equal(first.weight, other.weight)


def test_probing_shapes_moves_nothing():
    model = net().train()
    before = state(model)
    assert feature_shapes(model, IMAGE) == [(4, 8, 8), (4, 8, 8), (8, 4, 4), (16, 2, 2)]
    assert moved(before, model) == set() and model.training
    assert feature_shapes(models.mlp((6, 5), inputs=64), IMAGE) == [(64,), (6,), (5,)]


def test_features_stop_where_asked():
    model = net().eval()
    x = torch.randn(2, *IMAGE)
    whole = model.features(x)
    for stages in range(4):
        for part, full in zip(model.features(x, stages), whole, strict=False):
            assert torch.equal(part, full)
        assert len(model.features(x, stages)) == stages + 1
    for stages in (-1, 4):
        with pytest.raises(ValueError, match=f"Étage {stages} demandé"):
            model.features(x, stages)


# --- FitNets ---


def test_hint_loss_values_by_hand():
    student, teacher = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.zeros(2, 2)
    assert losses.hint_loss(student, teacher).item() == 25 / 4  # moyenne de 9, 16, 0, 0
    assert losses.hint_loss(student, teacher, norm="l2").item() == 2.5  # moyenne de 5 et 0


def test_the_l2_gradient_keeps_its_length_where_the_squared_one_vanishes():
    for size in (1.0, 1e-3):
        x = torch.tensor([[3.0, 4.0]]).mul(size).requires_grad_()
        losses.hint_loss(x, torch.zeros(1, 2), norm="l2").backward()
        assert x.grad.norm().item() == pytest.approx(1, rel=1e-5)
        y = torch.tensor([[3.0, 4.0]]).mul(size).requires_grad_()
        losses.hint_loss(y, torch.zeros(1, 2)).backward()
        assert y.grad.norm().item() == pytest.approx(5 * size, rel=1e-5)


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (2, 3, 4, 1), (1, 3, 4, 4), (2, 3, 16)])
def test_a_mismatch_is_refused_never_broadcast(shape):
    with pytest.raises(ValueError, match="placez un régresseur"):
        losses.hint_loss(torch.zeros(2, 3, 4, 4), torch.zeros(shape))


def test_hint_equals_its_formula():
    teacher, student, layer = Teacher(net(14, 6, seed=1)), net().eval(), regressor((8, 4, 4), (12, 4, 4))
    batch = toy().batch(torch.arange(7), torch.device("cpu"))
    found = Hint(teacher, layer, guided=2, hint=2)(student, batch)["indice"]
    gap = layer(student.features(batch.x)[2]) - teacher.model.features(batch.x)[2]
    assert_close(found, gap.square().mean())


def test_stage_1_moves_only_what_leads_to_the_guided_stage_and_the_regressor():
    original = net(14, 6, seed=1)
    teacher, student, layer = Teacher(original), net(), regressor((8, 4, 4), (12, 4, 4))
    before, teacher_before, layer_before = state(student), state(teacher), state(layer)
    losses_seen = train(student, Hint(teacher, layer, guided=2, hint=2), epochs=4).losses
    changed = moved(before, student)
    parameters = {name for name, _ in student.named_parameters()}
    led = {name for name in parameters if name.startswith(("stem.", "stages.0.", "stages.1."))}
    assert changed & parameters == led
    assert not any(name.startswith(("stages.2.", "head.")) for name in changed)  # ni leurs statistiques
    assert moved(layer_before, layer) == {"weight", "bias"}
    assert moved(teacher_before, teacher) == set()
    assert losses_seen[-1]["indice"] < losses_seen[0]["indice"]


def test_a_missing_stage_and_a_wrong_regressor_are_refused():
    teacher, batch = Teacher(net(seed=1)), toy().batch(torch.arange(4), torch.device("cpu"))
    with pytest.raises(ValueError, match="Étage 5 demandé : ce réseau en a 3"):
        Hint(teacher, nn.Identity(), guided=5, hint=2)(net(), batch)
    with pytest.raises(ValueError, match="placez un régresseur"):
        Hint(teacher, nn.Identity(), guided=1, hint=2)(net(), batch)
    with pytest.raises(TypeError, match="donnez un StagedNet"):
        Hint(teacher, nn.Identity(), guided=1, hint=1)(nn.Linear(2, 2), batch)
    same = net()
    with pytest.raises(ValueError, match="le même réseau"):
        Hint(Teacher(same), nn.Identity(), guided=1, hint=1)(same, batch)


def test_what_is_no_regressor_no_adapter_and_no_stage_is_told_before_learning():
    teacher = Teacher(net(seed=1))
    with pytest.raises(TypeError, match=r"Le régresseur est un objet NoneType.*nn\.Identity"):
        Hint(teacher, None, guided=1, hint=1)
    with pytest.raises(ValueError, match="guided vaut '1'"):
        Hint(teacher, nn.Identity(), guided="1", hint=1)
    with pytest.raises(TypeError, match=r"couple \(entrée, sortie\)"):
        Lit(teacher, [nn.Identity()] * 3)


def test_a_teacher_in_the_place_of_its_network_is_told_with_the_remedy():
    network, teacher = net(), Teacher(net(seed=1))
    for call in (
        lambda: lit_adapters(network, teacher, IMAGE),
        lambda: inherit_ends(network, teacher),
        lambda: feature_shapes(teacher, IMAGE),
        lambda: embeddings(teacher, toy()),
    ):
        with pytest.raises(TypeError, match=r"donnez un StagedNet, coupé en étages, ici son \.model"):
            call()


def test_lambda_fades_from_epoch_to_epoch():
    objective = Hinton(Teacher(net(seed=1)), soft_weight=9.0)
    seen, after = [], fading(objective, start=4, stop=1, epochs=4)

    class Watched:
        def __call__(self, student, batch):
            seen.append(objective.soft_weight)
            return objective(student, batch)

        def parameters(self):
            return ()

    train(net(), Watched(), epochs=4, on_epoch=after)
    assert seen == [4.0] * 3 + [3.0] * 3 + [2.0] * 3 + [1.0] * 3  # trois lots par époque
    assert objective.soft_weight == 1  # un second apprentissage part de là, sans aller au-delà
    for _ in range(3):
        after(None)
    assert objective.soft_weight == 1
    only = fading(objective, start=4, stop=2, epochs=1)
    assert objective.soft_weight == 4
    only(None)
    assert objective.soft_weight == 2
    with pytest.raises(ValueError, match="nombre fini, positif"):
        fading(objective, start=-1, stop=1, epochs=3)


# --- LIT ---


def test_lit_loss_by_hand():
    double, triple = (lambda x: 2 * x), (lambda x: 3 * x)
    features = [torch.ones(2, 2), torch.full((2, 2), 5.0), torch.full((2, 2), 15.0)]
    # bloc 1 : (2·1 − 5)² = 9 ; bloc 2, nourri de l'enseignant (5) et non du bloc 1 (2) : 3·5 − 15 = 0
    assert losses.lit_loss([double, triple], features).item() == 9
    # adaptateurs : +1 avant, +2 après : 2·(1 + 1) + 2 − 5 = 1
    plus = [(lambda x: x + 1, lambda x: x + 2), (None, None)]
    assert losses.lit_loss([double, triple], features, plus).item() == 1


def test_lit_terms_are_weighed_as_in_the_official_code():
    teacher, student = Teacher(net(14, seed=1)), net()
    batch = toy().batch(torch.arange(12), torch.device("cpu"))
    terms = Lit(teacher, hard_share=0.9, kd_share=0.7, temperature=3.0)(student.train(), batch)
    logits, wanted = student(batch.x), teacher.model.features(batch.x)
    assert_close(terms["labels"], 0.7 * 0.9 * losses.cross_entropy(logits, batch.y))
    assert_close(terms["enseignant"], 0.7 * 0.1 * losses.kd_loss(logits, teacher(batch.x), 3.0))
    assert_close(terms["blocs"], 0.3 * losses.lit_loss(list(student.stages), wanted))


@pytest.mark.parametrize("share", [{"hard_share": 1.5}, {"kd_share": -0.1}, {"kd_share": float("nan")}])
def test_a_share_is_between_0_and_1(share):
    for objective in (Lit, Hints):
        with pytest.raises(ValueError, match="donnez une part"):
            objective(Teacher(net()), **share)


def test_a_block_of_lit_never_sees_what_the_block_before_it_does():
    """La perte du bloc 3 n'a de gradient ni dans le bloc 2, ni dans le stem ; celle des indices en a."""
    teacher, student = Teacher(net(14, seed=1)), net().train()
    batch = toy().batch(torch.arange(12), torch.device("cpu"))
    for objective, reaches in ((Lit, False), (Hints, True)):
        student.zero_grad()
        objective(teacher, kd_share=0.0)(student, batch)["blocs"].backward()
        touched = student.stem[0].weight.grad
        assert (touched is not None and touched.abs().sum() > 0) == reaches


def test_each_batch_norm_counts_the_end_to_end_pass_only():
    teacher, student, plain = Teacher(net(14, seed=1)), net(), net()
    batch = toy().batch(torch.arange(16), torch.device("cpu"))
    Lit(teacher)(student.train(), batch)
    Supervised()(plain.train(), batch)
    assert moved(state(plain), student) == set()  # mêmes moyennes, variances et nombre de lots
    assert all(m.track_running_stats for m in student.modules() if isinstance(m, nn.BatchNorm2d))


def test_still_statistics_normalises_by_the_batch_and_survives_an_error():
    model, x = net().train(), torch.randn(6, *IMAGE)
    before = state(model)
    with still_statistics(model):
        still = model(x)
    assert moved(before, model) == set()
    assert torch.equal(still, model(x))
    with pytest.raises(RuntimeError, match="arrêt"), still_statistics(model):
        raise RuntimeError("arrêt")
    assert all(m.track_running_stats for m in model.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize("objective", [Lit, Hints])
def test_adapters_are_trained_and_the_teacher_never_moves(objective):
    wide = net(14, 6, seed=1)
    teacher, student = Teacher(wide), net()
    pairs = lit_adapters(student, wide, IMAGE)
    before, teacher_before = state(student), state(teacher)
    wanted = [m for pair in pairs for m in pair] if objective is Lit else [after for _, after in pairs]
    adapters_before = [state(m) for m in wanted]
    history = train(student, objective(teacher, pairs), epochs=6)
    assert all(moved(b, m) == {"weight", "bias"} for b, m in zip(adapters_before, wanted, strict=True))
    assert moved(teacher_before, teacher) == set()  # les tampons aussi, au bit près
    assert {name for name, _ in student.named_parameters()} <= moved(before, student)
    assert history.losses[-1]["blocs"] < history.losses[0]["blocs"]


def test_hints_count_only_the_adapters_that_they_train():
    teacher, student = Teacher(net(width=8, seed=1)), net(width=4)
    objective = Hints(teacher, lit_adapters(student, teacher.model, IMAGE))
    sum(objective(student, toy().batch(torch.arange(8))).values()).backward()
    trained = list(objective.parameters())
    assert trained and all(parameter.grad is not None for parameter in trained)


def test_hints_want_as_many_stages_on_both_sides():
    batch, student = toy().batch(torch.arange(8)), models.mlp((8,), inputs=64, classes=3)
    with pytest.raises(ValueError, match="L'élève a 1 étages, l'enseignant 2, et il y a 1 couples"):
        Hints(Teacher(models.mlp((8, 8), inputs=64, classes=3, seed=1)))(student, batch)
    with pytest.raises(ValueError, match="il y a 2 couples"):
        Hints(Teacher(models.mlp((8,), inputs=64, classes=3, seed=1)), [(None, None)] * 2)(student, batch)


def test_adapters_only_where_widths_differ():
    assert lit_adapters(net(8, 4), net(14, 4), IMAGE) == [(None, None)] * 3
    pairs = lit_adapters(net(8, 4), net(14, 6), IMAGE)
    assert [[(m.in_channels, m.out_channels) for m in pair] for pair in pairs] == [
        [(6, 4), (4, 6)], [(6, 4), (8, 12)], [(12, 8), (16, 24)]
    ]  # fmt: skip
    with pytest.raises(ValueError, match="LIT demande autant d'étages"):
        lit_adapters(models.plain(7), models.mlp((5,), inputs=64), IMAGE)


def test_the_ends_are_copied_then_frozen_then_free_again():
    network, student = net(14, seed=1), net()
    inherit_ends(student, network)
    assert moved(state(network.stem), student.stem) == moved(state(network.head), student.head) == set()
    student.stem.requires_grad_(False)
    student.head.requires_grad_(False)
    weights = {name: value.clone() for name, value in student.named_parameters()}
    train(student, Lit(Teacher(network)))
    still = {name for name, value in student.named_parameters() if torch.equal(value, weights[name])}
    assert still == {name for name in weights if name.startswith(("stem.", "head."))}
    train(student.requires_grad_(True), Hinton(Teacher(network)))  # phase 2 : tout bouge
    assert not any(torch.equal(value, weights[name]) for name, value in student.named_parameters())
    with pytest.raises(ValueError, match="mêmes largeurs"):
        inherit_ends(net(8, 6), network)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        (models.resnext(11, cardinality=2, base_width=2, classes=3), models.resnext(20, cardinality=2, base_width=2)),
        (models.resnet(8, width=4, classes=3), models.resnext(11, cardinality=2, base_width=2)),
        (models.plain(7, width=4, classes=3), models.plain(10, width=6)),
        (models.mlp((6, 5), inputs=64, classes=3), models.mlp((9, 8), inputs=64)),
    ],
    ids=["resnext", "resnet et resnext", "plain", "mlp"],
)
def test_lit_works_in_every_family(student, teacher):
    teacher.head = nn.Linear(teacher.head.in_features, 3)
    pairs = lit_adapters(student, teacher, IMAGE)
    history = train(student, Lit(Teacher(teacher), pairs), epochs=2)
    assert history.losses[-1]["blocs"] < history.losses[0]["blocs"]


def test_an_augmented_batch_is_seen_alike_by_both_sides():
    teacher, student = Teacher(net(14, seed=1)), net()
    history = train(student, Lit(teacher), augment=True)
    assert set(history.losses[0]) == {"labels", "enseignant", "blocs"}


@pytest.mark.parametrize("make", [Lit, Hints], ids=["LIT", "indices"])
def test_another_width_without_adapters_is_told_in_french(make: type[Lit]) -> None:
    student, teacher = models.resnet(8, width=4, classes=3, seed=0), models.resnet(8, width=8, classes=3, seed=1)
    with pytest.raises(ValueError, match=r"lit_adapters|régresseur"):
        fit(student, toy(), make(Teacher(teacher)), epochs=1, progress=False)


def test_a_regressor_for_another_stage_is_told_in_french() -> None:
    student, teacher = models.resnet(8, width=4, classes=3, seed=0), models.resnet(8, width=8, classes=3, seed=1)
    with pytest.raises(ValueError, match=r"régresseur.*forme \(\d+, 8, 4, 4\)"):
        fit(student, toy(), Hint(Teacher(teacher), nn.Conv2d(3, 16, 1), guided=2, hint=2), epochs=1, progress=False)


def test_another_fault_of_a_block_keeps_its_own_words() -> None:
    def broken(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("mémoire épuisée")

    with pytest.raises(RuntimeError, match="mémoire épuisée"):
        losses.lit_loss([broken], [torch.randn(2, 3), torch.randn(2, 3)])
