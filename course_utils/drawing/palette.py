"""Les couleurs du cours : une seule palette, lisible par les daltoniens, une couleur par rôle."""

from collections.abc import Sequence

# Okabe et Ito (2008), « Color Universal Design ».
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, INK = "#E69F00", "#56B4E9", "#1B1F24"
MUTED, GRID, PAPER = "#57606A", "#DDE2E7", "#FFFFFF"

PALETTE: dict[str, str] = {
    "teacher": BLUE,
    "student": VERMILLION,
    "distilled": GREEN,
    "other": PURPLE,
    "truth": INK,
    "right": GREEN,
    "wrong": VERMILLION,
    "muted": MUTED,
}
# L'ordre compte : les quatre premières ont un contraste d'au moins 3 sur fond blanc.
CATEGORIES: tuple[str, ...] = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK)

_ROLE_WORDS = (("enseignant", "teacher"), ("distillé", "distilled"), ("élève", "student"))


def color_of(role: str) -> str:
    """La couleur d'un rôle (« teacher »), ou un code « #RRGGBB » tel quel."""
    if role in PALETTE or role.startswith("#"):
        return PALETTE.get(role, role)
    raise ValueError(
        f"Couleur inconnue : {role!r} ; choisissez un rôle parmi {', '.join(PALETTE)} ou un code « #RRGGBB »."
    )


def colors_for(names: Sequence[str], chosen: Sequence[str | None] = ()) -> list[str]:
    """Une couleur par nom, toujours la même pour un même rôle d'une figure à l'autre du cours.

    Une couleur choisie l'emporte ; sinon un nom qui contient « enseignant », « distillé » ou « élève » prend la
    couleur de ce rôle (une seule fois par figure) ; les autres se partagent ce qui reste de CATEGORIES.
    """
    given = [*chosen, *[None] * (len(names) - len(chosen))]
    colors = [color_of(role) if role else "" for role in given]
    for word, role in _ROLE_WORDS:
        for i, name in enumerate(names):
            if not colors[i] and word in name.lower() and PALETTE[role] not in colors:
                colors[i] = PALETTE[role]
    left = [color for color in CATEGORIES if color not in colors] or list(CATEGORIES)
    for k, i in enumerate([i for i, color in enumerate(colors) if not color]):
        colors[i] = left[k % len(left)]
    return colors
