"""Les processus que des tests regardent ou lancent."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

Launch = Callable[..., subprocess.Popen[str]]


def command_line(process: psutil.Process) -> str:
    """La commande de ce processus, vide s'il vient de finir."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextmanager
def ended_at_last() -> Iterator[Launch]:
    """De quoi lancer des processus, comme `subprocess.Popen` ; ce qui tourne encore à la sortie est tué."""
    started: list[subprocess.Popen[str]] = []

    def launch(command: list[str], **options: Any) -> subprocess.Popen[str]:
        started.append(subprocess.Popen(command, text=True, **options))
        return started[-1]

    try:
        yield launch
    finally:
        for process in started:
            process.kill()
            with process:
                pass
