"""L'unique boucle d'apprentissage, la même pour toutes les méthodes de la séance.

Une méthode ne change que l'objectif (objectives.py). Même graine et même machine : poids identiques au bit près.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.arguments import NotFiniteError, batchnorm_in_french, check_precision, whole
from course_utils.data import Batch, Images, checked_images
from course_utils.gradients import gradient_mode_kept
from course_utils.inference import Teacher, autocast, best_device, evaluate, place, predict, trainable
from course_utils.models import seeded
from course_utils.objectives import Objective, check_batches, checked_objective, total
from course_utils.optimizer import Adam, Optimizer, started
from course_utils.packing import packing

__all__ = ["Adam", "DivergenceError", "History", "Teacher", "evaluate", "fit", "predict"]

# Le hasard de torch n'a qu'un état par noyau : de deux fils d'exécution, l'un attend que l'autre ait fini d'apprendre.
_TURN = threading.RLock()

LR_TOO_LARGE = (
    "l'apprentissage a divergé, le plus souvent parce que le pas (lr) est trop grand ; divisez-le par 10, recréez "
    "l'élève et relancez."
)


class DivergenceError(RuntimeError):
    """La perte, ou un poids, n'est plus un nombre fini."""


@dataclass
class History:
    """Ce qui s'est passé, époque par époque."""

    losses: list[dict[str, float]] = field(default_factory=list)  # moyenne de chaque terme
    accuracy: list[float] = field(default_factory=list)  # sur la validation, si elle est donnée
    seconds: float = 0.0
    interrupted: bool = False


@gradient_mode_kept()
@torch.enable_grad()
def fit(
    student: nn.Module,
    images: Images,
    objective: Objective,
    *,
    epochs: int,
    lr: float = 1e-3,
    batch_size: int = 128,
    seed: int = 0,
    augment: bool = False,
    progress: bool = True,
    validation: Images | None = None,
    optimizer: Callable[..., Optimizer] = Adam,
    on_epoch: Callable[[History], object] | None = None,
) -> History:
    """Entraîne `student` sur place et rend l'historique.

    lr : le pas maximal ; il monte pendant les premiers 5 % des pas puis descend en cosinus jusqu'à zéro.
    seed : l'ordre des images, l'augmentation et le dropout. augment : décalages et miroirs aléatoires (Fashion-MNIST,
    CIFAR). validation : ces images sont évaluées après chaque époque. optimizer : appelé avec (paramètres, lr=lr).
    on_epoch : appelé avec l'historique après chaque époque, par exemple `live.curves(...)`.
    Une interruption (Ctrl-C, bouton ■) garde ce qui est appris. Lève DivergenceError si la perte n'est plus un nombre,
    ValueError ou TypeError si un réglage est impossible. La perte et son gradient sont calculés en float32.
    """
    epochs, batch_size, seed = whole("epochs", epochs), whole("batch_size", batch_size), whole("seed", seed, 0)
    if not (isinstance(lr, Real) and 0 < lr <= torch.finfo(torch.float32).max):
        raise ValueError(f"lr vaut {lr!r} : donnez un pas fini et positif, par exemple 1e-3.")
    checked_images(images)
    if validation is not None:
        checked_images(validation, "validation")
    if on_epoch is not None and not callable(on_epoch):
        kind = type(on_epoch).__name__
        raise TypeError(f"on_epoch est un objet {kind} : donnez une fonction de l'historique, comme live.curves(…).")
    device = best_device()
    place(trainable(student), device)
    extra = checked_objective(objective).parameters() or ()
    weights = list(dict.fromkeys((*student.parameters(), *extra)))
    check_precision(weights)
    check_batches(objective, min(batch_size, len(images)))
    trained = [weight for weight in weights if weight.requires_grad]
    if not any(p.requires_grad for p in student.parameters()):
        raise ValueError("L'élève est gelé : rendez-le à l'apprentissage par student.requires_grad_(True).")
    update = started(optimizer, trained, lr)
    generator = torch.Generator().manual_seed(seed)
    history = History()
    steps = epochs * len(_split(torch.arange(len(images)), batch_size))
    step, start = 0, time.perf_counter()
    left_usable = _left_usable(student, history, epochs)
    with _progress_bar(steps, shown=progress) as bar, left_usable, batchnorm_in_french(), _repeatable(seed), packing():
        for epoch in range(epochs):
            student.train()  # à chaque époque : on_epoch a pu le mettre en mode évaluation
            trace = []
            for positions in _split(torch.randperm(len(images), generator=generator), batch_size):
                batch = images.batch(positions, device)
                if augment:
                    batch = augmented(batch, generator)
                for group in update.param_groups:
                    group["lr"] = lr * learning_rate_factor(step / steps)
                with autocast(device):
                    terms = objective(student, batch)
                update.zero_grad()
                total(terms).backward()
                update.step()
                trace.append({name: term.detach() for name, term in terms.items()})
                step += 1
                bar.update()
            means = _means(trace, step - len(trace), trained)
            if validation is not None:
                history.accuracy.append(_measured(student, validation, step))
            history.losses.append(means)
            history.seconds = time.perf_counter() - start
            bar.set_description(f"Époque {epoch + 1}/{epochs}", refresh=False)
            if on_epoch is not None:
                on_epoch(history)
    return history


def learning_rate_factor(done: float) -> float:
    """La part du pas maximal à l'avancement `done` ∈ [0, 1] : montée sur 5 %, puis demi-cosinus jusqu'à zéro."""
    warm_up = 0.05
    if done < warm_up:
        return (done + 0.005) / (warm_up + 0.005)
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def augmented(batch: Batch, generator: torch.Generator) -> Batch:
    """Le lot, chaque image décalée d'au plus deux pixels et retournée (gauche-droite) une fois sur deux.

    Marqué `augmented` : un enseignant en recalcule les logits au lieu de relire ceux de l'image d'origine.
    """
    n, _, height, width = batch.x.shape
    shift = torch.randint(-2, 3, (2, n, 1, 1), generator=generator)
    flip = torch.rand((n, 1, 1), generator=generator, dtype=torch.float32) < 0.5
    columns = torch.arange(width).expand(n, 1, width)
    columns = torch.where(flip, width - 1 - columns, columns) + shift[0]
    rows = torch.arange(height).view(1, height, 1) + shift[1]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    source = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    source = source.view(n, 1, -1).expand(-1, batch.x.shape[1], -1).to(batch.x.device)
    moved = batch.x.flatten(2).gather(2, source).view_as(batch.x)
    # ce qui entre par le bord est noir : la valeur de chaque canal pour un pixel nul
    mean, std = torch.tensor([batch.images.mean, batch.images.std], dtype=torch.float32)
    border = (-mean / std).view(1, -1, 1, 1).to(batch.x)
    x = torch.where(inside[:, None].to(batch.x.device), moved, border)
    return Batch(x, batch.y, batch.index, batch.images, augmented=True)


def _split(order: Tensor, batch_size: int) -> list[Tensor]:
    """Les lots d'une époque. Un dernier lot d'une seule image, que BatchNorm refuserait, rejoint le précédent."""
    batches = list(order.split(batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] = torch.cat([batches[-1], last])
    return batches


def _means(steps: list[dict[str, Tensor]], first_step: int, trained: Iterable[Tensor]) -> dict[str, float]:
    """La moyenne de chaque terme sur l'époque ; une perte ou un poids qui n'est plus un nombre fini arrête tout.

    Vérifié une fois par époque : demander la valeur à chaque pas ferait attendre la carte graphique.
    """
    names = list(steps[0])
    changed = next((list(terms) for terms in steps if terms.keys() != steps[0].keys()), None)
    if changed is not None:
        raise ValueError(
            f"L'objectif rend {names}, puis {changed} : rendez les mêmes termes à chaque pas, zéro s'il le faut."
        )
    trace = torch.stack([torch.stack([terms[name] for name in names]) for terms in steps])
    wrong, sane = ~trace.isfinite(), all(weights.isfinite().all() for weights in trained)
    if wrong.any():
        step = int(wrong.any(dim=1).nonzero()[0])
        terms = [f"« {name} »" for name, bad in zip(names, wrong[step], strict=True) if bad]
        told = f"La perte n'est plus un nombre fini au pas {first_step + step + 1} (dans {', '.join(terms)}) : "
        if first_step + step == 0 or len(terms) < len(names) or sane:
            raise DivergenceError(
                f"{told}le pas (lr) n'y est sans doute pour rien ; cherchez un poids NaN ou infini chez l'élève ou "
                "l'enseignant, un lot dont aucune image n'a de label, ou un réglage démesuré."
            )
        raise DivergenceError(f"{told}{LR_TOO_LARGE}")
    if not sane:
        raise DivergenceError(f"Un poids n'est plus un nombre fini au pas {first_step + len(trace)} : {LR_TOO_LARGE}")
    return dict(zip(names, trace.float().mean(dim=0).tolist(), strict=True))


def _measured(student: nn.Module, validation: Images, step: int) -> float:
    """L'exactitude, ou DivergenceError si des poids encore finis donnent des réponses qui ne le sont plus."""
    try:
        return evaluate(student, validation)
    except NotFiniteError as error:
        raise DivergenceError(f"L'élève répond NaN ou l'infini après le pas {step} : {LR_TOO_LARGE}") from error


def _progress_bar(steps: int, *, shown: bool) -> Any:
    from tqdm.auto import tqdm  # ici : tqdm.auto charge IPython, que « import course_utils » n'a pas à attendre

    layout = "{desc} {bar} {n_fmt}/{total_fmt} pas, encore {remaining}"
    # Deux images par seconde : à dix (le réglage de tqdm), le navigateur prend un cinquième du temps d'apprentissage.
    return tqdm(
        total=steps, desc="Époque 0", bar_format=layout, disable=None if shown else True, leave=False, mininterval=0.5
    )


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Le hasard part de `seed`, et cuDNN ne choisit que des algorithmes qui rendent deux fois le même résultat."""
    cards = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    cudnn = torch.backends.cudnn  # réglé à la main : cudnn.flags toucherait aussi à TF32, avec un avertissement
    with _TURN, seeded(seed), torch.random.fork_rng(cards):
        before = cudnn.benchmark, cudnn.deterministic
        try:
            cudnn.benchmark, cudnn.deterministic = False, True
            if cards:
                torch.cuda.manual_seed(seed)  # le dropout d'une carte a son propre hasard
            yield
        finally:
            cudnn.benchmark, cudnn.deterministic = before


@contextmanager
def _left_usable(student: nn.Module, history: History, epochs: int) -> Iterator[None]:
    """Une interruption s'arrête ici ; quoi qu'il arrive, l'élève est rendu en mode évaluation."""
    try:
        yield
    except KeyboardInterrupt:
        history.interrupted = True
        del history.accuracy[len(history.losses) :]  # mesurée, mais son époque n'a pas été comptée
        print(
            f"Interrompu (époques finies : {len(history.losses)} sur {epochs}) : ce qui est appris est gardé. "
            "S'il reste des apprentissages dans la cellule, le suivant commence."
        )
    finally:
        student.eval()
