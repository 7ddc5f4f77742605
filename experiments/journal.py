"""Ce qui est déjà fait d'une campagne, et l'écriture du reste : coupée n'importe où, elle ne perd aucun essai fini.

Pendant la campagne, chaque essai fini ajoute une ligne à data/results/NOM.journal. À la fin, le tableau NOM.csv et sa
fiche NOM.json sont écrits d'un bloc, dans l'ordre de la grille, et le journal disparaît.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course_utils.files import write_whole
from course_utils.french import typography
from course_utils.results import RESULTS, fingerprint
from experiments.campaign import PROVENANCE, Campaign, Point, Row, written


class Journal:
    """Les essais finis d'une campagne, relus à l'ouverture.

    Lève ValueError si des réglages ont changé depuis qu'ils ont été faits.
    """

    def __init__(self, name: str, campaign: Campaign, folder: Path = RESULTS) -> None:
        self.name, self.campaign = name, campaign
        self.csv, self.card, self.path = (folder / f"{name}.{kind}" for kind in ("csv", "json", "journal"))
        self._settings = json.loads(json.dumps(dict(campaign.settings)))
        self._rows: dict[tuple[str, ...], list[Row]] = {}
        self.failures: dict[tuple[str, ...], str] = {}
        self._whole = 0  # octets du journal jusqu'à la fin de sa dernière ligne entière
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._read()
        except (LookupError, TypeError, AttributeError, csv.Error, UnicodeDecodeError, json.JSONDecodeError):
            raise ValueError(
                f"Les résultats de la campagne {name} sont abîmés : rétablissez-les (git checkout -- :/data/results), "
                f"ou supprimez {self.csv.name}, {self.card.name} et {self.path.name} pour tout refaire."
            ) from None

    def _read(self) -> None:
        """Le tableau et sa fiche, puis le journal."""
        signed = True
        if self.csv.exists() and self.card.exists():
            earlier = json.loads(self.card.read_text(encoding="utf-8"))
            self._agree(earlier["settings"])
            text = self.csv.read_text(encoding="utf-8")
            signed = earlier["sha256"] == fingerprint(text)
            self._read_table(text, signed=signed)
        elif self.csv.exists() != self.card.exists() and not self.path.exists():
            raise LookupError("le tableau ou sa fiche manque")
        stored = set(self._rows)
        finished = self._reopen()
        # coupée entre le tableau et sa fiche, la campagne a gardé son journal, que ce tableau contient déjà
        if not signed and not (finished and finished <= stored):
            raise LookupError("l'empreinte de la fiche n'est pas celle du tableau")

    def _read_table(self, text: str, *, signed: bool) -> None:
        table = csv.DictReader(io.StringIO(text), strict=True)
        if tuple(table.fieldnames or ()) != self.campaign.columns:
            if not signed:
                raise LookupError("le tableau n'a pas les colonnes de la campagne")
            told = f"Les colonnes de la campagne {self.name} ont changé"
            raise ValueError(self._start_again(told, f"{table.fieldnames} → {list(self.campaign.columns)}"))
        for row in table:
            if None in row or None in row.values():
                raise LookupError("une ligne n'a pas le bon nombre de cases")
            self._rows.setdefault(self.campaign.key(row), []).append(row)

    def missing(self) -> list[Point]:
        """Les essais qui restent à faire, dans l'ordre de la grille ; un essai qui a échoué en est un."""
        return [point for point in self.campaign.points if self.campaign.key(point) not in self._rows]

    def add(self, point: Point, outcome: Mapping[str, Any]) -> None:
        """Garde un essai fini : {"rows": …, "seconds": …, …}, ou {"error": …} s'il a échoué."""
        self._append({"point": point, **outcome})
        self._take({"point": point, **outcome})

    def finish(self) -> None:
        """Écrit le tableau et la fiche d'un bloc, et retire le journal."""
        places = {self.campaign.key(point): i for i, point in enumerate(self.campaign.points)}
        # des essais faits avec une grille plus grande sont gardés, à la fin
        order = sorted(self._rows, key=lambda key: (places.get(key, len(places)), key))
        self._rows = {key: self._rows[key] for key in order}
        rows = [row for rows in self._rows.values() for row in rows]
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(self.campaign.columns)
        writer.writerows([written(row.get(column, "")) for column in self.campaign.columns] for row in rows)
        write_whole(self.csv, table.getvalue().encode("utf-8"))
        write_whole(self.card, (json.dumps(self._card(), ensure_ascii=False, indent=2) + "\n").encode("utf-8"))
        self.path.unlink(missing_ok=True)
        self._whole = 0

    def _card(self) -> dict[str, Any]:
        """Ce qu'il faut pour refaire la campagne, et ce qu'elle a coûté."""
        points = [*self.campaign.points, *self._kept_beyond_the_grid()]
        axes = {name: _values(point[name] for point in points) for name in self.campaign.keys}
        firsts = [rows[0] for rows in self._rows.values()]  # la provenance est la même pour les lignes d'un essai
        machine, commit, python, torch = (
            " ; ".join(_values(row[name] for row in firsts if row[name])) for name in PROVENANCE[1:]
        )
        return {
            "seeds": axes.pop("seed", []),
            "settings": self._settings,
            "grid": axes,
            "seconds": round(sum(float(row["seconds"]) for row in firsts)),
            "machine": machine,
            "commit": commit,
            "versions": {"python": python, "torch": torch},
            "failures": [dict(zip(self.campaign.keys, key, strict=True)) | {"error": error}
                         for key, error in self.failed.items()],
            "sha256": fingerprint(self.csv.read_text(encoding="utf-8")),
        }  # fmt: skip

    def _kept_beyond_the_grid(self) -> list[Point]:
        """Les essais faits avec une grille plus grande, leurs valeurs comme celles de la grille."""
        planned = {self.campaign.key(point) for point in self.campaign.points}
        beyond = [rows[0] for key, rows in self._rows.items() if key not in planned]
        return [{name: self._as_planned(name, written(row[name])) for name in self.campaign.keys} for row in beyond]

    def _as_planned(self, name: str, text: str) -> Any:
        """La valeur de la grille qui s'écrit ainsi ; sinon un nombre si tout l'axe en est, sinon le texte lui-même."""
        values = {written(point[name]): point[name] for point in self.campaign.points}
        kinds = {type(value) for value in values.values()}
        if text in values or kinds not in ({int}, {float}):
            return values.get(text, text)
        try:
            return kinds.pop()(text)
        except ValueError:  # un axe d'entiers a eu d'autres valeurs
            return text

    @property
    def failed(self) -> dict[tuple[str, ...], str]:
        """Les échecs de la grille, chacun avec son erreur : ce que la commande retentera."""
        wanted = {self.campaign.key(point) for point in self.campaign.points}
        return {key: error for key, error in self.failures.items() if key in wanted}

    def _reopen(self) -> set[tuple[str, ...]]:
        """Relit le journal, et rend les essais qu'il dit finis.

        Une coupure en pleine écriture laisse une ligne sans fin : son essai sera refait.
        Rien n'est écrit ici : un autre processus est peut-être en train d'écrire cette ligne.
        """
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        self._whole = len(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        if lines:
            self._agree(lines[0]["settings"])
        for line in lines[1:]:
            self._take(line)
        return {self.campaign.key(line["point"]) for line in lines[1:] if "error" not in line}

    def _take(self, line: Mapping[str, Any]) -> None:
        key = self.campaign.key(line["point"])
        if "error" in line:
            self.failures[key] = line["error"]
            return
        self.failures.pop(key, None)
        # Une coupure entre le tableau et sa fiche laisse le journal : ce qu'il contient est alors déjà dans le tableau.
        provenance = {name: line[name] for name in PROVENANCE}
        self._rows[key] = [{**line["point"], **row, **provenance} for row in line["rows"]]

    def _append(self, line: Mapping[str, Any]) -> None:
        first = [] if self._whole else [{"settings": self._settings}]
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in [*first, line])
        with self.path.open("ab") as file:
            file.truncate(self._whole)
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
            self._whole = file.tell()

    def _agree(self, earlier: Mapping[str, Any]) -> None:
        names = {**earlier, **self._settings}
        changed = [
            f"{name} : {earlier.get(name)} → {self._settings.get(name)}"
            for name in names
            if not self._extends(self._settings.get(name), earlier.get(name))
        ]
        if changed:
            raise ValueError(
                self._start_again(f"Les réglages de la campagne {self.name} ont changé", " ; ".join(changed))
            )

    def _start_again(self, told: str, changed: str) -> str:
        files = f"{self.csv.name}, {self.card.name} et {self.path.name}"
        return typography(f"{told} ({changed}) : rétablissez-les, ou supprimez {files} pour tout refaire.")

    def _extends(self, now: Any, before: Any) -> bool:
        """Vrai si rien n'a changé ; à un réglage donné valeur par valeur d'un axe de la grille, une a pu s'ajouter."""
        if isinstance(now, dict) and isinstance(before, dict) and before.keys() < now.keys():
            axes = ({str(point[name]) for point in self.campaign.points} for name in self.campaign.keys)
            return any(now.keys() <= axis for axis in axes) and all(now[name] == before[name] for name in before)
        return bool(now == before)


def _values(found: Iterable[Any]) -> list[Any]:
    """Les valeurs différentes, dans l'ordre où elles viennent."""
    return list(dict.fromkeys(found))
