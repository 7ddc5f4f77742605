"""Une époque de distillation : la pratique courante et le cours, côte à côte, puis le cours avec et sans enseignant."""

from collections.abc import Callable
from functools import partial

import torch

from benchmarks import usual
from benchmarks.measure import Job, interleaved, ratios
from benchmarks.report import Measure, measured
from course_utils.data import Images, load
from course_utils.french import french_number
from course_utils.models import StagedNet, load_teacher, mlp, resnet
from course_utils.objectives import Hinton, Objective, Supervised
from course_utils.training import Teacher, fit

IMAGES = 6000
EPOCHS = 10  # un apprentissage ordinaire du cours : l'enseignant n'y répond qu'une fois par image
STUDENTS: dict[str, Callable[[], StagedNet]] = {
    "784-800-800-10": partial(mlp, seed=0),
    "ResNet-8 de largeur 8": partial(resnet, 8, width=8, seed=0),
}
TARGETS = {"784-800-800-10": 20.0, "ResNet-8 de largeur 8": 5.0}
WORKERS = (0, 2)


def against_usual(rounds: int, train_size: int = IMAGES) -> list[Measure]:
    """Pour chaque élève : combien de fois plus vite qu'un DataLoader à 0 ou 2 processus, le plus rapide des deux."""
    images = load("fashion-mnist", train_size=train_size).train
    network = load_teacher()
    hinton = Hinton(with_answers(network, images))
    ways: dict[str, Job] = {"réponses": partial(with_answers, network, images)}
    for name, new in STUDENTS.items():
        for workers in WORKERS:
            ways[usual_way(name, workers)] = partial(usual_epoch, new, network, images, workers)
        ways[name] = partial(epoch, new, images, hinton)
    times = interleaved(ways, rounds)
    rows = []
    for name, target in TARGETS.items():
        ours, slow = times[name], [times[usual_way(name, workers)] for workers in WORKERS]
        best = [min(both) for both in zip(*slow, strict=True)]
        each = ", ".join(f"{french_number(min(t))} s avec {w} processus" for w, t in zip(WORKERS, slow, strict=True))
        told = f"pratique courante {each} ; cours {french_number(min(ours))} s"
        rows.append(measured(f"époque de KD, {name}", ratios(best, ours), "×", at_least=target, note=told))
        usual_run = [EPOCHS * t for t in best]
        our_run = [EPOCHS * t + answers for t, answers in zip(ours, times["réponses"], strict=True)]
        rows.append(measured(f"{EPOCHS} époques, réponses comprises, {name}", ratios(usual_run, our_run), "×"))
    return rows


def usual_way(name: str, workers: int) -> str:
    """Le nom d'une mesure de la pratique courante."""
    return f"{name}, {workers} processus"


def against_plain(rounds: int, train_size: int = IMAGES) -> list[Measure]:
    """Ce que coûte une époque de distillation, rapportée à une époque ordinaire du même élève."""
    images = load("fashion-mnist", train_size=train_size).train
    hinton = Hinton(with_answers(load_teacher(), images))
    rows = []
    for name, new in STUDENTS.items():
        ways: dict[str, Job] = {
            "KD": partial(epoch, new, images, hinton),
            "ordinaire": partial(epoch, new, images, Supervised()),
        }
        times = interleaved(ways, 2 * rounds + 1)
        rows.append(
            measured(f"époque de KD / ordinaire, {name}", ratios(times["KD"], times["ordinaire"]), "", at_most=1.05)
        )
    return rows


def usual_epoch(new: Callable[[], StagedNet], teacher: StagedNet, images: Images, workers: int) -> None:
    """Une époque de la pratique courante, élève et lots neufs compris."""
    usual.distil(new(), teacher, usual.loader(images, workers=workers), epochs=1)


def epoch(new: Callable[[], StagedNet], images: Images, objective: Objective) -> None:
    """Une époque du cours, élève neuf compris."""
    fit(new(), images, objective, epochs=1, progress=False)


def with_answers(network: StagedNet, images: Images) -> Teacher:
    """Un enseignant gelé qui a déjà répondu sur toutes ces images."""
    teacher = Teacher(network)
    teacher.logits(images.batch(torch.arange(1)))
    return teacher
