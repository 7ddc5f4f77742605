"""Le défi : le bon score, la bonne exactitude, un fichier de points qui ne perd rien, et jamais CIFAR-10 inventé."""

import copy
import csv
import errno
import math
import re
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from course_utils import challenge, files
from course_utils.challenge import (
    Placement,
    challenge_images,
    place_on_challenge,
)
from course_utils.challenge_peers import known_entries, reference_resnet18
from course_utils.challenge_points import COLUMNS, Entry, entry, points_csv, read_points, row_of
from course_utils.challenge_view import challenge_chart, score_picture
from course_utils.cost import challenge_score, challenge_terms, macs, parameters
from course_utils.data import Images, load
from course_utils.drawing.svg import alt_of, size_of
from course_utils.files import write_whole
from course_utils.french import french_number
from course_utils.known import KNOWN
from course_utils.models import mlp, resnet
from course_utils.training import evaluate
from tests.typography import plain

COMPRESSION = {"weight_bits": 8, "activation_bits": 16, "structured_pruning": 0.25, "unstructured_pruning": 0.5}


def some(data="fashion-mnist", n=64, channels=1, side=28):
    """Des images au hasard, qui portent les noms de classes du vrai jeu : aucun fichier n'est lu."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8, generator=generator)
    known = KNOWN[data]
    return Images(pixels, torch.arange(n) % 10, torch.arange(n), known.classes, known.mean, known.std)


def net(channels=1):
    return resnet(8, width=4, in_channels=channels).eval()


def placed(name="mon réseau", **settings):
    return place_on_challenge(net(), name=name, images=some(), beside=[], **settings)


# --- Le score ---


@pytest.mark.parametrize("compression", [{}, COMPRESSION])
def test_an_entry_has_the_score_of_challenge_score(compression):
    model = net()
    found = entry(model, (1, 28, 28), name="a", data="d", accuracy=0.5, **compression)
    assert found.score == challenge_score(model, (1, 28, 28), **compression)
    assert (found.weights, found.macs) == (parameters(model), macs(model, (1, 28, 28)))


def test_resnet18_is_the_networks_of_the_challenge():
    model = reference_resnet18()
    assert (parameters(model), macs(model, (3, 32, 32))) == (11_173_962, 555_422_720)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    full, half = known_entries("MNIST", (1, 28, 28))  # aucun réseau du cours n'y est mesuré
    assert full.score == pytest.approx(3.98, abs=5e-3) and half.score == pytest.approx(full.score / 2)
    assert math.isnan(full.accuracy) and math.isnan(half.accuracy)


def test_the_networks_of_the_course_are_beside_on_fashion_mnist_only():
    there = known_entries("Fashion-MNIST", (1, 28, 28))
    assert len(there) == 9 and all(0.7 < point.accuracy < 1 for point in there[2:])
    assert {point.data for point in there[2:]} == {"Fashion-MNIST"}
    assert len(known_entries("CIFAR-10", (3, 32, 32))) == 2


# --- Placer un réseau ---


def test_a_placement_measures_like_evaluate_and_moves_nothing():
    for training in (True, False):
        model = net().train(training)
        before = copy.deepcopy(model.state_dict())
        found = place_on_challenge(model, name="a", images=some(), beside=[], **COMPRESSION).entry
        assert found.accuracy == evaluate(model, some())
        assert model.training is training
        assert next(model.parameters()).device.type == "cpu"
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert (found.data, found.score) == ("Fashion-MNIST", challenge_score(model, (1, 28, 28), **COMPRESSION))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_in_another_precision_is_placed_as_it_is(dtype):
    network, images = resnet(8, width=4, classes=10), load("fashion-mnist").test.subset(torch.arange(200))
    expected = evaluate(network, images)
    found = place_on_challenge(network.to(dtype), images=images, weight_bits=16).entry
    assert found.accuracy == pytest.approx(expected, abs=0.05)


def test_a_placement_shows_a_picture_and_its_description():
    found = placed()
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"] == found.svg and bundle["text/plain"] == alt_of(found.svg)
    assert "mon réseau : score" in plain(bundle["text/plain"])
    ET.fromstring(found.svg)


def fake(monkeypatch, *, cifar=True):
    """Un CIFAR-10 et un Fashion-MNIST minuscules, sans un fichier."""
    parts = {"fashion-mnist": some(), "cifar10": some("cifar10", channels=3, side=32)}
    monkeypatch.setattr(challenge, "at_hand", lambda name: cifar)
    monkeypatch.setattr(challenge, "load", lambda name: SimpleNamespace(test=parts[name]))


def test_without_cifar_10_it_says_so_and_uses_fashion_mnist(monkeypatch, capsys):
    fake(monkeypatch, cifar=False)
    found = place_on_challenge(net(), beside=[])
    assert found.entry.data == "Fashion-MNIST"
    told = plain(capsys.readouterr().out)
    assert "Mesuré sur Fashion-MNIST, et non sur CIFAR-10 : CIFAR-10 n'est pas sur cette machine" in told
    assert "COURS_DONNEES" in told


def test_with_cifar_10_a_network_in_colour_is_measured_there(monkeypatch, capsys):
    fake(monkeypatch)
    model = net(3)
    found = place_on_challenge(model, beside=[]).entry
    assert found.data == "CIFAR-10" and capsys.readouterr().out == ""
    assert found.accuracy == evaluate(model, some("cifar10", channels=3, side=32))
    assert found.score == challenge_score(model, (3, 32, 32))


def test_with_cifar_10_a_grey_network_falls_back_and_says_why(monkeypatch, capsys):
    fake(monkeypatch)
    assert place_on_challenge(net(), beside=[]).entry.data == "Fashion-MNIST"
    assert "ce réseau n'accepte pas les images de CIFAR-10 (3, 32, 32)" in plain(capsys.readouterr().out)


def test_a_damaged_cifar_10_is_not_the_fault_of_the_network(monkeypatch):
    def damaged(name):
        raise ValueError(f"Le fichier de {name} est abîmé.")

    fake(monkeypatch)
    monkeypatch.setattr(challenge, "load", damaged)
    with pytest.raises(ValueError, match="Le fichier de cifar10 est abîmé"):
        challenge_images(net(3))


@pytest.mark.parametrize("cifar", [True, False])
@pytest.mark.parametrize("model", [nn.Linear(3, 3), nn.Conv2d(5, 10, 3)], ids=["dense", "cinq canaux"])
def test_a_network_that_accepts_no_image_is_refused_in_one_sentence(model, cifar, monkeypatch, capsys):
    fake(monkeypatch, cifar=cifar)
    with pytest.raises(ValueError, match="n'accepte pas les images de Fashion-MNIST") as error:
        place_on_challenge(model)
    assert "\n" not in str(error.value) and "donnez un réseau d'images" in str(error.value)
    assert capsys.readouterr().out == ""  # rien n'a été mesuré : rien n'est annoncé


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (mlp((), classes=7), "(7,)"),
        (nn.Identity(), "(1, 28, 28)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0)), "()"),
    ],
    ids=["sept", "image", "nombre"],
)
def test_the_wrong_number_of_outputs_is_refused(model, shape):
    with pytest.raises(ValueError, match=re.escape(shape)) as error:
        place_on_challenge(model, images=some(), beside=[])
    assert "10 classes" in plain(str(error.value)) and "donnez un réseau de 10 sorties" in str(error.value)


def test_what_is_no_network_no_images_and_no_logits_is_told_in_one_sentence():
    with pytest.raises(TypeError, match="Le premier argument est un objet function"):
        place_on_challenge(resnet)
    with pytest.raises(TypeError, match=r"Dataset.*train"):
        place_on_challenge(net(), images=load("fashion-mnist", train_size=10))
    twin = net()
    twin.register_forward_hook(lambda _, inputs, output: (output, output))
    with pytest.raises(TypeError, match="Le réseau rend un objet tuple"):
        place_on_challenge(twin, images=some(), beside=[])
    with pytest.raises(ValueError, match="Tout est élagué"):
        placed(structured_pruning=1)


def test_a_network_that_cannot_be_counted_is_not_told_that_its_images_are_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch annonce que ce module déménage
        light = torch.ao.quantization.quantize_dynamic(mlp(), {nn.Linear})
    with pytest.raises(ValueError, match=r"couches quantifiées.*weight_bits"):
        place_on_challenge(light, beside=[])
    pruned = net()
    prune.l1_unstructured(pruned.head, "weight", amount=0.5)
    with pytest.raises(ValueError, match=r"prune\.remove"):
        place_on_challenge(pruned, beside=[])


def test_counting_resnet18_leaves_the_readers_chance_alone():
    state = torch.random.get_rng_state()
    reference_resnet18()
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"weight_bits": 0}, "weight_bits` vaut 0"),
        ({"activation_bits": 64}, "activation_bits` vaut 64"),
        ({"structured_pruning": -0.1}, "parts élaguées"),
        ({"structured_pruning": 0.6, "unstructured_pruning": 0.6}, "parts élaguées"),
        ({"structured_pruning": 1.0}, r"Tout est élagué \(structured_pruning=1, unstructured_pruning=0\)"),
        ({"unstructured_pruning": 1.0}, r"Tout est élagué \(structured_pruning=0, unstructured_pruning=1\)"),
        ({"structured_pruning": 0.5, "unstructured_pruning": 0.5}, "Tout est élagué"),
    ],
)
def test_an_impossible_compression_is_refused(setting, words):
    with pytest.raises(ValueError, match=words):
        placed(**setting)


# --- Le fichier de points ---


@pytest.fixture
def file(tmp_path):
    return tmp_path / "Élèves de l'été" / "mes points à moi.csv"


def left(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_export_creates_appends_replaces_and_keeps_the_others(file, capsys):
    first = placed("un")
    assert first.export(str(file)) == file
    placed("deux").export(file)
    placed("un", weight_bits=8).export(file)
    rows = read_points(file)
    assert [(row["nom"], row["bits_poids"]) for row in rows] == [("deux", "32"), ("un", "8")]
    assert left(file.parent) == [file.name]
    told = plain(capsys.readouterr().out).splitlines()
    assert "Point « un » écrit dans «" in told[0] and "(1 point dans" in told[0] and "(2 points dans" in told[2]


def test_a_point_survives_the_file(file):
    found = placed("a", **COMPRESSION)
    found.export(file)
    with file.open(encoding="utf-8", newline="") as opened:
        (row,) = csv.DictReader(opened)
    assert list(row) == list(COLUMNS.values())
    mine = found.entry
    for name, column in COLUMNS.items():
        value = getattr(mine, name)
        wanted = value if isinstance(value, str) else pytest.approx(value, rel=1e-5)
        assert type(value)(row[column]) == wanted
    assert found.csv() == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["a, b", 'dit « "le petit" »', "deux\nlignes", "élève ; n° 1", "l'un, \"l'autre\"\n\nfin", "😀", "é\u0301"]
)
def test_a_strange_name_survives(name, file):
    for other in ("avant", name, "après", name):
        placed(other).export(file)
    assert [row["nom"] for row in read_points(file)] == ["avant", "après", name]


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+33", "-1", " =1", "\n=1", '=HYPERLINK("x")'])
def test_a_name_that_a_spreadsheet_would_run_is_refused_and_the_file_untouched(name, file):
    placed("avant").export(file)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="comme une formule") as error:
        placed(name).export(file)
    assert "\n" not in str(error.value)
    assert file.read_bytes() == before and left(file.parent) == [file.name]
    with pytest.raises(ValueError, match="comme une formule"):
        placed(name).csv()


HEADER = ",".join(COLUMNS.values())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nom,score\na,1\n",
        b"des notes de cours\n",
        b"\xff\xfe\x00\x01",
        f"{HEADER}\na,b,1,2,3,4,5,6,7,8,9\n".encode(),  # une case de trop
        f"{HEADER}\na,b\n".encode(),  # des cases en moins
        f'{HEADER}\n"a,b\n'.encode(),  # un guillemet jamais fermé
        HEADER.replace(",", ";").encode(),
    ],
    ids=["vide", "autres colonnes", "texte", "octets", "trop", "moins", "guillemet", "points-virgules"],
)
def test_a_file_that_is_not_a_table_of_points_is_refused_and_untouched(content, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="n'est pas un tableau de points") as error:
        placed().export(path)
    assert "\n" not in str(error.value) and "notes.csv" in str(error.value)
    assert path.read_bytes() == content and left(tmp_path) == ["notes.csv"]


def test_a_table_without_points_is_a_table(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text(points_csv([]), encoding="utf-8")
    placed("a").export(path)
    assert [row["nom"] for row in read_points(path)] == ["a"]


def test_a_path_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(OSError, match=r"ne se lit pas \(.*donnez un autre nom") as error:
        placed().export(tmp_path)
    assert "\n" not in str(error.value)


# --- Écrire en entier, ou pas du tout ---


@pytest.mark.parametrize(
    ("method", "code", "cause"),
    [
        ("write_bytes", errno.EACCES, "droits insuffisants"),
        ("replace", errno.ENOSPC, "disque plein"),
        ("mkdir", errno.EROFS, "disque en lecture seule"),
    ],
)
def test_a_refused_write_is_one_sentence_and_leaves_nothing(method, code, cause, tmp_path, monkeypatch):
    path = tmp_path / "points.csv"
    placed("avant").export(path)
    before = path.read_bytes()

    def refused(*_, **__):
        raise OSError(code, "refused")

    with monkeypatch.context() as patch:
        patch.setattr(Path, method, refused)
        with pytest.raises(OSError, match=cause) as error:
            placed("après").export(path)
    assert "\n" not in str(error.value) and "choisissez un dossier" in str(error.value)
    assert path.read_bytes() == before and left(tmp_path) == ["points.csv"]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "fichier").write_text("a", encoding="utf-8")
    with pytest.raises(OSError, match="Impossible d'écrire"):
        write_whole(tmp_path / "fichier" / "points.csv", b"a")
    assert left(tmp_path) == ["fichier"]


def test_write_whole_makes_the_folder_and_replaces_the_file(tmp_path):
    path = tmp_path / "a b" / "é" / "x.csv"
    for content in (b"un", b"", b"\x00\xff"):
        write_whole(path, content)
        assert path.read_bytes() == content and left(tmp_path) == ["x.csv"]
    assert files.shown(path).startswith("«")


# --- La vue ---


def chart(others, accuracy=0.8, data="CIFAR-10"):
    return challenge_chart(Entry("moi", data, accuracy, 0.5, 10, 10), others, target=0.9)


def circles(figure):
    return sum(element.tag.endswith("circle") for element in ET.fromstring(figure).iter())


def test_an_unknown_accuracy_is_a_vertical_line_and_no_point():
    known, unknown = Entry("b", "d", 0.7, 1.0, 1, 1), Entry("c", "d", math.nan, 2.0, 1, 1)
    assert (circles(chart([])), circles(chart([known])), circles(chart([unknown]))) == (1, 2, 1)
    assert chart([unknown]).count('stroke-dasharray="3 4"') == 1 and "non entraînés ici" in chart([unknown])
    assert "NaN" not in chart([unknown]) and "nan" not in chart([unknown])


def test_the_chart_says_which_side_of_the_line_and_which_data():
    assert "au-dessous de la ligne de 90 %" in plain(alt_of(chart([])))
    assert "au-dessus de la ligne" in plain(alt_of(chart([], accuracy=0.9)))
    assert "sur CIFAR-10" in chart([], data="Fashion-MNIST")


NETWORKS = {"ResNet18": (11_173_962, 555_422_720), "élève": (19_000, 2_300_000)}


def picture(network="ResNet18", structured=25, unstructured=50, weight_bits=8, activation_bits=16):
    return score_picture(
        NETWORKS,
        network=network,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        structured=structured,
        unstructured=unstructured,
    )


@pytest.mark.parametrize("network", NETWORKS)
def test_the_score_picture_has_the_numbers_of_challenge_terms(network):
    now, before = challenge_terms(*NETWORKS[network], **COMPRESSION), challenge_terms(*NETWORKS[network])
    told = alt_of(picture(network))
    for name, a, b in (
        ("mémoire", now.memory, before.memory),
        ("calcul", now.work, before.work),
        ("score", sum(now), sum(before)),
    ):
        assert f"{name} sans compression {french_number(b)}, avec les réglages ci-dessus {french_number(a)}" in told
    assert f"= {french_number(now.memory, 3)}" in told and f"= {french_number(now.work, 3)}" in told


@pytest.mark.parametrize("slider", ["structured", "unstructured", "weight_bits", "activation_bits"])
def test_every_slider_of_the_score_is_seen_even_when_the_score_does_not_move(slider):
    assert picture(**{slider: 7}) != picture(**{slider: 6})  # q_a sous q_w : le plus grand des deux compte seul


def test_an_impossible_pruning_is_a_sentence_in_a_picture_of_the_same_height():
    told = plain(alt_of(picture(structured=60, unstructured=41)))
    assert "on ne peut pas retirer plus de 100 % des poids" in told
    heights = {
        size_of(picture(network, s, u, b))[1]
        for network in NETWORKS
        for s, u in ((0, 0), (60, 41), (100, 100), (50, 50))
        for b in (1, 32)
    }
    assert len(heights) == 1


def test_every_whole_percentage_up_to_100_is_possible():
    for structured in range(101):
        assert "ne peut pas" not in picture(structured=structured, unstructured=100 - structured)


def test_a_row_has_every_column():
    assert list(row_of(Entry("a", "d", math.nan, 1.0, 1, 1))) == list(COLUMNS.values())
    assert row_of(Entry("a", "d", math.nan, 1 / 3, 1, 1))["exactitude"] == "nan"


def test_the_real_test_of_fashion_mnist_is_named():
    images = load("fashion-mnist").test.subset(torch.arange(64))
    found = place_on_challenge(net(), images=images, beside=[Entry("autre", "d", 0.5, 1.0, 1, 1)])
    assert isinstance(found, Placement) and found.entry.data == "Fashion-MNIST" and found.others[0].name == "autre"
