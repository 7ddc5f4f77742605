"""Les pertes relationnelles (RKD) : l'élève imite les relations entre les exemples, pas les exemples eux-mêmes.

| équation                                            | fonction             |
|-----------------------------------------------------|----------------------|
| φ(t_i, t_j) = ‖t_i − t_j‖₂ / μ                      | `relative_distances` |
| L_RKD = Σ ℓ(φ(t_i, t_j), φ(s_i, s_j))               | `rkd_distance_loss`  |
| la même, φ = cos ∠ t_i t_j t_k                      | `rkd_angle_loss`     |

Les deux pertes ne voient que des distances : tourner, déplacer ou agrandir un côté n'y change rien, et l'élève peut
avoir moins de dimensions que l'enseignant.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from course_utils.arguments import refuse_incomparable, tensors


def rkd_distance_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """RKD, distances : moyenne sur les N² couples de Huber(‖t_i − t_j‖/μ_T, ‖s_i − s_j‖/μ_S), δ = 1.

    student : (N, …), teacher : (N, …) ; les dimensions par exemple peuvent différer. μ est la moyenne des distances
    positives, calculée de chaque côté séparément. Des points tous confondus donnent 0 partout, sans NaN.
    Lève ValueError si les nombres d'exemples diffèrent. Source : Park et al. 2019 (RKD), équations 4 et 5 ; l'article
    écrit des sommes, le code officiel prend la moyenne, sur laquelle les poids publiés (1 ou 25) sont réglés.
    """
    s, t = _checked(student, teacher)
    with torch.autocast(s.device.type, enabled=False):
        return F.huber_loss(relative_distances(s), relative_distances(t))


def rkd_angle_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """RKD, angles : moyenne sur les N³ triplets de Huber(cos ∠ t_i t_j t_k, cos ∠ s_i s_j s_k), δ = 1, sommet en j.

    Mêmes arguments que `rkd_distance_loss`. Un triplet dégénéré (deux points confondus) a pour cosinus 0.
    Mémoire O(N² + N·D) au lieu de O(N³ + N²·D) : voir `_AngleLoss`.
    Source : Park et al. 2019 (RKD), équations 6 et 7 ; moyenne comme dans le code officiel (poids publiés 2 ou 50).
    """
    s, t = _checked(student, teacher)
    with torch.autocast(s.device.type, enabled=False):
        loss: Tensor = _AngleLoss.apply(s, t)
    return loss


def distances(x: Tensor) -> Tensor:
    """(N, D) → (N, N) : ‖x_i − x_j‖₂, de gradient nul là où la distance est nulle (celui de la racine y est infini).

    Les différences sont faites coordonnée par coordonnée : passer par ‖x_i‖² + ‖x_j‖² − 2·x_i·x_j est un peu plus
    rapide, mais perd tous ses chiffres quand les points sont loin de l'origine et proches entre eux.
    """
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


def relative_distances(x: Tensor) -> Tensor:
    """(N, D) → (N, N) : les distances divisées par μ, la moyenne des distances positives (tout à 0 s'il n'y en a pas).

    μ dépend de x et reste donc dans le calcul du gradient : sans lui, la perte ferait grossir ou rétrécir l'élève.
    """
    d = distances(x)
    return d / mean_distance(d).clamp(min=torch.finfo(d.dtype).tiny)


def mean_distance(d: Tensor) -> Tensor:
    """(N, N) → μ, la moyenne des distances positives (0 s'il n'y en a pas)."""
    return d.sum() / (d > 0).sum().clamp(min=1)


class _AngleLoss(torch.autograd.Function):
    """La perte des angles et son gradient, en une seule passe sur les N³ triplets, par blocs de sommets.

    1. Les angles ne dépendent que des distances (Al-Kashi) : avec q = d² et r = 1/d,
           cos_jik = (q_ij + q_jk − q_ik) · r_ij · r_jk / 2.
       Les N²·D coordonnées des arêtes n'ont donc jamais à exister.
    2. La perte est un nombre : son gradient par rapport aux q (N² nombres) s'additionne au fil des blocs, et un bloc
       est oublié dès qu'il est compté. D'ordinaire, autograd garderait les N³ cosinus jusqu'à l'appel de backward().
    3. Il reste à passer des q aux points : q_ij = ‖x_i − x_j‖², donc ∂q_ij/∂x_i = 2·(x_i − x_j).
    """

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor) -> Tensor:
        x = student - student.mean(dim=0)  # un décalage commun ne change rien, sauf les arrondis du point 3
        n = len(x)
        (q, r), (q_teacher, r_teacher) = _squares_and_inverses(x), _squares_and_inverses(teacher)
        total = x.new_zeros(())
        slope = torch.zeros_like(q)  # ∂(total)/∂q
        for j in torch.arange(n, device=x.device).split(_block_size(n, x.device)):
            cos = _cosines(q, r, j)
            gap = cos - _cosines(q_teacher, r_teacher, j)
            pull = gap.clamp(-1, 1)  # la dérivée de Huber, δ = 1 ; et Huber(g) = p·(g − p/2)
            total += pull.flatten() @ (gap - pull / 2).flatten()
            if not ctx.needs_input_grad[0]:
                continue
            # Les cosinus dépendent de q_ij et q_jk par la longueur des deux côtés de l'angle…
            by_length = (pull * cos).sum(dim=2) * r[j].square()
            # … et de q_ij, q_jk (signe +), q_ik (signe −) par la parenthèse d'Al-Kashi.
            pull *= r[j, :, None]
            pull *= r[j, None, :]
            slope[j] += pull.sum(dim=2) - by_length
            slope -= pull.sum(dim=0) / 2
        # q_ij et q_ji sont le même nombre ; la symétrie i ↔ k a déjà donné le facteur 2 des deux lignes ci-dessus.
        slope = slope + slope.T
        gradient = 2 * (slope.sum(dim=1, keepdim=True) * x - slope @ x)
        ctx.save_for_backward(gradient / n**3)
        return total / n**3

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return outer * gradient, None  # rien ne remonte vers l'enseignant


def _squares_and_inverses(x: Tensor) -> tuple[Tensor, Tensor]:
    """(N, D) → d² et 1/d, de forme (N, N). 1/d vaut 0 entre points confondus, ce qui donne un cosinus nul.

    Sont confondus les points plus proches que la précision des nombres : la direction de leur arête n'est que bruit.
    """
    d = distances(x)
    merged = d <= 100 * torch.finfo(d.dtype).eps * d.mean()
    return d.square(), (1 / d).masked_fill(merged, 0)


def _cosines(q: Tensor, r: Tensor, j: Tensor) -> Tensor:
    """(b, N, N) : les cosinus des angles dont le sommet est l'un des b points j."""
    cos = q[j, :, None] - q
    cos += q[j, None, :]
    cos *= r[j, :, None] / 2
    cos *= r[j, None, :]
    return cos


def _block_size(n: int, device: torch.device) -> int:
    """Combien de sommets à la fois : un bloc de 1 Mo tient dans le cache d'un cœur, une carte en veut davantage."""
    return max(1, (2**18 if device.type == "cpu" else 2**24) // n**2)


def upcast(x: Tensor) -> Tensor:
    """Au moins float32 : en float16, T² · KL perdrait toute précision. Lève ValueError pour des nombres complexes."""
    tensors(x)
    if x.is_complex():
        raise ValueError(f"Le tenseur est de type {x.dtype} : donnez des nombres réels.")
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _checked(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Les deux lots sous la forme (N, D), dans un même type ; l'enseignant est détaché."""
    tensors(student, teacher)
    if student.ndim < 2 or teacher.ndim < 2 or len(student) != len(teacher):
        raise ValueError(
            f"L'élève rend {tuple(student.shape)} et l'enseignant {tuple(teacher.shape)} : "
            "il faut le même nombre d'exemples N, sous la forme (N, D) ou (N, C, H, W)."
        )
    refuse_incomparable(student, teacher)
    s, t = upcast(student).flatten(1), upcast(teacher.detach()).flatten(1)
    dtype = torch.promote_types(s.dtype, t.dtype)
    return s.to(dtype), t.to(dtype)
