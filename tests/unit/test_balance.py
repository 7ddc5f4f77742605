"""Le bilan : ce que fait chaque méthode, ce qu'elle coûte, la frontière, la figure et le tableau."""

import copy
import xml.etree.ElementTree as ET

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import balance, results
from course_utils.adapters import lit_adapters
from course_utils.balance import BORN_AGAIN, BUDGETS, METHODS, Cost, cost, frontier, new_student, train
from course_utils.balance_view import BalanceTable, accuracies, balance_chart, stored_costs
from course_utils.data import Images, load
from course_utils.drawing.svg import alt_of
from course_utils.models import load_teacher, resnet
from course_utils.training import Teacher
from tests.typography import plain

IMAGE = (1, 8, 8)


def toy(n=64):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % 10
    pixels = (torch.randint(0, 60, (n, *IMAGE), generator=generator) + 18 * labels.view(-1, 1, 1, 1)).to(torch.uint8)
    return Images(pixels, labels, torch.arange(n), tuple("abcdefghij"), (0.4,), (0.2,))


def student_of(seed=0):
    return resnet(8, width=4, seed=seed)


@pytest.fixture
def network():
    return resnet(14, width=6, seed=1)


def state(module):
    return copy.deepcopy(module.state_dict())


def moved(before, module):
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


def learn(method, network, epochs=2, seed=0, **settings):
    return train(method, student_of(), Teacher(network), toy(), epochs=epochs, seed=seed, progress=False, **settings)


# --- Les méthodes ---


@pytest.mark.parametrize("method", METHODS)
def test_every_method_moves_all_of_the_student_and_nothing_of_the_teacher(method, network):
    student, teacher = student_of(), Teacher(network)
    before, teacher_before, original = state(student), state(teacher), state(network)
    found = train(method, student, teacher, toy(), epochs=8, seed=0, lr=1e-2, progress=False)
    assert found is student and not student.training
    assert moved(before, student) == set(before)  # poids, et statistiques des BatchNorm
    assert moved(teacher_before, teacher) == moved(original, network) == set()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_twice_gives_the_same_bits(method, network):
    first, second = learn(method, network), learn(method, network)
    assert moved(state(first), second) == set()


def test_what_the_teacher_hands_to_the_blocks_of_lit_keeps_the_bits(network):
    """Canaux en dernier, les petites convolutions d'un processeur changent parfois de derniers bits."""
    batch = toy().batch(torch.arange(4), torch.device("cpu"))
    assert all(feature.is_contiguous() for feature in Teacher(network).features(batch))


def test_another_seed_gives_another_student(network):
    assert moved(state(learn("seul", network)), learn("seul", network, seed=1))


def test_methods_differ(network):
    heads = {method: learn(method, network, lr=1e-2).head.weight.detach() for method in METHODS}
    names = list(heads)
    assert not any(torch.equal(heads[a], heads[b]) for i, a in enumerate(names) for b in names[:i])


@pytest.fixture
def phases(monkeypatch):
    """Les phases vues par la boucle : (objectif, poids de l'élève au départ, réglages)."""
    seen = []

    def spied(student, images, objective, **settings):
        seen.append((objective, state(student), settings, student))
        return real(student, images, objective, **settings)

    real = balance.fit
    monkeypatch.setattr(balance, "fit", spied)
    return seen


@pytest.mark.parametrize("method", METHODS)
def test_phases_share_the_epochs_equally_with_the_same_seed_and_batches(method, network, phases):
    learn(method, network, epochs=4, seed=5)
    own = phases[-len(METHODS[method](student_of(), Teacher(network), IMAGE)) :]
    assert sum(settings["epochs"] for _, _, settings, _ in own) == 4
    assert {(s["epochs"], s["seed"], s["batch_size"]) for _, _, s, _ in own} == {(4 // len(own), 5, balance.BATCH)}
    assert moved(own[0][1], student_of()) == set()  # partout, le même départ


def test_born_again_learns_from_a_brother_not_from_the_teacher_nor_from_itself(network, phases):
    learn(BORN_AGAIN, network)
    (_, brother_start, _, brother), (objective, start, _, student) = phases
    assert {name for name, value in brother_start.items() if not torch.equal(value, start[name])} >= {
        name for name, value in start.items() if name.endswith("weight") and value.ndim > 1
    }  # pas un noyau, pas une couche dense en commun
    assert objective.teacher.copied_from(brother) and brother is not student
    assert moved(state(brother), objective.teacher.model) == set()
    assert [tuple(v.shape) for v in objective.teacher.model.state_dict().values()] != [
        tuple(v.shape) for v in network.state_dict().values()
    ]


def test_an_unknown_method_is_refused_with_the_list(network):
    with pytest.raises(ValueError, match=r"La méthode «\u00a0kd\u00a0» n'existe pas") as error:
        learn("kd", network)
    assert all(method in str(error.value) for method in METHODS)


@pytest.mark.parametrize(("method", "epochs"), [("FitNets", 3), ("LIT", 1), ("indices partout", 5), ("seul", 0)])
def test_epochs_that_cannot_be_shared_are_refused_before_anything_moves(method, epochs, network):
    student, before = student_of(), state(student_of())
    with pytest.raises(ValueError, match=f"`epochs` vaut {epochs}, à partager en"):
        train(method, student, Teacher(network), toy(), epochs=epochs, seed=0, progress=False)
    assert moved(before, student) == set()


def test_the_student_of_the_balance_depends_on_its_seed_alone():
    first = new_student(3)
    torch.rand(5)
    assert moved(state(first), new_student(3)) == set() and moved(state(first), new_student(4))


# --- Les coûts ---


def test_a_cost_grows_with_the_images_and_the_epochs(network):
    small, more, longer = (cost("seul", network, toy(n), epochs=e) for n, e in ((64, 1), (640, 1), (64, 3)))
    assert more.macs == 10 * small.macs and longer.macs == 3 * small.macs
    assert small.memory == more.memory == longer.memory and small.extra == 0


def test_what_each_method_adds(network):
    found = {method: cost(method, network, toy(), epochs=2) for method in METHODS}
    assert found["KD"].macs == found["KD sans label"].macs > found["seul"].macs
    # un frère et l'élève, deux époques chacun, et le frère qui répond une fois
    assert 2 * found["seul"].macs < found[BORN_AGAIN].macs < 2.5 * found["seul"].macs
    # KD ajoutée à RKD ne coûte que la couche finale de l'enseignant
    assert 0 < found["KD + RKD"].macs - found["RKD"].macs < 0.01 * found["seul"].macs
    assert {method for method, spent in found.items() if spent.extra} == {"FitNets", "indices partout", "LIT"}
    assert found["FitNets"].extra == 16 * 12 + 12  # de 16 à 12 canaux, cartes égales, biais compris
    # les adaptateurs d'entrée ne servent qu'à LIT : ceux de sortie n'en sont donc qu'une partie
    pairs = lit_adapters(new_student(0), network, (1, 28, 28))
    after = sum(weight.numel() for _, part in pairs if part for weight in part.parameters())
    before = sum(weight.numel() for part, _ in pairs if part for weight in part.parameters())
    assert (found["indices partout"].extra, found["LIT"].extra) == (after, before + after)
    assert found["LIT"].memory > found["indices partout"].memory > found["seul"].memory


def test_counting_a_cost_moves_nothing(network):
    before = state(network)
    cost("LIT", network, toy(), epochs=2)
    assert moved(before, network) == set() and network.training


@pytest.fixture(scope="module")
def real():
    return load_teacher("fashion-resnet")


@pytest.mark.parametrize(("budget", "method"), [("court", "seul"), ("court", "KD"), ("long", "seul")])
def test_stored_costs_are_those_counted_now(budget, method, real):
    images, epochs = BUDGETS[budget]
    train = load("fashion-mnist", train_size=images).train
    assert stored_costs(budget)[method] == cost(method, real, train, epochs=epochs)


def test_every_stored_cost_agrees_between_budgets():
    """images × (époques × pas + une fois) : « seul » ne fait rien une fois, les autres font travailler quelqu'un."""
    short, long = (stored_costs(budget) for budget in BUDGETS)
    assert list(short) == list(long) == list(METHODS)
    (n, e), (m, f) = BUDGETS.values()
    for method in METHODS:
        step, rest = divmod(long[method].macs // m - short[method].macs // n, f - e)
        once = short[method].macs // n - e * step
        assert rest == 0 and (once == 0 if method == "seul" else once >= 0), method
        assert short[method][1:] == long[method][1:]  # ni la mémoire ni les paramètres ne dépendent du budget


# --- La frontière ---


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=9))
def test_the_frontier_is_what_nobody_beats(points):
    def beats(a, b):
        return a[0] <= b[0] and a[1] >= b[1] and (a[0] < b[0] or a[1] > b[1])

    found = frontier([c for c, _ in points], [a for _, a in points])
    assert sorted(found) == [i for i, p in enumerate(points) if not any(beats(q, p) for q in points)]
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


def test_frontier_by_hand():
    assert frontier([1, 2, 3, 2], [0.7, 0.9, 0.8, 0.9]) == [0, 1, 3]  # les deux ex æquo restent
    assert frontier([3, 1], [0.9, 0.8]) == [1, 0]  # du moins cher au plus cher
    assert frontier([], []) == []
    with pytest.raises(ValueError):
        frontier([1], [])


# --- La figure et le tableau ---

MEANS = {"seul": 0.80, "KD": 0.82, BORN_AGAIN: 0.79, "LIT": 0.81}
COSTS = {
    "seul": Cost(10 * 10**9, 2_500_000, 0),
    "KD": Cost(20 * 10**9, 2_600_000, 0),
    BORN_AGAIN: Cost(21 * 10**9, 2_600_000, 0),
    "LIT": Cost(60 * 10**9, 9_000_000, 5384),
}


def rows(means=MEANS):
    spread = [-0.01, 0.0, 0.01]
    teacher = {"method": "enseignant", "seed": 0, "accuracy": 0.93}
    return [teacher] + [
        {"method": method, "seed": seed, "accuracy": mean + gap}
        for method, mean in means.items()
        for seed, gap in enumerate(spread)
    ]


def test_accuracies_leave_the_teacher_out_and_follow_the_seeds():
    found = accuracies(rows()[::-1])
    assert set(found) == set(MEANS) and found["KD"] == pytest.approx([0.81, 0.82, 0.83])


def test_the_chart_tells_every_method_its_accuracy_and_its_cost():
    picture = balance_chart(rows(), COSTS, title="Petit budget")
    told = plain(alt_of(picture))
    # moyenne de 0,81, 0,82, 0,83 ; demi-largeur 4,303 × 0,01 / √3
    assert "KD, 82,0 % ± 2,5 pour 2,00 fois le coût" in told
    assert all(f"{method}, {100 * mean:.1f} %".replace(".", ",") in told for method, mean in MEANS.items())
    assert told.endswith("En gras, les méthodes que nulle autre ne bat : seul, KD.")


def test_the_chart_writes_the_frontier_in_bold_and_no_other_name():
    root = ET.fromstring(balance_chart(rows(), COSTS, title="Petit budget"))
    names = {
        plain(e.text): e.get("font-weight") is not None
        for e in root.iter()
        if e.tag.endswith("text") and plain(e.text).startswith(tuple(f"{m} :" for m in MEANS))
    }
    assert names == {"seul : 80,0 %": True, "KD : 82,0 %": True, "né de nouveau : 79,0 %": False, "LIT : 81,0 %": False}


def test_a_missing_cost_is_refused_with_its_method():
    partial = {method: spent for method, spent in COSTS.items() if method not in ("KD", "LIT")}
    for draw in (lambda: balance_chart(rows(), partial, title="t"), lambda: BalanceTable(rows(), partial)):
        with pytest.raises(ValueError, match="Il manque le coût de KD, LIT") as error:
            draw()
        assert "\n" not in str(error.value)


def test_the_table_goes_from_the_most_accurate_to_the_least():
    lines = plain(BalanceTable(rows(), COSTS)._repr_markdown_()).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == ["KD", "LIT", "seul", "né de nouveau"]
    assert {line.count("|") for line in lines} == {7}
    # l'écart est constant d'une graine à l'autre : son intervalle est nul, donc significatif
    assert lines[2] == "| KD | 82,0 % ± 2,5 | +2,00 | 20 | 2,6 | 0 |"
    assert lines[3] == "| LIT | 81,0 % ± 2,5 | +1,00 | 60 | 9,0 | 5 384 |"
    assert lines[4] == "| seul | 80,0 % ± 2,5 | — | 10 | 2,5 | 0 |"
    assert lines[5].split(" | ")[2] == "−1,00"
    assert "KD ; 82,0 % ± 2,5" in plain(repr(BalanceTable(rows(), COSTS)))


def test_a_gap_that_may_be_chance_says_so():
    noisy = rows({"seul": 0.80}) + [
        {"method": "KD", "seed": seed, "accuracy": value} for seed, value in enumerate((0.83, 0.78, 0.82))
    ]
    line = plain(BalanceTable(noisy, COSTS)._repr_markdown_()).splitlines()[2]
    assert "+1,00 (n. s.)" in line


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_stored_campaign_is_drawn_and_compared(budget):
    stored = [row for row in results.load("balance") if row["budget"] == budget]
    found, costs = accuracies(stored), stored_costs(budget)
    assert set(found) == set(METHODS)
    told = plain(alt_of(balance_chart(stored, costs, title=budget)))
    best = frontier([costs[m].macs for m in found], [results.interval(v).mean for v in found.values()])
    assert told.endswith(f"bat : {', '.join(list(found)[i] for i in best)}.")
    values, alone = found["KD"], found["seul"]
    gap = 100 * sum(a - b for a, b in zip(values, alone, strict=True)) / len(values)
    sentence = plain(results.compared("KD", values, "seul", alone))
    assert f"{abs(gap):.2f}".replace(".", ",") in sentence and f"({len(values)} graines)" in sentence


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("calcul", "LIT, 81,0 % ± 2,5 pour 6,00 fois le coût"),
        ("mémoire", "LIT, 81,0 % ± 2,5 pour {} fois la mémoire"),
        ("paramètres en plus", "LIT, 81,0 % ± 2,5 pour 5 384 paramètres en plus"),
    ],
)
def test_each_axis_tells_what_is_paid(axis, words):
    memory = f"{COSTS['LIT'].memory / COSTS['seul'].memory:.2f}".replace(".", ",")
    assert words.format(memory) in plain(alt_of(balance_chart(rows(), COSTS, title="t", axis=axis)))
