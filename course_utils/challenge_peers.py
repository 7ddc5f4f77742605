"""Les voisins d'un réseau sur le plan du défi : ResNet18, et les réseaux du cours."""

import json
import math
from functools import cache

from torch import nn

from course_utils import results
from course_utils.balance import new_student
from course_utils.challenge_points import Entry, entry
from course_utils.cost import challenge_terms, macs, parameters
from course_utils.known import KNOWN
from course_utils.models import TEACHERS, load_teacher, mlp, resnet, seeded

# Où les réseaux du cours ont appris, et la forme de ces images : ailleurs, ils ne les lisent pas.
MEASURED = KNOWN["fashion-mnist"].title, (1, 28, 28)


def reference_resnet18() -> nn.Module:
    """ResNet18 pour des images de 32×32, non entraîné : premier noyau 3×3 de pas 1, pas de max-pooling, dix classes."""
    from torchvision.models import resnet18  # ici : torchvision met des secondes à s'importer

    with seeded(0):
        model = resnet18(num_classes=10)
        model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return model


@cache
def known_entries(data: str, image_shape: tuple[int, ...]) -> tuple[Entry, ...]:
    """ResNet18, et les réseaux du cours s'ils ont été mesurés sur ce jeu (`data`, son titre), en images (C, H, W).

    ResNet18 est compté sur CIFAR-10, jamais entraîné ici : son exactitude est NaN. Les enseignants ont l'exactitude de
    leur fiche, les élèves la moyenne des graines de leur campagne.
    """
    resnet18 = reference_resnet18()
    counted = (parameters(resnet18), macs(resnet18, (3, 32, 32)))
    references = [
        Entry(f"ResNet18, {bits} bits", "CIFAR-10", math.nan,
              sum(challenge_terms(*counted, weight_bits=bits, activation_bits=bits)), *counted, bits, bits)
        for bits in (32, 16)
    ]  # fmt: skip
    return (*references, *(_course_entries(image_shape) if (data, image_shape) == MEASURED else ()))


def _course_entries(image_shape: tuple[int, ...]) -> list[Entry]:
    where = KNOWN["fashion-mnist"].title
    found = []
    for name in ("fashion-resnet", "fashion-resnet20"):
        model = load_teacher(name)  # d'abord : il dit ce qu'une fiche abîmée a
        card = json.loads((TEACHERS / f"{name}.json").read_text(encoding="utf-8"))
        label = f"enseignant {name}"
        found.append(entry(model, image_shape, name=label, data=where, accuracy=card["test_accuracy"]))
    inputs = math.prod(image_shape)
    for name, model, campaign, key, choice in (
        (
            "élève du 02, perceptron distillé",
            mlp(inputs=inputs),
            "hinton_grid",
            "test",
            {"train_size": 1800, "method": "distillé", "temperature": 4, "soft_weight": 1},
        ),
        (
            "élève du 06, 14 couches, LIT",
            resnet(14, width=8),
            "lit",
            "accuracy",
            {"data": "fashion-mnist", "family": "resnet", "method": "LIT", "depth": 14},
        ),
        (
            "élève du 07, perceptron étroit",
            mlp((200, 16), inputs=inputs),
            "rkd",
            "accuracy",
            {"dimension": 16, "method": "labels, KD et RKD"},
        ),
        ("élève du bilan, seul", new_student(0), "balance", "accuracy", {"method": "seul", "budget": "long"}),
        ("élève du bilan, KD", new_student(0), "balance", "accuracy", {"method": "KD", "budget": "long"}),
    ):
        mean = results.interval(results.column(results.load(campaign), key, **choice)).mean
        found.append(entry(model, image_shape, name=name, data=where, accuracy=mean))
    return found
