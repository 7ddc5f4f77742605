"""La durée de chaque carnet, affichée à la fin : c'est elle que les étudiants attendront."""

from collections import defaultdict

import pytest

_seconds: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Additionne les phases des cellules d'un même carnet (nbval rapporte chaque cellule comme un test)."""
    path = report.nodeid.split("::")[0]
    if path.endswith(".ipynb"):
        _seconds[path] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Un tableau : le carnet, ses secondes d'exécution."""
    if _seconds:
        terminalreporter.section("durée des carnets")
        for path, seconds in sorted(_seconds.items()):
            terminalreporter.write_line(f"{seconds:6.1f} s  {path}")
