"""FitNets : des réseaux fins de plus en plus profonds, seuls, avec KD ou guidés par un indice : fitnets.csv.

    python -m experiments.fitnets      # environ une demi-heure sur deux cœurs

Une graine fixe les 3 000 images et les poids initiaux, les mêmes pour toutes les méthodes (sauf « initialisation de
He », qui ne change qu'eux). Même nombre d'époques pour toutes : celles de l'étape 1 comptent. Même pas aussi ; les
lignes « seul » d'un autre pas sont un contrôle : échoue-t-il à cause de lui ? Rien n'est choisi sur le test.
"""

from functools import partial

from course_utils.adapters import feature_shapes, regressor
from course_utils.data import Images, load
from course_utils.fitnets import he_initialised
from course_utils.models import StagedNet, load_teacher, plain
from course_utils.objectives import Hint, Hinton, Supervised, fading
from course_utils.training import Teacher, evaluate, fit
from experiments.records import Campaign

SEEDS = list(range(3))
DEPTHS = (7, 13, 19, 25)
SETTINGS = {"train_size": 3000, "batch_size": 64, "lr": 2e-3, "epochs": 12}
HINTS = {"indice à l'étage 2, puis KD": (2, 6), "indice à l'étage 1, puis KD": (1, 4)}  # étage, époques de l'étape 1
KD = {"temperature": 3.0, "start": 4.0, "stop": 1.0}  # τ et λ de l'article
OTHER_STEPS = (5e-4, 1e-3)
IMAGE = (1, 28, 28)


def alone(student: StagedNet, train: Images, *, seed: int, lr: float = SETTINGS["lr"]) -> None:
    fit(student, train, Supervised(), epochs=SETTINGS["epochs"], lr=lr, batch_size=64, seed=seed, progress=False)


def distilled(student: StagedNet, train: Images, teacher: Teacher, *, seed: int, epochs: int) -> None:
    objective = Hinton(teacher, temperature=KD["temperature"])
    fade = fading(objective, start=KD["start"], stop=KD["stop"], epochs=epochs)
    fit(student, train, objective, epochs=epochs, lr=SETTINGS["lr"], batch_size=64, seed=seed, progress=False,
        on_epoch=fade)  # fmt: skip


def guided(student: StagedNet, train: Images, teacher: Teacher, *, stage: int, stage_1: int, seed: int) -> None:
    ours, theirs = (feature_shapes(model, IMAGE)[stage] for model in (student, teacher.model))
    hint = Hint(teacher, regressor(ours, theirs, seed=seed), guided=stage, hint=stage)
    fit(student, train, hint, epochs=stage_1, lr=SETTINGS["lr"], batch_size=64, seed=seed, progress=False)
    distilled(student, train, teacher, seed=seed, epochs=SETTINGS["epochs"] - stage_1)


def main() -> None:
    campaign = Campaign("fitnets", ("depth", "method", "lr", "seed", "accuracy"), ("depth", "method", "lr", "seed"))
    teacher = Teacher(load_teacher("fashion-resnet"))
    methods = {"seul": alone, "KD": partial(distilled, teacher=teacher, epochs=SETTINGS["epochs"])}
    for name, (stage, stage_1) in HINTS.items():
        methods[name] = partial(guided, teacher=teacher, stage=stage, stage_1=stage_1)
    for seed in SEEDS:
        data = load("fashion-mnist", train_size=SETTINGS["train_size"], seed=seed)

        def run(depth: int, name: str, method, lr: float, student: StagedNet, seed: int = seed, data=data) -> None:
            if not campaign.has(depth, name, f"{lr:.6g}", seed):
                method(student, data.train, seed=seed)
                campaign.write(depth=depth, method=name, lr=lr, seed=seed, accuracy=evaluate(student, data.test))

        for depth in DEPTHS:
            for name, method in methods.items():
                run(depth, name, method, SETTINGS["lr"], plain(depth, seed=seed))
            run(depth, "seul, initialisation de He", alone, SETTINGS["lr"], he_initialised(plain(depth), seed))
        for depth in DEPTHS[2:]:
            for lr in OTHER_STEPS:
                run(depth, "seul", partial(alone, lr=lr), lr, plain(depth, seed=seed))
    campaign.finish(
        seeds=SEEDS, settings=SETTINGS | {"depths": DEPTHS, "kd": KD, "hints": HINTS, "other_steps": OTHER_STEPS}
    )


if __name__ == "__main__":
    main()
