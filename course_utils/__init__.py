"""Le code que les notebooks partagent."""

import os
import sys

# Torch lit ce réglage quand il se charge : les notebooks importent donc ce module avant lui. Un fil de calcul qui
# attend les autres s'endort bientôt, au lieu de tourner : sur une machine que d'autres programmes occupent, un
# apprentissage va plusieurs fois plus vite. Celui que l'on a choisi soi-même l'emporte.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

if "IPython" in sys.modules:  # dans un notebook ; ailleurs, importer ce module ne coûte rien
    from course_utils.missing_names import watch

    watch()
