"""Lire une image de n'importe quel format courant, en octets rouge, vert, bleu."""

from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

from course_utils.files import shown

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
# Pillow reconnaît une image à son contenu : hors de cette liste, il lancerait Ghostscript sur un PostScript déguisé.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SIDE = 32  # le côté auquel on ramène des images trop grandes ou de tailles différentes
LARGEST_KEPT = 64  # au-delà, une image est réduite dès sa lecture : toutes doivent tenir en mémoire
MAX_PIXELS = 50_000_000  # une photo d'appareil courant n'en a pas plus ; une « bombe », si

# Pillow lève cette erreur, ou seulement cet avertissement, selon l'excès.
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class UnknownScale(ValueError):
    """Une image de nombres réels : rien ne dit lequel est le blanc."""


class Picture(NamedTuple):
    """Une image lue : pixels (H, W, 3) uint8, au plus 64×64, et sa taille d'origine (largeur, hauteur)."""

    pixels: np.ndarray
    size: tuple[int, int]


def read_picture(file: str) -> Picture:
    """Lit l'image `file`, redressée selon son orientation EXIF.

    Palette, gris, CMJN et 16 bits par canal deviennent rouge, vert, bleu en 8 bits ; la transparence devient du
    blanc. Lève ValueError, avec le nom du fichier, si l'image est illisible ou démesurée.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            on_its_side = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
            size = image.size[::-1] if on_its_side else image.size
            image.draft(None, (4 * SIDE, 4 * SIDE))  # un grand JPEG est décodé directement en plus petit
            pixels = np.asarray(_rgb(ImageOps.exif_transpose(image)))
    except TOO_LARGE:
        limit = f"plus de {MAX_PIXELS // 10**6} millions de pixels"
        raise ValueError(f"L'image {shown(file)} est démesurée ({limit}) : réduisez-la ou retirez-la.") from None
    except Exception as error:  # selon le format, un décodeur lève OSError, SyntaxError, ValueError, struct.error…
        cause = str(error) if isinstance(error, UnknownScale) else type(error).__name__
        raise ValueError(
            f"L'image {shown(file)} est illisible ({cause}) : remplacez-la, ou retirez-la du dossier."
        ) from None
    return Picture(pixels if max(size) <= LARGEST_KEPT else fitted(pixels), size)


def fitted(pixels: np.ndarray) -> np.ndarray:
    """Ramène (H, W, 3) à (32, 32, 3) : le petit côté est ramené à 32, puis le centre est gardé."""
    return np.asarray(ImageOps.fit(Image.fromarray(pixels), (SIDE, SIDE), Image.Resampling.BICUBIC))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnknownScale("des nombres réels, dont l'échelle est inconnue")
    if image.mode.startswith("I"):  # 16 bits : `convert` couperait tout ce qui dépasse 255
        levels = np.asarray(image).astype(np.float64).clip(0, 65535)
        return Image.fromarray((levels / 257).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
