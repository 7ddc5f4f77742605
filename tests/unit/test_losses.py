"""Les pertes : valeurs exactes, propriétés, et les fautes connues qu'elles doivent refuser."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from course_utils import losses

FINITE = st.floats(-30, 30, width=32)
TEMPERATURE = st.floats(0.05, 1000)


def logits(rows: int, columns: int, seed: int = 0, scale: float = 3.0, dtype=torch.float32):
    return (scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))).to(dtype)


def explicit_kd(student, teacher, temperature):
    """La définition, écrite en boucles et en double précision."""
    total = 0.0
    for s, t in zip(student.double().tolist(), teacher.double().tolist(), strict=True):
        s_max, t_max = max(s), max(t)
        s_exp = [math.exp((z - s_max) / temperature) for z in s]
        t_exp = [math.exp((z - t_max) / temperature) for z in t]
        for zs, zt, et in zip(s, t, t_exp, strict=True):
            log_q = (zs - s_max) / temperature - math.log(sum(s_exp))
            log_p = (zt - t_max) / temperature - math.log(sum(t_exp))
            total += et / sum(t_exp) * (log_p - log_q)
    return temperature**2 * total / len(student)


def test_soften_known_values():
    assert_close(losses.soften(torch.tensor([0.0, math.log(3)]), 1), torch.tensor([0.25, 0.75]))
    # à T = 2, le rapport 3 devient √3
    ratio = losses.soften(torch.tensor([0.0, math.log(3)]), 2)
    assert_close(ratio[1] / ratio[0], torch.tensor(math.sqrt(3)))


@given(st.lists(FINITE, min_size=2, max_size=8), TEMPERATURE)
def test_soften_is_a_probability_that_keeps_the_order(values, temperature):
    z = torch.tensor(values, dtype=torch.float64)
    p = losses.soften(z, temperature)
    assert_close(p.sum().item(), 1.0)
    order = z.argsort(descending=True)
    assert (p[order].diff() <= 1e-12).all()


def test_soften_limits():
    z = torch.tensor([[1.0, 2.0, 4.0]])
    assert_close(losses.soften(z, 0.05), torch.tensor([[0.0, 0.0, 1.0]]), atol=1e-6, rtol=0)
    assert_close(losses.soften(z, 1000), torch.full((1, 3), 1 / 3), atol=2e-3, rtol=0)


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf, -math.inf, "chaud", None])
def test_bad_temperature_is_refused_with_its_value(bad):
    for call in (
        lambda: losses.soften(torch.zeros(3), bad),
        lambda: losses.kd_loss(torch.zeros(2, 3), torch.zeros(2, 3), bad),
        lambda: losses.hinton_loss(
            torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2).long(), temperature=bad, soft_weight=1
        ),
    ):
        with pytest.raises(ValueError, match="température vaut " + repr(bad)):
            call()


def test_kd_closed_form_two_classes():
    # enseignant (3/4, 1/4), élève (1/2, 1/2) : KL = 3/4·ln(3/2) + 1/4·ln(1/2)
    student, teacher = torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert_close(losses.kd_loss(student, teacher, 1).item(), expected)


@given(st.integers(1, 5), st.integers(2, 12), st.integers(0, 1000), st.floats(0.3, 60))
def test_kd_equals_the_explicit_loops(rows, columns, seed, temperature):
    s, t = logits(rows, columns, seed, dtype=torch.float64), logits(rows, columns, seed + 1, dtype=torch.float64)
    assert_close(losses.kd_loss(s, t, temperature).item(), explicit_kd(s, t, temperature), rtol=1e-7, atol=1e-9)


def test_kd_is_zero_only_for_equal_distributions_and_is_not_symmetric():
    s, t = logits(4, 5, 1), logits(4, 5, 2)
    assert losses.kd_loss(s, s + 7.0, 3).abs() < 1e-5  # ajouter une constante ne change pas le softmax
    assert losses.kd_loss(s, t, 3) > 0
    assert not math.isclose(losses.kd_loss(s, t, 3).item(), losses.kd_loss(t, s, 3).item(), rel_tol=1e-3)


def test_kd_has_the_right_direction():
    # KL(P_T ‖ P_S) punit un élève qui exclut une classe que l'enseignant croit possible, et tolère l'inverse
    broad, narrow = torch.zeros(1, 3), torch.tensor([[20.0, 0.0, 0.0]])
    assert losses.kd_loss(narrow, broad, 1) > 10
    assert losses.kd_loss(broad, narrow, 1) < 1.2


def test_kd_is_a_mean_over_examples_not_over_classes():
    s, t = logits(3, 4, 1), logits(3, 4, 2)
    assert_close(losses.kd_loss(s.repeat(5, 1), t.repeat(5, 1), 2), losses.kd_loss(s, t, 2))
    # ajouter des classes impossibles des deux côtés ne change rien
    off = torch.full((3, 100), -1e4)
    assert_close(losses.kd_loss(torch.cat([s, off], 1), torch.cat([t, off], 1), 2), losses.kd_loss(s, t, 2))


def test_gradient_is_the_one_of_the_paper():
    # ∂/∂z_i de T²·KL = T·(q_i − p_i)
    s, t = logits(1, 10, 1).requires_grad_(), logits(1, 10, 2)
    for temperature in (1.0, 4.0, 20.0):
        (gradient,) = torch.autograd.grad(losses.kd_loss(s, t, temperature), s)
        assert_close(gradient, temperature * (losses.soften(s, temperature) - losses.soften(t, temperature)))


def test_high_temperature_matches_logits():
    s, t = logits(1, 10, 1).double().requires_grad_(), logits(1, 10, 2).double()
    (gradient,) = torch.autograd.grad(losses.kd_loss(s, t, 1000.0), s)
    centred = (s - s.mean()) - (t - t.mean())
    assert_close(gradient, centred.detach() / 10, rtol=0.05, atol=1e-3)


def test_teacher_gets_no_gradient_and_arguments_are_unchanged():
    s, t, y = logits(4, 5, 1).requires_grad_(), logits(4, 5, 2).requires_grad_(), torch.arange(4)
    before = s.detach().clone(), t.detach().clone()
    losses.hinton_loss(s, t, y, temperature=3, soft_weight=0.7).backward()
    assert t.grad is None and s.grad is not None
    assert torch.equal(s, before[0]) and torch.equal(t, before[1])


@pytest.mark.parametrize("scale", [1e4, 1e-8])
@pytest.mark.parametrize("temperature", [0.05, 1.0, 1000.0])
def test_extreme_logits_stay_finite(scale, temperature):
    s, t = logits(4, 10, 1, scale).requires_grad_(), logits(4, 10, 2, scale)
    loss = losses.kd_loss(s, t, temperature)
    loss.backward()
    assert loss.isfinite() and s.grad.isfinite().all()


def test_masked_classes_on_both_sides_do_not_count():
    s, t = logits(3, 5, 1), logits(3, 5, 2)
    masked_s, masked_t = s.clone(), t.clone()
    masked_s[:, 4] = masked_t[:, 4] = -math.inf
    masked_s.requires_grad_()
    loss = losses.kd_loss(masked_s, masked_t, 2)
    loss.backward()
    assert_close(loss, losses.kd_loss(s[:, :4], t[:, :4], 2))
    assert masked_s.grad.isfinite().all() and (masked_s.grad[:, 4] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    s, t = logits(8, 10, 1, dtype=dtype), logits(8, 10, 2, dtype=dtype)
    loss = losses.kd_loss(s, t, 20)
    assert loss.dtype == torch.float32
    assert_close(loss, losses.kd_loss(s.float(), t.float(), 20))


def test_layout_does_not_matter():
    s, t = logits(6, 4, 1), logits(6, 4, 2)
    assert_close(losses.kd_loss(s.T.contiguous().T, t[:, :].expand(6, 4), 2), losses.kd_loss(s, t, 2))
    row = logits(1, 4, 3).expand(6, 4)
    assert_close(losses.kd_loss(row, t, 2), losses.kd_loss(row.contiguous(), t, 2))


def test_hinton_is_the_weighted_sum():
    s, t, y = logits(4, 5, 1), logits(4, 5, 2), torch.tensor([0, 1, 2, 3])
    hard, soft = torch.nn.functional.cross_entropy(s, y), losses.kd_loss(s, t, 3)
    got = losses.hinton_loss(s, t, y, temperature=3, soft_weight=0.7, hard_weight=0.2)
    assert_close(got, 0.2 * hard + 0.7 * soft)
    assert_close(losses.hinton_loss(s, t, y, temperature=3, soft_weight=0.7), hard + 0.7 * soft)


def test_targets_may_be_one_hot_ignored_or_absent():
    s, t, y = logits(4, 5, 1), logits(4, 5, 2), torch.tensor([0, 1, 2, 3])
    one_hot = torch.nn.functional.one_hot(y, 5)
    assert_close(losses.cross_entropy(s, one_hot), losses.cross_entropy(s, y))
    ignored = torch.tensor([0, 1, -100, -100])
    assert_close(losses.cross_entropy(s, ignored), losses.cross_entropy(s[:2], y[:2]))
    nobody = torch.full((4,), -100)
    assert losses.hinton_loss(s, t, nobody, temperature=2, soft_weight=1, hard_weight=0).isfinite()


@pytest.mark.parametrize(
    ("student", "teacher", "words"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 4), r"\(2, 3\).*\(2, 4\)"),
        (torch.zeros(3), torch.zeros(3), r"\(N exemples, C classes\)"),
        (torch.zeros(2, 3, 1), torch.zeros(2, 3, 1), r"\(2, 3, 1\)"),
        (torch.zeros(0, 3), torch.zeros(0, 3), "lot est vide"),
        (torch.zeros(2, 3).long(), torch.zeros(2, 3), "int64"),
        (torch.zeros(2, 3), torch.zeros(2, 3, device="meta"), "meta"),
    ],
)
def test_bad_logits_are_refused(student, teacher, words):
    with pytest.raises(ValueError, match=words):
        losses.kd_loss(student, teacher, 4)


@pytest.mark.parametrize("targets", [torch.zeros(3).long(), torch.zeros(2), torch.zeros(2, 5).long()])
def test_bad_targets_are_refused(targets):
    with pytest.raises(ValueError, match=r"Les labels ont la forme"):
        losses.cross_entropy(torch.zeros(2, 3), targets)


def test_labels_in_the_place_of_logits_are_named():
    logits, labels = torch.zeros(2, 3), torch.tensor([0, 2])
    with pytest.raises(ValueError, match=r"^Les logits ont la forme \(2,\) et le type torch\.int64"):
        losses.cross_entropy(labels, logits)
    with pytest.raises(ValueError, match=r"^Les logits de l'enseignant ont la forme \(2,\) et le type torch\.int64"):
        losses.kd_loss(logits, labels, 4)


def test_hint_closed_form():
    student, teacher = torch.tensor([[3.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 4.0], [0.0, 0.0]])
    assert_close(losses.hint_loss(student, teacher), torch.tensor((9 + 16) / 4))
    assert_close(losses.hint_loss(student, teacher, norm="l2"), torch.tensor(5 / 2))


def test_hint_gradient_at_zero_is_finite():
    x = torch.ones(2, 3, requires_grad=True)
    losses.hint_loss(x, torch.ones(2, 3), norm="l2").backward()
    assert (x.grad == 0).all()


def test_hint_never_broadcasts_and_knows_two_norms():
    with pytest.raises(ValueError, match="régresseur"):
        losses.hint_loss(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 1, 1))
    with pytest.raises(ValueError, match="« L3 » n'existe pas"):
        losses.hint_loss(torch.zeros(2, 3), torch.zeros(2, 3), norm="L3")


def test_lit_feeds_each_block_with_the_teacher():
    double, triple = (lambda x: 2 * x), (lambda x: 3 * x)
    features = [torch.ones(1, 2), torch.full((1, 2), 5.0), torch.full((1, 2), 7.0)]
    # bloc 1 : 2·1 contre 5 ; bloc 2 : 3·5 (l'entrée de l'enseignant, et non 3·2) contre 7
    assert_close(losses.lit_loss([double, triple], features), torch.tensor(9.0 + 64.0))


def test_lit_trains_adapters_and_not_the_teacher():
    adapt_in, adapt_out = torch.nn.Linear(3, 2), torch.nn.Linear(2, 4)
    features = [torch.randn(5, 3, requires_grad=True), torch.randn(5, 4, requires_grad=True)]
    losses.lit_loss([torch.relu], features, [(adapt_in, adapt_out)]).backward()
    assert adapt_in.weight.grad is not None and adapt_out.weight.grad is not None
    assert all(feature.grad is None for feature in features)


def test_lit_counts_are_checked():
    with pytest.raises(ValueError, match=r"blocs.: 1.; de représentations de l'enseignant.: 1"):
        losses.lit_loss([torch.relu], [torch.zeros(1, 2)])
    with pytest.raises(ValueError, match="0 adaptateurs pour 1 blocs"):
        losses.lit_loss([torch.relu], [torch.zeros(1, 2)] * 2, [])
    with pytest.raises(ValueError, match="régresseur"):
        losses.lit_loss([torch.nn.Linear(2, 3)], [torch.zeros(1, 2)] * 2)
