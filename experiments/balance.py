"""Le bilan : toutes les méthodes de la séance, cinq graines, deux budgets : data/results/balance.csv.

    python -m experiments.balance      # environ trois quarts d'heure sur deux cœurs

D'abord le pas de chaque méthode, choisi sur la validation avec une graine qui ne sert à rien d'autre
(data/results/balance_step.csv), puis le coût de chacune (balance_cost.csv), puis la campagne. Pour une graine et un
budget, toutes les méthodes ont les mêmes images, le même élève aux mêmes poids initiaux et autant de pas. Le test n'est
regardé qu'à la fin.
"""

from course_utils import results
from course_utils.balance import BATCH, BUDGETS, METHODS, TEMPERATURE, Budget, cost, new_student, train
from course_utils.data import Dataset, load
from course_utils.models import StagedNet, load_teacher
from course_utils.training import Teacher, evaluate
from experiments.records import Campaign

SEEDS = list(range(5))
CHOICE_SEED = 100
STEPS = (2e-3, 5e-3, 1e-2, 2e-2, 4e-2)
TEACHER = "fashion-resnet"


def data_of(budget: Budget, seed: int) -> Dataset:
    """Les images d'un budget ; le test et la validation sont toujours les mêmes."""
    return load("fashion-mnist", train_size=budget.images, seed=seed)


def choose_steps(teacher: Teacher) -> None:
    """Le pas de chaque méthode à chaque budget : cinq essais, jugés sur la validation."""
    campaign = Campaign("balance_step", ("budget", "method", "lr", "seed", "validation"), ("budget", "method", "lr"))
    for name, budget in BUDGETS.items():
        data = data_of(budget, CHOICE_SEED)
        for method in METHODS:
            for lr in STEPS:
                if not campaign.has(name, method, lr):
                    student = trained(method, teacher, data, budget, CHOICE_SEED, lr)
                    accuracy = evaluate(student, data.validation)
                    campaign.write(budget=name, method=method, lr=lr, seed=CHOICE_SEED, validation=accuracy)
    campaign.finish(seeds=[CHOICE_SEED], settings=SETTINGS | {"steps": STEPS})


def count_costs(network: StagedNet) -> None:
    """Ce que coûte chaque méthode à chaque budget ; compté, donc le même sur toute machine."""
    campaign = Campaign("balance_cost", ("budget", "method", "macs", "memory", "extra"), ("budget", "method"))
    for name, budget in BUDGETS.items():
        for method in METHODS:
            if not campaign.has(name, method):
                found = cost(method, network, data_of(budget, 0).train, epochs=budget.epochs)
                campaign.write(budget=name, method=method, **found._asdict())
    campaign.finish(seeds=[0], settings=SETTINGS)


def best_step(budget: str, method: str) -> float:
    """Le pas que la validation a choisi."""
    rows = [row for row in results.load("balance_step") if (row["budget"], row["method"]) == (budget, method)]
    return max(rows, key=lambda row: row["validation"])["lr"]


def trained(method: str, teacher: Teacher, data: Dataset, budget: Budget, seed: int, lr: float) -> StagedNet:
    """L'élève entraîné par cette méthode."""
    settings = {"epochs": budget.epochs, "seed": seed, "lr": lr, "progress": False}
    return train(method, new_student(seed), teacher, data.train, **settings)


SETTINGS = {
    "teacher": TEACHER,
    "batch_size": BATCH,
    "temperature": TEMPERATURE,
    "budgets": {name: budget._asdict() for name, budget in BUDGETS.items()},
}


def main() -> None:
    network = load_teacher(TEACHER)
    teacher = Teacher(network)
    choose_steps(teacher)
    count_costs(network)
    campaign = Campaign("balance", ("budget", "method", "seed", "lr", "accuracy"), ("budget", "method", "seed"))
    for name, budget in BUDGETS.items():
        if not campaign.has(name, "enseignant", 0):
            accuracy = evaluate(network, data_of(budget, 0).test)
            campaign.write(budget=name, method="enseignant", seed=0, lr="", accuracy=accuracy)
        for seed in SEEDS:
            data = data_of(budget, seed)
            for method in METHODS:
                if not campaign.has(name, method, seed):
                    lr = best_step(name, method)
                    student = trained(method, teacher, data, budget, seed, lr)
                    accuracy = evaluate(student, data.test)
                    campaign.write(budget=name, method=method, seed=seed, lr=lr, accuracy=accuracy)
    campaign.finish(seeds=SEEDS, settings=SETTINGS)


if __name__ == "__main__":
    main()
