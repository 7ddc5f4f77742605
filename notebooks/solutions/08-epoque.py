def report(validation, test):
    """Les exactitudes par époque, (E,) chacune → celle que l'on publie : l'époque est choisie sur la validation."""
    best = max(range(len(validation)), key=lambda epoch: validation[epoch])
    return test[best]
