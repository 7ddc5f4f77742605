def mix(hard, soft, blocks, *, hard_share, kd_share):
    """La perte de LIT : α = hard_share pèse les labels, β = kd_share pèse la distillation, 1 − β les blocs.

    hard = H, soft = T²·KL, blocks = la somme des écarts des blocs : trois nombres.
    """
    distillation = hard_share * hard + (1 - hard_share) * soft
    return kd_share * distillation + (1 - kd_share) * blocks
