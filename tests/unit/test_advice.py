"""Quelle méthode quand ? Toutes les situations ont un conseil, qui ne demande rien qu'elles n'aient pas."""

import itertools

import pytest

from course_utils import results
from course_utils.advice import (
    ACCESS,
    GOALS,
    HEIGHT,
    LABELS,
    MOST,
    RULES,
    SHAPES,
    STEPS,
    Situation,
    advice_picture,
    advise,
)
from course_utils.drawing.svg import alt_of, size_of
from tests.typography import faults, plain

SITUATIONS = [Situation(*choices) for choices in itertools.product(LABELS, ACCESS, SHAPES, GOALS, STEPS)]
INSIDE = ("FitNets", "indice", "LIT", "RKD")  # ce qui lit les représentations de l'enseignant
TAUGHT = ("KD", *INSIDE, "L'élève seul, plus longtemps")  # ce qui le suppose, ou suppose qu'on y renonce
RELATED = (LABELS[0], ACCESS[0], SHAPES[0], GOALS[0], "des centaines de pas, ou plus")


def methods(situation):
    return [plain(advice.method) for advice in advise(situation)]


def measure_of(start, **changes):
    """La phrase de mesure du conseil dont le nom commence ainsi, dans la situation de référence modifiée."""
    found = advise(Situation(*RELATED)._replace(**changes))
    return plain(next(advice.measure for advice in found if plain(advice.method).startswith(start)))


def comma(value, digits):
    return f"{abs(value):.{digits}f}".replace(".", ",")


def mean_gap(campaign, key, first, second):
    a, b = (results.column(results.load(campaign), key, **where) for where in (first, second))
    return 100 * sum(x - y for x, y in zip(a, b, strict=True)) / len(a), len(a)


# --- Toutes les situations ---


def test_every_situation_gets_one_to_three_whole_pieces_of_advice():
    assert len(SITUATIONS) == 4 * 3 * 4 * 2 * 2
    for situation in SITUATIONS:
        found = advise(situation)
        assert 1 <= len(found) <= MOST == 3, situation
        assert len({advice.method for advice in found}) == len(found)
        for advice in found:
            assert all(text.strip() and "…" not in text and "TODO" not in text for text in advice), advice
            assert "nan" not in advice.measure.lower() and advice.measure.endswith("."), advice


def test_every_rule_serves_at_least_once():
    given = {advice.method for situation in SITUATIONS for advice in advise(situation)}
    assert given == {rule.method for rule in RULES}


def test_answers_alone_never_open_the_teacher():
    for situation in SITUATIONS:
        if situation.access != ACCESS[0]:
            assert not [m for m in methods(situation) if any(word in m for word in INSIDE)], situation


def test_without_a_teacher_nothing_needs_one():
    for situation in SITUATIONS:
        if situation.access == ACCESS[2]:
            assert not [m for m in methods(situation) if m.startswith(TAUGHT) or "FitNets" in m], situation


def test_without_labels_nothing_learns_from_them():
    for situation in SITUATIONS:
        if situation.images == LABELS[2]:
            assert not {"KD", "KD et RKD ensemble", "Un indice à chaque étage, ou LIT"} & set(methods(situation))


def test_blocks_are_compared_only_between_networks_cut_alike():
    for situation in SITUATIONS:
        blocks = [m for m in methods(situation) if "LIT" in m]
        assert not blocks or situation.shape in SHAPES[:2], situation
        assert all(("adaptateurs" in m) == (situation.shape == SHAPES[1]) for m in blocks), situation


def test_measure_of_the_blocks():
    told = measure_of("Un indice à chaque étage")
    rows = results.load("lit")
    students = {(r["data"], r["family"], r["depth"]) for r in rows if r["method"] != "enseignant"}
    assert f"sur {len(students)} élèves" in told
    for other in ("seul", "KD", "indices partout"):
        won = 0
        for data, family, depth in students:
            where = {"data": data, "family": family, "depth": depth}
            gap = results.paired(*(results.column(rows, "accuracy", method=m, **where) for m in ("LIT", other)))
            won += gap.low > 0
        assert f"« {other} » {won} fois" in told


def test_nothing_to_distill_is_never_said_beside_a_distillation():
    for situation in SITUATIONS:
        if "Rien à distiller ici" in methods(situation):
            assert set(methods(situation)) <= {"Rien à distiller ici", "Une bonne initialisation"}


# --- Les images ---


def test_every_picture_has_the_same_height_and_tells_its_advice():
    for situation in SITUATIONS:
        picture = advice_picture(**situation._asdict())
        assert size_of(picture)[1] == HEIGHT, situation
        told = plain(alt_of(picture))
        for rank, method in enumerate(methods(situation), 1):
            assert f"{rank}. {method}" in told


def test_the_french_of_every_piece_of_advice_is_well_set():
    for situation in SITUATIONS:
        assert faults(alt_of(advice_picture(**situation._asdict()))) == []


@pytest.mark.parametrize("field", Situation._fields)
def test_an_unknown_choice_is_refused_with_what_exists(field):
    with pytest.raises(ValueError, match="« ?autre chose ?» n'existe pas".replace(" ?", "[ \u00a0]?")) as error:
        advise(Situation(*RELATED)._replace(**{field: "autre chose"}))
    assert getattr(Situation(*RELATED), field) in str(error.value) and "\n" not in str(error.value)


# --- Les mesures, refaites depuis les campagnes ---


@pytest.mark.parametrize(
    ("start", "first", "second", "budget"),
    [
        ("KD et RKD", "KD + RKD", "KD", "court"),
        ("KD et RKD", "KD + RKD", "KD", "long"),
        ("Des adaptateurs", "LIT", "indices partout", "long"),
    ],
)
def test_measures_of_the_balance(start, first, second, budget):
    choice = next(choice for choice, name in STEPS.items() if name == budget)
    gap, count = mean_gap("balance", "accuracy", *({"method": m, "budget": budget} for m in (first, second)))
    told = measure_of(start, steps=choice, shape=SHAPES[1])
    assert told.startswith(f"Mesuré, budget {budget} : {first} contre {second} : {'−' if gap < 0 else '+'}")
    assert comma(gap, 2) in told and f"({count} graines)" in told


def test_measure_of_the_student_alone_given_more():
    told = measure_of("L'élève seul", steps="une centaine de pas")
    for budget in STEPS.values():
        values = results.column(results.load("balance"), "accuracy", method="seul", budget=budget)
        assert f"{comma(100 * sum(values) / len(values), 1)} %" in told


@pytest.mark.parametrize(
    ("start", "images", "access", "condition", "method"),
    [
        ("Le lissage", LABELS[0], ACCESS[2], "labels propres", "lissage des labels"),
        ("Born-Again", LABELS[1], ACCESS[1], "40 % de labels au hasard", "génération 1"),
    ],
)
def test_what_is_advised_without_a_teacher_does_gain_by_its_campaign(start, images, access, condition, method):
    told = measure_of(start, images=images, access=access)
    stored = next(r["condition"] for r in results.load("born_again") if plain(r["condition"]) == condition)
    steps = ({"method": name, "condition": stored} for name in (method, "génération 0"))
    gap, count = mean_gap("born_again", "accuracy", *steps)
    assert f"Mesuré, {condition} : {method} contre génération 0 : +{comma(gap, 2)} point" in told
    assert told.endswith(f" : significatif ({count} graines). Campagne born_again.")


def test_measure_of_the_other_world():
    told = measure_of("KD sans label", images=LABELS[2])
    for world in ("fashion-mnist", "mnist"):
        values = [row["test"] for row in results.load("other_world") if row["world"] == world]
        assert f"{comma(100 * sum(values) / len(values), 1)} %" in told


def test_measure_of_the_absent_class():
    told = measure_of("KD sans label, puis", images=LABELS[3])
    kept = [row for row in results.load("absent") if row["method"] == "distillé"]
    for key in ("recall_before", "recall_prior"):
        assert f"{100 * sum(row[key] for row in kept) / len(kept):.0f} %" in told
    assert f"({len(kept)} élèves)" in told


def test_measure_of_the_recall():
    for first, second, rule, choices in (
        ("RKD distances et angles", "KD sans label", "RKD seule", {}),
        ("KD sans label", "labels", "KD sans label, puis", {"access": ACCESS[1], "images": LABELS[2]}),
    ):
        gap, count = mean_gap("rkd", "recall", *({"dimension": 16, "method": m} for m in (first, second)))
        told = measure_of(rule, goal=GOALS[1], **choices)
        assert f"{first} contre {second}" in told and comma(abs(gap), 2) in told and f"({count} graines)" in told


@pytest.mark.parametrize(
    ("access", "first", "second"),
    [(ACCESS[0], "labels et KD", "labels"), (ACCESS[1], "labels et KD", "labels"), (ACCESS[2], "labels", "triplets")],
)
def test_labels_are_enough_to_search_and_it_is_measured(access, first, second):
    gap, count = mean_gap("rkd", "recall", *({"dimension": 16, "method": m} for m in (first, second)))
    told = measure_of("Les labels, puis chercher", goal=GOALS[1], access=access)
    assert f"{first} contre {second} : +{comma(gap, 2)}" in told and f"({count} graines)" in told


def test_a_campaign_where_relations_cost_something_is_told_beside_the_one_where_they_do_not():
    steps = ({"dimension": 16, "method": m} for m in ("labels, KD et RKD", "labels et KD"))
    gap, _ = mean_gap("rkd", "accuracy", *steps)
    told = measure_of("KD et RKD")
    assert "Campagne balance." in told and gap < 0 and f"labels et KD : −{comma(gap, 2)} point" in told


def test_searching_with_labels_is_never_said_to_be_impossible():
    for situation in SITUATIONS:
        if situation.goal == GOALS[1] and situation.images != LABELS[2]:
            assert "Rien à distiller ici" not in methods(situation), situation


def test_measure_of_the_networks_that_never_start():
    told = measure_of("Une bonne initialisation", shape=SHAPES[3])
    lr = results.card("fitnets")["settings"]["lr"]
    deep = [row for row in results.load("fitnets") if (row["depth"], row["lr"]) == (25, lr)]
    for method in {row["method"] for row in deep}:
        mine = [row["accuracy"] for row in deep if row["method"] == method]
        assert f"{plain(method)}, {sum(a < 0.2 for a in mine)} sur {len(mine)}" in told
