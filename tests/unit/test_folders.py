"""Un dossier d'images : tous les modes, toutes les tailles, et chaque faute dite en une phrase."""

import os
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import folders
from course_utils.data import Dataset, load
from course_utils.folders import statistics
from course_utils.pictures import read_picture
from tests.typography import plain


def fault(path: Path | str, *expected: str) -> None:
    """Vérifie que le dossier est refusé en une phrase, sur une ligne, avec les morceaux attendus."""
    with pytest.raises((ValueError, OSError)) as error:
        load(f"dossier:{path}")
    text = plain(str(error.value))
    assert "\n" not in text and text.endswith(".") and ". " not in text, text
    for part in map(plain, expected):
        assert part in text, (part, text)


def save(path: Path, *, colour: object = "teal", size: tuple[int, int] = (9, 7), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Deux classes de vingt images unies, sans découpage, dans un chemin accentué avec des espaces."""
    folder = tmp_path / "Mes photos d'été"
    for number in range(20):
        save(folder / "chat" / f"{number:02}.png", colour=(number, 100, 200))
        save(folder / "chien noir" / f"{number:02}.png", colour=(100 + number, 0, 0))
    return folder


def read(folder: Path) -> Dataset:
    return load(f"dossier:{folder}")


# --- le rangement ----------------------------------------------------------------------------------------------


def test_album_is_split_by_class(album: Path) -> None:
    data = read(album)
    assert data.classes == ("chat", "chien noir")
    assert [part.y.bincount().tolist() for part in (data.train, data.validation, data.test)] == [
        [14, 15],
        [2, 1],  # un dixième de 32, arrondi
        [4, 4],
    ]
    red = data.train.pixels[:, 0, 0, 0].long()  # chaque image porte son numéro et sa classe dans le rouge
    assert sorted(red.tolist()) == [*range(20), *range(100, 120)]
    assert torch.equal(data.train.labels, (red >= 100).long())


def test_split_is_always_the_same(album: Path, tmp_path: Path) -> None:
    first = read(album).test.x
    moved = tmp_path / "ailleurs"
    album.rename(moved)
    assert torch.equal(read(moved).test.x, first)
    assert torch.equal(load(f"dossier:{moved}", seed=5).test.x, first)


def test_given_split_is_kept(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(5):
            save(tmp_path / "train" / name / f"{number}.png")
        save(tmp_path / "test" / name / "x.jpg")
    data = read(tmp_path)
    assert [part.y.bincount().tolist() for part in (data.train, data.validation, data.test)] == [[4, 4], [1, 1], [1, 1]]


def test_capital_letters_of_the_split_are_the_same_everywhere(tmp_path: Path) -> None:
    for half in ("Train", "TEST"):
        for name in ("chat", "chien"):
            for number in range(2):
                save(tmp_path / half / name / f"{number}.png")
    data = read(tmp_path)
    assert data.test.classes == ("chat", "chien") and len(data.test) == 4


def test_three_images_a_class_are_enough(tmp_path: Path) -> None:
    for name in "abc":
        for number in range(3):
            save(tmp_path / name / f"{number}.png")
    data = read(tmp_path)
    assert [part.y.bincount().tolist() for part in (data.train, data.validation, data.test)] == [[1] * 3] * 3


def test_second_load_shares_the_pixels_until_a_file_changes(album: Path) -> None:
    first = read(album)
    assert read(album).train.pixels is first.train.pixels
    save(album / "chat" / "00.png", colour=(255, 255, 255))
    os.utime(album / "chat" / "00.png", (2e9, 2e9))
    again = read(album)
    assert again.train.pixels is not first.train.pixels
    assert again.train.pixels.max() == 255


def test_stray_files_are_ignored(album: Path) -> None:
    (album / "LISEZMOI.txt").write_text("texte")
    (album / "chat" / ".DS_Store").write_bytes(b"x")
    (album / "chat" / "._00.png").write_bytes(b"x")
    (album / ".git").mkdir()
    (album / "__MACOSX").mkdir()
    save(album / "chat" / ".ipynb_checkpoints" / "00-checkpoint.png")
    assert len(read(album).train.pixels) == 40


def test_images_in_deeper_folders_are_found(album: Path) -> None:
    save(album / "chat" / "2024" / "hiver" / "x.PNG")
    assert len(read(album).train.pixels) == 41


def test_links_are_followed_but_not_in_circles(album: Path, tmp_path: Path) -> None:
    (album / "lapin").symlink_to(album / "chat")
    (album / "chat" / "boucle").symlink_to(album)
    (album / "chat" / "20.png").symlink_to(album / "chat" / "00.png")
    data = read(album)
    assert data.classes == ("chat", "chien noir", "lapin")
    assert data.train.labels.bincount().tolist() == [21, 20, 21]


def test_an_older_image_put_in_the_place_of_another_is_read(album: Path) -> None:
    first = read(album).train.pixels
    save(album / "chat" / "00.png", colour=(255, 255, 255))
    os.utime(album / "chat" / "00.png", (1e9, 1e9))
    assert not torch.equal(read(album).train.pixels, first)


def test_folder_is_left_untouched(album: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in album.rglob("*")}
    read(album)
    assert {path: path.stat().st_mtime_ns for path in album.rglob("*")} == before


# --- les modes et les tailles ----------------------------------------------------------------------------------


def test_grey_images_give_one_channel(tmp_path: Path) -> None:
    for name, level in (("a", 10), ("b", 200)):
        for number in range(3):
            save(tmp_path / name / f"{number}.png", mode="L", colour=level)
    assert read(tmp_path).train.pixels.shape == (6, 1, 7, 9)


def test_one_colour_image_gives_three_channels(tmp_path: Path) -> None:
    for name in "ab":
        for number in range(3):
            save(tmp_path / name / f"{number}.png", mode="L", colour=90)
    save(tmp_path / "b" / "2.png", colour=(1, 2, 3))
    assert read(tmp_path).train.pixels.shape == (6, 3, 7, 9)


def palette(path: Path, **options: object) -> None:
    image = Image.new("P", (9, 7), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(path, **options)


def sixteen_bits(path: Path) -> None:
    Image.fromarray(np.full((7, 9), 257 * 120, dtype=np.uint16)).save(path)


@pytest.mark.parametrize(
    ("write", "suffix", "expected"),
    [
        (lambda p: save(p, mode="1", colour=1), ".png", (255, 255, 255)),
        (lambda p: save(p, mode="L", colour=120), ".png", (120, 120, 120)),
        (lambda p: save(p, mode="LA", colour=(120, 255)), ".png", (120, 120, 120)),
        (lambda p: save(p, mode="LA", colour=(120, 0)), ".png", (255, 255, 255)),
        (lambda p: save(p, mode="RGBA", colour=(10, 200, 30, 255)), ".png", (10, 200, 30)),
        (lambda p: save(p, mode="RGBA", colour=(10, 200, 30, 0)), ".png", (255, 255, 255)),
        (lambda p: save(p, mode="RGBA", colour=(0, 100, 200, 51)), ".png", (204, 224, 244)),
        (lambda p: save(p, mode="CMYK", colour=(255, 0, 0, 0)), ".tif", (0, 255, 255)),
        (lambda p: save(p, mode="I", colour=257 * 120), ".tif", (120, 120, 120)),
        (lambda p: save(p, mode="I", colour=-5), ".tif", (0, 0, 0)),
        (palette, ".png", (10, 200, 30)),
        (palette, ".gif", (10, 200, 30)),
        (lambda p: palette(p, transparency=1), ".png", (255, 255, 255)),
        (lambda p: palette(p, transparency=b"\xff\xff"), ".png", (10, 200, 30)),
        (sixteen_bits, ".png", (120, 120, 120)),
        (sixteen_bits, ".tif", (120, 120, 120)),
        (lambda p: save(p, colour=(10, 200, 30)), ".bmp", (10, 200, 30)),
        (lambda p: save(p, colour=(10, 200, 30)), ".ppm", (10, 200, 30)),
    ],
)
def test_every_mode_becomes_eight_bit_colours(
    write: Callable[[Path], object], suffix: str, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    path = tmp_path / f"image{suffix}"
    write(path)
    picture = read_picture(str(path))
    assert picture.pixels.shape == (7, 9, 3) and picture.pixels.dtype == np.uint8 and picture.size == (9, 7)
    assert tuple(picture.pixels[3, 4].tolist()) == expected


def test_photo_taken_upright_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # tournée d'un quart de tour
    image = Image.new("RGB", (9, 7), "black")
    image.putpixel((0, 6), (255, 255, 255))  # en bas à gauche : deviendra en haut à gauche
    image.save(tmp_path / "a.png", exif=exif)
    picture = read_picture(str(tmp_path / "a.png"))
    assert picture.pixels.shape == (9, 7, 3) and picture.size == (7, 9)
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]


def test_different_sizes_are_cropped_in_the_middle_and_said(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stripes = np.zeros((32, 96, 3), dtype=np.uint8)
    stripes[:, :32, 0], stripes[:, 32:64, 1], stripes[:, 64:, 2] = 255, 255, 255
    Image.fromarray(stripes).save(album / "chat" / "00.png")
    save(album / "chat" / "01.jpg", size=(640, 480), colour="red")
    data = read(album)
    said = plain(capsys.readouterr().out)
    assert said == plain(
        "Images de 9×7 à 640×480 pixels ramenées à 32×32 : petit côté ramené à 32, puis centre gardé.\n"
    )
    assert data.train.pixels.shape == (41, 3, 32, 32)
    green = torch.tensor([0, 255, 0], dtype=torch.uint8).view(3, 1, 1)
    assert (data.train.pixels == green).all(dim=(1, 2, 3)).sum() == 1  # il ne reste que la bande du milieu


def test_large_images_of_one_size_are_reduced_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        for number in range(3):
            save(tmp_path / name / f"{number}.jpg", size=(224, 224))
    assert read(tmp_path).train.pixels.shape == (6, 3, 32, 32)
    assert "Images de 224×224 pixels ramenées" in plain(capsys.readouterr().out)


def test_statistics_are_those_of_the_training_part(album: Path) -> None:
    data = read(album)
    train = torch.cat([data.train.x, data.validation.x]).double() / 255
    assert data.train.mean == pytest.approx(train.mean(dim=(0, 2, 3)).tolist(), abs=1e-6)
    assert data.train.std == pytest.approx(train.std(dim=(0, 2, 3), correction=0).tolist(), abs=1e-6)


def test_flat_channel_stays_finite() -> None:
    assert statistics(torch.zeros(3, 1, 4, 4, dtype=torch.uint8)) == ((0.0,), (1.0,))


# --- les fautes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", " ", "/nulle/part"])
def test_not_a_folder(path: str) -> None:
    fault(path, "n'est pas un dossier", "dossier:CHEMIN")


def test_archive_must_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    fault(tmp_path / "images.zip", "images.zip", "une archive doit d'abord être décompressée")


def test_empty_folder(tmp_path: Path) -> None:
    fault(tmp_path, str(tmp_path), "ne contient aucun dossier", "au moins deux sous-dossiers")


def test_single_class(album: Path) -> None:
    fault(album.parent, "ne contient que le dossier « Mes photos d'été »", "un par classe")


@pytest.mark.parametrize("lacking", ["train", "test"])
def test_half_a_split(lacking: str, album: Path) -> None:
    (album / ("test" if lacking == "train" else "train")).mkdir()
    fault(album, str(album / lacking), "manque")


@pytest.mark.parametrize(("part", "other"), [("train", "test"), ("test", "train")])
def test_class_in_one_half_only(part: str, other: str, tmp_path: Path) -> None:
    for half in ("train", "test"):
        for name in ("a", "b"):
            for number in range(2):
                save(tmp_path / half / name / f"{number}.png")
    for number in range(2):
        save(tmp_path / part / "c" / f"{number}.png")
    fault(tmp_path, str(tmp_path / other / "c"), "« train » et « test » doivent avoir les mêmes classes")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_class_with_too_few_images(count: int, album: Path) -> None:
    (album / "lapin").mkdir()
    for number in range(count):
        save(album / "lapin" / f"{number}.png")
    fault(album, str(album / "lapin"), f"trop peu d'images ({count})", "au moins 3", ".png")


def broken_png(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"<html>404</html>"),
        lambda path: path.write_bytes(path.read_bytes()[:40]),
        broken_png,
        lambda path: (path.unlink(), path.symlink_to("absent")),
        lambda path: (path.unlink(), Image.new("F", (9, 7)).save(path, format="TIFF")),
    ],
    ids=["vide", "page web", "tronquée", "octet changé", "lien brisé", "nombres réels"],
)
def test_unreadable_image_is_named(damage: Callable[[Path], object], album: Path) -> None:
    path = album / "chien noir" / "13.png"
    damage(path)
    fault(album, f"L'image « {path} » est illisible", "remplacez-la, ou retirez-la")


def test_name_with_a_line_break(album: Path) -> None:
    (album / "chat" / "une\nimage.png").write_bytes(b"")
    fault(album, "une image.png", "est illisible")


def huge_png(side: int) -> bytes:
    """Un PNG de quelques kilo-octets qui annonce side × side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])  # sous, entre et au-dessus des deux limites de Pillow
def test_image_bomb_is_refused(side: int, album: Path) -> None:
    path = album / "chat" / "07.png"
    path.write_bytes(huge_png(side))
    start = time.perf_counter()
    fault(album, f"L'image « {path} » est démesurée (plus de 50 millions de pixels)", "réduisez-la ou retirez-la")
    assert time.perf_counter() - start < 5


def test_text_bomb_in_an_image_is_refused(album: Path) -> None:
    from PIL import PngImagePlugin

    notes = PngImagePlugin.PngInfo()
    notes.add_text("a", "x" * 5_000_000, zip=True)
    path = album / "chat" / "07.png"
    Image.new("RGB", (9, 7)).save(path, pnginfo=notes)
    fault(album, f"« {path} » est illisible")


def test_fault_does_not_wait_for_the_other_images(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def slow(file: str) -> None:
        read.append(file)
        raise ValueError(f"L'image {file} est illisible : retirez-la.")

    monkeypatch.setattr(folders, "read_picture", slow)
    files = [str(album / "chat" / "00.png")] * 64_000
    with pytest.raises(ValueError):
        folders._read_all(files)
    assert len(read) < 1000


def test_progress_is_shown_for_many_images(
    album: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read(album)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(folders, "PROGRESS_FROM", 10)
    folders._read_all([str(path) for path in sorted(album.rglob("*.png"))])
    assert "Lecture" in capsys.readouterr().err
