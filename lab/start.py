"""Ouvre la séance dans JupyterLab : en français, sur cette machine seulement, sans aller sur le réseau.

    python lab/start.py [OPTIONS DE JUPYTERLAB]

C'est ce que fait « make lab ». Les réglages de ce dossier (labconfig/) ne sont que des valeurs par défaut :
une préférence que vous avez choisie vous-même dans JupyterLab l'emporte. Si aucun navigateur ne peut être
ouvert (machine distante, sans écran), l'adresse à ouvrir est affichée.
"""

import os
import secrets
import sys
from pathlib import Path

LAB = Path(__file__).resolve().parent
FIRST = "lab/tree/notebooks/00_accueil.ipynb"


def can_open_browser() -> bool:
    """Faux sous Linux sans écran : un navigateur en mode texte (w3m, lynx) y prendrait le terminal.

    BROWSER est la commande que l'on a choisie ; le terminal de VS Code sur SSH y met de quoi ouvrir le
    navigateur du poste de l'étudiant.
    """
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


def options(token: str) -> list[str]:
    """Les options données à JupyterLab, avant celles de la ligne de commande, qui les remplacent."""
    chosen = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={LAB.parent}",
        f"--ServerApp.open_browser={can_open_browser()}",
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
        f"--IdentityProvider.token={token}",
        f"--LabApp.default_url=/{FIRST}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        chosen.append("--allow-root")  # conteneur ou machine jetable : JupyterLab refuserait de démarrer
    return chosen


def announce(address: str) -> None:
    """Affiche l'adresse à ouvrir."""
    print(f"\nLa séance est ouverte à l'adresse {address}")
    print("Ctrl-C, ici, l'arrête.\n", flush=True)


def main() -> None:
    """Démarre le serveur et ne rend la main qu'à son arrêt (Ctrl-C)."""
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(LAB), *([others] if others else [])])
    try:
        from jupyterlab.labapp import LabApp
        from prompt import PromptConnection
    except ImportError:
        sys.exit("JupyterLab n'est pas installé dans ce Python : lancez « make lab ».")

    token = secrets.token_hex(24)
    server = LabApp.initialize_server(
        [*options(token), *sys.argv[1:]], kernel_websocket_connection_class=PromptConnection
    )
    # Après l'ouverture du port, qui est la première tâche de cette boucle : une adresse affichée répond.
    server.io_loop.add_callback(announce, f"{server.connection_url}{FIRST}?token={token}")
    server.start()


if __name__ == "__main__":
    main()
