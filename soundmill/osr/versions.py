"""Day tables that hold rows of several model versions: each version's rows are kept when another's change."""

import json
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from soundmill.lake import DayTable, Lake


class VersionRows:
    """One model version's rows of a day table with the columns `model` and `version`."""

    def __init__(self, lake: Lake, table: DayTable, model: str, version: int) -> None:
        self._lake, self._table = lake, table
        self.label = f"{model}/{version}"
        self._is_mine = (pc.field("model") == model) & (pc.field("version") == version)

    def made_from(self, day: date) -> str | None:
        """What this version's rows of the day were made from; None where it has none yet."""
        return self._notes(day).get(self.label)

    def read(self, day: date, where: pc.Expression | None = None) -> pa.Table:
        """This version's rows of the day."""
        return self._lake.read_days(self._table, [day], where=self._is_mine if where is None else self._is_mine & where)

    def write(self, day: date, rows: pa.Table, made_from: str) -> None:
        """Puts these rows in the place of this version's older ones."""
        others = self._lake.read_days(self._table, [day], where=~self._is_mine)
        notes = json.dumps({**self._notes(day), self.label: made_from}, sort_keys=True)
        self._lake.write_day(self._table, day, pa.concat_tables([others, rows]), made_from=notes)

    def _notes(self, day: date) -> dict[str, str]:
        notes: dict[str, str] = json.loads(self._lake.made_from(self._table, day) or "{}")
        return notes
