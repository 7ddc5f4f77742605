"""Quelle méthode quand ? Cinq questions sur votre situation, des conseils, et pour chacun la mesure qui l'appuie.

Les phrases de mesure sont calculées depuis data/results : une campagne refaite change le conseil affiché.
"""

from collections.abc import Callable
from typing import NamedTuple

from course_utils import measures
from course_utils.drawing.layout import note, stack, text_panel
from course_utils.french import typography

LABELS = ("toutes les images ont un label", "les labels sont bruités", "aucun label", "une classe n'a aucune image")
ACCESS = ("les réponses et les représentations", "les réponses seulement", "rien : il n'y en a pas")
SHAPES = (
    "coupé comme l'enseignant, aussi large",
    "coupé comme lui, mais plus étroit",
    "d'une autre architecture",
    "profond et fin : il ne démarre pas",
)
GOALS = ("classer", "chercher les images voisines")
MOST = 3  # au-delà, ce n'est plus un conseil
WIDE, HEIGHT = 1040.0, 421.0  # trois conseils, et les cinq questions au-dessus, sur un écran de 720 lignes
STEPS = {"une centaine de pas": "court", "des centaines de pas, ou plus": "long"}


class Situation(NamedTuple):
    """La situation d'un lecteur : un choix dans LABELS, ACCESS, SHAPES, GOALS, et une clé de STEPS."""

    images: str
    access: str
    shape: str
    goal: str
    steps: str


class Advice(NamedTuple):
    """Un conseil : la méthode, la raison, la mesure (une phrase calculée), le notebook où la voir."""

    method: str
    reason: str
    measure: str
    notebook: str


def advise(situation: Situation) -> list[Advice]:
    """Les conseils qui conviennent, trois au plus, dans l'ordre où les essayer.

    Lève ValueError si un choix est inconnu.
    """
    known = (LABELS, ACCESS, SHAPES, GOALS, tuple(STEPS))
    if len(situation) != len(known):
        raise ValueError(f"La situation a {len(situation)} choix : donnez les {len(known)} de `Situation`.")
    for choice, choices in zip(situation, known, strict=True):
        if choice not in choices:
            raise ValueError(f"Le choix « {choice} » n'existe pas : choisissez parmi {' ; '.join(choices)}.")
    return [
        Advice(rule.method, rule.reason, rule.measure(situation), rule.notebook)
        for rule in RULES
        if rule.suits(situation)
    ][:MOST]


def advice_picture(**choices: str) -> str:
    """Les conseils, l'un sous l'autre, dans une image de hauteur constante ; les choix sont ceux de `Situation`."""
    panels = [
        text_panel(
            typography(f"{advice.reason}\n{advice.measure}"),
            title=typography(f"{rank}. {advice.method} ({advice.notebook})"),
            color="student" if rank == 1 else "teacher",
            width=WIDE,
        )
        for rank, advice in enumerate(advise(Situation(**choices)), 1)
    ]
    told = (
        f"Votre situation : {choices['images']} ; de l'enseignant, {choices['access']} ; "
        f"votre élève, {choices['shape']} ; pour {choices['goal']} ; {choices['steps']}."
    )
    return stack(note(typography(told), width=WIDE), *panels, gap=-14, height=HEIGHT)


class Rule(NamedTuple):
    """Un conseil possible, et quand il convient."""

    method: str
    suits: Callable[[Situation], bool]
    reason: str
    measure: Callable[[Situation], str]
    notebook: str


def _open(s: Situation) -> bool:
    return s.access == ACCESS[0]


def _has_teacher(s: Situation) -> bool:
    return s.access != ACCESS[2]


def _classifies(s: Situation) -> bool:
    return s.goal == GOALS[0]


RULES: tuple[Rule, ...] = (
    Rule(
        "L'élève seul, plus longtemps ou sur plus d'images",
        lambda s: _has_teacher(s) and STEPS[s.steps] == "court" and s.images == LABELS[0] and _classifies(s),
        "Avec si peu d'images et de pas, aucune méthode n'a fait nettement mieux que les labels seuls.",
        lambda s: measures.patience(),
        "notebook 08",
    ),
    Rule(
        "Une bonne initialisation, ou un indice au milieu (FitNets)",
        lambda s: s.shape == SHAPES[3] and _open(s),
        "Un réseau fin et très profond reste au hasard même avec KD (à 25 couches ; à 19, KD suffit) : essayez d'abord "
        "l'initialisation de He, gratuite ; l'indice sinon.",
        lambda s: measures.deep_starts(),
        "notebook 05",
    ),
    Rule(
        "Une bonne initialisation",
        lambda s: s.shape == SHAPES[3] and not _open(s),
        "Un réseau fin et profond qui reste au hasard n'apprend de personne : l'initialisation de He est gratuite, et "
        "ne demande rien à un enseignant.",
        lambda s: measures.deep_starts(),
        "notebook 05",
    ),
    Rule(
        "KD sans label, puis une correction du biais de la classe absente",
        lambda s: _has_teacher(s) and s.images == LABELS[3] and _classifies(s),
        "L'enseignant parle de la classe absente à travers les autres ; il reste à relever son biais, "
        "jusqu'à ce que l'élève la donne aussi souvent qu'elle se présente. Aucun label n'est lu, ni le test.",
        lambda s: measures.absent_class(),
        "notebook 03",
    ),
    Rule(
        "KD sans label",
        lambda s: _has_teacher(s) and s.images == LABELS[2] and _classifies(s),
        "Seules les réponses de l'enseignant servent ; prenez des images qui ressemblent à celles que l'élève verra.",
        lambda s: measures.other_world(),
        "notebook 03",
    ),
    Rule(
        "Le lissage des labels",
        lambda s: _classifies(s) and not _has_teacher(s) and s.images == LABELS[0],
        "Un dixième de loi uniforme dans chaque label : aucun enseignant, aucun calcul de plus. Quand les labels sont "
        "justes, renaître (Born-Again) n'a rien fait gagner.",
        lambda s: measures.smoothing(),
        "notebook 04",
    ),
    Rule(
        "Born-Again : l'élève pour enseignant",
        lambda s: _classifies(s) and s.images == LABELS[1],
        "Aucun grand réseau n'est nécessaire. C'est un gain quand les labels sont bruités, pas quand ils sont justes.",
        lambda s: measures.born_again(),
        "notebook 04",
    ),
    Rule(
        "RKD seule, sans label",
        lambda s: _open(s) and s.goal == GOALS[1],
        "RKD imite les distances elles-mêmes ; les dimensions peuvent différer.",
        lambda s: measures.neighbours(),
        "notebook 07",
    ),
    Rule(
        "Les labels, puis chercher parmi les vecteurs de l'élève",
        lambda s: s.goal == GOALS[1] and s.images != LABELS[2],
        "Un élève qui sépare bien les classes donne aussi de bons voisins. S'il y a un enseignant, même fermé, ajoutez "
        "KD.",
        lambda s: measures.labelled_neighbours(with_answers=_has_teacher(s)),
        "notebook 07",
    ),
    Rule(
        "KD",
        lambda s: _has_teacher(s) and _classifies(s) and s.images in LABELS[:2],
        "La moins exigeante : des logits, calculés une fois par image, et rien d'autre.",
        lambda s: measures.balance(STEPS[s.steps], "KD", "seul"),
        "notebook 02",
    ),
    Rule(
        "KD et RKD ensemble",
        lambda s: _open(s) and _classifies(s) and s.images in LABELS[:2],
        "Il suffit du vecteur qui entre dans la couche finale, de dimension quelconque ; RKD n'ajoute aucun paramètre.",
        lambda s: f"{measures.balance(STEPS[s.steps], 'KD + RKD', 'KD')} {measures.relations_added()}",
        "notebooks 07 et 08",
    ),
    Rule(
        "Un indice à chaque étage, ou LIT",
        lambda s: _open(s) and s.shape == SHAPES[0] and _classifies(s) and s.images in LABELS[:2],
        "Coupés pareil, aux mêmes dimensions : rien à traduire entre les deux. L'enseignant doit être exécuté à chaque "
        "pas.",
        lambda s: measures.blocks(),
        "notebook 06",
    ),
    Rule(
        "Des adaptateurs 1×1, puis un indice à chaque étage ou LIT",
        lambda s: _open(s) and s.shape == SHAPES[1] and _classifies(s) and s.images in LABELS[:2],
        "Coupés pareil, à d'autres dimensions : les adaptateurs traduisent, apprennent avec l'élève, puis sont jetés. "
        "L'enseignant doit être exécuté à chaque pas.",
        lambda s: measures.balance(STEPS[s.steps], "LIT", "indices partout"),
        "notebooks 06 et 08",
    ),
    Rule(
        "Deux élèves ensemble (en ligne)",
        lambda s: not _has_teacher(s) and _classifies(s) and s.images in LABELS[:2],
        "Chacun est l'enseignant de l'autre : aucun grand réseau à entraîner d'abord.",
        lambda s: "Mesuré plus bas dans ce notebook, avec son contrôle.",
        "notebook 08",
    ),
    Rule(
        "KD sans label, puis chercher parmi les vecteurs de l'élève",
        lambda s: _has_teacher(s) and not _open(s) and s.goal == GOALS[1] and s.images == LABELS[2],
        "L'élève apprend des seules réponses de l'enseignant, et ses propres vecteurs servent à chercher.",
        lambda s: measures.unlabelled_neighbours(),
        "notebooks 03 et 07",
    ),
    Rule(
        "Rien à distiller ici",
        lambda s: not _has_teacher(s) and s.images in ((LABELS[2],) if s.goal == GOALS[1] else LABELS[2:]),
        "Sans label, ou sans image d'une classe, seul un enseignant peut instruire l'élève. Cherchez d'abord un réseau "
        "déjà entraîné, dont vous ayez au moins les réponses.",
        lambda s: "Rien à mesurer : personne ici ne sait ce que l'élève doit apprendre.",
        "notebooks 03 et 07",
    ),
)
