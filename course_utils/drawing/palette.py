"""Les couleurs du cours : une seule palette, lisible par les daltoniens, une couleur par rôle."""

from collections.abc import Sequence

# Les quatre premières : Okabe et Ito (2008), « Color Universal Design ». Leur orange et leur bleu ciel se perdent sur
# fond blanc (contraste de 2,3 pour 3 au moins) : un brun et un violet, plus foncés, les remplacent.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
BROWN, VIOLET, INK = "#7D2D0B", "#491170", "#1B1F24"
MUTED, GRID, PAPER, BLACK = "#57606A", "#DDE2E7", "#FFFFFF", "#000000"

PALETTE: dict[str, str] = {
    "teacher": BLUE,
    "student": VERMILLION,
    "distilled": GREEN,
    "hint": BROWN,
    "lit": VIOLET,
    "relation": PURPLE,
    "other": PURPLE,
    "truth": INK,
    "right": GREEN,
    "wrong": VERMILLION,
    "muted": MUTED,
}
# Toutes ont un contraste d'au moins 3 sur fond blanc, et restent distinctes deux à deux pour un daltonien.
CATEGORIES: tuple[str, ...] = (BLUE, VERMILLION, GREEN, PURPLE, BROWN, VIOLET, INK)

METHODS: dict[str, str] = {
    "seul": "student",
    "labels": "student",
    "KD": "distilled",
    "labels et KD": "distilled",
    "KD sans label": "distilled",
    "FitNets": "hint",
    "indices partout": "hint",
    "LIT": "lit",
    "RKD": "relation",
    "RKD distances et angles": "relation",
}
_ROLE_WORDS = (("enseignant", "teacher"), ("distillé", "distilled"), ("élève", "student"))


def color_of(role: str) -> str:
    """La couleur d'un rôle (« teacher »), ou un code « #RRGGBB » tel quel."""
    if role in PALETTE or role.startswith("#"):
        return PALETTE.get(role, role)
    raise ValueError(
        f"Couleur inconnue : {role!r} ; choisissez un rôle parmi {', '.join(PALETTE)} ou un code « #RRGGBB »."
    )


def ink_on(red: int, green: int, blue: int) -> str:
    """Du noir ou du blanc, ce qui se lit le mieux sur ce fond (0 à 255) : le contraste est toujours d'au moins 4,5."""
    shares = (value / 255 for value in (red, green, blue))
    linear = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    luminance = sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return PAPER if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else BLACK


def colors_for(names: Sequence[str], chosen: Sequence[str | None] = ()) -> list[str]:
    """Une couleur par nom, toujours la même pour un même rôle d'une figure à l'autre du cours.

    Une couleur choisie l'emporte ; sinon une méthode garde la sienne (METHODS), et un nom qui contient « enseignant »,
    « distillé » ou « élève » prend la couleur de ce rôle (une seule fois par figure) ; les autres se partagent ce qui
    reste de CATEGORIES.
    """
    given = [*chosen, *[None] * (len(names) - len(chosen))]
    colors = [color_of(role) if role else "" for role in given]
    for i, name in enumerate(names):
        if not colors[i] and name in METHODS and PALETTE[METHODS[name]] not in colors:
            colors[i] = PALETTE[METHODS[name]]
    for word, role in _ROLE_WORDS:
        for i, name in enumerate(names):
            if not colors[i] and word in name.lower() and PALETTE[role] not in colors:
                colors[i] = PALETTE[role]
    left = [color for color in CATEGORIES if color not in colors] or list(CATEGORIES)
    for k, i in enumerate([i for i, color in enumerate(colors) if not color]):
        colors[i] = left[k % len(left)]
    return colors
