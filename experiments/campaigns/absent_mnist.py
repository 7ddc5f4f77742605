"""L'expérience de Hinton sur MNIST, à l'échelle de l'article. Dix minutes sur deux cœurs ; il faut MNIST.

L'élève, un perceptron 784-800-800-10, n'apprend que des labels doux de l'enseignant « mnist-resnet ». Trois jeux de
transfert : les dix chiffres, les dix sauf le 3, les 7 et les 8 seuls. Pour chacun, les erreurs sur le test et celles
sur les chiffres absents, sans correction, avec la règle de fréquence (validation sans labels), et avec le biais choisi
sur le test comme dans l'article.
"""

from typing import Any

from course_utils.models import mlp
from course_utils.objectives import Hinton
from course_utils.training import fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import dataset, teacher
from experiments.transfer import TRANSFERS, corrected_errors

SETTINGS: dict[str, Any] = {"teacher": "mnist-resnet", "hidden": (800, 800), "epochs": 8, "temperature": 20.0}
RULES = ("before", "prior", "test")


def measure(*, seed: int, transfer: str) -> list[Row]:
    """Un élève entraîné sur ce jeu de transfert, et ses erreurs, corrigées ou non."""
    data, (digits, corrected) = dataset("mnist"), TRANSFERS[transfer]
    images = data.train.only(*digits)
    student = mlp(SETTINGS["hidden"], seed=seed)
    # un cinquième des images, cinq fois plus d'époques : autant de pas (un dixième de moins sans le 3)
    epochs = SETTINGS["epochs"] * len(data.train) // len(images)
    hinton = Hinton(teacher(SETTINGS["teacher"]), temperature=SETTINGS["temperature"], hard_weight=0.0)
    fit(student, images, hinton, epochs=epochs, seed=seed, progress=False)
    return [{"images": len(images), **corrected_errors(student, data, digits, corrected)}]


CAMPAIGN = Campaign(
    title="Des chiffres absents",
    question="Sur MNIST, avec les nombres de l'article : que reste-t-il d'un chiffre jamais montré ?",
    limits="L'enseignant est un ResNet, non le perceptron de l'article : ses labels doux ne sont pas les mêmes.",
    points=grid(seed=range(5), transfer=list(TRANSFERS)),
    measure=measure,
    measured=("images", *(f"{what}_{rule}" for rule in RULES for what in ("bias", "errors", "unseen"))),
    settings=SETTINGS,
    views=(View("errors_before", x="transfer"), View("errors_prior", x="transfer")),
    comparisons=tuple(
        Comparison(f"{name}, biais corrigé par la règle", {"transfer": name}, "sans correction", {"transfer": name},
                   "errors_prior", "errors_before")
        for name in TRANSFERS
    ),
)  # fmt: skip
