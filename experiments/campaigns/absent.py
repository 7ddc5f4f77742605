"""Une classe que l'élève n'a jamais vue, chacune des dix à son tour. Un quart d'heure sur deux cœurs.

L'élève n'apprend que des labels doux (aucun label). Pour chaque classe : rappel et erreurs sur le test avant
correction, puis avec le biais de la règle « une image sur dix » (validation sans labels), avec le biais choisi sur la
validation avec labels, et avec celui choisi sur le test, comme dans l'article. Le contrôle « renormalisé » efface la
classe des labels doux avant d'enseigner.
"""

from typing import Any

import torch

from course_utils.absent import Renormalised, best_bias, prior_bias, with_bias
from course_utils.known import KNOWN
from course_utils.losses import soften
from course_utils.models import mlp
from course_utils.objectives import Hinton, Objective
from course_utils.training import fit, predict
from experiments.campaign import Campaign, Comparison, Row, View, grid
from experiments.shared import dataset, teacher

SETTINGS: dict[str, Any] = {"hidden": (800, 800), "train_size": 6000, "epochs": 8, "temperature": 4.0}
BIASES = torch.linspace(-5, 25, 601)
RULES = ("before", "prior", "validation", "test")
CLASSES = KNOWN["fashion-mnist"].classes


def measure(*, seed: int, method: str, **absent_class: str) -> list[Row]:
    """Un élève privé d'une classe (« class » est un mot réservé de Python), noté avec et sans correction."""
    t, name = SETTINGS["temperature"], absent_class["class"]
    data, absent = dataset("fashion-mnist", SETTINGS["train_size"], seed), CLASSES.index(name)
    transfer = data.train.without(absent)
    objective: Objective = (
        Hinton(teacher(), temperature=t, hard_weight=0.0)
        if method == "distillé"
        else Renormalised(teacher(), absent, temperature=t)
    )
    student = mlp(SETTINGS["hidden"], seed=seed)
    fit(student, transfer, objective, epochs=SETTINGS["epochs"], seed=seed, progress=False)
    soft = soften(teacher().logits(transfer.batch(torch.arange(len(transfer)))), t)[:, absent]
    own = data.test.y == absent
    taught = predict(teacher().model, data.test).argmax(dim=1) == data.test.y
    validation, test = predict(student, data.validation), predict(student, data.test)
    row = {
        "dark_mass": soft.mean().item(),
        "teacher_recall": taught[own].float().mean().item(),
        "teacher_errors": int((~taught).sum()),
    }
    biases = {
        "before": 0.0,
        "prior": prior_bias(validation, [absent], 1 / len(CLASSES)),
        "validation": best_bias(validation, data.validation.y, absent, BIASES),
        "test": best_bias(test, data.test.y, absent, BIASES),
    }
    for rule, bias in biases.items():
        right = with_bias(test, [absent], bias).argmax(dim=1) == data.test.y
        row |= {
            f"bias_{rule}": bias,
            f"recall_{rule}": right[own].float().mean().item(),
            f"errors_{rule}": int((~right).sum()),
        }
    return [row]


CAMPAIGN = Campaign(
    title="Une classe absente",
    question="Un élève reconnaît-il une classe dont il n'a vu aucune image, par les seuls labels doux des autres ?",
    limits=(
        "Le rappel de la classe absente seule : la corriger coûte un peu aux autres, et les erreurs du tableau le "
        "disent. Trois graines par classe."
    ),
    points=grid(seed=range(3), **{"class": CLASSES}, method=("distillé", "renormalisé")),
    measure=measure,
    measured=("dark_mass", "teacher_recall", "teacher_errors", "recall_before", "errors_before",
              *(f"{what}_{rule}" for rule in RULES[1:] for what in ("bias", "recall", "errors"))),
    settings=SETTINGS,
    views=(View("recall_before", x="class", series="method"), View("recall_prior", x="class", series="method")),
    comparisons=(
        Comparison("distillé, sans correction", {"method": "distillé"}, "renormalisé", {"method": "renormalisé"},
                   "recall_before"),
        Comparison("distillé, biais corrigé par la règle", {"method": "distillé"}, "sans correction",
                   {"method": "distillé"}, "recall_prior", "recall_before"),
        Comparison("distillé, biais corrigé par la règle", {"method": "distillé"}, "sans correction",
                   {"method": "distillé"}, "errors_prior", "errors_before"),
    ),
)  # fmt: skip
