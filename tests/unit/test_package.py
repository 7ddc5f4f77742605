"""Ce que fait `import course_utils`, avant tout le reste."""

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("chosen", "expected"), [({}, "2000"), ({"GOMP_SPINCOUNT": "70"}, "70")])
def test_waiting_threads_soon_sleep_unless_one_has_chosen(chosen: dict[str, str], expected: str) -> None:
    """Demandé à la bibliothèque même dont torch tire ses fils : elle dit ses réglages quand elle se charge."""
    inherited = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    run = subprocess.run(
        [sys.executable, "-c", "import course_utils, torch"],
        env=inherited | {"OMP_DISPLAY_ENV": "VERBOSE"} | chosen,
        capture_output=True,
        text=True,
        check=True,
    )
    said = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", run.stderr)
    if not said:
        pytest.skip("ce torch n'emploie pas libgomp : le réglage ne le concerne pas")
    assert set(said) == {expected}
