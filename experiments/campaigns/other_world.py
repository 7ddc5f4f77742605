"""Apprendre Fashion-MNIST sans en voir une image. Une minute sur deux cœurs ; il faut MNIST.

L'élève et les réglages sont ceux du notebook 03. Il n'apprend que des labels doux : ce que l'enseignant de
Fashion-MNIST répond sur 1 000 vêtements, ou sur 1 000 chiffres. `variation` : de combien la probabilité qu'il donne à
une classe change d'une image à l'autre (écart-type, moyenne des dix classes).
"""

from dataclasses import replace
from typing import Any

import torch

from course_utils.losses import soften
from course_utils.models import mlp
from course_utils.objectives import Hinton
from course_utils.training import evaluate, fit
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import dataset, teacher

SETTINGS: dict[str, Any] = {"hidden": (300,), "images": 1000, "epochs": 25, "lr": 2e-3, "temperature": 4.0}


def measure(*, seed: int, world: str) -> list[Row]:
    """Un élève qui ne voit que les images de ce monde, noté sur les vêtements."""
    clothes = dataset()
    images = dataset(world, SETTINGS["images"], seed).train
    # les images d'ailleurs sont normalisées comme celles que l'enseignant connaît
    transfer = replace(images, mean=clothes.train.mean, std=clothes.train.std)
    answers = teacher().logits(transfer.batch(torch.arange(len(transfer))))
    student = mlp(SETTINGS["hidden"], seed=seed)
    hinton = Hinton(teacher(), temperature=SETTINGS["temperature"], hard_weight=0.0)
    fit(student, transfer, hinton, epochs=SETTINGS["epochs"], lr=SETTINGS["lr"], seed=seed, progress=False)
    variation = soften(answers, SETTINGS["temperature"]).std(dim=0).mean().item()
    return [{"variation": variation, "test": evaluate(student, clothes.test)}]


CAMPAIGN = Campaign(
    title="Les images d'un autre monde",
    question="Peut-on apprendre à reconnaître des vêtements en ne regardant que des chiffres ?",
    limits=(
        "Des chiffres seulement, un petit perceptron, et un enseignant dont les labels doux y changent peu d'une "
        "image à l'autre : d'autres images pourraient mieux l'interroger."
    ),
    points=grid(seed=range(5), world=["fashion-mnist", "mnist"]),
    measure=measure,
    measured=("variation", "test"),
    settings=SETTINGS,
    views=(View("test", x="world"),),
    comparisons=(Comparison("vêtements", {"world": "fashion-mnist"}, "chiffres", {"world": "mnist"}, "test"),),
)
