"""Une classe que l'élève n'a jamais vue, chacune des dix à son tour : data/results/absent.csv et .json.

    python -m experiments.absent      # quelques minutes sur un cœur

L'élève n'apprend que des labels doux (aucun label). Pour chaque classe : rappel et erreurs sur le test avant
correction, puis avec le biais de la règle « une image sur dix » (validation sans labels), avec le biais choisi sur la
validation avec labels, et avec celui choisi sur le test, comme dans l'article. Le contrôle « renormalisé » efface la
classe des labels doux avant d'enseigner.
"""

import torch

from course_utils.absent import Renormalised, best_bias, prior_bias, with_bias
from course_utils.data import load
from course_utils.losses import soften
from course_utils.models import load_teacher, mlp
from course_utils.objectives import Hinton, Objective
from course_utils.training import Teacher, fit, predict
from experiments.records import Campaign

SEEDS = [0, 1, 2]
SETTINGS = {"hidden": (800, 800), "train_size": 6000, "epochs": 8, "temperature": 4.0}
BIASES = torch.linspace(-5, 25, 601)
COLUMNS = (
    "method", "class", "seed", "dark_mass", "teacher_recall", "teacher_errors",
    "recall_before", "errors_before", "bias_prior", "recall_prior", "errors_prior",
    "bias_validation", "recall_validation", "errors_validation", "bias_test", "recall_test", "errors_test",
)  # fmt: skip


def main() -> None:
    campaign = Campaign("absent", COLUMNS, ("method", "class", "seed"))
    teacher = Teacher(load_teacher())
    t = SETTINGS["temperature"]
    data = load("fashion-mnist")
    teacher_right = predict(teacher.model, data.test).argmax(dim=1) == data.test.y
    for seed in SEEDS:
        train = load("fashion-mnist", train_size=SETTINGS["train_size"], seed=seed).train
        for absent, name in enumerate(data.classes):
            transfer = train.without(absent)
            methods: dict[str, Objective] = {
                "distillé": Hinton(teacher, temperature=t, hard_weight=0.0),
                "renormalisé": Renormalised(teacher, absent, temperature=t),
            }
            for method, objective in methods.items():
                if campaign.has(method, name, seed):
                    continue
                student = mlp(SETTINGS["hidden"], seed=seed)
                fit(student, transfer, objective, epochs=SETTINGS["epochs"], seed=seed, progress=False)
                soft = soften(teacher.logits(transfer.batch(torch.arange(len(transfer)))), t)[:, absent]
                own = data.test.y == absent
                validation, test = predict(student, data.validation), predict(student, data.test)
                row = {
                    "dark_mass": soft.mean().item(),
                    "teacher_recall": teacher_right[own].float().mean().item(),
                    "teacher_errors": int((~teacher_right).sum()),
                }
                biases = {
                    "before": 0.0,
                    "prior": prior_bias(validation, [absent], 1 / len(data.classes)),
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
                campaign.write(method=method, **{"class": name}, seed=seed, **row)
    campaign.finish(seeds=SEEDS, settings=SETTINGS)


if __name__ == "__main__":
    main()
