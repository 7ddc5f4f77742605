def permuter(p, ordre):
    """(C,), (C − 1,) → (C,) : le maximum reste à sa place, les autres valeurs prennent l'ordre `ordre`."""
    autres = torch.arange(len(p)) != p.argmax()
    q = p.clone()
    q[autres] = p[autres][ordre]
    return q
