"""Born-Again Networks et leurs contrôles, dix graines, labels propres puis bruités. Dix minutes sur deux cœurs.

Chaque méthode a le même réseau, les mêmes images et, sauf « même budget », le même nombre d'époques. Une graine fixe
les images, le bruit et les poids de la génération 0. `agreement` : la part des images de test où le réseau répond comme
son enseignant (la génération précédente ; la génération 0 pour les contrôles).
"""

from typing import Any

from torch import Tensor

from course_utils.born_again import Cwtm, Dkpp, agreement, ensemble, mislabelled
from course_utils.models import StagedNet, mlp
from course_utils.objectives import BornAgain, Objective, Supervised
from course_utils.training import Teacher, fit, predict
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import dataset

CONDITIONS = {"labels propres": 0.0, "40 % de labels au hasard": 0.4}
SETTINGS: dict[str, Any] = {
    "hidden": (200,),
    "train_size": 2000,
    "epochs": 40,
    "lr": 2e-3,
    "label_smoothing": 0.1,
    "generations": 4,
    "conditions": CONDITIONS,
}


def measure(*, seed: int, condition: str) -> list[Row]:
    """Toutes les générations et tous les contrôles d'une graine : chacun enseigne au suivant."""
    data = dataset("fashion-mnist", SETTINGS["train_size"], seed)
    train = mislabelled(data.train, CONDITIONS[condition], seed)

    def trained(objective: Objective, draw: int, longer: int = 1) -> StagedNet:
        student = mlp(SETTINGS["hidden"], seed=1000 * draw + seed)
        epochs = SETTINGS["epochs"] * longer
        fit(student, train, objective, epochs=epochs, lr=SETTINGS["lr"], seed=1000 * draw + seed, progress=False)
        return student

    rows: list[Row] = []

    def note(method: str, outputs: Tensor, teacher_outputs: Tensor) -> None:
        right = (outputs.argmax(dim=1) == data.test.y).float().mean().item()
        rows.append({"method": method, "accuracy": right, "agreement": agreement(outputs, teacher_outputs)})

    network = trained(Supervised(), 0)
    first = predict(network, data.test)
    teacher = Teacher(network)
    generations, independent = [first], [first]
    note("génération 0", first, first)
    for generation in range(1, SETTINGS["generations"] + 1):
        network = trained(BornAgain(Teacher(network)), generation)
        generations.append(predict(network, data.test))
        note(f"génération {generation}", generations[-1], generations[-2])
    for draw in range(1, SETTINGS["generations"] + 1):
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
    longer = trained(Supervised(), 0, longer=SETTINGS["generations"] + 1)
    note("même budget, un réseau", predict(longer, data.test), first)
    return rows


CAMPAIGN = Campaign(
    title="Nés de nouveau",
    question="Un réseau gagne-t-il à apprendre de lui-même, et à quoi le doit-il ?",
    limits=(
        "Un petit perceptron et 2 000 images : les gains de l'article viennent de réseaux bien plus grands. "
        "Quarante époques pour tous, sans choisir celle où s'arrêter."
    ),
    points=grid(seed=range(10), condition=list(CONDITIONS)),
    measure=measure,
    measured=("method", "accuracy", "agreement"),
    settings=SETTINGS,
    views=(View("accuracy", x="method", panel="condition"),),
    comparisons=tuple(
        Comparison(f"{condition}, {method}", {"condition": condition, "method": method},
                   "génération 0", {"condition": condition, "method": "génération 0"}, "accuracy")
        for condition in CONDITIONS for method in ("génération 1", "ensemble des générations", "lissage des labels")
    ),
)  # fmt: skip
