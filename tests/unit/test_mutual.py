"""La distillation en ligne : ce que valent les termes, où vont les gradients, ce que le contrôle prouve."""

import pytest
import torch
from torch.testing import assert_close

from course_utils.data import Images
from course_utils.losses import cross_entropy, kd_loss
from course_utils.models import mlp
from course_utils.mutual import Mutual, Pair
from course_utils.objectives import Supervised
from course_utils.training import fit


def toy(n=48):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.arange(n) % 3, torch.arange(n), ("a", "b", "c"), (0.4,), (0.2,))


def net(seed=0):
    return mlp((6,), inputs=64, classes=3, seed=seed)


def batch(n=12):
    return toy().batch(torch.arange(n), torch.device("cpu"))


def gradients(module):
    return [p.grad for p in module.parameters()]


def train(student, objective, epochs=3):
    fit(student, toy(), objective, epochs=epochs, lr=1e-2, batch_size=16, progress=False)
    return [p.detach().cpu() for p in student.parameters()]


def test_the_pair_answers_with_the_mean_of_the_logits():
    pair, x = Pair(net(0), net(1)), batch().x
    assert torch.equal(pair(x), (pair.first(x) + pair.second(x)) / 2)


def test_the_terms_are_the_sums_of_the_formula():
    pair, lot = Pair(net(0), net(1)), batch()
    terms = Mutual(temperature=3.0, weight=0.5)(pair, lot)
    mine, other = pair.first(lot.x), pair.second(lot.x)
    assert list(terms) == ["labels", "l'autre élève"]
    assert_close(terms["labels"], cross_entropy(mine, lot.y) + cross_entropy(other, lot.y))
    assert_close(terms["l'autre élève"], 0.5 * (kd_loss(mine, other, 3.0) + kd_loss(other, mine, 3.0)))
    assert terms["l'autre élève"] > 0
    assert list(Mutual().parameters()) == []


def test_identical_twins_have_nothing_to_tell_each_other():
    pair = Pair(net(4), net(4))
    terms = Mutual(temperature=2.0)(pair, batch())
    assert terms["l'autre élève"].item() == pytest.approx(0, abs=1e-6)
    terms["l'autre élève"].backward()
    assert all(g.abs().max() < 1e-6 for g in gradients(pair))


def test_a_student_never_feels_how_far_the_other_is_from_it():
    """Le gradient du terme commun, chez l'un, est celui de sa seule divergence : celle de l'autre n'y ajoute rien."""
    pair, lot = Pair(net(0), net(1)), batch()
    Mutual(temperature=2.0)(pair, lot)["l'autre élève"].backward()
    together = [g.clone() for g in gradients(pair)]
    pair.zero_grad()
    logits = pair.first(lot.x), pair.second(lot.x)
    kd_loss(logits[0], logits[1].detach(), 2.0).backward()
    assert gradients(pair.second) == [None] * 4
    kd_loss(logits[1], logits[0].detach(), 2.0).backward()
    for found, wanted in zip(together, gradients(pair), strict=True):
        assert_close(found, wanted)


def test_without_weight_each_student_learns_exactly_as_if_alone():
    """Le contrôle ne change pas un bit : ni les labels ni l'ordre des images ne dépendent du voisin."""
    pair = Pair(net(0), net(1))
    train(pair, Mutual(weight=0))
    for mine, seed in ((pair.first, 0), (pair.second, 1)):
        alone = train(net(seed), Supervised())
        assert all(torch.equal(a, b.detach().cpu()) for a, b in zip(alone, mine.parameters(), strict=True))


def test_with_weight_the_other_changes_both_and_brings_them_closer():
    def gap(weight):
        pair = Pair(net(0), net(1))
        train(pair, Mutual(weight=weight), epochs=8)
        return Mutual()(pair.cpu(), batch(48))["l'autre élève"].item()

    assert gap(3.0) < gap(0.0)


def test_the_same_network_twice_is_refused():
    same = net()
    with pytest.raises(ValueError, match="le même réseau"):
        Pair(same, same)


def test_a_student_that_is_not_a_pair_is_refused():
    with pytest.raises(TypeError, match=r"L'élève est un StagedNet.*donnez Pair\(premier, second\)"):
        Mutual()(net(), batch())


@pytest.mark.parametrize("settings", [{"weight": -1.0}, {"temperature": 0.0}, {"temperature": float("nan")}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match=r"vaut .*donnez un nombre"):
        Mutual(**settings)
