def frequency_bias(logits, absent, share):
    """(N, C) → le biais qui fait prédire la classe `absent` sur la part `share` des images."""
    others = logits.clone()
    others[:, absent] = -torch.inf
    margins = others.amax(dim=1) - logits[:, absent]
    return torch.quantile(margins, share).item()
