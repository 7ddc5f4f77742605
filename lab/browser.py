"""Trouver un navigateur Chromium sur cette machine."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def chromium(*candidates: str) -> str | None:
    """Celui que nomme COURS_CHROMIUM, sinon le premier des `candidates` qui existe, sinon celui du système."""
    return os.environ.get("COURS_CHROMIUM") or next(filter(None, map(shutil.which, (*candidates, *NAMES))), None)


def flags() -> list[str]:
    """Les options de tout lancement ; le superutilisateur d'un conteneur n'a pas droit au bac à sable."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["--disable-gpu", "--disable-background-networking", *(["--no-sandbox"] if root else [])]
