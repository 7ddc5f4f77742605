"""Refait un enseignant livré avec le cours : data/teachers/NOM.safetensors et sa fiche.

    python -m experiments.teacher fashion-resnet    # environ une heure vingt sur deux cœurs
    python -m experiments.teacher fashion-resnet20  # environ un quart d'heure sur deux cœurs
    python -m experiments.teacher mnist-resnet      # environ cinq minutes sur deux cœurs

Ceux de LIT, d'un quart d'heure à une demi-heure chacun : fashion-resnext29, cifar10-resnet20, cifar10-resnext29. Les
deux derniers demandent CIFAR-10 en JPEG dans data/cifar10-jpeg, ou dans le sous-dossier cifar10-jpeg de COURS_DONNEES.

Les réglages ont été choisis sur la validation ; le test n'est regardé qu'une fois, à la fin, pour la fiche.
"""

import argparse
import json
import platform
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torchvision

from course_utils import models, training, weights
from course_utils.files import write_whole
from course_utils.french import forgiving_console, typography
from course_utils.inference import best_device
from course_utils.objectives import Supervised
from experiments.shared import JPEG_COPY, dataset

OPTIMIZER: dict[str, Any] = {"name": "SGD", "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}


@dataclass(frozen=True)
class Recipe:
    """Un enseignant : le jeu qu'il apprend, son architecture, ses réglages."""

    dataset: str
    architecture: dict[str, Any]
    settings: dict[str, Any]


RECIPES = {
    "fashion-resnet": Recipe(
        "fashion-mnist",
        {"builder": "resnet", "depth": 14, "width": 24},
        {"epochs": 14, "lr": 0.1, "batch_size": 128, "seed": 0, "augment": True},
    ),
    # Profond et étroit : l'enseignant de LIT, dont les élèves ont les mêmes largeurs et moins de blocs.
    "fashion-resnet20": Recipe(
        "fashion-mnist",
        {"builder": "resnet", "depth": 20, "width": 8},
        {"epochs": 8, "lr": 0.1, "batch_size": 128, "seed": 0, "augment": True},
    ),
    "fashion-resnext29": Recipe(
        "fashion-mnist",
        {"builder": "resnext", "depth": 29, "cardinality": 2, "base_width": 4},
        {"epochs": 3, "lr": 0.1, "batch_size": 128, "seed": 0, "augment": True},
    ),
    "cifar10-resnet20": Recipe(
        JPEG_COPY,
        {"builder": "resnet", "depth": 20, "width": 8, "in_channels": 3},
        {"epochs": 8, "lr": 0.1, "batch_size": 128, "seed": 0, "augment": True},
    ),
    "cifar10-resnext29": Recipe(
        JPEG_COPY,
        {"builder": "resnext", "depth": 29, "cardinality": 2, "base_width": 4, "in_channels": 3},
        {"epochs": 4, "lr": 0.1, "batch_size": 128, "seed": 0, "augment": True},
    ),
    # Sans augmentation : le miroir d'un vêtement est un vêtement, celui d'un 7 n'est plus un chiffre.
    "mnist-resnet": Recipe(
        "mnist",
        {"builder": "resnet", "depth": 8, "width": 16},
        {"epochs": 4, "lr": 0.1, "batch_size": 128, "seed": 0, "augment": False},
    ),
}


def main(arguments: list[str] | None = None) -> None:
    forgiving_console()
    parser = argparse.ArgumentParser(description="Entraîne l'enseignant du cours et écrit ses poids et sa fiche.")
    parser.add_argument("nom", choices=RECIPES, help="l'enseignant à refaire")
    parser.add_argument(
        "--sortie", type=Path, default=models.TEACHERS, help="dossier où écrire (défaut : data/teachers)"
    )
    chosen = parser.parse_args(arguments)
    name, folder, recipe = chosen.nom, chosen.sortie, RECIPES[chosen.nom]

    try:
        images = dataset(recipe.dataset)
        write_whole(folder / f"{name}.essai", b"")  # avant une heure de calcul, et non après
        (folder / f"{name}.essai").unlink()
    except (OSError, ValueError) as error:
        sys.exit(typography(str(error)))
    shape = {key: value for key, value in recipe.architecture.items() if key != "builder"}
    model = models.BUILDERS[recipe.architecture["builder"]](**shape, seed=recipe.settings["seed"])
    sgd = partial(torch.optim.SGD, **{key: value for key, value in OPTIMIZER.items() if key != "name"})
    history = training.fit(
        model, images.train, Supervised(), **recipe.settings, validation=images.validation, optimizer=sgd,
        on_epoch=lambda h: print(f"époque {len(h.losses)} : validation {h.accuracy[-1]:.4f}, {h.seconds:.0f} s",
        flush=True),
    )  # fmt: skip
    if history.interrupted:
        sys.exit(typography("Interrompu : rien n'est écrit, l'enseignant d'avant est intact."))
    test_accuracy = training.evaluate(model, images.test)
    card = {
        "architecture": recipe.architecture,
        "data": f"{recipe.dataset}, {len(images.train)} images (validation : {len(images.validation)} autres)",
        "settings": recipe.settings,
        "optimizer": OPTIMIZER,
        "validation_accuracy": round(history.accuracy[-1], 4),
        "test_accuracy": round(test_accuracy, 4),
        "seconds": round(history.seconds),
        "device": best_device().type,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "sha256": weights.save_weights(model, folder / f"{name}.safetensors"),
    }
    text = json.dumps(card, ensure_ascii=False, indent=2)
    write_whole(folder / f"{name}.json", f"{text}\n".encode())
    print(text)


if __name__ == "__main__":
    main()
