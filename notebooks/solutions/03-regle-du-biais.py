def biais_de_frequence(logits, absente, part):
    """(N, C) → le biais qui fait prédire la classe `absente` sur la part `part` des images."""
    autres = logits.clone()
    autres[:, absente] = -torch.inf
    marges = autres.amax(dim=1) - logits[:, absente]
    return torch.quantile(marges, part).item()
