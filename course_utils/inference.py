"""Faire parler un réseau sans l'entraîner : l'appareil, la précision, les prédictions, l'enseignant gelé."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property

import torch
from torch import Tensor, nn

from course_utils.answers import Answers, Weights, answers_to, checked_batch
from course_utils.arguments import answered, check_logits, network, pictures, returned, tensors
from course_utils.data import Batch, Images, checked_images
from course_utils.gradients import gradient_mode_kept
from course_utils.models import StagedNet, copied

CHUNK = 128  # images par lot d'évaluation : ainsi tout reste dans le cache, 2,5 fois plus rapide que par 1 000


def best_device() -> torch.device:
    """La carte graphique NVIDIA si la machine en a une, sinon le processeur."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def place(model: nn.Module, device: torch.device) -> None:
    """Met le réseau sur l'appareil ; sur une carte graphique, canaux en dernier, comme ses convolutions les préfèrent.

    Pas sur un processeur : mesuré avec torch 2.14, les convolutions de petite largeur y perdent la reproductibilité au
    bit près (et y gagnent au mieux un dixième du temps d'un pas).
    """
    layout = torch.channels_last if device.type == "cuda" else torch.preserve_format
    model.to(device=device, memory_format=layout)  # type: ignore[call-overload]


def device_of(model: nn.Module) -> torch.device:
    """L'appareil où se trouvent les poids du réseau."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def dtype_of(model: nn.Module) -> torch.dtype:
    """Le type des nombres que le réseau calcule, float32 s'il n'a aucun poids."""
    kinds = (parameter.dtype for parameter in model.parameters())
    return next((kind for kind in kinds if kind.is_floating_point), torch.float32)


@contextmanager
def autocast(device: torch.device) -> Iterator[None]:
    """À l'intérieur, les réseaux calculent en bfloat16 si l'appareil y gagne, sinon en float32.

    C'est pour un pas d'apprentissage : les poids restent en float32, et les pertes y repassent (voir losses.py).
    """
    before = torch.is_autocast_enabled(device.type)
    try:
        # Sans la mémoire des poids convertis : une interruption pourrait y laisser ceux d'un pas déjà fait.
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_wins(device.type), cache_enabled=False):
            yield
    finally:  # interrompu pendant sa sortie, torch.autocast laisserait tout le noyau en bfloat16
        torch.set_autocast_enabled(device.type, before)


@cache
def bfloat16_wins(device_type: str) -> bool:
    """Vrai si l'appareil calcule en bfloat16 par ses propres instructions : là où il est émulé, il est bien plus lent.

    L'appareil le dit, rien n'est chronométré : sur une machine occupée, deux mesures se contredisent, et le même
    apprentissage relancé finirait avec d'autres poids.
    """
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    said = getattr(torch.cpu, "get_capabilities", None)  # les torch plus anciens n'en disent rien : float32
    return said is not None and bool(said().get("avx512_bf16"))


def predict(model: nn.Module, images: Images) -> Tensor:
    """Les logits de `model` sur toutes les images : (n, classes) float32, sur le processeur.

    Le réseau passe en mode évaluation, puis est rendu comme il était ; à un réseau en float16, les images sont données
    en float16. Lève ValueError s'il n'y a aucune image, ou si le réseau répond NaN ou +∞.
    """
    return answered(outputs_of(model, images))


@gradient_mode_kept()
@torch.no_grad()
def outputs_of(model: nn.Module, images: Images) -> Tensor:
    """Ce que rend `predict`, tel quel : NaN et +∞ compris."""
    checked_images(images)
    device, dtype = device_of(network(model, "Le premier argument")), dtype_of(model)
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.autocast(device.type, enabled=False):  # un bfloat16 n'a que trois chiffres, trop peu à montrer
            chunks = torch.arange(len(images)).split(CHUNK)
            return torch.cat([returned(model(images.batch(rows, device).x.to(dtype))).float().cpu() for rows in chunks])
    finally:
        for module, mode in modes:
            module.training = mode


def evaluate(model: nn.Module, images: Images) -> float:
    """L'exactitude de `model` sur ces images, entre 0 et 1 ; une image sans label (−100) compte comme une erreur."""
    logits = predict(model, images)
    check_logits(logits, "Les sorties du réseau")
    return (logits.argmax(dim=1) == images.y).float().mean().item()


class Teacher(nn.Module):
    """Un enseignant gelé pour de bon : mode évaluation, aucun gradient, aucune statistique qui bouge.

    Le réseau est copié : entraîner l'original ensuite ne change rien ici. Ses logits sont calculés une fois par image
    et rangés sous le numéro de l'image, si bien que mélanger ou réduire le lot ne peut pas les désaligner.
    """

    def __init__(self, model: StagedNet) -> None:
        super().__init__()
        twin = copied(network(model, "L'enseignant")).float()  # un float16 aussi répond en float32
        self.model: StagedNet = twin.requires_grad_(False)
        self._original = weakref.ref(model)
        self._answers: list[Answers] = []
        self._weights = Weights(twin)
        self._move(best_device())
        self.eval()

    def train(self, mode: bool = True) -> "Teacher":
        """Ne change rien : un enseignant reste en mode évaluation, sinon ses BatchNorm seraient faussées."""
        return super().train(False)

    def __reduce__(self) -> tuple[type["Teacher"], tuple[StagedNet]]:
        """Copié ou enregistré, un enseignant n'emporte que son réseau : ni ses réponses, ni les images de celles-ci."""
        return type(self), (self.model,)

    def copied_from(self, model: nn.Module) -> bool:
        """Vrai si `model` est le réseau même dont cet enseignant est la copie."""
        return self._original() is model

    @gradient_mode_kept()
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, classes) : les logits, en float32."""
        return self.awake(pictures(x).device)(x).float()

    def logits(self, batch: Batch) -> Tensor:
        """Les logits des images du lot, (N, classes) : relus s'ils sont connus, calculés si le lot est augmenté."""
        if checked_batch(batch).augmented:
            return self(batch.x)
        return self._answers_to(batch.images).logits.index_select(0, batch.index.cpu()).to(batch.x.device)

    def embeddings(self, batch: Batch) -> Tensor:
        """Les vecteurs (N, D) qui entrent dans la couche finale, gardés en mémoire comme les logits."""
        self._forget_what_other_weights_said()
        return self._headless.logits(batch)

    @gradient_mode_kept()
    @torch.no_grad()
    def read_out(self, embeddings: Tensor) -> Tensor:
        """Les vecteurs (N, D) rendus par `embeddings` → logits (N, classes), en float32 : la seule couche finale."""
        tensors(embeddings)
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.awake(embeddings.device).head(embeddings).float()

    @cached_property
    def _headless(self) -> "Teacher":
        """Le même réseau sans couche finale : ses « logits » sont ces vecteurs."""
        m = staged(self.model, "L'enseignant")
        return Teacher(StagedNet(m.stem, list(m.stages), m.pool, nn.Identity()))

    @gradient_mode_kept()
    @torch.no_grad()
    def features(self, batch: Batch, stages: int | None = None) -> list[Tensor]:
        """Les représentations intermédiaires du lot : sortie du stem, puis de chaque étage (jamais gardées en
        mémoire). stages : s'arrêter après tant d'étages.
        """
        network = staged(self.awake(checked_batch(batch).x.device), "L'enseignant")
        found = [f.float() for f in network.features(batch.x, stages)]
        # LIT les donne aux couches de l'élève : canaux en dernier, un processeur y perdrait des bits (voir `place`)
        return found if batch.x.is_cuda else [feature.contiguous() for feature in found]

    @gradient_mode_kept()
    @torch.no_grad()
    def classify(self, last_feature: Tensor) -> Tensor:
        """Sortie du dernier étage (rendue par `features`) → logits (N, classes), sans repasser dans tout le réseau."""
        tensors(last_feature)
        return self.model.head(self.model.pool(last_feature)).float()

    def awake(self, device: torch.device) -> StagedNet:
        """Le réseau, sur l'appareil voulu, et en mode évaluation même si quelqu'un a appelé `.model.train()`."""
        if device_of(self.model) != device:
            self._move(device)
        return self.model.eval()

    def _answers_to(self, images: Images) -> Answers:
        """Les réponses sur ces pixels, complétées de celles qui manquent."""
        self._forget_what_other_weights_said()
        return answers_to(images, self._answers, lambda missing: outputs_of(self.awake(best_device()), missing))

    def _forget_what_other_weights_said(self) -> None:
        if not self._weights.up_to_date(self.model):
            self._weights = Weights(self.model)
            self._answers.clear()
            self.__dict__.pop("_headless", None)

    def _move(self, device: torch.device) -> None:
        """Canaux en dernier, même sur un processeur : sans gradient à refaire au bit près, c'est un tiers plus vite."""
        self.model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def checked_teacher(teacher: Teacher) -> Teacher:
    """L'enseignant, ou TypeError si c'est un réseau qui n'a pas été gelé."""
    if not isinstance(teacher, Teacher):
        raise TypeError(f"L'enseignant est un {type(teacher).__name__} : donnez Teacher(modèle), qui le gèle.")
    return teacher


def refuse_own_teacher(student: nn.Module, teacher: Teacher) -> None:
    """Lève ValueError si l'élève est son propre enseignant : le terme de distillation ne lui apprendrait rien."""
    if checked_teacher(teacher).copied_from(student) or student is teacher or student is teacher.model:
        raise ValueError(
            "L'élève et l'enseignant sont le même réseau : donnez un autre élève, par exemple fresh(modèle, seed=1)."
        )


def staged(model: nn.Module, who: str) -> StagedNet:
    """Le réseau, ou TypeError s'il n'est pas coupé en étages ; who : « L'élève » ou « L'enseignant »."""
    if not isinstance(model, StagedNet):
        hint = ", ici son .model" if isinstance(model, Teacher) else ""
        raise TypeError(f"{who} est un {type(model).__name__} : donnez un StagedNet, coupé en étages{hint}.")
    return model


def trainable(student: nn.Module) -> nn.Module:
    """L'élève, ou TypeError si ce n'est pas un réseau, ou si c'est un enseignant gelé pour de bon."""
    if isinstance(student, Teacher):
        raise TypeError("L'élève est un Teacher, gelé pour de bon : donnez un réseau, par exemple mlp(seed=0).")
    return network(student, "L'élève")


def labels_within(logits: Tensor, batch: Batch) -> Tensor:
    """Les labels du lot, ou ValueError s'il leur faut plus de sorties que l'élève n'en a.

    Une carte graphique ne survit pas à un tel label : on le cherche ici, sur le processeur.
    """
    check_logits(logits, "Les sorties de l'élève")
    outputs, classes = logits.shape[-1], len(batch.images.classes)
    if outputs < classes and batch.images.y.max() >= outputs:
        raise ValueError(
            f"L'élève a {outputs} sorties, et les labels vont jusqu'à {batch.images.y.max()} : "
            f"construisez-le avec classes={classes}."
        )
    return batch.y
