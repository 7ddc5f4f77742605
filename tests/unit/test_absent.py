"""La classe absente : la règle du biais et le compte des erreurs, contre le calcul direct."""

from typing import Any

import pytest
import torch

from course_utils.absent import best_bias, errors_by_bias, margins, prior_bias, with_bias

LOGITS = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
LABELS = torch.randint(0, 6, (500,), generator=torch.Generator().manual_seed(1))
BIASES = torch.linspace(-3, 6, 37)


@pytest.mark.parametrize("classes", [[2], [0, 5]])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.8])
def test_the_rule_gives_the_share_that_was_asked(classes: list[int], share: float) -> None:
    shifted = with_bias(LOGITS, classes, prior_bias(LOGITS, classes, share))
    found = torch.isin(shifted.argmax(dim=1), torch.tensor(classes)).float().mean().item()
    assert found == pytest.approx(share, abs=1 / 500)


def test_errors_are_those_of_a_direct_count() -> None:
    total, on_absent = errors_by_bias(LOGITS, LABELS, 3, BIASES)
    for i, bias in enumerate(BIASES.tolist()):
        wrong = with_bias(LOGITS, [3], bias).argmax(dim=1) != LABELS
        assert int(total[i]) == int(wrong.sum())
        assert int(on_absent[i]) == int((wrong & (LABELS == 3)).sum())


def test_best_bias_is_best_on_the_grid() -> None:
    total, _ = errors_by_bias(LOGITS, LABELS, 3, BIASES)
    chosen = (BIASES - best_bias(LOGITS, LABELS, 3, BIASES)).abs().argmin()
    assert int(total[chosen]) == int(total.min())


@pytest.mark.parametrize("classes", [2, "sac", ["sac"], [10], [-1], [1.0], torch.tensor(2)], ids=repr)
def test_classes_that_are_not_a_list_of_numbers_are_refused_with_what_to_give(classes: Any) -> None:
    with pytest.raises(ValueError, match=r"donnez une liste de numéros de 0 à 9, par exemple \[2\]\.$"):
        margins(torch.zeros(4, 10), classes)


def test_nothing_is_changed_in_place_and_bad_arguments_are_refused() -> None:
    before = LOGITS.clone()
    errors_by_bias(LOGITS, LABELS, 0, BIASES)
    with_bias(LOGITS, [0], 5.0)
    assert torch.equal(before, LOGITS)
    for share in (0, 1, -0.1):
        with pytest.raises(ValueError, match="part"):
            prior_bias(LOGITS, [0], share)
    for classes in ([], list(range(6))):
        with pytest.raises(ValueError, match="classes"):
            prior_bias(LOGITS, classes, 0.1)
