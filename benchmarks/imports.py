"""Ce qu'attend un lecteur avant sa première ligne : les imports, chacun dans un processus neuf."""

from benchmarks.measure import fresh_seconds, ratios
from benchmarks.report import Measure, measured

TORCH = "import torch"
CORE = "from course_utils import cost, data, losses, models, objectives, training"
# Ce que presque toutes les cellules d'imports nomment : s'y ajoutent les widgets, déjà là dans un notebook.
NOTEBOOK = f"{CORE}, exercises, figures, live, results"
WIDGETS = "import torch, ipywidgets, IPython.display"


def against_torch(rounds: int) -> list[Measure]:
    """Le code du cours contre torch seul ; puis ce qu'importe un notebook, contre torch et les widgets."""
    statements = {"torch": TORCH, "cœur": CORE, "widgets": WIDGETS, "notebook": NOTEBOOK}
    times: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(2 * rounds + 1):
        for name, statement in statements.items():
            times[name].append(fresh_seconds(statement))
    found = {name: seconds[1:] for name, seconds in times.items()}  # le premier tour lit le disque
    return [
        measured("import du cours / de torch", ratios(found["cœur"], found["torch"]), "", at_most=1.10, note=CORE),
        measured(
            "imports d'un notebook / torch et widgets", ratios(found["notebook"], found["widgets"]), "", note=NOTEBOOK
        ),
    ]
