"""Une faute se dit en une phrase de français, sur une ligne, sans jargon du système."""

import re
from collections.abc import Callable
from typing import Any

import pytest


def plain(text: str) -> str:
    """Le texte avec des espaces ordinaires."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def refused(call: Callable[[], Any], *expected: str) -> str:
    """La phrase par laquelle `call` refuse ; échoue si elle n'en est pas une, ou s'il y manque un morceau attendu."""
    with pytest.raises((ValueError, TypeError, OSError)) as caught:
        call()
    text = plain(str(caught.value))
    assert "\n" not in text and text.endswith("."), text
    assert not re.search(r"Errno|Traceback", text), text
    for part in map(plain, expected):
        assert part in text, (part, text)
    return text
