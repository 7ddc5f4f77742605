"""Le code que les notebooks partagent."""

import sys

if "IPython" in sys.modules:  # dans un notebook ; ailleurs, importer ce module ne coûte rien
    from course_utils.missing_names import watch

    watch()
