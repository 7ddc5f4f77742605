"""La durée de chaque notebook, affichée à la fin : c'est elle que les étudiants attendront."""

from collections import defaultdict

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Un tableau : les secondes d'exécution et le notebook (nbval rapporte chaque cellule comme un test)."""
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            path = getattr(report, "nodeid", "").split("::")[0]
            if path.endswith(".ipynb"):
                seconds[path] += getattr(report, "duration", 0.0)
    if seconds:
        terminalreporter.section("durée des notebooks")
        for path, total in sorted(seconds.items()):
            terminalreporter.write_line(f"{total:6.1f} s  {path}")
