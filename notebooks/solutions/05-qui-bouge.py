def moving(names, guided):
    """Les noms, dans l'ordre, des paramètres que l'étape 1 entraîne ; guided : 0 (stem), 1 (`stages.0`), 2…"""
    led = ("stem.", *(f"stages.{i}." for i in range(guided)))  # le point final distingue stages.1 de stages.10
    return [name for name in names if name.startswith(led)]
