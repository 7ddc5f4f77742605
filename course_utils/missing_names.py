"""Dans un notebook, un nom qui manque : dire quoi exécuter, sous l'erreur de Python."""

from typing import Any

from course_utils.french import typography


def watch() -> None:
    """Dans IPython, ajoute une phrase à chaque NameError d'une cellule ; ailleurs, ne fait rien."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.events.register("post_run_cell", after_cell)


def after_cell(result: Any) -> None:
    """Ce qu'IPython appelle après chaque cellule. result : ce qu'elle a donné (None si elle a été interrompue)."""
    error = getattr(result, "error_in_exec", None)
    if isinstance(error, NameError) and error.name and _raised_by_the_cell(error):
        sentence = (
            f"`{error.name}` n'existe pas encore : exécutez d'abord les cellules d'avant (menu « Exécution », "
            "« Exécuter tout au-dessus de la cellule sélectionnée »), ou corrigez ce nom s'il est mal écrit."
        )
        print(typography(sentence))


def _raised_by_the_cell(error: NameError) -> bool:
    """Faux si l'erreur vient d'une bibliothèque : exécuter d'autres cellules n'y changerait rien."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "__main__"
