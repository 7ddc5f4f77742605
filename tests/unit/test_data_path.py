"""Le chemin des données : ce que le dessin dit bouger est ce qui reçoit vraiment un gradient."""

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from coloraide import Color
from torch import Tensor, nn

from course_utils import losses, models
from course_utils.data_path import MODES, PARTS, data_path, moved_parts
from course_utils.drawing import svg
from tests.course import ROOT
from tests.typography import faults
from tests.unit.test_figures import Box, labels

CASES = [(mode, block) for mode in MODES for block in (1, 2, 3)]
STATIC = [ROOT / "notebooks" / "figures" / f"{name}.svg" for name in ("05_fitnets", "06_lit")]
every_case = pytest.mark.parametrize(("mode", "block"), CASES)
every_static = pytest.mark.parametrize("path", STATIC, ids=lambda path: path.stem)


def boxes(figure: str) -> list[tuple[str, Box]]:
    return labels(ET.fromstring(figure))


def highlighted(figure: str) -> set[str]:
    """Ce qui est écrit dans une boîte épaisse ; la boîte vide de la légende ne compte pas."""
    inside = set()
    for rect in ET.fromstring(figure).iter("{http://www.w3.org/2000/svg}rect"):
        x, y, width, height = (float(rect.get(side, 0)) for side in ("x", "y", "width", "height"))
        if float(rect.get("stroke-width", 0)) >= 4:
            inside |= {
                label
                for label, (left, top, right, bottom) in boxes(figure)
                if x < (left + right) / 2 < x + width and y < (top + bottom) / 2 < y + height
            }
    return inside


def truly_moved(mode: str, block: int) -> tuple[set[str], bool]:
    """Les parties d'un petit élève où le gradient du terme n'est pas nul, et s'il atteint le régresseur."""
    student, teacher = models.resnet(8, width=4, seed=0), models.resnet(14, width=4, seed=1)
    regressor = nn.Conv2d(8, 8, 1)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(6, 1, 8, 8, generator=generator), torch.arange(6)
    wanted = teacher.features(x)

    def term() -> Tensor:
        if mode == "élève seul":
            return losses.cross_entropy(student(x), y)
        if mode == "KD":
            return losses.kd_loss(student(x), teacher(x), 4.0)
        if mode == "indice":
            return losses.hint_loss(regressor(student.features(x, 2)[-1]), wanted[2])
        if mode == "indices à chaque étage":
            return losses.hint_loss(student.features(x)[block], wanted[block])
        return losses.lit_loss([student.stages[block - 1]], wanted[block - 1 : block + 1])

    term().backward()
    modules = dict(zip(PARTS, (student.stem, *student.stages, student.head), strict=True))
    assert not any(reached(module) for module in (teacher.stem, *teacher.stages, teacher.head))
    return {name for name, module in modules.items() if reached(module)}, reached(regressor)


def reached(module: nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in module.parameters())


@every_case
def test_what_is_said_to_move_is_what_receives_a_gradient(mode: str, block: int) -> None:
    parts, regressor = truly_moved(mode, block)
    assert set(moved_parts(mode, block)) == parts
    assert regressor == (mode == "indice")


@every_case
def test_the_drawing_highlights_what_moves_and_nothing_else(mode: str, block: int) -> None:
    extra = {"r"} if mode == "indice" else set()
    assert highlighted(data_path(mode, block)) - {"bouge"} == {*moved_parts(mode, block), *extra}
    told = [label for label, _ in boxes(data_path(mode, block))].count("bouge")  # pas la couleur seule
    assert told == len(moved_parts(mode, block)) + len(extra)


def test_what_moves_in_each_mode() -> None:
    for block in (1, 2, 3):
        assert moved_parts("LIT", block) == (f"étage {block}",)
        assert moved_parts("indices à chaque étage", block) == PARTS[: block + 1]
        assert moved_parts("indice", block) == ("stem", "étage 1", "étage 2")
        assert moved_parts("élève seul", block) == moved_parts("KD", block) == PARTS


def test_the_terms_of_lit_together_give_each_block_the_gradient_of_its_own_term() -> None:
    student, teacher = models.resnet(8, width=4, seed=0), models.resnet(14, width=4, seed=1)
    wanted = [feature.detach() for feature in teacher.features(torch.randn(6, 1, 8, 8))]
    together = losses.lit_loss(list(student.stages), wanted)
    for i, stage in enumerate(student.stages):
        alone = losses.lit_loss([stage], wanted[i : i + 2])
        mine = list(stage.parameters())
        for a, b in zip(
            torch.autograd.grad(together, mine, retain_graph=True), torch.autograd.grad(alone, mine), strict=True
        ):
            torch.testing.assert_close(a, b)


@every_case
def test_the_drawing_is_well_formed_and_nothing_overlaps_or_leaves_it(mode: str, block: int) -> None:
    figure = data_path(mode, block)
    root, texts = ET.fromstring(figure), boxes(figure)
    width, height = svg.size_of(figure)
    assert width == 760 and root.get("role") == "img"
    assert len(list(root.iter())) < 90  # une image vivante gagne à avoir peu d'éléments
    for label, (left, top, right, bottom) in texts:
        assert left >= 8 and top >= 8 and right <= width - 8 and bottom <= height - 8, label
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3], (one, other)
    sizes = {float(e.get("font-size", 0)) for e in root.iter() if e.tag.endswith("text")}
    assert sizes <= {svg.SMALL, svg.TEXT, svg.TITLE}


def test_every_text_is_seen_on_its_ground() -> None:
    for color in {c for case in CASES for c in re.findall(r'<text[^>]*fill="(#\w{6})"', data_path(*case))}:
        for ground in ("#FFFFFF", "#FBE3D3"):
            assert Color(color).contrast(ground) >= 4.5, (color, ground)


def test_the_page_never_jumps_and_every_setting_changes_the_picture() -> None:
    figures = [data_path(*case) for case in CASES]
    assert len({svg.size_of(figure) for figure in figures}) == 1
    assert len({figure[figure.index(">") :] for figure in figures}) == len(CASES)  # sans le texte de remplacement


def test_descriptions_differ_and_say_what_moves() -> None:
    alts = {case: svg.alt_of(data_path(*case)) for case in CASES}
    assert len(set(alts.values())) == len(CASES)
    assert "Le terme du bloc 2 ne fait bouger que le bloc 2." in alts["LIT", 2]
    assert "fait bouger le stem et les blocs 1, 2 et 3." in alts["indices à chaque étage", 3]
    assert "fait bouger le stem et le bloc 1." in alts["indices à chaque étage", 1]
    for block, fate in ((1, "bouge"), (2, "bouge"), (3, "ne bouge pas")):
        assert f"Le bloc {block} {fate}." in alts["indice", block]
    for (mode, block), alt in alts.items():
        assert alt.startswith(f"{mode[0].upper()}{mode[1:]}, bloc {block}.") and "{" not in alt
        assert faults(alt) == []
        assert (mode in MODES[:2]) == ("tout l'élève" in alt)


@pytest.mark.parametrize(
    ("mode", "block", "words"),
    [
        ("kd", 1, "Le mode « kd » n'existe pas : choisissez parmi élève seul, KD, indice"),
        ("LIT", 0, "Le bloc 0 n'existe pas : l'élève en a trois, donnez 1, 2 ou 3."),
        ("KD", 4, "Le bloc 4 n'existe pas"),
        ("indice", 1.5, "Le bloc 1.5 n'existe pas"),
    ],
)
def test_a_bad_argument_gets_one_french_sentence(mode: str, block: int, words: str) -> None:
    for function in (data_path, moved_parts):
        with pytest.raises(ValueError, match=re.escape(words)) as caught:
            function(mode, block)
        assert "\n" not in str(caught.value) and faults(str(caught.value)) == []


@every_static
def test_the_drawing_at_the_head_of_the_notebook(path: Path) -> None:
    figure = path.read_text(encoding="utf-8")
    root = ET.fromstring(figure)
    assert root.get("role") == "img" and faults(root.get("aria-label", "")) == []
    assert len(root.get("aria-label", "")) > 60
    width, height = svg.size_of(figure)
    texts = boxes(figure)
    for label, (left, top, right, bottom) in texts:
        assert left >= 0 and top >= 0 and right <= width and bottom <= height, label
        assert faults(label) == []
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3], (one, other)
    assert min(float(e.get("font-size", 0)) for e in root.iter() if e.tag.endswith("text")) >= 14
