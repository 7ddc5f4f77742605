"""De quoi abîmer un fichier."""

from collections.abc import Iterator

HTML = b"<!DOCTYPE html>\n<html><body>Connectez-vous au Wi-Fi</body></html>\n"


def flips(content: bytes) -> Iterator[bytes]:
    """Toutes les copies de `content` dont un seul bit a changé."""
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


def cuts(content: bytes) -> Iterator[bytes]:
    """Tous les débuts de `content`."""
    return (content[:length] for length in range(len(content)))
