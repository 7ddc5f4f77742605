def mix(hard, soft, blocks, *, hard_share, kd_share):
    """La perte de LIT : α = hard_share pèse les labels, β = kd_share pèse la distillation, 1 − β les blocs."""
    distillation = hard_share * hard + (1 - hard_share) * soft
    return kd_share * distillation + (1 - kd_share) * blocks
