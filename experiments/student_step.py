"""L'élève seul à quatre pas d'Adam, témoin du notebook 02 : data/results/student_step.csv et .json.

    OMP_NUM_THREADS=1 python -m experiments.student_step     # une minute sur un cœur

Le pas commun aux deux élèves désavantage-t-il le témoin ? Seule la validation est lue.
"""

from course_utils.data import load
from course_utils.models import mlp
from course_utils.objectives import Supervised
from course_utils.training import evaluate, fit
from experiments.records import Campaign

SEEDS = [0, 1, 2]
STEPS = [1e-3, 2e-3, 3e-3, 4e-3]
SETTINGS = {"hidden": (800, 800), "train_size": 1800, "epochs": 20}


def main() -> None:
    campaign = Campaign("student_step", ("lr", "seed", "validation", "seconds"), ("lr", "seed"))
    for seed in SEEDS:
        dataset = load("fashion-mnist", train_size=SETTINGS["train_size"], seed=seed)
        for lr in STEPS:
            if campaign.has(f"{lr:.6g}", seed):
                continue
            student = mlp(SETTINGS["hidden"], seed=seed)
            history = fit(
                student, dataset.train, Supervised(), epochs=SETTINGS["epochs"], lr=lr, seed=seed, progress=False
            )
            campaign.write(lr=lr, seed=seed, validation=evaluate(student, dataset.validation), seconds=history.seconds)
    campaign.finish(seeds=SEEDS, settings=SETTINGS | {"steps": STEPS})


if __name__ == "__main__":
    main()
