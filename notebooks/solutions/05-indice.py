def hint(student, teacher):
    """(N, …), (N, …) → scalaire : la moyenne des carrés des écarts, sans gradient vers l'enseignant."""
    return (student - teacher.detach()).square().mean()
