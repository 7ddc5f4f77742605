"""Le vérificateur de typographie attrape les fautes, et elles seules."""

import pytest

from tests.typography import code_faults, faults, shown_faults


@pytest.mark.parametrize(
    "text",
    [
        "Pourquoi ?",
        "Pourquoi?",
        "**Attention !**",
        "un; deux",
        "La perte : elle baisse.",
        "La perte: elle baisse.",
        "un «mot»",
        "un « mot »",
        "12 % d'erreurs",
        "12% d'erreurs",
        "60 000 images",
        'un "mot"',
        "Et puis...",
        "une perte de 0.5",
        "93.5\u00a0% d'exactitude",
        "**Question :** laquelle",
    ],
)
def test_fault(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "Pourquoi\u202f? Parce que\u202f!",
        "La perte\u00a0: elle baisse.",
        "un «\u00a0mot\u00a0», 12\u00a0%, 60\u202f000 images",
        '`a: b ; c ?` et $x : y ; z$ et [ici](https://exemple.org/?a=1 "T : x")',
        "| a | b |\n|:--|--:|\n| 1 | 2 |",
        "```python\nx = {1: 2}\n```",
        "![une image](figures/a.svg)",
        "à 12:30, Python 3.11, arXiv 1503.02531",
        "<span style='color: red; width: 3px'>rouge</span>&nbsp;",
        "Vraiment\u202f?!",
    ],
)
def test_no_fault(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    "source",
    [
        'print(f"Erreurs : {n}")',
        'print("Bravo !")',
        "x = 1  # pourquoi ?",
        'def f():\n    """Rend la perte : un nombre."""',
    ],
)
def test_code_fault(source: str) -> None:
    assert code_faults(source)


@pytest.mark.parametrize(
    "source",
    [
        'print(f"Erreurs\u00a0: {n:.2f} ({n / 100:.1f}\u00a0%)")',
        "x: int = {1: 2}[1]  # noqa: E501",
        "%load solutions/02-kd-loss.py\nx = 1",
        'x = d["a"]; y = "mse"',
    ],
)
def test_no_code_fault(source: str) -> None:
    assert code_faults(source) == []


@pytest.mark.parametrize("text", ["4000 images", "Durée 3.5 s", "perte de 0.5", "erreurs\u00a0: 2137"])
def test_fault_in_what_a_cell_shows(text: str) -> None:
    assert shown_faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "4\u202f000 images",
        "Müller (2019)",
        "0,123 de perte",
        "d = (x[:, None] - x[None]).sqrt()",
        "torch 2.15.0+cu130",
        "seul,0.682,3",
    ],
)
def test_no_fault_in_what_a_cell_shows(text: str) -> None:
    assert shown_faults(text) == []
