"""The collection: what of the ledger counts toward the target. Clips that a model is trained on, and the demo, are set apart."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select

from soundmill.catalog.database import Catalog
from soundmill.catalog.ledger import Item, Ledger, StateCount
from soundmill.catalog.schema import SetApartRow

TRAINING_CLIPS, DEMO = "training clips", "demo"


class AudioCollection:
    """Counts of the ledger without what is set apart, and what is set apart."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._ledger = catalog, Ledger(catalog)

    def set_apart(self, prefix: str, purpose: str) -> None:
        """From now on, items whose keys begin so are not of the collection."""
        row = self._catalog.insert(SetApartRow).values(prefix=prefix, purpose=purpose)
        with self._catalog.writing() as session:
            session.execute(row.on_conflict_do_update(index_elements=["prefix"], set_={"purpose": purpose}))

    def apart(self) -> dict[str, str]:
        """How the keys of items that are set apart begin, and what each is for."""
        with self._catalog.reading() as session:
            return {prefix: purpose for prefix, purpose in session.execute(select(SetApartRow.prefix, SetApartRow.purpose))}  # noqa: C416

    def sources_apart(self) -> set[str]:
        """Sources whose sound is set apart."""
        return {prefix.split("/")[1] for prefix in self.apart() if prefix.startswith("landing/")}

    def counts(self) -> list[StateCount]:
        """Items and seconds by source and state."""
        return self._ledger.counts(but=self.apart())

    def ready_seconds(self) -> float:
        """Seconds of ready audio."""
        return sum(count.seconds for count in self.counts() if count.state == "ready")

    def ready_seconds_by_day(self) -> dict[date, float]:
        """Seconds of ready audio of each day."""
        return self._ledger.ready_seconds_by_day(but=self.apart())

    def ready_seconds_apart(self) -> dict[str, float]:
        """Seconds of ready audio that is set apart, by what it is for."""
        found: dict[str, float] = {}
        for prefix, purpose in self.apart().items():
            found[purpose] = found.get(purpose, 0.0) + sum(self._ledger.ready_seconds_by_day(below=prefix).values())
        return {purpose: seconds for purpose, seconds in sorted(found.items()) if seconds}

    def downloads(self) -> list[Item]:
        """What requests became, by key."""
        return without(self.apart(), self._ledger.downloads())

    def days(self) -> set[date]:
        """The days of which there is, or was, any sound."""
        return self._ledger.days(but=self.apart())


def without(prefixes: Collection[str], items: list[Item]) -> list[Item]:
    """The items whose keys begin with none of the prefixes."""
    return [item for item in items if not item.key.startswith(tuple(prefixes))]
