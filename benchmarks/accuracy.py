"""Aller plus vite n'enlève rien : le même élève, appris par la pratique courante et par le cours, graine par graine."""

from benchmarks import usual
from benchmarks.epochs import IMAGES, STUDENTS, with_answers
from benchmarks.report import Measure, measured
from course_utils.data import load
from course_utils.models import fresh, load_teacher
from course_utils.objectives import Hinton
from course_utils.results import compared, paired
from course_utils.training import evaluate, fit

SEEDS = range(5)


def kept(train_size: int = IMAGES, epochs: int = 5) -> list[Measure]:
    """L'écart d'exactitude sur le test, rapporté à la demi-largeur de son intervalle à 95 % : sous 1, c'est du bruit.

    Mêmes images, mêmes poids de départ, même pas à chaque graine ; seul l'ordre des images diffère.
    """
    data = load("fashion-mnist", train_size=train_size)
    network = load_teacher()
    hinton = Hinton(with_answers(network, data.train))
    rows = []
    for name, new in STUDENTS.items():
        ours, theirs = [], []
        for seed in SEEDS:
            student, other = (fresh(new(), seed) for _ in range(2))
            fit(student, data.train, hinton, epochs=epochs, seed=seed, progress=False)
            usual.distil(other, network, usual.loader(data.train, workers=0, seed=seed), epochs=epochs)
            ours.append(evaluate(student, data.test))
            theirs.append(evaluate(other, data.test))
        gap = paired(ours, theirs)
        told = compared("cours", ours, "pratique courante", theirs)
        rows.append(
            measured(f"écart d'exactitude / bruit, {name}", [abs(gap.mean) / gap.half], "", at_most=1, note=told)
        )
    return rows
