"""RKD, dix graines, trois dimensions d'élève : rappel à 1 et exactitude. Huit minutes sur deux cœurs.

Chaque graine fixe les 3 000 images et les poids initiaux, les mêmes pour toutes les méthodes. `recall` : la part des
images de test dont la plus proche voisine (dans l'espace de l'élève) est de la même classe. Les triplets n'apprennent
que des vecteurs ramenés à la longueur 1 : ils sont jugés sur ceux-là. `accuracy` : l'exactitude sur le test, vide pour
les méthodes qui n'entraînent pas la couche finale.
"""

from typing import Any

import torch
import torch.nn.functional as F

from course_utils.models import mlp
from course_utils.objectives import Hinton, Objective, Rkd, Supervised
from course_utils.retrieval import Triplet, embeddings, recall_at_1
from course_utils.training import Teacher, evaluate, fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import TEACHER, dataset, teacher

SETTINGS: dict[str, Any] = {
    "hidden": 200, "train_size": 3000, "test_size": 3000, "epochs": 20, "lr": 2e-3, "temperature": 4.0,
}  # fmt: skip
TEACHER_DIMENSION = 96
DIMENSIONS = [4, 16, 64]
METRICS = ["triplets", "RKD distances", "RKD angles", "RKD distances et angles"]  # sans couche finale
CLASSIFIERS = ["KD sans label", "labels", "labels et KD", "labels et RKD", "labels, KD et RKD"]


def objectives(teacher: Teacher) -> dict[str, Objective]:
    """Les objectifs comparés ; les poids de RKD sont ceux de l'article, jamais réglés ici."""
    published = {"distance_weight": 25.0, "angle_weight": 50.0, "hard_weight": 1.0}
    t = SETTINGS["temperature"]
    return {
        "triplets": Triplet(),
        "RKD distances": Rkd(teacher, angle_weight=0.0),
        "RKD angles": Rkd(teacher, distance_weight=0.0),
        "RKD distances et angles": Rkd(teacher),
        "KD sans label": Hinton(teacher, temperature=t, hard_weight=0.0),
        "labels": Supervised(),
        "labels et KD": Hinton(teacher, temperature=t),
        "labels et RKD": Rkd(teacher, **published),
        "labels, KD et RKD": Rkd(teacher, **published, soft_weight=1.0, temperature=t),
    }


def measure(*, seed: int, dimension: int, method: str) -> list[Row]:
    """Un élève de cette dimension, ou l'enseignant, jugé par la recherche d'images et par la classification."""
    test = dataset().test
    queries = test.subset(torch.arange(SETTINGS["test_size"]))
    network = teacher().model
    if method != TEACHER:
        train = dataset("fashion-mnist", SETTINGS["train_size"], seed).train
        network = mlp((SETTINGS["hidden"], dimension), seed=seed)
        objective = objectives(teacher())[method]
        fit(network, train, objective, epochs=SETTINGS["epochs"], lr=SETTINGS["lr"], seed=seed, progress=False)
    vectors = embeddings(network, queries)
    judged = F.normalize(vectors, dim=1) if method == "triplets" else vectors
    accuracy = "" if method in METRICS else evaluate(network, test)
    return [{"recall": recall_at_1(judged, queries.y), "accuracy": accuracy}]


CAMPAIGN = Campaign(
    title="RKD et la dimension de l'élève",
    question="Les relations entre exemples enseignent-elles un espace plus petit que celui de l'enseignant ?",
    limits=(
        "Un perceptron et 3 000 images : le rappel est celui d'une recherche parmi 3 000 images de test. Les poids de "
        "RKD sont ceux de l'article, jamais réglés ici ; les triplets sont pris dans le lot."
    ),
    points=[
        {"seed": 0, "dimension": TEACHER_DIMENSION, "method": TEACHER},
        *grid(seed=range(10), dimension=DIMENSIONS, method=[*METRICS, *CLASSIFIERS[:3]]),
        *grid(seed=range(10), dimension=[16], method=CLASSIFIERS[3:]),
    ],
    measure=measure,
    measured=("recall", "accuracy"),
    settings=SETTINGS,
    views=(View("recall", x="dimension", series="method"),),
    comparisons=tuple(
        Comparison(f"dimension {d}, RKD distances et angles", {"dimension": d, "method": "RKD distances et angles"},
                   other, {"dimension": d, "method": other}, "recall")
        for d in DIMENSIONS for other in ("triplets", "KD sans label", "labels et KD")
    ),
)  # fmt: skip
