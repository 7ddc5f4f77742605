"""L'expérience de Hinton sur MNIST, à l'échelle de l'article : data/results/absent_mnist.csv et .json.

    python -m experiments.absent_mnist      # un quart d'heure sur deux cœurs ; MNIST doit être là, ou est téléchargé

L'élève, un perceptron 784-800-800-10, n'apprend que des labels doux de l'enseignant « mnist-resnet ». Trois jeux de
transfert : les dix chiffres, les dix sauf le 3, les 7 et les 8 seuls. Pour chacun, les erreurs sur le test et celles
sur les chiffres absents, sans correction, avec la règle de fréquence (validation sans labels), et avec le biais choisi
sur le test comme dans l'article.
"""

import torch
from torch import Tensor

from course_utils.absent import prior_bias, with_bias
from course_utils.data import load
from course_utils.models import load_teacher, mlp
from course_utils.objectives import Hinton
from course_utils.training import Teacher, fit, predict
from experiments.records import Campaign

SEEDS = [0, 1, 2, 3, 4]
SETTINGS = {"teacher": "mnist-resnet", "hidden": (800, 800), "epochs": 8, "temperature": 20.0}
BIASES = torch.linspace(-20, 20, 401)
# Le jeu de transfert : ses chiffres, et ceux dont on corrige le biais
TRANSFERS = {
    "dix chiffres": ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [3]),
    "sans le 3": ([0, 1, 2, 4, 5, 6, 7, 8, 9], [3]),
    "7 et 8": ([7, 8], [7, 8]),
}
RULES = ("before", "prior", "test")
COLUMNS = ("transfer", "seed", "images", *(f"{what}_{rule}" for rule in RULES for what in ("bias", "errors", "unseen")))


def main() -> None:
    campaign = Campaign("absent_mnist", COLUMNS, ("transfer", "seed"))
    teacher = Teacher(load_teacher(SETTINGS["teacher"]))
    data = load("mnist")
    hinton = Hinton(teacher, temperature=SETTINGS["temperature"], hard_weight=0.0)
    for seed in SEEDS:
        for name, (digits, corrected) in TRANSFERS.items():
            if campaign.has(name, seed):
                continue
            transfer = data.train.only(*digits)
            student = mlp(SETTINGS["hidden"], seed=seed)
            # un cinquième des images, cinq fois plus d'époques : autant de pas pour tous
            epochs = SETTINGS["epochs"] * len(data.train) // len(transfer)
            fit(student, transfer, hinton, epochs=epochs, seed=seed, progress=False)
            validation, test = predict(student, data.validation), predict(student, data.test)
            unseen = ~torch.isin(data.test.y, torch.tensor(list(digits)))
            errors = torch.stack([wrong(test, data.test.y, corrected, b).sum() for b in BIASES.tolist()])
            biases = {
                "before": 0.0,
                "prior": prior_bias(validation, corrected, len(corrected) / 10),
                "test": BIASES[errors.argmin()].item(),
            }
            row: dict[str, float] = {}
            for rule, bias in biases.items():
                missed = wrong(test, data.test.y, corrected, bias)
                row |= {f"bias_{rule}": bias, f"errors_{rule}": int(missed.sum())}
                row |= {f"unseen_{rule}": int(missed[unseen].sum())}
            campaign.write(transfer=name, seed=seed, images=len(transfer), **row)
    campaign.finish(seeds=SEEDS, settings=SETTINGS)


def wrong(logits: Tensor, labels: Tensor, classes: list[int], bias: float) -> Tensor:
    """(N, C), (N,) → (N,) booléens : les images mal classées quand `bias` est ajouté aux logits de `classes`."""
    return with_bias(logits, classes, bias).argmax(dim=1) != labels


if __name__ == "__main__":
    main()
