"""Les exemples d'hypothesis, les mêmes à chaque fois ; à la fin, la durée de chaque notebook, que l'on attendra."""

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.processes import Launch

# Les mêmes exemples à chaque fois, sans limite de temps : une machine qui s'arrête un instant n'est pas une faute.
settings.register_profile("cours", deadline=None, derandomize=True, database=None)
settings.load_profile("cours")


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Lance un processus ; s'il tourne encore à la fin du test, il est tué."""
    started: list[subprocess.Popen[str]] = []

    def popen(command: list[str], **options: Any) -> subprocess.Popen[str]:
        started.append(subprocess.Popen(command, text=True, **options))
        return started[-1]

    yield popen
    for process in started:
        process.kill()
        with process:
            pass


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
