"""Lire et écrire des poids au format safetensors : des nombres seuls, rien ne peut y être exécuté."""

import hashlib
import os
from pathlib import Path

from torch import nn

from course_utils.files import reason, shown, write_whole

HEADER = 1_000_000  # octets : l'en-tête d'un fichier de poids n'en prend jamais autant


def load_weights(model: nn.Module, path: str | Path, *, sha256: str | None = None) -> None:
    """Charge dans `model` des poids au format safetensors (des nombres seuls : rien ne peut y être exécuté).

    sha256 : l'empreinte attendue du fichier, vérifiée si elle est donnée. Le modèle n'est modifié que si tout convient.
    Lève FileNotFoundError (fichier absent), OSError (disque) ou ValueError (fichier abîmé, ou poids d'une autre
    architecture).
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path)
    content = _content(path, limit=2 * sum(v.numel() * v.element_size() for v in model.state_dict().values()) + HEADER)
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"Le fichier {shown(path)} est abîmé (empreinte inattendue) : reprenez-le du dépôt "
            "(git checkout -- :/data/teachers)."
        )
    try:
        weights = load(content)
    except (SafetensorError, KeyError):  # KeyError : un type de nombres que torch n'a pas
        raise ValueError(
            f"Le fichier {shown(path)} n'est pas un fichier de poids safetensors lisible : reprenez-le."
        ) from None
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if wanted != found:
        key = next(k for k in sorted(wanted | found) if wanted.get(k) != found.get(k))
        raise ValueError(
            f"Les poids de {shown(path.name)} sont ceux d'une autre architecture ({shown(key)} : "
            f"{found.get(key, 'absent')} dans le fichier, {wanted.get(key, 'absent')} dans le réseau) : "
            "construisez le réseau comme sa fiche le dit."
        )
    model.load_state_dict(weights)


def _content(path: Path, *, limit: int) -> bytes:
    """Le contenu du fichier de poids `path`, s'il n'est pas plus gros que `limit` octets."""
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Le fichier de poids {shown(path)} n'existe pas : vérifiez le chemin, ou reprenez-le du dépôt."
        )
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= limit else b""
    except OSError as error:
        raise OSError(f"Le fichier {shown(path)} ne se lit pas ({reason(error)}) : reprenez-le du dépôt.") from None
    if size > limit:
        raise ValueError(
            f"Le fichier {shown(path)} est trop gros pour ce réseau ({size} octets) : donnez les poids de ce réseau-ci."
        )
    return content


def save_weights(model: nn.Module, path: str | Path) -> str:
    """Écrit les poids au format safetensors, à côté puis renommés (jamais à moitié écrits) ; rend leur SHA-256.

    Lève OSError, avec une phrase, si le dossier n'accepte pas l'écriture.
    """
    from safetensors.torch import save

    content = save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})
    write_whole(Path(path), content)
    return hashlib.sha256(content).hexdigest()
