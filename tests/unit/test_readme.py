"""La page d'accueil du dépôt : sa carte des notebooks est la leur, et chacun de ses liens mène quelque part."""

import re

from tests.course import NOTEBOOKS, ROOT, read

PAGES = [ROOT / "README.md", ROOT / "data" / "README.md"]


def test_map_is_that_of_the_folder() -> None:
    rows = re.findall(r"^\| \[(.+?)\]\(notebooks/(.+?)\) \| .+ \|$", PAGES[0].read_text(encoding="utf-8"), re.M)
    titles = {path.name: re.search(r"^# (.+)$", read(path)[0].source, re.M) for path in NOTEBOOKS}
    assert {name: title for title, name in rows} == {name: found and found[1] for name, found in titles.items()}


def test_every_local_link_leads_somewhere() -> None:
    for page in PAGES:
        links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", page.read_text(encoding="utf-8"))
        assert links or page != PAGES[0]
        assert [link for link in links if not (page.parent / link).exists()] == []
