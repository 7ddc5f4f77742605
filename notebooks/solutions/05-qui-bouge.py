def moving(names, guided):
    """Les noms, dans l'ordre, des paramètres que l'étape 1 entraîne ; étages comptés à partir de 1, 0 est le stem."""
    led = ("stem.", *(f"stages.{i}." for i in range(guided)))  # le point final distingue stages.1 de stages.10
    return [name for name in names if name.startswith(led)]
