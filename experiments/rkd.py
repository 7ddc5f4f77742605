"""RKD, six graines : rappel à 1 et exactitude d'un élève de 16 dimensions : data/results/rkd.csv.

    python -m experiments.rkd      # environ dix minutes sur un cœur

Chaque graine fixe les 3 000 images et les poids initiaux, les mêmes pour toutes les méthodes. `recall` : la part des
images de test dont la plus proche voisine (dans l'espace de l'élève) est de la même classe. `accuracy` : l'exactitude
sur le test, vide pour les méthodes qui n'entraînent pas la couche finale.
"""

import torch

from course_utils.data import load
from course_utils.models import load_teacher, mlp
from course_utils.objectives import Hinton, Objective, Rkd, Supervised
from course_utils.retrieval import Triplet, embeddings, recall_at_1
from course_utils.training import Teacher, evaluate, fit
from experiments.records import Campaign

SEEDS = list(range(6))
SETTINGS = {"hidden": (200, 16), "train_size": 3000, "test_size": 3000, "epochs": 20, "lr": 2e-3}
TEMPERATURE = 4.0


def methods(teacher: Teacher) -> dict[str, Objective]:
    """Les objectifs comparés ; les poids de RKD sont ceux de l'article, jamais réglés ici."""
    published = {"distance_weight": 25.0, "angle_weight": 50.0, "hard_weight": 1.0}
    return {
        "triplets": Triplet(),
        "RKD distances": Rkd(teacher, angle_weight=0.0),
        "RKD angles": Rkd(teacher, distance_weight=0.0),
        "RKD distances et angles": Rkd(teacher),
        "labels": Supervised(),
        "labels et KD": Hinton(teacher, temperature=TEMPERATURE),
        "labels et RKD": Rkd(teacher, **published),
        "labels, KD et RKD": Rkd(teacher, **published, soft_weight=1.0, temperature=TEMPERATURE),
    }


def main() -> None:
    campaign = Campaign("rkd", ("method", "seed", "recall", "accuracy"), ("method", "seed"))
    teacher = Teacher(load_teacher("fashion-resnet"))
    test = load("fashion-mnist").test
    queries = test.subset(torch.arange(SETTINGS["test_size"]))
    if not campaign.has("enseignant", 0):
        recall = recall_at_1(embeddings(teacher.model, queries), queries.y)
        campaign.write(method="enseignant", seed=0, recall=recall, accuracy=evaluate(teacher.model, test))
    for seed in SEEDS:
        train = load("fashion-mnist", train_size=SETTINGS["train_size"], seed=seed).train
        for method, objective in methods(teacher).items():
            if campaign.has(method, seed):
                continue
            student = mlp(SETTINGS["hidden"], seed=seed)
            fit(student, train, objective, epochs=SETTINGS["epochs"], lr=SETTINGS["lr"], seed=seed, progress=False)
            recall = recall_at_1(embeddings(student, queries), queries.y)
            classifies = "labels" in method
            campaign.write(
                method=method, seed=seed, recall=recall, accuracy=evaluate(student, test) if classifies else ""
            )
    campaign.finish(seeds=SEEDS, settings=SETTINGS | {"temperature": TEMPERATURE})


if __name__ == "__main__":
    torch.set_num_threads(1)  # un si petit réseau ne gagne rien à deux cœurs
    main()
