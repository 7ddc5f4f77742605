def softened_softmax(logits, temperature):
    """(N, C) → (N, C) : une probabilité par classe, de somme 1 sur chaque ligne."""
    z = logits / temperature
    z = z - z.max(dim=1, keepdim=True).values  # le plus grand exposant vaut 0 : exp ne déborde plus
    exponentials = torch.exp(z)
    return exponentials / exponentials.sum(dim=1, keepdim=True)
