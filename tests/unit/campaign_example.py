"""Une campagne très courte, pour éprouver le coureur.

Chaque essai laisse une trace ; l'un d'eux échoue, ou tue son ouvrier, sur demande.
"""

import os
import time
from pathlib import Path

from experiments.campaign import Campaign, Row, grid


def measure(*, seed: int) -> list[Row]:
    """Un essai d'une fraction de seconde : RYTHME, 0,1 par défaut."""
    time.sleep(float(os.environ.get("RYTHME", "0.1")))
    if os.environ.get("MORT") == str(seed):
        os._exit(1)  # comme un ouvrier que le système tue faute de mémoire
    if os.environ.get("ECHEC") == str(seed):
        raise ValueError(f"la graine {seed} échoue, comme on le lui a demandé (graine {seed})")
    if "TRACES" in os.environ:
        with (Path(os.environ["TRACES"]) / f"{seed}.fini").open("a", encoding="utf-8") as file:
            file.write("+")
    return [{"accuracy": seed / 24}]


CAMPAIGN = Campaign(
    title="Essai",
    question="Le coureur perd-il un essai ?",
    limits="Rien.",
    points=grid(seed=range(24)),
    measure=measure,
    measured=("accuracy",),
    settings={},
)
