"""Les réseaux de la séance, tous coupés de la même façon : stem → stages → pool → head.

Cette coupe unique est ce qui rend les méthodes courtes : « la sortie de l'étage 2 » veut dire la même chose pour un
perceptron, un ResNet ou un réseau sans raccourci. Les poids initiaux dépendent de `seed` seul, et le générateur
aléatoire global n'est pas touché.
"""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from course_utils.arguments import Network, readable, share, sizes, whole
from course_utils.blocks import basic_block, blocks_per_stage, conv_bn, grouped_block
from course_utils.files import shown
from course_utils.packing import packed
from course_utils.weights import load_weights

TEACHERS = Path(__file__).resolve().parents[1] / "data" / "teachers"


class StagedNet(nn.Module):
    """Un classifieur en quatre parties : `stem`, `stages` (ModuleList), `pool`, `head` (couche linéaire finale)."""

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module], pool: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.pool = pool
        self.head = head

    def features(self, x: Tensor, stages: int | None = None) -> list[Tensor]:
        """(N, C, H, W) → [sortie du stem, sortie de l'étage 1, …, sortie du dernier étage].

        stages : s'arrêter après tant d'étages ; ce qui suit n'est pas exécuté. Lève ValueError s'il n'y en a pas tant.
        """
        if stages is not None and not 0 <= stages <= len(self.stages):
            raise ValueError(
                f"Étage {stages} demandé : ce réseau en a {len(self.stages)}, donnez un entier de 0 (le stem) "
                f"à {len(self.stages)}."
            )
        return [output.to_dense() for output in self._flow(x, [self.stem, *self.stages[:stages]])]

    def embed(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, D) : le vecteur qui entre dans la couche finale."""
        *_, last = self._flow(x, [self.stem, *self.stages])
        return self.pool(last.to_dense())

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, classes) : les logits."""
        return self.head(self.embed(x))

    def _flow(self, x: Tensor, parts: Sequence[nn.Module]) -> Iterator[Tensor]:
        """La sortie de chaque partie, l'une nourrissant la suivante ; pendant `fit`, rangée par paquets de canaux."""
        flow = packed(readable(x, self.modules()), parts)
        for part in parts:
            flow = part(flow)
            yield flow


def mlp(
    hidden: Sequence[int] = (800, 800), *, dropout: float = 0.0, inputs: int = 784, classes: int = 10, seed: int = 0
) -> StagedNet:
    """Perceptron : un étage par couche cachée (dense, ReLU, dropout).

    hidden : les largeurs des couches cachées, (300,) pour une seule. Lève ValueError si ce n'est pas une suite.
    Source : Hinton, Vinyals et Dean 2015, section 3 (2×800 et 2×1200 unités).
    """
    if not isinstance(hidden, Sequence):
        raise ValueError(f"hidden vaut {hidden} : donnez une suite de largeurs, ({hidden},) pour une seule couche.")
    sizes(inputs=inputs, classes=classes)
    widths = [inputs, *(whole("hidden", width) for width in hidden)]
    rate = share("dropout", dropout)
    with seeded(seed):
        stages = [nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(rate)) for a, b in pairwise(widths)]
        return StagedNet(nn.Flatten(), stages, nn.Identity(), nn.Linear(widths[-1], classes))


def resnet(depth: int, *, width: int = 16, in_channels: int = 1, classes: int = 10, seed: int = 0) -> StagedNet:
    """ResNet de la famille CIFAR : depth = 6n + 2, trois étages de n blocs, de largeurs width, 2·width et 4·width.

    Lève ValueError si depth n'est pas de la forme 6n + 2. Source : He et al. 2016, section 4.2 (raccourci 1×1 aux
    transitions).
    """
    sizes(width=width, in_channels=in_channels, classes=classes)
    n = blocks_per_stage(depth, per_block=6, extra=2, family="ResNet")
    with seeded(seed):
        stages = _three_stages(n, width, [width, 2 * width, 4 * width], basic_block)
        return _convolutional(in_channels, width, stages, 4 * width, classes)


def resnext(
    depth: int, *, cardinality: int = 8, base_width: int = 8, in_channels: int = 1, classes: int = 10, seed: int = 0
) -> StagedNet:
    """ResNeXt de la famille CIFAR : depth = 9n + 2, blocs 1×1 – 3×3 groupée – 1×1, `cardinality` groupes de
    `base_width` canaux.

    Lève ValueError si depth n'est pas de la forme 9n + 2. Source : Xie et al. 2017, section 5.3.
    """
    sizes(cardinality=cardinality, base_width=base_width, in_channels=in_channels, classes=classes)
    n = blocks_per_stage(depth, per_block=9, extra=2, family="ResNeXt")

    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        # la largeur intérieure double avec celle de l'étage : outputs = 4 · base_width · 2^étage
        return grouped_block(inputs, outputs, stride, inner=cardinality * outputs // 4, groups=cardinality)

    with seeded(seed):
        widths = [4 * base_width, 8 * base_width, 16 * base_width]
        return _convolutional(in_channels, base_width, _three_stages(n, base_width, widths, block), widths[-1], classes)


def plain(depth: int, *, width: int = 8, in_channels: int = 1, classes: int = 10, seed: int = 0) -> StagedNet:
    """Réseau fin et profond, sans raccourci ni normalisation : depth = 3n + 1 couches à poids (3n convolutions 3×3,
    une dense).

    Largeurs width, 2·width, 4·width ; un max-pooling entre les étages. C'est lui que l'apprentissage ordinaire ne
    sait plus entraîner quand il s'approfondit. Lève ValueError si depth n'est pas de la forme 3n + 1 avec n ≥ 2.
    Source : Romero et al. 2014 (FitNets), le principe.
    """
    sizes(width=width, in_channels=in_channels, classes=classes)
    n = blocks_per_stage(depth, per_block=3, extra=1, family="plain", least=2)

    def convolutions(inputs: int, outputs: int, count: int) -> list[nn.Module]:
        widths = [inputs] + [outputs] * count
        return [layer for a, b in pairwise(widths) for layer in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())]

    with seeded(seed):
        stem = nn.Sequential(*convolutions(in_channels, width, 1))
        stages = [
            nn.Sequential(*convolutions(width, width, n - 1)),
            nn.Sequential(nn.MaxPool2d(2), *convolutions(width, 2 * width, n)),
            nn.Sequential(nn.MaxPool2d(2), *convolutions(2 * width, 4 * width, n)),
        ]
        return StagedNet(stem, stages, global_pool(), nn.Linear(4 * width, classes))


def fresh(model: StagedNet, seed: int) -> StagedNet:
    """Même architecture, poids neufs tirés de `seed`, tout entraînable : l'élève d'un réseau « né de nouveau »
    (born-again).

    Lève ValueError si une couche a des poids et pas de `reset_parameters` qui les tire.
    """
    # ni le hasard d'une carte graphique, ni l'ordre des poids en mémoire ne sont ce que `seed` fixe
    twin = copied(model).to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with seeded(seed):
        for name, module in twin.named_modules():
            if reset := getattr(module, "reset_parameters", None):
                reset()
            elif kept := list(dict(module.named_parameters(name, recurse=False))):
                raise ValueError(
                    f"Rien ne dit comment tirer {', '.join(kept)} : donnez à {type(module).__name__} une méthode "
                    "reset_parameters(), sans quoi l'élève garderait ces poids."
                )
    return twin.requires_grad_(True).train()


def copied(model: Network) -> Network:
    """Une copie du réseau, que rien ne lie à lui. Lève ValueError s'il ne peut être copié."""
    try:
        return copy.deepcopy(model)
    except RuntimeError as error:
        raise ValueError(
            "Le réseau ne peut être copié : s'il a été élagué par torch.nn.utils.prune, rendez l'élagage définitif par "
            'prune.remove(couche, "weight").'
        ) from error


def load_teacher(name: str = "fashion-resnet") -> StagedNet:
    """L'enseignant livré avec le cours, en mode évaluation, son empreinte SHA-256 vérifiée.

    Rend le réseau de data/teachers/NAME.safetensors, d'architecture décrite par NAME.json (la fiche).
    Lève FileNotFoundError si le nom est inconnu, ValueError si le fichier est abîmé.
    """
    known = sorted(path.stem for path in TEACHERS.glob("*.json"))
    if name not in known:
        raise FileNotFoundError(
            f"L'enseignant « {name} » n'existe pas : choisissez parmi {', '.join(known) or '(aucun)'}."
        )
    path = TEACHERS / f"{name}.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        architecture, sha256 = dict(card["architecture"]), str(card["sha256"])
        model = BUILDERS[architecture.pop("builder")](**architecture)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        cause = type(error).__name__
        remedy = "reprenez-la du dépôt (git checkout -- :/data/teachers)"
        raise ValueError(f"La fiche {shown(path)} est abîmée ({cause}) : {remedy}.") from None
    load_weights(model, path.with_suffix(".safetensors"), sha256=sha256)
    return model.eval()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Le hasard de torch part de `seed` à l'intérieur, et reprend ensuite où il en était.

    Lève ValueError si ce n'est pas un entier de 0 à 2**32 - 1.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(whole("seed", seed, 0))
        yield


def global_pool() -> nn.Module:
    """(N, C, H, W) → (N, C) : moyenne de chaque carte."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _three_stages(
    n: int, inputs: int, widths: Sequence[int], block: Callable[[int, int, int], nn.Module]
) -> list[nn.Module]:
    stages: list[nn.Module] = []
    for stage, outputs in enumerate(widths):
        first = block(inputs, outputs, 1 if stage == 0 else 2)
        stages.append(nn.Sequential(first, *(block(outputs, outputs, 1) for _ in range(n - 1))))
        inputs = outputs
    return stages


def _convolutional(
    in_channels: int, width: int, stages: Sequence[nn.Module], embedding: int, classes: int
) -> StagedNet:
    stem = nn.Sequential(*conv_bn(in_channels, width, 3), nn.ReLU())
    return StagedNet(stem, stages, global_pool(), nn.Linear(embedding, classes))


BUILDERS: dict[str, Callable[..., StagedNet]] = {"mlp": mlp, "resnet": resnet, "resnext": resnext, "plain": plain}
