"""Les notebooks dans de vrais noyaux : relancés, exécutés dans le désordre, tués, sur un poste où rien ne s'écrit.

Le reste des notebooks, deux fois chacun avec la mémoire de leur noyau : « make endurance ».
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from course_utils import missing_names
from tests.course import NOTEBOOKS, ROOT, code, first_arguments
from tests.endurance import LIMIT, Run, kernel, run_twice
from tests.faults.said import plain

WATCHED = ROOT / "tests" / "faults" / "watched"
FAST = [path for path in NOTEBOOKS if path.name[:2] in ("00", "01")]


def locked(log: Path, temporary: Path) -> dict[str, str]:
    """L'environnement d'un poste verrouillé : dossier personnel absent, cours en lecture seule, réseau coupé."""
    temporary.mkdir()
    return {name: value for name, value in os.environ.items() if name != "IPYTHONDIR"} | {
        "HOME": os.devnull + "/absent",
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(WATCHED),
        "WATCHED_LOG": str(log),
        "WATCHED_FROZEN": str(ROOT),
    }


def attempts(log: Path, temporary: Path) -> list[str]:
    """Ce que le noyau a tenté d'écrire hors du dossier temporaire, ou d'appeler hors de la machine."""
    allowed = (f"écrit\t{temporary}", f"écrit\t{os.devnull}")
    lines = log.read_text(encoding="utf-8").splitlines()
    # Python, qui ne peut ranger le code compilé, s'en passe ; torch prépare parfois son dossier temporaire.
    spared = re.compile(r"__pycache__|/torchinductor_\w+$")
    return [line for line in lines if not line.startswith(allowed) and not spared.search(line)]


@pytest.fixture(scope="module", params=FAST, ids=lambda path: path.stem)
def rerun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[str]]:
    """Un notebook exécuté deux fois sur un poste verrouillé, depuis la racine du dépôt ; ce qu'il a tenté."""
    folder = tmp_path_factory.mktemp("poste")
    log, temporary = folder / "journal", folder / "tmp"
    run = run_twice(request.param, ROOT, env=locked(log, temporary))
    return run, attempts(log, temporary)


def test_second_run_shows_the_same(rerun: tuple[Run, list[str]]) -> None:
    run, _ = rerun
    assert any(run.first) and run.changed == []


def test_kernel_is_small(rerun: tuple[Run, list[str]]) -> None:
    run, _ = rerun
    assert run.peak < LIMIT
    assert run.peak > 1e8 or sys.platform != "linux"


def test_nothing_is_written_and_nobody_is_called(rerun: tuple[Run, list[str]]) -> None:
    _, tried = rerun
    assert tried == []


def test_watched_machine_really_refuses(tmp_path: Path) -> None:
    """Sans quoi le test précédent ne dirait rien."""
    log, temporary = tmp_path / "journal", tmp_path / "tmp"
    attempt = f"""
import os, socket
for call in (lambda: open({str(ROOT / "x")!r}, "w"), lambda: os.mkdir({str(ROOT / "y")!r}),
             lambda: os.rename("a", {str(ROOT / "z")!r}), lambda: socket.create_connection(("exemple.invalid", 80))):
    try:
        call()
    except OSError as error:
        print(error.errno)
"""
    done = subprocess.run([sys.executable, "-c", attempt], env=locked(log, temporary), capture_output=True, text=True)
    assert done.stdout.split() == ["30", "30", "30", "101"] if sys.platform == "linux" else done.stdout
    seen = attempts(log, temporary)
    assert len(seen) >= 4 and seen[-1] == "appelle\texemple.invalid"
    assert not (ROOT / "x").exists()


# --- n'importe quel dossier ----------------------------------------------------------------------------------------


OPENING = """
import os, sys
from course_utils import results
from course_utils.exercises import quiz
for folder in {folders!r}:
    os.chdir(folder)
    for source in {imports!r}:
        exec(source, {{"__name__": "__main__"}})
    for name in {campaigns!r}:
        assert results.load(name) and results.card(name)
    for name in {quizzes!r}:
        quiz(name)
    print("lu", os.getcwd())
"""


def test_every_notebook_opens_from_the_root_and_from_its_folder() -> None:
    folders = [str(ROOT), str(ROOT / "notebooks")]
    imports = [cell.source for path in NOTEBOOKS for cell in code(path) if "imports" in cell.tags]
    assert len(imports) == len(NOTEBOOKS)
    script = OPENING.format(
        folders=folders,
        imports=imports,
        campaigns=sorted(path.stem for path in (ROOT / "data" / "results").glob("*.csv")),
        quizzes=[name for path in NOTEBOOKS for name in first_arguments(path, "quiz")],
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("lu")] == [f"lu {path}" for path in folders]


def test_no_cell_reads_a_relative_path() -> None:
    """« %load solutions/… » excepté, qu'un exercice propose en commentaire."""
    for path in NOTEBOOKS:
        for cell in code(path):
            lines = [line for line in cell.source.splitlines() if not line.startswith("# %load solutions/")]
            found = re.search(r"open\(|read_text|read_bytes|Path\(|\.\./", "\n".join(lines))
            assert not found, f"{path.name} : {cell.source}"


# --- dans le désordre, et interrompu -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell() -> Iterator[NotebookClient]:
    """Un noyau neuf où la cellule d'imports vient d'être exécutée, et rien d'autre."""
    with kernel(FAST[0], ROOT / "notebooks") as client:
        run(client, "from course_utils.exercises import check")
        yield client


def run(client: NotebookClient, source: str) -> list[Any]:
    """Les sorties d'une cellule, erreur comprise."""
    client.allow_errors = True
    cell = nbformat.v4.new_code_cell(source)
    client.nb.cells.append(cell)
    return list(client.execute_cell(cell, len(client.nb.cells) - 1).outputs)


def printed(outputs: list[Any]) -> str:
    return plain("".join(output["text"] for output in outputs if output["output_type"] == "stream"))


def test_cell_run_too_early_says_what_to_run(shell: NotebookClient) -> None:
    early = next(cell.source for cell in code(FAST[1]) if "fashion.test.subset" in cell.source)
    outputs = run(shell, early)
    assert [output["ename"] for output in outputs if output["output_type"] == "error"] == ["NameError"]
    sentence = printed(outputs).splitlines()[-1]
    assert sentence.startswith("`fashion` n'existe pas encore")
    assert "Exécuter tout au-dessus de la cellule sélectionnée" in sentence
    assert printed(run(shell, "fashion = 1\nfashion")) == ""  # la cellule suivante n'en garde rien


@pytest.mark.parametrize(
    "source",
    ["def f():\n    x\n    x = 1\nf()", "1 / 0", "raise NameError('a')", "int.absent", "import absent_du_monde"],
    ids=["variable locale", "division", "sans nom", "attribut", "import"],
)
def test_other_errors_are_left_alone(source: str, shell: NotebookClient) -> None:
    outputs = run(shell, source)
    assert [output["output_type"] for output in outputs] == ["error"]


def test_error_of_a_library_is_not_blamed_on_the_notebook(shell: NotebookClient) -> None:
    library = "import types; m = types.ModuleType('m'); exec('def f(): return absent', m.__dict__); m.f()"
    assert [output["output_type"] for output in run(shell, library)] == ["error"]


def test_curves_cut_short_stay_in_the_saved_notebook(shell: NotebookClient) -> None:
    """Arrêtées à la deuxième époque sur neuf, par ■ ou par une erreur : sans noyau, on les voit encore."""
    started = run(shell, "from types import SimpleNamespace as H\nfrom course_utils.live import curves\n"
                         "suivi = curves('Validation', epochs=9)\nsuivi(H(accuracy=[0.7]))\n"
                         "suivi(H(accuracy=[0.7, 0.81]))\nraise KeyboardInterrupt")  # fmt: skip
    (shown,) = [output for output in started if output["output_type"] == "display_data"]
    assert "81,0\u00a0%" in shown["data"]["text/plain"] and "81,0\u00a0%" in shown["data"]["image/svg+xml"]
    assert run(shell, "1 + 1;") == []  # ce qui est rangé ne l'est pas de nouveau


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL n'existe pas sous Windows")
def test_kernel_killed_while_it_learns_leaves_nothing(tmp_path: Path) -> None:
    log, temporary = tmp_path / "journal", tmp_path / "tmp"
    learning = """
import os, signal
from course_utils.data import load
from course_utils.models import mlp
from course_utils.objectives import Supervised
from course_utils.training import fit
data = load(train_size=600)
fit(mlp(), data.train, Supervised(), epochs=3, on_epoch=lambda _: os.kill(os.getpid(), signal.SIGKILL))
"""
    env = locked(log, temporary) | {"PYTHONPATH": os.pathsep.join([str(WATCHED), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", learning], env=env, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert attempts(log, temporary) == []
    assert [path for path in temporary.rglob("*") if path.is_file()] == []


def test_advice_names_the_menu_that_jupyterlab_shows(capsys: pytest.CaptureFixture[str]) -> None:
    files = importlib.metadata.files("jupyterlab-language-pack-fr-FR") or []
    texts = json.loads(next(Path(str(file.locate())) for file in files if file.name == "jupyterlab.json").read_bytes())
    try:
        exec("absent", {"__name__": "__main__"})
    except NameError as error:
        missing_names.after_cell(SimpleNamespace(error_in_exec=error))
    said = plain(capsys.readouterr().out)
    for key in ("menu\x04Run", "Run All Above Selected Cell"):
        assert f"« {texts[key][0]} »".replace("\u00a0", " ") in said
