"""Le plan du défi, et son score terme par terme."""

import math
from collections.abc import Mapping, Sequence

from course_utils.challenge_points import Entry
from course_utils.cost import REFERENCE_MACS, REFERENCE_WEIGHTS, challenge_terms
from course_utils.drawing.layout import stack, text_panel
from course_utils.drawing.named_points import NamedPoint, named_points
from course_utils.drawing.rows import bar_chart
from course_utils.drawing.svg import WIDTH
from course_utils.french import french_number, french_percent

SCORE_LIMITS = (0.0, 4.2)  # ResNet18 en 32 bits vaut 3,98 : l'axe ne bouge pas quand les curseurs bougent
SCORE_HEIGHT = 345.0  # la même avec et sans impossibilité : la page ne saute pas


def challenge_chart(mine: Entry, others: Sequence[Entry], *, target: float) -> str:
    """Le plan score – exactitude : `mine` en évidence, les autres autour, et la ligne de l'exactitude à atteindre.

    Un réseau d'exactitude NaN n'est qu'une droite verticale : on connaît son score, pas son exactitude.
    """
    known = [point for point in others if not math.isnan(point.accuracy)]
    lines = {point.name: point.score for point in others if math.isnan(point.accuracy)}
    unknown = " ; en tirets, non entraînés ici" if lines else ""
    points = [
        NamedPoint(
            f"{point.name} : {french_percent(point.accuracy, 1)}",
            point.score,
            point.accuracy,
            point.accuracy,
            point.accuracy,
            "student" if point is mine else "teacher",
        )
        for point in (mine, *known)
    ]
    scores = [point.score for point in (mine, *others)]
    aim = f"{french_percent(target)} : l'exactitude à atteindre" + ("" if mine.data == "CIFAR-10" else ", sur CIFAR-10")
    reached = "au-dessus de" if mine.accuracy >= target else "au-dessous de"
    return named_points(
        points,
        alt=f"{mine.name} : score {french_number(mine.score)}, {french_percent(mine.accuracy, 1)} sur {mine.data}, "
        f"{reached} la ligne de {french_percent(target)}. "
        + " ; ".join(f"{point.name}, score {french_number(point.score)}" for point in others) + ".",
        title=f"Exactitude et score, sur {mine.data}",
        x_label=f"score du défi (à gauche, plus léger{unknown})",
        y_label="exactitude",
        levels={aim: target},
        verticals=lines,
        width=900,
        log_x=True,
        x_limits=(min(scores) / 1.5, max(scores) * 1.3),
        y_limits=(min(0.6, *(point.y - 0.05 for point in points)), 1.0),
        y_format=french_percent,
    )  # fmt: skip


def score_picture(
    networks: Mapping[str, tuple[int, int]],
    *,
    network: str,
    weight_bits: int,
    activation_bits: int,
    structured: int,
    unstructured: int,
) -> str:
    """Le score d'un réseau, terme par terme, avec et sans compression ; structured, unstructured : parts en pour cent.

    networks : {nom : (poids, multiplications-additions)}. Au-delà de 100 % en tout, dit ce qui est impossible.
    """
    weights, work = networks[network]
    if structured + unstructured > 100:
        return text_panel(
            f"{structured} % d'élagage structuré et {unstructured} % de non structuré : on ne peut pas retirer plus de "
            "100 % des poids. Baissez l'un des deux.",
            color="wrong", width=WIDTH, height=SCORE_HEIGHT,
        )  # fmt: skip
    p_s, p_u = structured / 100, unstructured / 100
    bare = challenge_terms(weights, work)
    memory, compute = challenge_terms(
        weights,
        work,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        structured_pruning=p_s,
        unstructured_pruning=p_u,
    )
    names = ["mémoire", "calcul", "score"]
    with_it, without = (memory, compute, memory + compute), (*bare, sum(bare))
    chart = bar_chart(
        names,
        {"sans compression": without, "avec les réglages ci-dessus": with_it},
        alt=network,
        title=f"{network} : {french_number(weights / 1e6)} M de poids, {french_number(work / 1e6)} M de MAC",
        limits=SCORE_LIMITS if sum(bare) > 0.5 else (0.0, 0.5),
        highlight="score",
        colors=["muted", "student"],
        value_format=french_number,
    )  # fmt: skip
    kept = french_number(1 - p_s - p_u, 2)
    formula = (  # les deux nombres de bits, même quand un seul compte : chaque curseur se voit
        "mémoire = [1 − (p_s + p_u)] × q_w/32 × w/5,6·10⁶\n"
        f"= {kept} × {weight_bits}/32 × {french_number(weights / REFERENCE_WEIGHTS, 3)} = {french_number(memory, 3)}\n"
        "calcul = (1 − p_s) × max(q_w, q_a)/32 × f/2,8·10⁸\n"
        f"= {french_number(1 - p_s, 2)} × max({weight_bits}, {activation_bits})/32 × "
        f"{french_number(work / REFERENCE_MACS, 3)} = {french_number(compute, 3)}"
    )
    return stack(chart, text_panel(formula, width=WIDTH, color="student"), height=SCORE_HEIGHT)
