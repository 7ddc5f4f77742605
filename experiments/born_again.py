"""Born-Again Networks et leurs contrôles, dix graines, labels propres puis bruités : data/results/born-again.csv.

    python -m experiments.born_again      # une vingtaine de minutes sur un cœur

Chaque méthode a le même réseau, les mêmes images et, sauf « même budget », le même nombre d'époques. Une graine fixe
les images, le bruit et les poids de la génération 0. `agreement` : la part des images de test où le réseau répond comme
son enseignant (la génération précédente ; la génération 0 pour les contrôles).
"""

import torch
from torch import Tensor

from course_utils.born_again import Cwtm, Dkpp, agreement, ensemble, mislabelled
from course_utils.data import load
from course_utils.models import StagedNet, mlp
from course_utils.objectives import BornAgain, Objective, Supervised
from course_utils.training import Teacher, fit, predict
from experiments.records import Campaign

SEEDS = list(range(10))
CONDITIONS = {"labels propres": 0.0, "40 % de labels au hasard": 0.4}
GENERATIONS = 4
SETTINGS = {"hidden": (200,), "train_size": 2000, "epochs": 40, "lr": 2e-3, "label_smoothing": 0.1}


def main() -> None:
    campaign = Campaign("born-again", ("condition", "method", "seed", "accuracy", "agreement"), ("condition", "seed"))
    for seed in SEEDS:
        for condition, share in CONDITIONS.items():
            if campaign.has(condition, seed):
                continue
            for method, (accuracy, same) in one_seed(seed, share).items():
                campaign.write(condition=condition, method=method, seed=seed, accuracy=accuracy, agreement=same)
    campaign.finish(seeds=SEEDS, settings=SETTINGS | {"generations": GENERATIONS, "conditions": CONDITIONS})


def one_seed(seed: int, share: float) -> dict[str, tuple[float, float]]:
    """Toutes les méthodes pour une graine : {méthode : (exactitude sur le test, accord avec son enseignant)}."""
    data = load("fashion-mnist", train_size=SETTINGS["train_size"], seed=seed)
    train = mislabelled(data.train, share, seed)

    def trained(objective: Objective, draw: int, longer: int = 1) -> StagedNet:
        student = mlp(SETTINGS["hidden"], seed=1000 * draw + seed)
        epochs = SETTINGS["epochs"] * longer
        fit(student, train, objective, epochs=epochs, lr=SETTINGS["lr"], seed=1000 * draw + seed, progress=False)
        return student

    found: dict[str, tuple[float, float]] = {}

    def note(method: str, outputs: Tensor, teacher_outputs: Tensor) -> None:
        right = (outputs.argmax(dim=1) == data.test.y).float().mean().item()
        found[method] = (right, agreement(outputs, teacher_outputs))

    network = trained(Supervised(), 0)
    first = predict(network, data.test)
    teacher = Teacher(network)
    generations, independent = [first], [first]
    note("génération 0", first, first)
    for generation in range(1, GENERATIONS + 1):
        network = trained(BornAgain(Teacher(network)), generation)
        generations.append(predict(network, data.test))
        note(f"génération {generation}", generations[-1], generations[-2])
    for draw in range(1, GENERATIONS + 1):
        independent.append(predict(trained(Supervised(), 10 + draw), data.test))
    note("labels, autres poids", independent[1], first)
    note("ensemble des générations", ensemble(generations), first)
    note("ensemble indépendant", ensemble(independent), first)
    controls: dict[str, Objective] = {
        "CWTM": Cwtm(teacher),
        "DKPP": Dkpp(teacher, seed=seed),
        "lissage des labels": Supervised(label_smoothing=SETTINGS["label_smoothing"]),
    }
    # les poids initiaux de la génération 1 : ces contrôles n'en diffèrent que par la perte
    for method, objective in controls.items():
        note(method, predict(trained(objective, 1), data.test), first)
    note("même budget, un réseau", predict(trained(Supervised(), 0, longer=GENERATIONS + 1), data.test), first)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)  # un si petit réseau ne gagne rien à deux cœurs
    main()
