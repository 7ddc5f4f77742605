"""Les réseaux : une même coupe, des poids qui ne dépendent que de la graine, des fichiers vérifiés."""

import os
import pickle
import re
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from course_utils import adapters, born_again, cost, data, data_free, fitnets, models, weights
from course_utils.objectives import Supervised
from course_utils.training import Teacher, fit

NETS = {
    "mlp": lambda seed=0: models.mlp((32, 16), seed=seed),
    "resnet": lambda seed=0: models.resnet(8, width=4, seed=seed),
    "resnext": lambda seed=0: models.resnext(11, cardinality=2, base_width=4, seed=seed),
    "plain": lambda seed=0: models.plain(7, width=4, seed=seed),
}


def test_a_forgotten_comma_in_the_widths_is_named():
    with pytest.raises(ValueError, match=r"hidden vaut 300.*\(300,\)"):
        models.mlp(300)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: models.mlp((3.5,)), "hidden vaut 3.5"),
        (lambda: models.mlp((32, -3)), "hidden vaut -3"),
        (lambda: models.mlp("800"), "hidden vaut '8'"),
        (lambda: models.mlp((32,), inputs=0), "inputs vaut 0"),
        (lambda: models.mlp((32,), dropout=2), "dropout vaut 2"),
        (lambda: models.mlp((32,), dropout=None), "dropout vaut None"),
        (lambda: models.resnet("8"), "depth vaut '8'"),
        (lambda: models.resnet(8, width=0), "width vaut 0"),
        (lambda: models.resnet(8, classes=2.0), "classes vaut 2.0"),
        (lambda: models.resnext(11, cardinality=0), "cardinality vaut 0"),
        (lambda: models.resnext(11, base_width="4"), "base_width vaut '4'"),
        (lambda: models.plain(None), "depth vaut None"),
        (lambda: models.plain(7, in_channels=-1), "in_channels vaut -1"),
    ],
)
def test_a_size_that_cannot_be_is_named(build, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}\N{NO-BREAK SPACE}: donnez un "):
        build()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0", None, True], ids=repr)
@pytest.mark.parametrize(
    "draw",
    [
        *NETS.values(),
        lambda seed: models.fresh(models.mlp((8,)), seed),
        lambda seed: fitnets.he_initialised(models.plain(7, width=4), seed),
        lambda seed: adapters.regressor((4, 8, 8), (8, 4, 4), seed=seed),
        lambda seed: born_again.Dkpp(Teacher(models.mlp((8,))), seed=seed),
        lambda seed: born_again.mislabelled(pictures(), 0.5, seed),
        lambda seed: data_free.invent_images(Teacher(models.resnet(8, width=4)), pictures(), 4, steps=1, seed=seed),
        lambda seed: fit(models.mlp((8,)), pictures(), Supervised(), epochs=1, seed=seed, progress=False),
    ],
)
def test_a_seed_that_cannot_be_is_named(draw, seed):
    with pytest.raises(ValueError, match=re.escape(f"seed vaut {seed!r} : donnez un entier de 0 à ")):
        draw(seed)


def pictures() -> data.Images:
    pixels = torch.zeros(12, 1, 28, 28, dtype=torch.uint8)
    return data.Images(pixels, torch.arange(12) % 10, torch.arange(12), tuple("0123456789"), (0.3,), (0.3,))


@pytest.mark.parametrize("build", NETS.values(), ids=NETS)
def test_the_cut_is_the_same_for_all(build):
    net, x = build().eval(), torch.randn(3, 1, 28, 28)
    features = net.features(x)
    assert len(features) == 1 + len(net.stages)
    embedding = net.embed(x)
    assert embedding.shape == (3, net.head.in_features)
    torch.testing.assert_close(net(x), net.head(net.pool(features[-1])))
    assert net(x).shape == (3, 10)


COLOURS = torch.zeros(2, 3, 32, 32)


@pytest.mark.parametrize(
    ("net", "batch", "words"),
    [
        ("resnet", COLOURS, r"\(N, 1, H, W\), et reçoit \(2, 3, 32, 32\).*in_channels=3\."),
        ("plain", COLOURS[0], r"reçoit \(3, 32, 32\).*donnez un lot à quatre dimensions"),
        ("mlp", COLOURS, r"784 nombres par image, et en reçoit 3072.*inputs=3072\."),
        ("mlp", torch.zeros(28, 28), r"784 nombres par image, et en reçoit 28"),
        ("resnext", torch.zeros(2, 1, 28, 28, dtype=torch.uint8), r"reçoit des torch\.uint8.*images\.batch"),
    ],
)
def test_images_that_a_network_cannot_read_are_told_in_french(net, batch, words):
    with pytest.raises(ValueError, match=words):
        NETS[net]()(batch)
    with pytest.raises(ValueError, match=words):
        NETS[net]().features(batch)


def test_what_a_network_can_read_is_not_refused():
    flat, quantized = torch.zeros(2, 784), torch.ao.quantization.quantize_dynamic
    assert models.mlp()(flat).shape == (2, 10)
    assert models.resnet(8, in_channels=3)(COLOURS).shape == (2, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch annonce que ce module déménage
        light = quantized(models.mlp(), {torch.nn.Linear})
    assert light(flat).shape == (2, 10)
    with pytest.raises(ValueError, match="inputs=64"):
        light(torch.zeros(2, 64))


def test_a_network_that_changes_the_batch_before_its_first_weights_is_not_refused():
    head = nn.Linear(10, 10)
    halved = models.StagedNet(nn.Sequential(nn.MaxPool2d(2), nn.Flatten()), [nn.Linear(196, 10)], nn.Identity(), head)
    assert halved(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    unshuffled = models.StagedNet(nn.PixelUnshuffle(2), [nn.Conv2d(4, 10, 3)], pooled, head)
    assert unshuffled(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("build", NETS.values(), ids=NETS)
def test_weights_depend_on_the_seed_alone(build):
    state = torch.random.get_rng_state()
    first, again, other = build(), build(), build(seed=1)
    assert torch.equal(state, torch.random.get_rng_state())
    equal = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(equal)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


@pytest.mark.parametrize("build", NETS.values(), ids=NETS)
def test_fresh_is_the_same_architecture_with_other_weights(build):
    original = build().requires_grad_(False).eval()
    twin = models.fresh(original, seed=5)
    assert twin.training and all(p.requires_grad for p in twin.parameters())
    shapes = [p.shape for p in original.parameters()]
    assert shapes == [p.shape for p in twin.parameters()]
    assert not torch.equal(next(original.parameters()), next(twin.parameters()))
    redone = models.fresh(original, seed=5).state_dict()
    assert all(torch.equal(value, redone[key]) for key, value in twin.state_dict().items())


def test_fresh_depends_on_the_seed_alone_and_not_on_the_order_of_the_weights_in_memory():
    network = models.resnet(8, width=4)
    turned = models.resnet(8, width=4).to(memory_format=torch.channels_last)
    both = zip(models.fresh(network, seed=5).parameters(), models.fresh(turned, seed=5).parameters(), strict=True)
    assert all(torch.equal(a, b) and b.is_contiguous() for a, b in both)


def test_fresh_refuses_weights_that_nothing_draws():
    network = models.mlp((8,))
    network.stages[0].scale = torch.nn.Parameter(torch.tensor(7.0))
    with pytest.raises(ValueError, match=r"stages\.0\.scale.*Sequential"):
        models.fresh(network, seed=3)


@pytest.mark.parametrize("copy", [models.copied, Teacher, lambda network: cost.macs(network, (1, 28, 28))])
def test_a_pruned_network_says_how_to_make_its_pruning_final(copy):
    network = models.mlp((8,))
    prune.l1_unstructured(network.head, "weight", 0.5)
    network(torch.zeros(1, 1, 28, 28))
    with pytest.raises(ValueError, match=r"prune\.remove"):
        copy(network)
    prune.remove(network.head, "weight")
    copy(network)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_macs_do_not_depend_on_the_precision(dtype):
    network = models.resnet(8, width=4)
    assert cost.macs(network.to(dtype), (1, 28, 28)) == cost.macs(models.resnet(8, width=4), (1, 28, 28))
    assert next(network.parameters()).dtype == dtype


def test_a_quantized_network_is_not_counted_as_free():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch annonce que ce module déménage
        network = torch.ao.quantization.quantize_dynamic(models.mlp((8,)), {torch.nn.Linear}, dtype=torch.qint8)
    with pytest.raises(ValueError, match=r"couches quantifiées \(Linear\).*weight_bits"):
        cost.macs(network, (1, 28, 28))


def test_depths_count_the_layers_with_weights():
    def layers(net):
        kinds = (torch.nn.Conv2d, torch.nn.Linear)
        return sum(isinstance(m, kinds) for name, m in net.named_modules() if "shortcut" not in name)

    assert layers(models.resnet(14)) == 14
    assert layers(models.resnext(20)) == 20
    assert layers(models.plain(13)) == 13


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: models.resnet(15), r"15.*6n \+ 2.*14"),
        (lambda: models.resnext(14), r"14.*9n \+ 2.*11"),
        (lambda: models.plain(12), r"12.*3n \+ 1.*13"),
        (lambda: models.plain(4), "n ≥ 2.*7"),
        (lambda: models.plain(5), "n ≥ 2.*7"),
    ],
)
def test_impossible_depths_are_refused(build, words):
    with pytest.raises(ValueError, match=words):
        build()


def test_parameters_and_macs_by_hand():
    net = models.mlp((800, 800))
    assert cost.parameters(net) == 784 * 800 + 800 + 800 * 800 + 800 + 800 * 10 + 10
    assert cost.macs(net, (1, 28, 28)) == 784 * 800 + 800 * 800 + 800 * 10
    conv = models.plain(7, width=4)
    by_hand = 784 * 9 * (1 * 4 + 4 * 4) + 196 * 9 * (4 * 8 + 8 * 8) + 49 * 9 * (8 * 16 + 16 * 16) + 160
    assert cost.macs(conv, (1, 28, 28)) == by_hand
    assert conv.training  # compter n'a pas changé le mode


def test_challenge_score_term_by_term():
    net = models.mlp((800, 800))
    w, f = cost.parameters(net) / 5.6e6, cost.macs(net, (1, 28, 28)) / 2.8e8
    score = cost.challenge_score
    assert score(net, (1, 28, 28)) == pytest.approx(w + f)
    assert score(net, (1, 28, 28), weight_bits=8, activation_bits=16) == pytest.approx(w / 4 + f / 2)
    halved = score(net, (1, 28, 28), structured_pruning=0.5, unstructured_pruning=0.25)
    assert halved == pytest.approx(w / 4 + f / 2)
    with pytest.raises(ValueError, match="parts élaguées"):
        score(net, (1, 28, 28), structured_pruning=0.8, unstructured_pruning=0.3)
    with pytest.raises(ValueError, match="bits` vaut 64"):
        score(net, (1, 28, 28), weight_bits=64)
    with pytest.raises(ValueError, match=r"\(3, 28, 28\)"):
        cost.macs(net, (3, 28, 28))


def test_weights_make_the_round_trip(tmp_path):
    net, path = NETS["resnet"](), tmp_path / "élève numéro 1" / "poids.safetensors"
    sha256 = weights.save_weights(net, path)
    twin = NETS["resnet"](seed=9)
    weights.load_weights(twin, path, sha256=sha256)
    assert all(torch.equal(v, twin.state_dict()[k]) for k, v in net.state_dict().items())
    assert [p.name for p in path.parent.iterdir()] == ["poids.safetensors"]


def test_damaged_or_foreign_weights_are_refused_and_change_nothing(tmp_path):
    net, path = NETS["resnet"](), tmp_path / "poids.safetensors"
    sha256 = weights.save_weights(net, path)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match="abîmé"):
        weights.load_weights(net, path, sha256=sha256)
    for damaged in (content[: len(content) // 2], b"", b"<html>404</html>"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="safetensors"):
            weights.load_weights(net, path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="autre architecture"):
        weights.load_weights(NETS["mlp"](), path)
    with pytest.raises(FileNotFoundError, match="n'existe pas"):
        weights.load_weights(net, tmp_path / "absent.safetensors")
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


class Trap:
    def __reduce__(self):
        return os.mkdir, ("piege",)


def test_a_disguised_pickle_is_never_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poids.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match="safetensors"):
        weights.load_weights(NETS["mlp"](), tmp_path / "poids.safetensors")
    assert not (tmp_path / "piege").exists()


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "fichier").write_text("")
    with pytest.raises(OSError, match="choisissez un dossier"):
        weights.save_weights(NETS["mlp"](), tmp_path / "fichier" / "poids.safetensors")


def test_an_unknown_teacher_is_refused():
    with pytest.raises(FileNotFoundError, match="« inconnu » n'existe pas"):
        models.load_teacher("inconnu")
