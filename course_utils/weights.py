"""Lire et écrire des poids au format safetensors : des nombres seuls, rien ne peut y être exécuté."""

import hashlib
from pathlib import Path

from torch import nn

from course_utils.files import write_whole


def load_weights(model: nn.Module, path: str | Path, *, sha256: str | None = None) -> None:
    """Charge dans `model` des poids au format safetensors (des nombres seuls : rien ne peut y être exécuté).

    sha256 : l'empreinte attendue du fichier, vérifiée si elle est donnée. Le modèle n'est modifié que si tout convient.
    Lève FileNotFoundError (fichier absent) ou ValueError (fichier abîmé, ou poids d'une autre architecture).
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"Le fichier de poids {path} n'existe pas : vérifiez le chemin, ou reprenez-le du dépôt."
        )
    content = path.read_bytes()
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"Le fichier {path} est abîmé (empreinte inattendue) : reprenez-le du dépôt avec « git checkout »."
        )
    try:
        weights = load(content)
    except SafetensorError as error:
        raise ValueError(
            f"Le fichier {path} n'est pas un fichier de poids safetensors lisible : reprenez-le."
        ) from error
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if wanted != found:
        key = next(k for k in sorted(wanted | found) if wanted.get(k) != found.get(k))
        raise ValueError(
            f"Les poids de {path.name} sont ceux d'une autre architecture (« {key} » : {found.get(key, 'absent')} dans "
            f"le fichier, {wanted.get(key, 'absent')} dans le réseau) : construisez le réseau comme sa fiche le dit."
        )
    model.load_state_dict(weights)


def save_weights(model: nn.Module, path: str | Path) -> str:
    """Écrit les poids au format safetensors, à côté puis renommés (jamais à moitié écrits) ; rend leur SHA-256.

    Lève OSError, avec une phrase, si le dossier n'accepte pas l'écriture.
    """
    from safetensors.torch import save

    content = save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})
    write_whole(Path(path), content)
    return hashlib.sha256(content).hexdigest()
