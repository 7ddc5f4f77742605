"""Les processus que des tests regardent ou lancent."""

import subprocess
from collections.abc import Callable

import psutil

Launch = Callable[..., subprocess.Popen[str]]


def command_line(process: psutil.Process) -> str:
    """La commande de ce processus, vide s'il vient de finir."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
