def prepare(student, phase):
    """Phase 1 : tout s'entraîne, sauf le stem et la couche finale ; phase 2 : tout.

    Rend les noms de ce qui s'entraîne, dans l'ordre de `named_parameters()`.
    """
    student.requires_grad_(True)  # tout libérer d'abord : la phase 2 hérite du gel de la phase 1
    if phase == 1:
        student.stem.requires_grad_(False)
        student.head.requires_grad_(False)
    return [name for name, parameter in student.named_parameters() if parameter.requires_grad]
