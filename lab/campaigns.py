"""La page des résultats du site : chaque campagne en image et en tableau, ce qu'elle montre, et ne montre pas.

Tout vient de data/results et d'experiments/campaigns ; aucune phrase de résultat n'est écrite à la main.
"""

import base64
import html
import math
from collections.abc import Sequence
from typing import Any

from course_utils import results
from course_utils.drawing.layout import stack
from course_utils.figures import Curve, bar_chart, french_number, french_percent, line_chart
from course_utils.french import typography
from course_utils.results import RESULTS, Interval, Row
from course_utils.results_view import curve
from experiments.campaign import Campaign, Comparison, View, load, names
from experiments.shared import TEACHER

TITLE = "Toutes les campagnes"
INTRODUCTION = (
    "Ce que les notebooks relisent, en entier : sauf pour les coûts, comptés une fois, et les enseignants fournis, un "
    "seul réseau chacun, chaque point est la moyenne de plusieurs graines, chaque intervalle est à 95 %, chaque "
    "comparaison est faite sur les mêmes graines. Un intervalle qui contient zéro est « non significatif », et reste "
    "sur la page."
)
# Les colonnes, en français
NAMES = {
    "accuracy": "exactitude sur le test", "test": "exactitude sur le test",
    "validation": "exactitude sur la validation", "recall": "rappel à 1", "macs": "multiplications-additions",
    "recall_before": "rappel de la classe absente, sans correction",
    "recall_prior": "rappel de la classe absente, biais corrigé par la règle",
    "errors_before": "erreurs sur 10 000 images, sans correction",
    "errors_prior": "erreurs sur 10 000 images, biais corrigé par la règle",
    "temperature": "température T", "soft_weight": "λ", "train_size": "labels", "units": "unités par couche",
    "lr": "pas d'Adam", "depth": "couches de l'élève", "dimension": "dimension de l'élève", "method": "méthode",
    "class": "classe absente", "transfer": "jeu de transfert", "world": "images de transfert", "budget": "budget",
    "condition": "situation", "patience": "époques de l'enseignant",
}  # fmt: skip
AVERAGE = "moyenne et intervalle à 95 %"  # la colonne d'une vue sans courbes
COUNTED = {"macs", "errors_before", "errors_prior"}  # les autres valeurs sont des proportions


def content() -> str:
    """Toute la page : un sommaire, puis une partie par campagne."""
    campaigns = {name: load(name) for name in names()}
    links = "".join(f'<li><a href="#{name}">{_escaped(c.title)}</a></li>' for name, c in campaigns.items())
    parts = "\n".join(section(name, campaign) for name, campaign in campaigns.items())
    return f"<h1>{TITLE}</h1>\n<p>{_escaped(INTRODUCTION)}</p>\n<ul>{links}</ul>\n{parts}\n"


def section(name: str, campaign: Campaign) -> str:
    """Une campagne : sa question, ses images et leurs tableaux, ce qu'elle montre, ce qu'elle ne montre pas."""
    rows = results.load(name)
    # un essai peut avoir échoué, ou n'être pas fait : il ne manque que ce qu'il aurait montré
    views = [view for view in campaign.views if any(group for _, group in _panels(rows, view))]
    shown = "".join(f"<figure>{figure(rows, view)}</figure>\n{table(rows, view)}\n" for view in views)
    said = filter(None, (told(rows, comparison) for comparison in campaign.comparisons))
    sentences = "".join(f"<li>{_escaped(_capital(one))}</li>" for one in said)
    found = f"<h3>Ce qu'elle montre</h3>\n<ul>{sentences}</ul>\n" if sentences else ""
    return (
        f'<section id="{name}">\n<h2>{_escaped(campaign.title)}</h2>\n<p>{_escaped(campaign.question)}</p>\n{shown}'
        f"{found}<h3>Ce qu'elle ne montre pas</h3>\n<p>{_escaped(campaign.limits)}</p>\n"
        f"{provenance(name, campaign, rows)}</section>"
    )


def provenance(name: str, campaign: Campaign, rows: Sequence[Row]) -> str:
    """D'où viennent ces nombres, comment les refaire, et le tableau entier à emporter."""
    card = results.card(name)
    seconds, done = card["seconds"], {campaign.key(row) for row in rows}
    lacking = sum(campaign.key(point) not in done for point in campaign.points)
    spent = f"{seconds} secondes" if seconds < 120 else f"{french_number(seconds / 60, 0)} minutes"
    missing = f" Essais qui manquent : {lacking}." if lacking else ""
    text = (
        f"{len(campaign.points)} essais, {spent} de calcul ({card['machine']}), torch {card['versions']['torch']}, "
        f"code {card['commit']}.{missing} Pour la refaire, effacez {name}.csv et {name}.json, puis : "
    )
    data = base64.b64encode((RESULTS / f"{name}.csv").read_bytes()).decode()
    link = f'<a download="{name}.csv" href="data:text/csv;base64,{data}">Le tableau entier : {name}.csv</a>'
    return f"<p class='note'>{_escaped(text)}<code>make campagne NOM={name}</code>. {link}</p>\n"


def told(rows: Sequence[Row], comparison: Comparison) -> str:
    """Une comparaison en une phrase, sur les graines que les deux côtés ont ; rien s'il n'y en a pas deux."""
    ours = results.by_seed(rows, comparison.value, **comparison.rows)
    theirs = results.by_seed(rows, comparison.other_value or comparison.value, **comparison.other_rows)
    common = [seed for seed in ours if seed in theirs]
    if len(common) < 2:
        return ""
    values, others = [ours[seed] for seed in common], [theirs[seed] for seed in common]
    if comparison.value not in COUNTED:
        return results.compared(comparison.name, values, comparison.other, others)
    gap, first, second = results.paired(values, others), results.interval(values), results.interval(others)
    mean, low, high = (results.legible(value, 0) for value in (gap.mean, gap.low, gap.high))
    return (
        f"{comparison.name} : {french_number(first.mean, 0)} ; {comparison.other} : {french_number(second.mean, 0)}. "
        f"Écart {mean}, entre {low} et {high} : {gap.verdict} ({gap.count} graines)."
    )


def figure(rows: Sequence[Row], view: View) -> str:
    """Les panneaux d'une vue : des courbes si l'abscisse est un nombre, des barres si c'est un nom."""
    return stack(*(_panel(group, view, _panel_title(view, key)) for key, group in _panels(rows, view)))


def table(rows: Sequence[Row], view: View) -> str:
    """Les moyennes et les intervalles d'une vue : une ligne par abscisse, une colonne par courbe, par panneau."""
    parts = []
    for key, group in _panels(rows, view):
        cells = _cells(group, view)
        columns = list(dict.fromkeys(series for series, _ in cells))
        lines = list(dict.fromkeys(x for _, x in cells))
        if len(columns) > len(lines) and len(columns) > 4:
            columns, lines = lines, columns
            cells = {(x, series): found for (series, x), found in cells.items()}
            corner = NAMES.get(view.series, view.series)
        else:
            corner = NAMES.get(view.x, view.x)
        unnamed = AVERAGE if any(found.count > 1 for found in cells.values()) else "valeur"
        head = "".join(f'<th scope="col">{_escaped(_name(column) or unnamed)}</th>' for column in columns)
        body = "".join(
            f'<tr><th scope="row">{_escaped(_name(line))}</th>'
            + "".join(f"<td>{_written(cells.get((column, line)), view)}</td>" for column in columns)
            + "</tr>"
            for line in lines
        )
        caption = _escaped(", ".join(filter(None, (NAMES[view.value], _panel_title(view, key)))))
        parts.append(
            f"<details><summary>Le tableau : {caption}</summary><div class='wide'><table><thead><tr>"
            f'<th scope="col">{_escaped(corner)}</th>{head}</tr></thead><tbody>{body}</tbody></table></div></details>'
        )
    return "\n".join(parts)


def _panel(rows: Sequence[Row], view: View, title: str) -> str:
    cells = _cells(rows, view)
    form = (lambda v: french_number(v)) if view.value in COUNTED else french_percent
    title = _capital(" : ".join(filter(None, (NAMES[view.value], title))))
    alt = typography(title + ". " + " ; ".join(
        f"{_series(view, series)} {_name(x)} : {_written(found, view)}".strip() for (series, x), found in cells.items()
    ))  # fmt: skip
    names = list(dict.fromkeys(x for _, x in cells))
    groups = list(dict.fromkeys(series for series, _ in cells))
    if any(isinstance(x, str) for x in names):
        return _bars(cells, names, groups, view, alt=alt, title=title, form=form)
    levels = {str(row["method"]): row[view.value] for row in rows if row.get("method") == TEACHER}
    taught = [row for row in rows if row.get("method") != TEACHER]
    lines = results.grouped(taught, view.series) if view.series else {NAMES[view.value]: taught}
    curves = {_series(view, name): _bounded(curve(found, view.x, view.value), view) for name, found in lines.items()}
    curves = {name: line for name, line in curves.items() if len(line.x) > 1}  # un point seul est dans le tableau
    log = min(names) > 0 and max(names) >= 8 * min(names)
    return line_chart(curves, alt=alt, title=title, x_label=NAMES.get(view.x, view.x), levels=levels, log_x=log,
                      y_format=form, width=900, height=440)  # fmt: skip


def _bars(cells: "Cells", names: list[Any], groups: list[Any], view: View, *, alt: str, title: str, form: Any) -> str:
    names = [name for name in names if all((group, name) in cells for group in groups)]  # les autres : au tableau
    found = {group: [cells[group, name] for name in names] for group in groups}
    means = {_series(view, group): [one.mean for one in row] for group, row in found.items()}
    lowest, highest = min(one.low for one in cells.values()), max(one.high for one in cells.values())
    share, single = view.value not in COUNTED, len(groups) == 1
    low = max(0.0, math.floor(10 * lowest) / 10 - 0.1) if share else 0.0
    return bar_chart(
        [_name(name) for name in names],
        next(iter(means.values())) if single else means,
        alt=alt,
        title=title,
        limits=(low, min(1.0, highest + 0.02) if share else 1.05 * highest),
        intervals=[(one.low, one.high) for one in found[groups[0]]] if single else (),
        value_format=form,
        width=900,
    )


Cells = dict[tuple[Any, Any], Interval]


def _cells(rows: Sequence[Row], view: View) -> Cells:
    """(courbe, abscisse) → la moyenne et son intervalle ; une seule graine n'en a pas. L'enseignant est à part."""
    numeric = not isinstance(rows[0][view.x], str)
    found: Cells = {}
    for row in rows:
        if numeric and row.get("method") == TEACHER:
            continue
        key = (row.get(view.series, ""), row[view.x])
        if key not in found:
            values = [r[view.value] for r in rows if (r.get(view.series, ""), r[view.x]) == key]
            found[key] = results.interval(values) if len(values) > 1 else Interval(values[0], 0, 1)
    return found


def _bounded(line: Curve, view: View) -> Curve:
    """Une proportion ne sort pas de 0 à 1, même si l'intervalle de trois réseaux très différents le fait."""
    if line.low is None or line.high is None or view.value in COUNTED:
        return line
    return line._replace(low=[max(low, 0) for low in line.low], high=[min(high, 1) for high in line.high])


def _panels(rows: Sequence[Row], view: View) -> list[tuple[Any, list[Row]]]:
    """Les lignes de chaque panneau, sans celles qui n'ont pas de valeur, ni les panneaux d'un enseignant seul."""
    kept = [row for row in results.matching(rows, **view.where) if row[view.value] != ""]
    panels = results.grouped(kept, view.panel).items() if view.panel else [("", kept)]
    return [(key, group) for key, group in panels if any(row.get("method") != TEACHER for row in group)]


def _panel_title(view: View, key: Any) -> str:
    if not view.panel:
        return view.title
    name = NAMES.get(view.panel, view.panel)
    return f"{french_number(key)} {name}" if isinstance(key, int | float) else f"{name} « {key} »"


def _name(value: Any) -> str:
    """Une valeur de la grille, en français."""
    return french_number(value) if isinstance(value, int | float) else str(value)


def _series(view: View, value: Any) -> str:
    """Le nom d'une courbe : « λ = 0,3 », ou la méthode."""
    return f"{NAMES[view.series]} = {_name(value)}" if isinstance(value, int | float) else str(value)


def _written(found: Interval | None, view: View) -> str:
    if found is None:
        return ""
    form = (lambda v: french_number(v)) if view.value in COUNTED else (lambda v: french_percent(v, 1))
    if found.count == 1:
        return form(found.mean)
    half = french_number(found.half) if view.value in COUNTED else french_number(100 * found.half, 1)
    return typography(f"{form(found.mean)} ± {half}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _escaped(text: str) -> str:
    return html.escape(typography(text), quote=False)
