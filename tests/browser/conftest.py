"""Un vrai navigateur et un vrai serveur, démarrés une fois pour tous les tests de ce dossier."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from lab.browser import chromium, flags
from tests.browser.jupyter import lab

MISSING = (
    "aucun navigateur Chromium trouvé : installez-en un (Debian : apt install chromium ; "
    "ailleurs : .venv/bin/python -m playwright install chromium), ou nommez-le dans COURS_CHROMIUM"
)
# Chaque adresse hors de la machine est déclarée introuvable : un notebook qui irait la chercher échoue.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Le navigateur ; sans lui les tests sont sautés, sauf si COURS_NAVIGATEUR=obligatoire (intégration continue)."""
    with sync_playwright() as playwright:
        path = chromium(playwright.chromium.executable_path)
        if path is None:
            if os.environ.get("COURS_NAVIGATEUR") == "obligatoire":
                pytest.fail(MISSING)
            pytest.skip(MISSING)
        options = [OFFLINE, "--disable-component-update", *flags()]
        started = playwright.chromium.launch(executable_path=path, args=options)
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
