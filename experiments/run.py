"""Fait une campagne, ou la reprend où elle s'est arrêtée.

    make campagne                                # la liste des campagnes, et ce qui reste à faire de chacune
    make campagne NOM=hinton_grid                # un essai par cœur à la fois, sur cette machine
    python -m experiments.run hinton_grid --scheduler tcp://10.0.0.1:8786      # sur les machines de ce cluster

Un cluster Dask (machines d'une salle, SSH, Slurm) se lance à part, comme le dit le README.
"""

import argparse
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.files import reason, shown
from course_utils.french import forgiving_console, typography
from course_utils.results import RESULTS
from experiments.campaign import Campaign, Point, load, names
from experiments.journal import Journal
from experiments.worker import perform, settings_of

if TYPE_CHECKING:
    from distributed import Client

# Dask demande à l'allocateur de rendre la mémoire au système après chaque tableau : un apprentissage y passe la moitié
# de son temps.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": 1,
    "MALLOC_ARENA_MAX": 1,
    "MALLOC_TRIM_THRESHOLD_": 2**30,
    "MALLOC_MMAP_THRESHOLD_": 2**25,
}
KILLED = (
    "l'ouvrier est mort plusieurs fois sur cet essai, peut-être faute de mémoire : relancez avec moins d'ouvriers "
    '(CAMPAGNE="--ouvriers 1", par exemple)'
)
INTERRUPTED = 130  # le code de sortie d'un programme arrêté par Ctrl-C


def main(arguments: list[str] | None = None) -> int:
    """Rend 0 si la campagne est complète, 1 si des essais ont échoué, 130 si on l'a interrompue."""
    chosen = options().parse_args(arguments)
    forgiving_console()
    name, journal = (chosen.nom or "").rpartition(".")[2], None
    try:
        if not chosen.nom:
            print(overview(chosen.resultats))
            return 0
        campaign = load(chosen.nom)
        chosen.resultats.mkdir(parents=True, exist_ok=True)
        with locked(chosen.resultats / f"{name}.verrou"):
            journal = Journal(name, campaign, chosen.resultats)
            complete(chosen.nom, journal, chosen.scheduler, chosen.ouvriers)
    except (ValueError, OSError) as error:
        print(typography(sentence(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # relu : le dernier essai a pu être gardé
        left = len(Journal(name, campaign, chosen.resultats).missing()) if journal else "tous"
        print(typography(f"\nInterrompu. Essais à faire : {left} ; la même commande reprendra là."), file=sys.stderr)
        return INTERRUPTED
    print(typography(summary(journal)))
    return 1 if journal.failed else 0


def sentence(error: Exception) -> str:
    """Ce que dit une erreur ; celles du système le disent en anglais, sans quoi faire."""
    if not (isinstance(error, OSError) and error.errno):
        return str(error)
    where = shown(error.filename) if error.filename else "Le dossier des résultats"
    return f"{where} ne convient pas ({reason(error)}) : donnez par --resultats un dossier où vous pouvez écrire."


def options() -> argparse.ArgumentParser:
    """Les options de la ligne de commande."""
    parser = argparse.ArgumentParser(prog="python -m experiments.run", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("nom", nargs="?", help="un fichier d'experiments/campaigns, ou un module (dossier.fichier)")
    parser.add_argument("--scheduler", metavar="ADRESSE", help="celle d'un cluster Dask déjà lancé")
    parser.add_argument("--ouvriers", type=positive, default=cores(), metavar="N", help="combien ici (un par cœur)")
    parser.add_argument("--resultats", type=Path, default=RESULTS, metavar="DOSSIER", help="data/results par défaut")
    return parser


def positive(text: str) -> int:
    """Un entier d'au moins 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(typography(f"{text} ne convient pas : donnez un entier d'au moins 1"))
    return int(text)


def overview(folder: Path) -> str:
    """Une ligne par campagne : combien d'essais, combien restent."""
    lines = ["Choisissez une campagne : make campagne NOM=…"]
    for name in names():
        campaign = load(name)
        lines.append(f"  {name:<18} {campaign.title} ({len(campaign.points)} essais, {state(name, campaign, folder)})")
    return typography("\n".join(lines))


def state(name: str, campaign: Campaign, folder: Path) -> str:
    """Ce qui reste à faire d'une campagne, en deux mots."""
    try:
        left = len(Journal(name, campaign, folder).missing())
    except ValueError:
        return f"à regarder : make campagne NOM={name}"
    return f"{left} à faire" if left else "complète"


def complete(name: str, journal: Journal, scheduler: str | None, workers: int) -> None:
    """Fait ce qui reste à faire de la campagne, puis écrit son tableau et sa fiche."""
    todo = journal.missing()
    if not todo and not journal.path.exists():
        return  # rien de neuf : ni le tableau, ni sa fiche ne changent
    if todo:
        with cluster(scheduler, workers) as client:
            for point, outcome in outcomes(client, name, todo, len(journal.campaign.points)):
                journal.add(point, outcome)
    journal.finish()


def outcomes(client: "Client", name: str, todo: list[Point], total: int) -> Iterator[tuple[Point, dict[str, Any]]]:
    """Les essais dès qu'ils finissent, dans un ordre quelconque, avec ce qui reste de temps."""
    from distributed import KilledWorker, as_completed
    from tqdm import tqdm

    settings = [settings_of(load(name))] * len(todo)
    asked = dict(zip(client.map(perform, [name] * len(todo), todo, settings, pure=False), todo, strict=True))
    bar = tqdm(total=total, initial=total - len(todo), desc=name, unit=" essai", smoothing=0, dynamic_ncols=True,
               bar_format="{desc} : {n_fmt}/{total_fmt} |{bar}| {elapsed}, reste {remaining}")  # fmt: skip
    with bar:
        # `asked` garde les futurs : un Ctrl-C qui tomberait pendant que Dask en oublie un serait perdu.
        for future, outcome in as_completed(asked, with_results=True, raise_errors=False):
            point = asked[future]
            if isinstance(outcome, BaseException):  # l'essai n'a pas échoué : plus personne ne peut le faire
                raise OSError("Le cluster ne répond plus : relancez-le ; la même commande reprendra là.")
            if not isinstance(outcome, dict):  # Dask y renonce, ou n'a pas pu commencer
                fault = future.exception()
                outcome = {"error": KILLED if isinstance(fault, KilledWorker) else told(fault)}
            if "error" in outcome:
                bar.write(typography(f"Échec de {point} : {outcome['error']}"), file=sys.stderr)
            yield point, outcome
            bar.update()


def told(error: BaseException) -> str:
    """Une erreur de Dask, et sa cause s'il la dit : un module qui manque à un ouvrier, par exemple."""
    cause = error.__cause__ or error
    return f"{type(cause).__name__} : {' '.join(str(cause).split())}"


@contextmanager
def cluster(scheduler: str | None, workers: int) -> "Iterator[Client]":
    """Un client de ce cluster, ou d'un cluster local : un processus par cœur, un fil chacun, rien sur le réseau."""
    import dask
    from distributed import Client, LocalCluster

    dask.config.set({"distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT})
    if scheduler:
        try:
            client = Client(scheduler, timeout="5s")
        except (OSError, ValueError):
            raise OSError(
                f"Aucun cluster ne répond à l'adresse {scheduler} : lancez « dask scheduler », et donnez l'adresse "
                "qu'il affiche (tcp://…)."
            ) from None
        with client:
            yield client
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        with uninterrupted():
            # memory_limit : Dask arrêterait un ouvrier qui garde les images en mémoire
            local = LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", memory_limit=0,
                                 dashboard_address="127.0.0.1:0", local_directory=scratch,
                                 silence_logs=logging.ERROR)  # fmt: skip
        with local, Client(local) as client:
            try:
                yield client
            except KeyboardInterrupt:
                for name in ("asyncio", "distributed"):  # ils raconteraient chaque connexion que cet arrêt coupe
                    logging.getLogger(name).setLevel(logging.CRITICAL)
                raise


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Les processus lancés ici n'entendent pas Ctrl-C : c'est le coureur qui les arrêtera."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Une campagne à la fois dans un dossier. Lève ValueError si elle y est déjà en cours."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"Cette campagne est déjà en cours ({path.name}) : attendez sa fin ou arrêtez-la.") from None
    try:
        yield
    finally:
        lock.release()  # le fichier reste : effacé, deux coureurs verrouilleraient chacun le leur


def cores() -> int:
    """Les cœurs dont dispose ce processus."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def summary(journal: Journal) -> str:
    """Ce qui a été fait, et ce qui a échoué."""
    done = len(journal.campaign.points) - len(journal.missing())
    text = f"{journal.csv.name} : {done} essais sur {len(journal.campaign.points)}."
    if journal.failed:
        text += f" Échecs : {len(journal.failed)} (voir {journal.card.name}) ; la même commande les retentera."
    return text


if __name__ == "__main__":
    sys.exit(main())
