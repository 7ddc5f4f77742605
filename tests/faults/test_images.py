"""Un dossier d'images hostile ou étrange : ce qu'il contient n'est jamais exécuté, et n'arrête jamais la séance.

Les modes, l'orientation, les bombes et les fichiers tronqués sont déjà dans tests/unit/test_folders.py.
"""

import errno
import io
import os
import random
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_utils.data import load
from course_utils.pictures import read_picture
from tests.faults.said import refused


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Deux classes de quatre images unies."""
    folder = tmp_path / "Mes photos d'été"
    for name in ("chat", "chien noir"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (9, 7), (number, 100, 200)).save(folder / name / f"{number}.png")
    return folder


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.skipif(sys.platform == "win32", reason="le faux Ghostscript est un script de shell")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_postscript_disguised_as_an_image_is_never_executed(
    suffix: str, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\ntouch '{tmp_path}/exécuté'\n", encoding="utf-8")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ghostscript.parent}{os.pathsep}{os.environ['PATH']}")
    (album / "chat" / f"piège{suffix}").write_bytes(POSTSCRIPT)
    refused(lambda: load(f"dossier:{album}"), f"piège{suffix}", "est illisible")
    assert not (tmp_path / "exécuté").exists()


def zip_bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(100_000_000))
    return content.getvalue()


def test_zip_bomb_is_refused_under_an_image_name_and_ignored_under_its_own(album: Path) -> None:
    (album / "chat" / "bombe.zip").write_bytes(zip_bomb())
    assert len(load(f"dossier:{album}").train.pixels) == 8
    (album / "chat" / "bombe.png").write_bytes(zip_bomb())
    refused(lambda: load(f"dossier:{album}"), "bombe.png", "est illisible")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="ce système n'a pas de tubes nommés")
def test_pipe_among_the_images_is_refused_at_once(album: Path) -> None:
    os.mkfifo(album / "chat" / "tube.png")  # l'ouvrir attendrait pour toujours
    refused(lambda: load(f"dossier:{album}"), "tube.png", "n'est pas un fichier ordinaire", "retirez-le")


def test_folder_named_like_an_image_is_only_a_folder(album: Path) -> None:
    (album / "chat" / "été.png").mkdir()
    Image.new("RGB", (9, 7)).save(album / "chat" / "été.png" / "4.png")
    assert len(load(f"dossier:{album}").train.pixels) == 9


@pytest.mark.parametrize("name", ["scandir", "lstat"])
def test_folder_that_cannot_be_read_is_named(name: str, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = getattr(os, name)

    def refuse(path: str) -> object:
        if "chien noir" in os.fspath(path):
            raise OSError(errno.EACCES, "Permission denied", os.fspath(path))
        return usual(path)

    monkeypatch.setattr(os, name, refuse)
    refused(
        lambda: load(f"dossier:{album}"), "chien noir", "ne se lit pas (droits insuffisants)", "vérifiez les droits"
    )


def test_read_only_folder_is_read(album: Path) -> None:
    for path in [*album.rglob("*"), album]:
        path.chmod(stat.S_IREAD | (stat.S_IEXEC if path.is_dir() else 0))
    try:
        assert len(load(f"dossier:{album}").train.pixels) == 8
    finally:
        for path in [album, *album.rglob("*")]:
            path.chmod(stat.S_IRWXU)


# --- des images étranges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 65), (64, 64)])
def test_odd_size_is_accepted(size: tuple[int, int], album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", size, (250, 0, 0)).save(album / "chat" / "étrange.png")
    pixels = load(f"dossier:{album}").train.pixels
    assert pixels.shape == (9, 3, 32, 32)
    assert (pixels[:, 0] > 240).all(dim=(1, 2)).sum() == 1  # unie, elle le reste
    assert f"{size[0]}×{size[1]}" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_animation_gives_its_first_picture(suffix: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / f"animée{suffix}", save_all=True, append_images=frames[1:])
    pixels = read_picture(str(tmp_path / f"animée{suffix}")).pixels
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() < 8  # WebP n'est pas exact


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(orientation: int, tmp_path: Path) -> None:
    upright = np.zeros((7, 9, 3), dtype=np.uint8)
    upright[0, 0], upright[0, -1], upright[-1, 0] = 50, 100, 200
    turned: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.png"
    Image.fromarray(np.ascontiguousarray(turned[orientation](upright))).save(path, exif=exif)
    picture = read_picture(str(path))
    assert picture.size == (9, 7) and np.array_equal(picture.pixels, upright)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_damaged_image_is_pixels_or_a_sentence(kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    content, luck, path = io.BytesIO(), random.Random(0), tmp_path / "image.png"
    Image.fromarray(noise).save(content, kind)
    good, refusals = content.getvalue(), 0
    for turn in range(150):
        damaged = bytearray(good[: luck.randrange(len(good))] if turn % 3 == 0 else good)
        for _ in range(turn % 3 * 3):
            if damaged:
                damaged[luck.randrange(min(len(damaged), 200))] ^= 1 << luck.randrange(8)
        path.write_bytes(damaged)
        try:
            picture = read_picture(str(path))
        except ValueError as error:
            assert "\n" not in str(error) and "image.png" in str(error)
            refusals += 1
        else:
            assert picture.pixels.dtype == np.uint8 and picture.pixels.shape[2] == 3
    assert refusals > 20
