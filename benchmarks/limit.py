"""La distance à la limite : quelle part de la vitesse de pointe de la machine un apprentissage atteint, et pourquoi."""

import statistics
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.epochs import IMAGES, STUDENTS, epoch
from benchmarks.measure import Job, interleaved
from benchmarks.report import Measure, measured
from course_utils.data import Images, load
from course_utils.french import french_percent
from course_utils.inference import best_device, bfloat16_wins
from course_utils.models import StagedNet
from course_utils.objectives import Supervised
from course_utils.training_cost import training_macs

SIDE, PRODUCTS = 2048, 4  # le côté des matrices dont le produit donne la vitesse de pointe ; combien d'affilée
GROUPS: dict[str, tuple[str, ...]] = {
    "produits de matrices et convolutions": ("aten::mm", "aten::addmm", "convolution"),
    "BatchNorm": ("batch_norm",),
    "pas d'Adam": ("adam", "Optimizer", "foreach"),
    "ReLU et additions": ("clamp_min", "threshold_backward", "aten::add", "aten::relu"),
}
REST = "le reste (lots, perte, boucle)"


def shares(rounds: int, train_size: int = IMAGES) -> list[Measure]:
    """Par élève : opérations comptées ÷ (durée × vitesse de pointe), et le partage du temps."""
    images = load("fashion-mnist", train_size=train_size).train
    rows = []
    for name, new in STUDENTS.items():
        one_epoch = partial(epoch, new, images, Supervised())
        work = operations(new, images)
        times = interleaved({"pointe": product(SIDE), "époque": one_epoch}, rounds)
        peaks = [PRODUCTS * 2 * SIDE**3 / duration for duration in times["pointe"]]
        reached = [100 * work / (t * peak) for t, peak in zip(times["époque"], peaks, strict=True)]
        rows.append(
            measured(f"part de la pointe, {name}", reached, "%", note=explained(one_epoch, statistics.median(reached)))
        )
    return rows


def product(side: int) -> Job:
    """Quelques produits de deux matrices carrées, dans la précision où l'élève apprend : assez long pour voir la
    machine comme une époque la voit.
    """
    a = torch.full((side, side), 0.5, dtype=torch.bfloat16 if bfloat16_wins(best_device().type) else torch.float32)
    return lambda: [a @ a for _ in range(PRODUCTS)]


def operations(new: Callable[[], StagedNet], images: Images, batch_size: int = 128) -> float:
    """Opérations flottantes d'une époque, avant et arrière (une multiplication-addition en vaut deux)."""
    return 2.0 * training_macs(lambda part: epoch(new, part, Supervised()), images, batch_size)


def explained(job: Job, reached: float) -> str:
    """Où va le temps, en une phrase."""
    parts = time_by_group(job)
    products = parts[next(iter(GROUPS))]
    told = ", ".join(f"{name} {french_percent(part, 0)}" for name, part in parts.items())
    return f"le temps va à : {told} ; pendant les produits, la vitesse est à {reached / products:.0f} % de la pointe"


def time_by_group(job: Job) -> Mapping[str, float]:
    """La part du temps de calcul de chaque groupe d'opérations, d'après le profileur de torch."""
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        job()
    spent = dict.fromkeys([*GROUPS, REST], 0.0)
    for event in watched.key_averages():
        spent[group_of(event.key)] += event.self_cpu_time_total
    total = sum(spent.values())
    return {name: part / total for name, part in spent.items()}


def group_of(operation: str) -> str:
    """Le groupe d'une opération, d'après son nom."""
    return next((group for group, words in GROUPS.items() if any(word in operation for word in words)), REST)
