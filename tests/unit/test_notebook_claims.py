"""Ce que les notebooks 03, 04, 05 et le guide disent des campagnes et des coûts est ce que leurs lignes contiennent."""

from torch import nn

from course_utils import results
from course_utils.challenge_peers import reference_resnet18
from course_utils.cost import challenge_terms, macs, parameters
from course_utils.french import french_number
from course_utils.models import plain
from tests.course import ROOT

GUIDE = (ROOT / "notebooks" / "guide_enseignant.md").read_text(encoding="utf-8").replace("\u00a0", " ")
HALF = {"weight_bits": 16, "activation_bits": 16}


def test_what_is_said_of_fidelity_and_of_confidence_alone() -> None:
    rows = results.load("born_again")
    clean, noisy = results.grouped(rows, "condition")

    def gap(column: str, condition: str, method: str, other: str) -> results.Interval:
        values = (results.column(rows, column, condition=condition, method=name) for name in (method, other))
        return results.paired(*values)

    usual = "labels, autres poids"
    assert not gap("agreement", clean, "génération 1", usual).significant
    assert gap("agreement", noisy, "génération 1", usual).low > 0
    followed = [usual, "génération 1", "CWTM", "DKPP", "lissage des labels"]
    means = {
        column: {m: results.interval(results.column(rows, column, condition=noisy, method=m)).mean for m in followed}
        for column in ("agreement", "accuracy")
    }
    assert (
        min(followed, key=means["agreement"].__getitem__) == max(followed, key=means["accuracy"].__getitem__) == "DKPP"
    )
    assert gap("accuracy", noisy, "CWTM", usual).low > 0
    assert not gap("accuracy", noisy, "CWTM", "génération 1").significant
    assert not any(gap("accuracy", clean, "CWTM", other).significant for other in (usual, "génération 1"))


def test_the_hint_is_behind_kd_wherever_kd_starts() -> None:
    rows = [row for row in results.load("fitnets") if row["lr"] == results.card("fitnets")["settings"]["lr"]]
    hint, kd = "indice à l'étage 2, puis KD", "KD"
    gaps = {
        depth: results.paired(*(results.column(rows, "accuracy", method=m, depth=depth) for m in (hint, kd)))
        for depth in (7, 13, 19, 25)
    }
    assert all(gaps[depth].mean < 0 and not gaps[depth].significant for depth in (7, 13, 19)) and gaps[25].low > 0
    seven = (results.column(rows, "accuracy", method=m, depth=7) for m in (kd, "seul"))
    assert results.paired(*seven).high < 0, "à 7 couches, KD fait moins bien que l'élève seul"


def test_where_the_hint_is_placed_is_not_a_matter_of_length() -> None:
    def lengths(depth: int, stage: int) -> tuple[int, int]:
        """Les couches guidées, et celles qui restent au-dessus."""
        network = plain(depth)
        convolutions = [sum(isinstance(m, nn.Conv2d) for m in part.modules()) for part in network.stages]
        below = 1 + sum(convolutions[:stage])
        return below, sum(convolutions[stage:])

    assert lengths(25, 1) == lengths(25, 2)[::-1] == (8, 16)


def test_which_classes_come_back_badly_and_why() -> None:
    rows = results.load("absent")
    taught, erased = (results.matching(rows, method=name) for name in ("distillé", "renormalisé"))

    def of(found: list[results.Row], name: str, column: str) -> list[float]:
        return results.column(found, column, **{"class": name})

    def mean(name: str, column: str) -> float:
        return results.interval(of(taught, name, column)).mean

    classes = list(results.grouped(taught, "class"))
    gaps = {c: results.paired(of(taught, c, "recall_prior"), of(erased, c, "recall_prior")) for c in classes}
    assert [c for c in classes if not gaps[c].significant] == ["sac"]
    assert sorted(classes, key=lambda c: mean(c, "recall_prior"))[:2] == ["chemise", "pantalon"]
    assert 0.45 < mean("pantalon", "recall_prior") < 0.5 and mean("pantalon", "recall_validation") > 0.75
    errors = zip(*(of(taught, "pantalon", f"errors_{way}") for way in ("validation", "prior")), strict=True)
    assert all(chosen < ruled for chosen, ruled in errors), "moins d'erreurs en tout"
    assert mean("pantalon", "bias_validation") < 1.15 * mean("pantalon", "bias_prior"), "un biais à peine plus grand"
    assert mean("basket", "recall_prior") > 0.7 and max(of(erased, "basket", "recall_prior")) < 0.1


def test_the_soft_labels_vary_less_in_a_world_that_teaches_nothing() -> None:
    rows = results.load("other_world")
    clothes, digits = (results.column(rows, "variation", world=world) for world in ("fashion-mnist", "mnist"))
    assert max(digits) < min(clothes) / 4, "changent très peu"


def test_seven_and_eight_alone_start_lower_than_in_the_paper_and_end_a_little_higher() -> None:
    rows = results.matching(results.load("absent_mnist"), transfer="7 et 8")
    before, after = (results.interval(results.column(rows, f"errors_{rule}")).mean for rule in ("before", "test"))
    assert before < 4730 and 1320 < after < 1700


def test_a_patient_teacher_teaches_digits_better() -> None:
    """Le notebook 02 : l'écart entre les deux élèves distillés, et celui de chacun à l'élève seul."""
    rows = results.load("hinton_mnist")

    def errors(patience: int, method: str) -> list[float]:
        return results.column(rows, "errors_before", patience=patience, method=method)

    assert not results.paired(errors(16, "distillé"), errors(16, "seul")).significant
    assert results.paired(errors(60, "distillé"), errors(60, "seul")).high < 0
    assert results.paired(errors(60, "distillé"), errors(16, "distillé")).high < 0


def test_the_rule_gives_back_two_thirds_of_what_the_teacher_recognises() -> None:
    rows = results.matching(results.load("absent"), method="distillé")
    for same in results.grouped(rows, "seed").values():
        assert sum(row["recall_prior"] for row in same) > 2 / 3 * sum(row["teacher_recall"] for row in same)


def test_the_students_of_seven_and_eight_that_start_low_gain_less() -> None:
    def shares(campaign: str, **where: object) -> tuple[float, float]:
        rows = results.load(campaign)
        before, prior = (
            results.interval(results.column(rows, f"errors_{rule}", **where)).mean for rule in ("before", "prior")
        )
        return before, before - prior

    high = shares("absent_mnist", transfer="7 et 8")
    low = shares("hinton_mnist", method="distillé, 7 et 8 seuls", patience=60)
    assert low[0] < high[0] / 3 and low[1] < high[1]


def test_the_score_and_the_costs_that_the_guide_reads_in_08() -> None:
    resnet18 = reference_resnet18()
    counted = parameters(resnet18), macs(resnet18, (3, 32, 32))
    for compression, told in (({}, "3,979"), (HALF, "1,990"), ({"weight_bits": 8}, "2,482")):
        assert french_number(sum(challenge_terms(*counted, **compression)), 3) == told and told in GUIDE
    costs = {row["method"]: row["macs"] for row in results.matching(results.load("balance_cost"), budget="long")}
    inside = {name: french_number(costs[name] / costs["seul"], 1) for name in ("FitNets", "indices partout", "LIT")}
    assert (inside["FitNets"], inside["LIT"]) == ("3,6", "5,4") and "3,6 fois (FitNets) à 5,4 fois (LIT)" in GUIDE
    assert "3,6" < inside["indices partout"] < "5,4"


def test_the_bias_of_the_paper_is_not_found_with_a_teacher_nearer_to_its_own() -> None:
    rows = results.matching(results.load("hinton_mnist"), method="distillé, sans le 3", patience=60)
    before, bias = (results.interval(results.column(rows, key)).mean for key in ("errors_before", "bias_test"))
    assert (french_number(before, 0), french_number(bias, 1)) == ("156", "1,7")
