"""Un notebook ouvert dans JupyterLab : l'exécuter, trouver ses images vivantes, écouter toutes les erreurs."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Request

from tests.course import WELCOME

# Attendre « idle » puis tout exécuter échoue souvent sans rien dire : les cellules ne partent jamais. Il faut que
# le document, la session, la connexion et le noyau aient chacun répondu.
READY = """async path => {
  const end = performance.now() + 120_000;
  for (; performance.now() < end; await new Promise(resolve => setTimeout(resolve, 50))) {
    const panel = window.jupyterapp?.shell.currentWidget;
    if (panel?.context?.path !== path) continue;
    await panel.context.ready;
    await panel.sessionContext.ready;
    const kernel = panel.sessionContext.session?.kernel;
    if (kernel?.connectionStatus !== 'connected') continue;
    await kernel.info;
    if (kernel.status === 'idle') return;
  }
  throw new Error(`${path} ne s'ouvre pas`);
}"""

# Une erreur dans la réaction à un curseur n'atteint aucune cellule : il faut l'écouter sur le canal du noyau.
LISTEN = """() => {
  window.kernelErrors = [];
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.iopubMessage.connect((_, {header, content}) => {
    if (header.msg_type === 'error') window.kernelErrors.push(`${content.ename} : ${content.evalue}`);
    // JupyterLab demande les widgets avant qu'ipywidgets soit importé : sans conséquence.
    if (header.msg_type === 'stream' && content.name === 'stderr' && !content.text.startsWith('No such comm'))
      window.kernelErrors.push(content.text);
  });
}"""

# Les widgets que le noyau demande à la page de créer : ceux que tout autre afficheur devrait savoir créer aussi.
LISTEN_WIDGETS = """() => {
  window.widgetModels = new Set();
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.iopubMessage.connect((_, {header, content}) => {
    if (header.msg_type !== 'comm_open' || content.target_name !== 'jupyter.widget') return;
    const state = content.data.state;
    for (const side of ['model', 'view'])
      if (state[`_${side}_module`]) window.widgetModels.add(`${state[`_${side}_module`]} : ${state[`_${side}_name`]}`);
  });
}"""

OUTPUTS = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === 'code');
  return cells.flatMap(cell => cell.model.sharedModel.outputs.map((output, i) => ({
    data: output.data ?? {},
    live: Boolean(cell.outputArea.widgets[i]?.node.querySelector('.cours-vivant')),
  })));
}"""

# Le changement de thème cache la page sous un écran d'attente.
THEME = """async name => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme: name});
  const done = () => document.body.dataset.jpThemeName === name && !document.getElementById('jupyterlab-splash');
  while (!done()) await new Promise(resolve => setTimeout(resolve, 30));
}"""
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"

RUN_ALL = """async seconds => {
  const panel = window.jupyterapp.shell.currentWidget;
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('notebook trop long')), 1000 * seconds));
  const run = async () => {
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
    await panel.sessionContext.session.kernel.requestKernelInfo();  // sa réponse vient après les cellules
  };
  await Promise.race([run(), late]);
  return panel.content.model.sharedModel.cells.filter(cell => cell.cell_type === 'code').map(cell => ({
    source: cell.source,
    executed: cell.execution_count !== null || !cell.source.trim(),
    expected: (cell.metadata.tags ?? []).includes('raises-exception'),
    errors: cell.outputs.filter(o => o.output_type === 'error').map(o => `${o.ename} : ${o.evalue}`),
    warnings: cell.outputs.filter(o => o.name === 'stderr').map(o => o.text),
  }));
}"""

ANSWER = """async ([stub, answer]) => {
  const {content} = window.jupyterapp.shell.currentWidget;
  const at = content.widgets.findIndex(cell => cell.model.sharedModel.getSource() === stub);
  const verdict = content.widgets.findIndex((cell, i) => i > at && cell.model.type === 'code');
  content.widgets[at].model.sharedModel.setSource(answer);
  for (const index of [at, verdict]) {
    content.activeCellIndex = index;
    await window.jupyterapp.commands.execute('notebook:run-cell');
  }
  content.widgets[at].model.sharedModel.setSource(stub);
  return content.widgets[verdict].node.querySelector('.jp-OutputArea-output').innerText;
}"""

# Le noyau traite les messages dans l'ordre : sa réponse dit qu'il a reçu ceux d'avant. Sans elle, un noyau qui n'a pas
# encore dit « occupé » passe pour un noyau au repos.
ANSWERED = """async () => {
  await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestKernelInfo();
}"""
IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
OPEN = """async path => {
  const {commands, shell} = window.jupyterapp;
  const panel = await commands.execute('docmanager:open', {path, factory: 'Notebook'});
  shell.activateById(panel.id);
}"""

# Le noyau s'arrête pendant que le notebook suivant s'ouvre : un noyau qui a chargé torch met deux secondes à finir.
CLOSE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  window.jupyterapp.serviceManager.sessions.shutdown(panel.sessionContext.session.id);
  panel.dispose();
}"""
HEIGHT = "() => document.querySelector('.jp-Notebook-cell:last-child').getBoundingClientRect().bottom + \
  document.querySelector('.jp-WindowedPanel-outer').scrollTop"

# Une formule mise en page après coup change la hauteur : on attend qu'elle ne bouge plus depuis 300 ms.
STEADY_HEIGHT = f"""async () => {{
  const height = {HEIGHT};
  let last = NaN, since = 0;
  while (height() !== last || performance.now() - since < 300) {{
    if (height() !== last) [last, since] = [height(), performance.now()];
    await new Promise(resolve => setTimeout(resolve, 30));
  }}
  return last;
}}"""


class NotebookPage:
    """Un notebook dans un onglet ; `.problems` recueille ce qui ne va pas du côté du navigateur."""

    def __init__(self, page: Page, address: str, name: str) -> None:
        """Ouvre le notebook « notebooks/NAME » ; si la page est vierge, y charge JupyterLab depuis son adresse."""
        self.page = page
        self.problems: list[str] = []
        parts = urlsplit(address)
        self._origin = f"{parts.scheme}://{parts.netloc}/"
        self._listeners: dict[str, Callable[[Any], None]] = {
            "console": lambda m: self.problems.append(m.text) if m.type == "error" else None,
            "pageerror": lambda error: self.problems.append(str(error)),
            "requestfailed": self._failed,
            "response": lambda r: self.problems.append(f"{r.status} {r.url}") if r.status >= 400 else None,
            "request": lambda request: self._only_from_here(request.url),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)  # type: ignore[call-overload]
        path = f"notebooks/{name}"
        if page.url == "about:blank":
            page.goto(address.replace(f"{WELCOME}.ipynb", name), wait_until="commit")
        else:
            page.evaluate(OPEN, path)
        page.evaluate(READY, path)
        page.evaluate("window.jupyterapp.shell.collapseLeft()")
        page.evaluate(LISTEN)
        page.evaluate(LISTEN_WIDGETS)

    def _failed(self, request: Request) -> None:
        # Abandonnée par la page elle-même : JupyterLab corrige l'adresse d'une image juste après l'avoir demandée.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"{request.url} {request.failure}")

    def _only_from_here(self, url: str) -> None:
        if not re.match(rf"{re.escape(self._origin)}|ws://127|data:|blob:", url):
            self.problems.append(f"cherché hors de la machine : {url}")

    def run_all(self, seconds: int) -> None:
        """Exécute toutes les cellules, en moins de tant de secondes ; chacune doit aboutir, sans avertissement."""
        cells: list[dict[str, Any]] = self.page.evaluate(RUN_ALL, seconds)
        for cell in cells:
            fine = cell["executed"] and not cell["warnings"] and (cell["expected"] or not cell["errors"])
            assert fine, f"{cell['source']}\n→ {cell['errors'] or cell['warnings'] or 'jamais exécutée'}"
        self.settle()

    def answer(self, stub: str, answer: str) -> str:
        """Écrit une réponse dans la cellule d'un exercice, l'exécute, et rend ce que la cellule du verdict affiche."""
        return self.page.evaluate(ANSWER, [stub, answer])

    def settle(self) -> None:
        """Attend que le noyau ait tout reçu, et soit au repos."""
        self.page.evaluate(ANSWERED)
        self.page.wait_for_function(IDLE, polling=20)

    def kernel_errors(self) -> list[str]:
        """Les erreurs et les avertissements du noyau, réactions des widgets comprises."""
        return self.page.evaluate("window.kernelErrors")

    def height(self) -> float:
        """La hauteur du notebook, en pixels : si un geste la change, la page saute sous les yeux."""
        return self.page.evaluate(HEIGHT)

    def steady_height(self) -> float:
        """La même hauteur, une fois que rien ne bouge plus."""
        return self.page.evaluate(STEADY_HEIGHT)

    def live_objects(self) -> list[Locator]:
        """Les images vivantes, dans l'ordre."""
        return self.page.locator(".cours-vivant").all()

    def widget_models(self) -> list[str]:
        """Les widgets créés depuis l'ouverture, « module : nom »."""
        return self.page.evaluate("[...window.widgetModels]")

    def outputs(self) -> list[dict[str, Any]]:
        """Chaque sortie de chaque cellule : "data", son contenu par type, et "live", vrai pour une image vivante."""
        return self.page.evaluate(OUTPUTS)

    @contextmanager
    def resized(self, width: int, height: int) -> Iterator[None]:
        """L'onglet à une autre taille, le temps d'un bloc."""
        usual = self.page.viewport_size
        assert usual
        self.page.set_viewport_size({"width": width, "height": height})
        self.steady_height()
        try:
            yield
        finally:
            self.page.set_viewport_size(usual)
            self.steady_height()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """L'onglet aussi haut que le notebook, le temps d'un bloc : rien n'y est hors de l'écran."""
        usual = self.page.viewport_size
        assert usual
        with self.resized(usual["width"], int(self.steady_height()) + 120):
            self.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
            yield

    @contextmanager
    def dark(self) -> Iterator[None]:
        """Le thème sombre de JupyterLab, le temps d'un bloc."""
        self.page.evaluate(THEME, DARK)
        try:
            yield
        finally:
            self.page.evaluate(THEME, LIGHT)

    def screenshot(self, path: str) -> None:
        """Photographie le notebook entier."""
        with self.whole():
            # Plus haut, Chromium ne sait plus dessiner.
            projector = self.page.viewport_size
            assert projector
            self.page.screenshot(
                path=path, animations="disabled",
                clip={"x": 0, "y": 0, "width": projector["width"], "height": min(projector["height"], 16_000)},
            )  # fmt: skip

    def save(self) -> None:
        """Enregistre le notebook."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")

    def close(self) -> None:
        """Ferme le notebook et arrête son noyau."""
        self.page.evaluate(CLOSE)
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
