"""Refait l'enseignant livré avec le cours : data/teachers/fashion-resnet.safetensors et sa fiche.

    python experiments/teacher.py      # environ une heure sur deux cœurs, quelques minutes sur une carte graphique

Les réglages ont été choisis sur la validation ; le test n'est regardé qu'une fois, à la fin, pour la fiche.
"""

import argparse
import json
import platform
from functools import partial
from pathlib import Path

import torch
import torchvision

from course_utils import data, models, training, weights
from course_utils.inference import best_device
from course_utils.objectives import Supervised

ARCHITECTURE = {"builder": "resnet", "depth": 14, "width": 24}
SETTINGS = {"epochs": 14, "lr": 0.1, "batch_size": 128, "seed": 0, "augment": True}
OPTIMIZER = {"name": "SGD", "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}


def main() -> None:
    parser = argparse.ArgumentParser(description="Entraîne l'enseignant du cours et écrit ses poids et sa fiche.")
    parser.add_argument(
        "--sortie", type=Path, default=models.TEACHERS, help="dossier où écrire (défaut : data/teachers)"
    )
    folder = parser.parse_args().sortie

    dataset = data.load("fashion-mnist")
    arguments = {key: value for key, value in ARCHITECTURE.items() if key != "builder"}
    model = models.BUILDERS[ARCHITECTURE["builder"]](**arguments, seed=SETTINGS["seed"])
    sgd = partial(torch.optim.SGD, **{key: value for key, value in OPTIMIZER.items() if key != "name"})
    history = training.fit(
        model, dataset.train, Supervised(), **SETTINGS, validation=dataset.validation, optimizer=sgd,
        on_epoch=lambda h: print(f"époque {len(h.losses)} : validation {h.accuracy[-1]:.4f}, {h.seconds:.0f} s",
        flush=True),
    )  # fmt: skip
    sha256 = weights.save_weights(model, folder / "fashion-resnet.safetensors")
    card = {
        "architecture": ARCHITECTURE,
        "data": f"Fashion-MNIST, {len(dataset.train)} images (validation : {len(dataset.validation)} autres)",
        "settings": SETTINGS,
        "optimizer": OPTIMIZER,
        "validation_accuracy": round(history.accuracy[-1], 4),
        "test_accuracy": round(training.evaluate(model, dataset.test), 4),
        "seconds": round(history.seconds),
        "device": best_device().type,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "sha256": sha256,
    }
    text = json.dumps(card, ensure_ascii=False, indent=2)
    (folder / "fashion-resnet.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
