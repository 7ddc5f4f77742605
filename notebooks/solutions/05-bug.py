def probe(model, images):
    """Les formes de `model.features(images)`, sans rien changer dans `model` : ni son mode, ni ses BatchNorm."""
    twin = copy.deepcopy(model).eval()  # une copie : quoi qu'il lui arrive, `model` reste intact
    with torch.no_grad():
        return [tuple(feature.shape) for feature in twin.features(images)]
