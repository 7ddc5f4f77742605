"""Apprendre Fashion-MNIST sans en voir une image : data/results/other_world.csv et .json.

    python -m experiments.other_world      # une minute sur deux cœurs ; MNIST doit être là, ou est téléchargé

L'élève et les réglages sont ceux du notebook 03. Il n'apprend que des labels doux : ce que l'enseignant de
Fashion-MNIST répond sur 1 000 vêtements, ou sur 1 000 chiffres (`favorite` : la part de sa réponse la plus fréquente).
"""

from dataclasses import replace

import torch

from course_utils.data import load
from course_utils.models import load_teacher, mlp
from course_utils.objectives import Hinton
from course_utils.training import Teacher, evaluate, fit
from experiments.records import Campaign

SEEDS = [0, 1, 2, 3, 4]
SETTINGS = {"hidden": (300,), "images": 1000, "epochs": 25, "lr": 2e-3, "temperature": 4.0}


def main() -> None:
    campaign = Campaign("other_world", ("world", "seed", "favorite", "test"), ("world", "seed"))
    clothes = load("fashion-mnist")
    teacher = Teacher(load_teacher())
    hinton = Hinton(teacher, temperature=SETTINGS["temperature"], hard_weight=0.0)
    for seed in SEEDS:
        for world in ("fashion-mnist", "mnist"):
            if campaign.has(world, seed):
                continue
            transfer = load(world, train_size=SETTINGS["images"], seed=seed).train
            # les images d'ailleurs sont normalisées comme celles que l'enseignant connaît
            transfer = replace(transfer, mean=clothes.train.mean, std=clothes.train.std)
            answers = teacher.logits(transfer.batch(torch.arange(len(transfer)))).argmax(dim=1)
            favorite = torch.bincount(answers).max().item() / len(transfer)
            student = mlp(SETTINGS["hidden"], seed=seed)
            fit(student, transfer, hinton, epochs=SETTINGS["epochs"], lr=SETTINGS["lr"], seed=seed, progress=False)
            campaign.write(world=world, seed=seed, favorite=favorite, test=evaluate(student, clothes.test))
    campaign.finish(seeds=SEEDS, settings=SETTINGS)


if __name__ == "__main__":
    main()
