"""Un vrai navigateur et un vrai serveur, démarrés une fois pour tous les tests de ce dossier."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser.jupyter import lab

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "aucun navigateur Chromium trouvé : installez-en un (Debian : apt install chromium ; "
    "ailleurs : .venv/bin/python -m playwright install chromium), ou nommez-le dans COURS_CHROMIUM"
)
# Chaque adresse hors de la machine est déclarée introuvable : un notebook qui irait la chercher échoue.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def chromium(playwright: Playwright) -> str | None:
    """Le navigateur à utiliser : celui que l'on nomme, celui de Playwright, ou celui du système."""
    own = playwright.chromium.executable_path
    return os.environ.get("COURS_CHROMIUM") or (
        own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Le navigateur ; sans lui les tests sont sautés, sauf si COURS_NAVIGATEUR=obligatoire (intégration continue)."""
    with sync_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            if os.environ.get("COURS_NAVIGATEUR") == "obligatoire":
                pytest.fail(MISSING)
            pytest.skip(MISSING)
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        flags = [OFFLINE, "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        started = playwright.chromium.launch(executable_path=path, args=[*flags, *(["--no-sandbox"] if root else [])])
        yield started
        started.close()


@pytest.fixture(scope="session")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """L'adresse du serveur, jeton compris."""
    with lab(tmp_path_factory.mktemp("jupyter")) as started:
        yield started


@pytest.fixture(scope="session")
def page(browser: Browser) -> Iterator[Page]:
    """Un seul onglet, à la taille d'un vidéoprojecteur : JupyterLab y est chargé une fois pour tous les notebooks."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)  # une machine chargée est lente, elle n'est pas en faute
    yield context.new_page()
    context.close()
