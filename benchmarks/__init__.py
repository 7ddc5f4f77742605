"""Le temps et la mémoire du cours, mesurés à côté de la pratique courante : `python -m benchmarks`."""
