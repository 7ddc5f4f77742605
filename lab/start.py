"""Ouvre la séance dans JupyterLab : en français, sur cette machine seulement, sans aller sur le réseau.

    python lab/start.py [OPTIONS DE JUPYTERLAB]

C'est ce que fait « make lab ». Les réglages de ce dossier (labconfig/) ne sont que des valeurs par défaut :
une préférence que vous avez choisie vous-même dans JupyterLab l'emporte. Si aucun navigateur ne peut être
ouvert (machine distante, sans écran), l'adresse à ouvrir est affichée.
"""

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

LAB = Path(__file__).resolve().parent
FIRST = "lab/tree/notebooks/00_accueil.ipynb"
# Les dossiers où JupyterLab et IPython écrivent, d'ordinaire dans le dossier personnel.
PRIVATE = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")


def can_open_browser() -> bool:
    """Faux sous Linux sans écran : un navigateur en mode texte (w3m, lynx) y prendrait le terminal.

    BROWSER est la commande que l'on a choisie ; le terminal de VS Code sur SSH y met de quoi ouvrir le
    navigateur du poste de l'étudiant.
    """
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


def accepts_files(folder: str) -> bool:
    """Vrai si l'on peut écrire dans ce dossier, créé s'il manque."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(4096))
    except OSError:
        return False
    return True


def take_shelter() -> None:
    """Range ailleurs ce que JupyterLab écrit, si le dossier personnel est plein, absent ou en lecture seule."""
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    if all(map(accepts_files, (jupyter_config_dir(), jupyter_data_dir(), jupyter_runtime_dir()))):
        return
    try:
        shelter = tempfile.mkdtemp(prefix="seance-")
    except OSError:
        sys.exit("Ni votre dossier personnel ni le dossier temporaire n'acceptent de fichiers : libérez de la place.")
    atexit.register(shutil.rmtree, shelter, ignore_errors=True)
    os.environ |= {name: os.path.join(shelter, name.lower()) for name in PRIVATE}
    print("Votre dossier personnel n'accepte pas de fichiers : les réglages de JupyterLab seront oubliés à l'arrêt.")


def options(token: str) -> list[str]:
    """Les options données à JupyterLab, avant celles de la ligne de commande, qui les remplacent."""
    chosen = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={LAB.parent}",
        f"--ServerApp.open_browser={can_open_browser()}",
        "--ServerApp.answer_yes=True",  # Ctrl-C arrête tout, sans question en anglais
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


def without(chosen: list[str], given: list[str], aliases: Mapping[str, str]) -> list[str]:
    """Les options choisies ici, sauf celles que la ligne de commande donne : JupyterLab refuse deux valeurs.

    aliases : les noms courts, comme « ip » pour « ServerApp.ip ».
    """

    def setting(option: str) -> str:
        name = option.partition("=")[0].lstrip("-")
        return aliases.get(name, name).rpartition(".")[2]

    settings = set(map(setting, given))
    return [option for option in chosen if setting(option) not in settings]


def announce(address: str) -> None:
    """Affiche l'adresse à ouvrir."""
    print(f"\nLa séance est ouverte à l'adresse {address}")
    print("Ctrl-C, ici, l'arrête.\n", flush=True)


def main() -> None:
    """Démarre le serveur et ne rend la main qu'à son arrêt (Ctrl-C)."""
    # Ce que l'on a choisi soi-même l'emporte. Un message de moins devant chaque image nouvelle : cet écho ne sert qu'à
    # deux onglets ouverts sur un même noyau.
    os.environ.setdefault("JUPYTER_WIDGETS_ECHO", "0")
    # labconfig/ met l'état du noyau dans la barre du bas : dans la barre d'outils, que JupyterLab remet alors en page,
    # chaque image d'un curseur attendrait six millisecondes de plus.
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(LAB), *([others] if others else [])])
    # Le cours de ce dossier-ci, même si on l'a déplacé ou copié depuis l'installation ; les noyaux en héritent.
    sys.path.insert(0, str(LAB.parent))
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(LAB.parent), *([others] if others else [])])
    try:
        take_shelter()
        from jupyterlab.labapp import LabApp

        import course_utils  # noqa: F401  # il règle les fils de calcul, et les noyaux en héritent
        from lab.prompt import PromptConnection
    except ImportError:
        sys.exit("JupyterLab n'est pas installé dans ce Python : lancez « make lab ».")

    chosen = options(secrets.token_hex(24))
    server = LabApp.initialize_server(
        [*without(chosen, sys.argv[1:], LabApp.aliases), *sys.argv[1:]],
        kernel_websocket_connection_class=PromptConnection,
    )
    # Après l'ouverture du port, qui est la première tâche de cette boucle : une adresse affichée répond.
    # Lue chez lui : la ligne de commande a pu choisir le jeton.
    token = f"?token={server.identity_provider.token}" if server.identity_provider.token else ""
    server.io_loop.add_callback(announce, f"{server.connection_url}{FIRST}{token}")
    server.start()


if __name__ == "__main__":
    main()
