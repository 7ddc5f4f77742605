"""Ce que le notebook 08 et le guide disent en toutes lettres du bilan : une campagne refaite doit encore le montrer."""

import pytest

from course_utils import results
from course_utils.balance import BORN_AGAIN, BUDGETS, METHODS
from course_utils.balance_view import accuracies, stored_costs
from course_utils.french import french_number
from course_utils.results import Interval, paired
from experiments.campaigns.balance import best_step
from experiments.campaigns.balance_step import STEPS

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
    behind = [method for method in METHODS if method != "seul" and gain("court", method).high < 0]
    assert behind == ["KD sans label", "FitNets"], "« deux font moins bien »"


def test_with_hundreds_of_steps_kd_helps_and_rkd_adds_a_little() -> None:
    assert better("long", "KD") and better("long", "KD + RKD")
    added = gain("long", "KD + RKD", "KD")
    assert added.low > 0 and french_number(100 * added.mean, 2) == "0,81", "le guide le cite"
    assert stored_costs("long")["KD + RKD"].extra == 0
    inside = [gain("long", method, "KD") for method in ("FitNets", "indices partout", "LIT")]
    assert not any(one.low > 0 for one in inside), "regarder dans l'enseignant ne dépasse pas KD"


def test_rkd_added_to_kd_loses_in_the_campaign_of_notebook_07() -> None:
    rkd, kd = (
        results.column(results.load("rkd"), "accuracy", dimension=16, method=name)
        for name in ("labels, KD et RKD", "labels et KD")
    )
    assert paired(rkd, kd).high < 0


def test_without_labels_rkd_beats_kd_in_four_dimensions_only() -> None:
    """Ce que disent « À retenir » du notebook 07 et le guide."""
    rows, pair = results.load("rkd"), ("RKD distances et angles", "KD sans label")
    gaps = {d: paired(*(results.column(rows, "recall", dimension=d, method=m) for m in pair)) for d in (4, 16, 64)}
    assert gaps[4].low > 0
    assert not gaps[16].significant and not gaps[64].significant


def test_fitnets_loses_at_8_layers_in_notebook_06_and_here() -> None:
    eight = results.matching(results.load("lit"), data="fashion-mnist", family="resnet", depth=8)
    fitnets, alone = (results.column(eight, "accuracy", method=name) for name in ("FitNets", "seul"))
    assert paired(fitnets, alone).high < 0
    assert gain("long", "FitNets").high < 0


def test_the_two_budgets_differ_by_their_images_as_by_their_steps() -> None:
    short, long = BUDGETS["court"], BUDGETS["long"]
    assert (short.images, long.images) == (1000, 3000) and short.epochs < long.epochs == 12


def test_every_generation_beats_the_first_network_and_the_fourth_beats_the_first_generation() -> None:
    rows = [row for row in results.load("born_again") if row["condition"] != "labels propres"]
    start, *generations = (results.column(rows, "accuracy", method=f"génération {i}") for i in range(5))
    assert all(paired(generation, start).low > 0 for generation in generations)
    assert paired(generations[3], generations[0]).low > 0


def test_lit_is_not_ahead_of_a_kd_that_weighs_one() -> None:
    """Dit au notebook 06, où KD n'a que 0,05 de poids doux."""
    assert not any(gain(budget, "LIT", "KD").low > 0 for budget in FOUND)


def test_being_born_again_gains_nothing_here() -> None:
    assert not any(better(budget, BORN_AGAIN) for budget in FOUND)
    assert -0.001 < gain("long", BORN_AGAIN).high < 0, "« coûte même un peu, au bord du seuil »"


@pytest.mark.parametrize("method", ["FitNets", "indices partout", "LIT"])
def test_looking_inside_the_teacher_costs_several_times_the_computing(method: str) -> None:
    costs = stored_costs("long")
    assert costs[method].macs > 3 * costs["seul"].macs


def test_the_stored_balance_learned_at_the_steps_that_the_stored_validation_chose() -> None:
    rows = [row for row in results.load("balance") if row["method"] != "enseignant"]
    assert all(row["lr"] == best_step(row["budget"], row["method"]) for row in rows)
    assert not {row["lr"] for row in rows} & {STEPS[0], STEPS[-1]}, "un pas choisi au bord de la grille"
