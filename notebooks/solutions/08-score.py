def score(w, f, *, q_w=32, q_a=32, p_s=0.0, p_u=0.0):
    """Le score du défi : w poids, f multiplications-additions, bits q_w et q_a, parts élaguées p_s et p_u."""
    memory = (1 - (p_s + p_u)) * q_w / 32 * w / 5.6e6
    work = (1 - p_s) * max(q_w, q_a) / 32 * f / 2.8e8
    return memory + work
