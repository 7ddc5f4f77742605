def permute(p, order):
    """(C,), (C − 1,) → (C,) : le maximum reste à sa place, les autres valeurs prennent l'ordre `order`."""
    others = torch.arange(len(p)) != p.argmax()
    q = p.clone()
    q[others] = p[others][order]
    return q
