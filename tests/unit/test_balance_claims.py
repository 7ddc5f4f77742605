"""Ce que le notebook 08 et le guide disent en toutes lettres du bilan : une campagne refaite doit encore le montrer."""

import pytest

from course_utils import results
from course_utils.balance import BORN_AGAIN, BUDGETS, METHODS
from course_utils.balance_view import accuracies, stored_costs
from course_utils.results import Interval, paired
from experiments.campaigns.balance import best_step

FOUND = {
    budget: accuracies([r for r in results.load("balance") if r["budget"] == budget]) for budget in ("court", "long")
}


def gain(budget: str, method: str, other: str = "seul") -> Interval:
    return paired(FOUND[budget][method], FOUND[budget][other])


def better(budget: str, method: str, other: str = "seul") -> bool:
    """Vrai si l'écart est positif et significatif."""
    return gain(budget, method, other).low > 0


@pytest.mark.parametrize("budget", FOUND)
def test_every_method_has_five_seeds_at_each_budget(budget: str) -> None:
    assert set(FOUND[budget]) == set(METHODS) and min(map(len, FOUND[budget].values())) >= 5


def test_with_a_hundred_steps_the_student_alone_stands_up_to_all() -> None:
    assert not any(better("court", method) for method in METHODS if method != "seul")
    assert any(gain("court", method).high < 0 for method in METHODS if method != "seul"), "« gêne en une centaine »"


def test_with_hundreds_of_steps_kd_helps_and_rkd_adds_nothing_significant() -> None:
    assert better("long", "KD") and better("long", "KD + RKD")
    assert not gain("long", "KD + RKD", "KD").significant
    assert stored_costs("long")["KD + RKD"].extra == 0


def test_rkd_added_to_kd_loses_in_the_campaign_of_notebook_07() -> None:
    rkd, kd = (
        results.column(results.load("rkd"), "accuracy", dimension=16, method=name)
        for name in ("labels, KD et RKD", "labels et KD")
    )
    assert paired(rkd, kd).high < 0


def test_fitnets_loses_at_8_layers_in_notebook_06_and_here_not_significantly() -> None:
    eight = results.matching(results.load("lit"), data="fashion-mnist", family="resnet", depth=8)
    fitnets, alone = (results.column(eight, "accuracy", method=name) for name in ("FitNets", "seul"))
    assert paired(fitnets, alone).high < 0
    assert not gain("long", "FitNets").significant


def test_the_two_budgets_differ_by_their_images_as_by_their_steps() -> None:
    short, long = BUDGETS["court"], BUDGETS["long"]
    assert (short.images, long.images) == (1000, 3000) and short.epochs < long.epochs == 12


def test_every_generation_beats_the_first_network_and_the_fourth_beats_the_first_generation() -> None:
    rows = [row for row in results.load("born_again") if row["condition"] != "labels propres"]
    start, *generations = (results.column(rows, "accuracy", method=f"génération {i}") for i in range(5))
    assert all(paired(generation, start).low > 0 for generation in generations)
    assert paired(generations[3], generations[0]).low > 0


def test_being_born_again_gains_nothing_here() -> None:
    assert not any(better(budget, BORN_AGAIN) for budget in FOUND)


@pytest.mark.parametrize("method", ["FitNets", "indices partout", "LIT"])
def test_looking_inside_the_teacher_costs_several_times_the_computing(method: str) -> None:
    costs = stored_costs("long")
    assert costs[method].macs > 3 * costs["seul"].macs


def test_the_stored_balance_learned_at_the_steps_that_the_stored_validation_chose() -> None:
    rows = [row for row in results.load("balance") if row["method"] != "enseignant"]
    assert all(row["lr"] == best_step(row["budget"], row["method"]) for row in rows)
