"""Une campagne écrite au fil de l'eau : reprise sans rien refaire, coupée n'importe où sans rien perdre."""

import json
from pathlib import Path

import pytest

from course_utils.results import fingerprint
from experiments.records import Campaign

COLUMNS, KEY = ("method", "seed", "accuracy"), ("method", "seed")
ROWS = [("KD", 0, 0.8123456789), ("KD", 1, 0.5), ("seul", 0, 0.75)]
WHOLE = "method,seed,accuracy\nKD,0,0.812346\nKD,1,0.5\nseul,0,0.75\n"


def run(folder: Path) -> int:
    """Fait ce qui manque, et rend combien de lignes ont été écrites."""
    campaign = Campaign("essai", COLUMNS, KEY, folder)
    written = 0
    for method, seed, accuracy in ROWS:
        if not campaign.has(method, seed):
            campaign.write(method=method, seed=seed, accuracy=accuracy)
            written += 1
    campaign.finish(seeds=[0, 1], settings={})
    return written


def test_a_finished_campaign_is_not_done_again(tmp_path: Path) -> None:
    assert (run(tmp_path), run(tmp_path)) == (3, 0)
    text = (tmp_path / "essai.csv").read_text(encoding="utf-8")
    card = json.loads((tmp_path / "essai.json").read_text(encoding="utf-8"))
    assert text == WHOLE and card["sha256"] == fingerprint(text)


@pytest.mark.parametrize("kept", range(len(WHOLE) + 1))
def test_wherever_it_is_cut_it_resumes_to_the_same_table(kept: int, tmp_path: Path) -> None:
    """Une ligne coupée au milieu d'un nombre (0.81 pour 0.812346) ne doit pas passer pour un résultat."""
    (tmp_path / "essai.csv").write_text(WHOLE[:kept], encoding="utf-8")
    run(tmp_path)
    assert (tmp_path / "essai.csv").read_text(encoding="utf-8") == WHOLE
