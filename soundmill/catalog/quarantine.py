"""What could not be used: of a day's asset as a file that people read, `quarantine/{date}/{asset}.json` in the lake; and all of it."""

import json
from collections.abc import Iterable
from datetime import date

from sqlalchemy import func, select

from soundmill.catalog.database import Catalog
from soundmill.catalog.ledger import Item, Ledger
from soundmill.catalog.schema import ItemRow
from soundmill.lake import Lake
from soundmill.settings import masked_url


class Quarantine:
    """Queries of everything that is in quarantine."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def counts(self) -> dict[str, int]:
        """Items by reason, the most frequent first."""
        number = func.count().label("number")
        query = select(ItemRow.reason, number).where(ItemRow.state == "quarantined").group_by(ItemRow.reason)
        with self._catalog.reading() as session:
            return {reason or "": count for reason, count in session.execute(query.order_by(number.desc(), ItemRow.reason))}

    def newest(self, limit: int, reason: str | None = None) -> list[Item]:
        """The items that came last, of a reason or of all."""
        query = select(ItemRow.key).where(ItemRow.state == "quarantined")
        if reason is not None:
            query = query.where(ItemRow.reason == reason)
        with self._catalog.reading() as session:
            keys = list(session.scalars(query.order_by(ItemRow.updated_at.desc(), ItemRow.key).limit(limit)))
        known = Ledger(self._catalog).known(keys)
        return [known[key] for key in keys if key in known]


def quarantine_path(asset: str, day: date) -> str:
    """Where the file lies below the lake's root."""
    return f"quarantine/{day.isoformat()}/{asset}.json"


def write_quarantine(lake: Lake, asset: str, day: date, items: Iterable[Item]) -> None:
    """Names each item with its reason; without any, there is no file."""
    notes = [
        {
            "item": item.key,
            "reason": item.reason,
            "message": item.message,
            "retry": "transient" if item.transient else "permanent",
            **({"url": masked_url(item.measures["url"])} if "url" in item.measures else {}),
        }
        for item in sorted(items, key=lambda item: item.key)
    ]
    if notes:
        lake.write_if_changed(quarantine_path(asset, day), (json.dumps(notes, indent=1) + "\n").encode())
    else:
        lake.delete(quarantine_path(asset, day))
