def kernel_and_stride(student_side, teacher_side):
    """(k, s) d'une convolution sans marge, qui mène une carte carrée du côté de l'élève à celui de l'enseignant."""
    s = student_side // teacher_side  # le plus grand pas qui n'oublie aucun pixel
    k = student_side - (teacher_side - 1) * s  # teacher_side fenêtres, donc teacher_side − 1 pas
    return k, s
