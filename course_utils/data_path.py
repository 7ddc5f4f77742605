"""Par où passent les données, ce que l'on compare et ce qui bouge : cinq façons d'apprendre, en un dessin."""

import math
from collections.abc import Sequence

from course_utils.drawing import svg
from course_utils.drawing.palette import GRID, INK, MUTED, PALETTE, PAPER

MODES: tuple[str, ...] = ("élève seul", "KD", "indice", "indices à chaque étage", "LIT")
PARTS: tuple[str, ...] = ("stem", "étage 1", "étage 2", "étage 3", "tête")
GUIDED = 2  # l'étage que guide l'indice de FitNets

Point = tuple[float, float]
Arrow = tuple[Point, Point]

_TEACHER, _STUDENT, _TINT = PALETTE["teacher"], PALETTE["student"], "#FBE3D3"  # le vermillon de l'élève, très clair
_EDGE, _TOP, _LOW, _HALF = 16.0, 92.0, 254.0, 24.0  # marge, milieu des deux réseaux, demi-hauteur d'une boîte
_WIDTHS = {"image": 62.0, "stem": 62.0, "étage 1": 80.0, "étage 2": 80.0, "étage 3": 80.0, "tête": 62.0, "logits": 62.0}
_COLUMNS = tuple(_WIDTHS)
_GAP = (svg.WIDTH - 2 * _EDGE - sum(_WIDTHS.values())) / (len(_WIDTHS) - 1)
_LEFT = {name: _EDGE + _GAP * i + sum(list(_WIDTHS.values())[:i]) for i, name in enumerate(_COLUMNS)}
_RIGHT = {name: _LEFT[name] + _WIDTHS[name] for name in _COLUMNS}
_MIDDLE = {name: (_LEFT[name] + _RIGHT[name]) / 2 for name in _COLUMNS}
_OUT = {name: _RIGHT[name] + _GAP / 2 for name in _COLUMNS}  # là où passe ce que rend une partie

_BLOCKS = {1: "le bloc 1", 2: "les blocs 1 et 2", 3: "les blocs 1, 2 et 3"}
_WORDS = {  # ce qui est dessiné (pour le texte de remplacement), ce que fait le terme, une remarque
    "élève seul": (
        "L'image traverse l'élève, et ses logits sont comparés aux labels.",
        "Le terme est au bout, aux logits : il fait bouger tout l'élève.",
        "Personne ne dit au bloc {b} ce qu'il doit rendre : il ne reçoit que le gradient venu des logits.",
    ),
    "KD": (
        "Les logits de l'élève sont comparés à ceux de l'enseignant (KL) et aux labels (H).",
        "Les termes sont au bout, aux logits : ils font bouger tout l'élève.",
        "Personne ne dit au bloc {b} ce qu'il doit rendre : il ne reçoit que le gradient venu des logits. "
        "De l'enseignant aussi, seuls les logits comptent.",
    ),
    "indice": (
        "La sortie de l'étage 2 de l'élève traverse un régresseur r ; le résultat est comparé à celle de l'enseignant.",
        "L'indice fait bouger le stem, les blocs 1 et 2 et le régresseur r.",
        "Le bloc {b} {fate}. Seule la sortie du bloc 2 est comparée ; au-delà, aucun des deux réseaux n'est exécuté.",
    ),
    "indices à chaque étage": (
        "La sortie de chaque étage de l'élève est comparée à celle de l'enseignant.",
        "Le terme du bloc {b} fait bouger le stem et {blocks}.",
        "L'entrée de chaque bloc vient de l'élève : le gradient remonte jusqu'au stem. "
        "En traits plus fins : les termes des autres blocs, des labels (H) et des logits de l'enseignant (KL).",
    ),
    "LIT": (
        "Chaque bloc de l'élève reçoit ce qui entre dans celui de l'enseignant ; leurs deux sorties sont comparées.",
        "Le terme du bloc {b} ne fait bouger que le bloc {b}.",
        "Son entrée vient de l'enseignant : le gradient s'arrête là. En traits plus fins : les termes des autres "
        "blocs, et l'élève de bout en bout, jugé par les labels (H) et par l'enseignant (KL).",
    ),
}


def moved_parts(mode: str, block: int) -> tuple[str, ...]:
    """Les parties de l'élève, prises dans PARTS, qui reçoivent un gradient du terme du bloc regardé.

    mode : l'un de MODES ; block : 1, 2 ou 3. Sans terme par bloc (élève seul, KD), le terme est celui des logits. Pour
    l'indice, le régresseur r bouge aussi, mais il ne fait pas partie de l'élève.
    Lève ValueError si mode ou block est inconnu.
    """
    if mode not in MODES:
        raise ValueError(f"Le mode « {mode} » n'existe pas : choisissez parmi {', '.join(MODES)}.")
    if block not in _BLOCKS:
        raise ValueError(f"Le bloc {block} n'existe pas : l'élève en a trois, donnez 1, 2 ou 3.")
    if mode == "LIT":
        return PARTS[block : block + 1]
    return PARTS[: {"indice": GUIDED, "indices à chaque étage": block}.get(mode, len(PARTS)) + 1]


def data_path(mode: str, block: int) -> str:
    """Le dessin d'un mode (l'un de MODES) : l'enseignant en haut, l'élève en bas, et en gras le terme du bloc regardé.

    block : 1, 2 ou 3. Les deux réseaux ont ici les mêmes largeurs ; des adaptateurs bougeraient avec leur bloc.
    Lève ValueError si mode ou block est inconnu.
    """
    moved = moved_parts(mode, block)
    fate = "bouge" if PARTS[block] in moved else "ne bouge pas"
    drawn, sentence, note = (text.format(b=block, blocks=_BLOCKS[block], fate=fate) for text in _WORDS[mode])
    title = mode[0].upper() + mode[1:]
    alone, at_logits, by_stage = mode == MODES[0], mode in MODES[:2], mode in MODES[3:]
    last = _COLUMNS.index(f"étage {GUIDED}" if mode == "indice" else "logits")  # au-delà, rien n'est exécuté
    used = {"LIT": 0, "indices à chaque étage": block + 1}.get(mode, last)  # ce qui mène au terme regardé
    body = [
        svg.text(title, _EDGE, 28, size=svg.TITLE, bold=True),
        svg.text("Enseignant : il ne sert pas ici" if alone else "Enseignant, gelé", _EDGE, 58, bold=True),
        svg.text("Élève", _EDGE, _LOW - _HALF - 12, bold=True),
        _network(_TOP, _TEACHER, (), -1 if alone else last),
        _flow(_TOP, _TEACHER, 0, 0 if alone else last, 2),
        _network(_LOW, _STUDENT, moved, last),
        _flow(_LOW, _STUDENT, 0, used, 2.5),
        _flow(_LOW, _STUDENT, used, last, 1),
        _each_stage(mode, block) if by_stage else "",
        _regressor() if mode == "indice" else _logits(with_teacher=not alone, width=3 if at_logits else 1),
        _captions(block, sentence, note),
    ]
    return svg.document(svg.WIDTH, 458, "".join(body), f"{title}, bloc {block}. {drawn} {sentence} {note}")


def _network(y: float, color: str, moved: Sequence[str], last: int) -> str:
    """Une ligne de boîtes : celles de `moved` en gras, celles d'après la colonne `last` en gris."""
    drawn = []
    for i, name in enumerate(_COLUMNS):
        x, bold = _MIDDLE[name], name in moved
        if name in PARTS:
            drawn += [_box(x, y, _WIDTHS[name], 2 * _HALF, color if i <= last else GRID, bold)]
        ink = INK if i <= last else MUTED
        drawn += [svg.text(name, x, y - 4 if bold else y + 5, anchor="middle", color=ink, bold=bold)]
        drawn += [svg.text("bouge", x, y + 15, size=svg.SMALL, anchor="middle")] if bold else []
    return "".join(drawn)


def _box(x: float, y: float, width: float, height: float, stroke: str, bold: bool) -> str:
    """Une boîte de centre (x, y)."""
    fill, thick = (_TINT, 4.0) if bold else (PAPER, 1.5)
    return svg.rect(x - width / 2, y - height / 2, width, height, fill, stroke=stroke, stroke_width=thick, radius=8)


def _flow(y: float, color: str, first: int, last: int, width: float) -> str:
    """Les flèches qui mènent de la colonne `first` à la colonne `last`."""
    ends = [((_RIGHT[name] + 5, y), (_RIGHT[name] + _GAP - 6, y)) for name in _COLUMNS[first:last]]
    return _arrows(ends, color, width)


def _each_stage(mode: str, block: int) -> str:
    """Les trois comparaisons et, pour LIT, les trois entrées venues de l'enseignant."""
    lit, above, below = mode == "LIT", _TOP + 9, _LOW - _HALF - 5
    stages = [(PARTS[i - 1], PARTS[i]) for i in _BLOCKS]
    drawn = "".join(svg.dot(_OUT[name], _TOP, _TEACHER, radius=5) for name in PARTS[0 if lit else 1 : 4])
    if lit:
        fed = [((_OUT[before] + 5, above), (_LEFT[name] + 18, below)) for before, name in stages]
        compared = [((_RIGHT[name] - 18, below), (_OUT[name] - 5, above)) for _, name in stages]
        drawn += _one_in_bold(fed, block, _TEACHER, "")
    else:
        compared = [((_OUT[name], _LOW - 9), (_OUT[name], above)) for _, name in stages]
        drawn += _given(PARTS[block]) + "".join(svg.dot(_OUT[name], _LOW, _STUDENT, radius=5) for _, name in stages)
    return drawn + _one_in_bold(compared, block, INK, "6 4")


def _one_in_bold(ends: Sequence[Arrow], block: int, color: str, dash: str) -> str:
    others = [arrow for i, arrow in enumerate(ends, 1) if i != block]
    return _arrows(others, color, 1.6, dash) + _arrows([ends[block - 1]], color, 3, dash)


def _given(name: str, y: float = _LOW, color: str = _STUDENT) -> str:
    """Ce que rend une partie, jusqu'au point où il est pris."""
    return svg.line(_RIGHT[name] + 5, y, _OUT[name], y, color, width=2.5) + svg.dot(_OUT[name], y, color, radius=5)


def _regressor() -> str:
    """L'indice : la sortie de l'étage guidé, le régresseur r, la comparaison."""
    name, y = f"étage {GUIDED}", 186.0
    x = _OUT[name]
    drawn = _given(name) + _given(name, _TOP, _TEACHER) + _box(x, y, 38, 34, _STUDENT, True)
    drawn += _arrows([((x, _LOW - 9), (x, y + 22))], _STUDENT, 2.5)
    drawn += _arrows([((x, y - 23), (x, _TOP + 9))], INK, 3, "6 4")
    drawn += svg.text("r", x, y + 5, anchor="middle", bold=True)
    return drawn + svg.paragraph(["régresseur", "bouge"], x + 28, y - 4, size=svg.SMALL)


def _logits(*, with_teacher: bool, width: float) -> str:
    """Les logits de l'élève comparés aux labels (H) et, si l'enseignant sert, aux siens (KL)."""
    x, labels = _MIDDLE["logits"], _LOW + 80
    ends = [((x, _LOW + 14), (x, labels - 18)), ((x, _TOP + 14), (x, _LOW - 16))][: 1 + with_teacher]
    drawn = _arrows(ends, INK, width, "6 4") + svg.text("labels", x, labels, anchor="middle")
    names = zip(("H", "KL"), ends, strict=False)
    return drawn + "".join(
        svg.text(name, x - 10, (a + b) / 2 + 5, size=svg.SMALL, anchor="end") for name, ((_, a), (_, b)) in names
    )


def _captions(block: int, sentence: str, note: str) -> str:
    """L'accolade du bloc regardé, la légende, la phrase et sa remarque (deux lignes au plus)."""
    left, right, y = _LEFT[PARTS[block]], _RIGHT[PARTS[block]], _LOW + _HALF + 8
    drawn = svg.path([(left, y), (left, y + 6), (right, y + 6), (right, y)], INK, width=2)
    drawn += svg.text(f"bloc {block}", (left + right) / 2, y + 24, anchor="middle", bold=True)
    drawn += _arrows([((16, 366), (54, 366))], INK, 2) + _arrows([((190, 366), (230, 366))], INK, 2, "6 4")
    drawn += _box(424, 366, 32, 18, _STUDENT, True)
    for x, text in ((62, "ce qui entre"), (238, "ce qu'on compare"), (448, "ce que ce terme fait bouger")):
        drawn += svg.text(text, x, 371, size=svg.SMALL)
    lines = svg.wrap(note, svg.WIDTH - 2 * _EDGE, svg.SMALL)
    return drawn + svg.text(sentence, _EDGE, 402, bold=True) + svg.paragraph(lines, _EDGE, 424, size=svg.SMALL)


def _arrows(ends: Sequence[Arrow], color: str, width: float, dash: str = "") -> str:
    """Des flèches d'un même trait, en peu de tracés ; en tirets, elles ont deux pointes (pleines, donc à part)."""
    lift = (math.nan, math.nan)
    shafts = [point for start, end in ends for point in (start, end, lift)]
    heads: list[Point] = []
    for (x0, y0), (x1, y1) in [*ends, *((end, start) for start, end in ends if dash)]:
        dx, dy = (8 * step / math.dist((x0, y0), (x1, y1)) for step in (x1 - x0, y1 - y0))
        heads += [(x1 - dx - dy / 2, y1 - dy + dx / 2), (x1, y1), (x1 - dx + dy / 2, y1 - dy - dx / 2), lift]
    if dash:
        return svg.path(shafts, color, width=width, dash=dash) + svg.path(heads, color, width=width)
    return svg.path(shafts + heads, color, width=width) if ends else ""
