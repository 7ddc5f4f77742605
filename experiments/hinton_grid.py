"""La grille température × λ × graines du notebook 02 : data/results/hinton_grid.csv et .json.

    OMP_NUM_THREADS=1 python experiments/hinton_grid.py     # une dizaine de minutes sur un cœur

L'élève est un perceptron 784-800-800-10 et n'a que 1 800 images. À graine égale, toutes les cases partent des mêmes
poids et voient les mêmes images dans le même ordre. On choisit sur la validation ; le test n'est noté que pour
conclure.
"""

from course_utils.data import load
from course_utils.models import load_teacher, mlp
from course_utils.objectives import Hinton, Objective, Supervised
from course_utils.training import Teacher, evaluate, fit
from experiments.records import Campaign

SEEDS = [0, 1, 2, 3, 4]
TEMPERATURES = [1.0, 2.0, 4.0, 8.0, 20.0]
SOFT_WEIGHTS = [0.1, 0.3, 1.0, 3.0]
# À l'élève seul, ce pas ou ses voisins conviennent également (student_step.py) : le témoin n'y perd rien.
SETTINGS = {"hidden": (800, 800), "train_size": 1800, "epochs": 20, "lr": 2e-3}


def main() -> None:
    campaign = Campaign(
        "hinton_grid",
        ("method", "temperature", "soft_weight", "seed", "validation", "test", "seconds"),
        ("temperature", "soft_weight", "seed"),
    )
    teacher = Teacher(load_teacher())
    cells = [(t, weight) for t in TEMPERATURES for weight in SOFT_WEIGHTS]
    for seed in SEEDS:
        dataset = load("fashion-mnist", train_size=SETTINGS["train_size"], seed=seed)
        for temperature, weight in [(0.0, 0.0), *cells]:  # (0, 0) : l'élève seul
            if campaign.has(f"{temperature:.6g}", f"{weight:.6g}", seed):
                continue
            alone = weight == 0
            objective: Objective = (
                Supervised() if alone else Hinton(teacher, temperature=temperature, soft_weight=weight)
            )
            student = mlp(SETTINGS["hidden"], seed=seed)
            history = fit(
                student,
                dataset.train,
                objective,
                epochs=SETTINGS["epochs"],
                lr=SETTINGS["lr"],
                seed=seed,
                progress=False,
            )
            campaign.write(
                method="seul" if alone else "distillé",
                temperature=temperature,
                soft_weight=weight,
                seed=seed,
                validation=evaluate(student, dataset.validation),
                test=evaluate(student, dataset.test),
                seconds=history.seconds,
            )
    campaign.finish(seeds=SEEDS, settings=SETTINGS | {"temperatures": TEMPERATURES, "soft_weights": SOFT_WEIGHTS})


if __name__ == "__main__":
    main()
