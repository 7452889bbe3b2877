"""The queue of downloads: what was asked for, who works on it, and what became of it."""

import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Literal, cast

from sqlalchemy import ColumnElement, and_, func, or_, select, true, update
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.ledger import Item, Ledger
from soundmill.catalog.queue import WorkQueue
from soundmill.catalog.schema import DownloadRow
from soundmill.errors import RequestRefused
from soundmill.settings import masked_url

WORKER = "downloads/worker "  # names of the leases that workers hold while they live begin so
_LONGEST_NAME = 100  # bytes: two of them and an ending fit a file's name
_LONGEST_URL = 4096
_BATCH = 1000
_BREATH = 0.01  # seconds between two batches of a list, in which others can write
_JOINERS = dict.fromkeys((0x200C, 0x200D))
_ADD_LOCK = 0x50_0D_41_12  # any constant but that of the migrations

RequestState = Literal["queued", "done", "failed", "withdrawn"]
AddOutcome = Literal["new", "known", "changed", "conflict", "withdrawn"]


@dataclass(frozen=True)
class Wanted:
    """A file to fetch. `speaker` "agent+customer" means a recording whose first channel is the agent and whose second the customer.

    Raises `RequestRefused` where a name could leave its folder or the URL is none.
    """

    conversation: str
    speaker: str
    url: str

    def __post_init__(self) -> None:
        speakers = [_name("the speaker", part) for part in self.speaker.split("+")]
        if any("--" in speaker for speaker in speakers):
            raise RequestRefused(
                f"the speaker {self.speaker!r} may not hold two dashes in a row: they part conversation and speaker in ids"
            )
        if len(set(speakers)) < len(speakers):
            raise RequestRefused(f"the speaker {self.speaker!r} names one twice")
        object.__setattr__(self, "conversation", _name("the conversation id", self.conversation))
        object.__setattr__(self, "speaker", _name("the speaker", "+".join(speakers)))
        url = self.url.strip()
        if not url:
            raise RequestRefused(f"{self.conversation}: there is no URL for {self.speaker}")
        if len(url) > _LONGEST_URL or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in url):
            raise RequestRefused(
                f"{self.conversation}: the URL for {self.speaker} is longer than {_LONGEST_URL} or holds control characters"
            )
        if not url.lower().startswith(("http://", "https://")):
            raise RequestRefused(f"{self.conversation}: {masked_url(url)[:60]!r} is no http or https address")
        object.__setattr__(self, "url", url)


@dataclass(frozen=True)
class DownloadRequest:
    """A file that was asked for.

    day              UTC date of `requested_at`: the partition it belongs to
    state            queued (also while it waits for its next attempt), done, failed, withdrawn
    attempts         ended so far
    claims           begun since the last that ended: more than one where workers were killed
    next_attempt_at  not before then; reason, message: what the last attempt failed of
    claimed_by       the worker on it; a claim ends with that worker's lease
    """

    id: int
    conversation: str
    speaker: str
    url: str
    day: date
    requested_at: datetime
    state: RequestState
    attempts: int = 0
    claims: int = 0
    next_attempt_at: datetime | None = None
    reason: str | None = None
    message: str | None = None
    claimed_by: str | None = None
    finished_at: datetime | None = None

    @property
    def shown_url(self) -> str:
        """The URL as people may see it: its password is masked."""
        return masked_url(self.url)

    @property
    def speakers(self) -> tuple[str, ...]:
        """One speaker, or those of the channels in order."""
        return tuple(self.speaker.split("+"))

    def key(self, speaker: str) -> str:
        """The ledger's key of one speaker's file."""
        return download_key(self.conversation, speaker)

    def path(self, speaker: str) -> str:
        """Where that file lies in the lake."""
        return f"audio/downloads/{self.day.isoformat()}/{self.conversation}/{self.conversation}_{speaker}.wav"


_COLUMNS = [f.name for f in fields(DownloadRequest)]


class DownloadQueue:
    """Requests: added, claimed by workers one at a time, and settled together with their rows of the ledger."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._ledger = Ledger(catalog)
        self.work = WorkQueue(catalog, DownloadRow, DownloadRow.id, WORKER)

    def add(self, wanted: Sequence[Wanted], now: datetime, *, replace: bool = False, strict: bool = False) -> list[AddOutcome]:
        """Asks for files; says of each what that meant.

        new        it is queued
        known      it was asked for before, maybe in vain: nothing changes, but with `replace` it no longer waits for its next attempt
        changed    the speaker's file failed and the URL is another, or `replace` is set: it is fetched anew, from the URL given now
        conflict   another URL was asked for as this speaker, and not yet in vain: nothing changes
        withdrawn  it was taken back, and stays so

        A long list goes in piece by piece, so that others can write meanwhile; killed in between, the same list goes on where it was. With
        `strict` it is one piece: raises `RequestRefused` for any of the last two, and adds nothing.
        """
        now, size = now.astimezone(UTC), max(1, len(wanted)) if strict else _BATCH
        outcomes: list[AddOutcome] = []
        for start in range(0, len(wanted), size):
            with self._catalog.writing() as session:
                if self._catalog.engine.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                    session.execute(select(func.pg_advisory_xact_lock(_ADD_LOCK)))
                outcomes += self._add(session, wanted[start : start + size], now, replace, strict)
            if start + size < len(wanted):
                time.sleep(_BREATH)
        return outcomes

    def _add(self, session: Session, part: Sequence[Wanted], now: datetime, replace: bool, strict: bool) -> Iterator[AddOutcome]:
        there: dict[str, list[DownloadRow]] = {}
        for row in session.scalars(select(DownloadRow).where(DownloadRow.conversation.in_({one.conversation for one in part}))):
            there.setdefault(row.conversation, []).append(row)
        for one in part:
            known = there.setdefault(one.conversation, [])
            outcome = _outcome(one, known, replace)
            if strict and outcome in ("withdrawn", "conflict"):
                why = "was withdrawn" if outcome == "withdrawn" else "overlaps with another request of this conversation"
                raise RequestRefused(f"{one.conversation} {one.speaker} {why}")
            if outcome == "new":
                row = DownloadRow(
                    conversation=one.conversation,
                    speaker=one.speaker,
                    url=one.url,
                    day=now.date(),
                    requested_at=now,
                    state="queued",
                    attempts=0,
                )
                session.add(row)
                known.append(row)
            elif outcome == "known" and replace:
                for row in known:
                    if row.speaker == one.speaker:
                        row.next_attempt_at = None  # whoever asks so does not want to wait
            elif outcome == "changed":
                row = next(row for row in known if row.speaker == one.speaker)
                row.url, row.state, row.attempts, row.next_attempt_at, row.claimed_by = one.url, "queued", 0, None, None
            yield outcome

    def claim(
        self, worker: str, now: datetime, *, day: date | None = None, ids: Collection[int] | None = None, limit: int = 1
    ) -> list[DownloadRequest]:
        """Takes up to `limit` requests that are due and that no living worker holds, in order of their coming."""
        wanted = [true() if day is None else DownloadRow.day == day, true() if ids is None else DownloadRow.id.in_(sorted(ids))]
        rows = self.work.claim(worker, now, *wanted, columns=[getattr(DownloadRow, name) for name in _COLUMNS], limit=limit)
        return sorted((DownloadRequest(*tuple(row)) for row in rows), key=lambda request: request.id)

    def settle(
        self,
        request: DownloadRequest,
        items: Iterable[Item],
        now: datetime,
        *,
        state: RequestState,
        reason: str | None = None,
        message: str | None = None,
        next_attempt_at: datetime | None = None,
        stale: str,
        place: Callable[[], None] = lambda: None,
    ) -> bool:
        """Ends an attempt: writes the request's state and its items, in one transaction, if the claim is still this worker's.

        `stale` names the asset whose day is to be made again for it. `place` puts files where they belong once the claim is known to
        stand, before the transaction ends: nobody else can take the request over meanwhile. Says whether it wrote.
        """
        values = {"state": state, "reason": reason, "message": message, "next_attempt_at": next_attempt_at}
        finished_at = None if state == "queued" else now
        with self._catalog.writing() as session:
            if not self.work.settle(session, request.id, request.claimed_by, **values, finished_at=finished_at):
                return False
            place()
            self._ledger.write(session, items)
            self._ledger.mark_stale(session, stale, [request.day])
        return True

    def retry(self, *, conversation: str | None = None, reason: str | None = None) -> int:
        """Queues failed and waiting requests anew, with all their attempts before them; of one conversation or reason, or all."""
        again = (
            update(DownloadRow)
            .where(
                or_(DownloadRow.state == "failed", and_(DownloadRow.state == "queued", DownloadRow.next_attempt_at.is_not(None))),
                true() if conversation is None else DownloadRow.conversation == conversation,
                true() if reason is None else DownloadRow.reason == reason,
            )
            .values(state="queued", attempts=0, next_attempt_at=None)
            .returning(DownloadRow.id)
        )
        with self._catalog.writing() as session:
            return len(session.execute(again).all())

    def withdraw(self, conversation: str, now: datetime, stale: str) -> list[Item]:
        """Takes a conversation back for good; returns its items as they were. Their files are for the caller to delete."""
        with self._catalog.writing() as session:
            gone = update(DownloadRow).where(DownloadRow.conversation == conversation)
            days = session.scalars(
                gone.values(state="withdrawn", claimed_by=None, next_attempt_at=None, finished_at=now).returning(DownloadRow.day)
            ).all()
            self._ledger.mark_stale(session, stale, set(days))
            return self._ledger.withdraw_below(session, download_key(conversation, ""))

    def of(self, conversation: str) -> list[DownloadRequest]:
        """A conversation's requests."""
        return self._requests(DownloadRow.conversation == conversation)

    def of_day(self, day: date) -> list[DownloadRequest]:
        """The requests of a day."""
        return self._requests(DownloadRow.day == day)

    def queued_among(self, ids: Collection[int]) -> set[int]:
        """Those of the requests that are not settled yet."""
        query = select(DownloadRow.id).where(DownloadRow.id.in_(sorted(ids)), DownloadRow.state == "queued")
        with self._catalog.reading() as session:
            return set(session.scalars(query))

    def withdrawn_paths(self) -> set[str]:
        """Where the files lay that were taken back."""
        return {request.path(speaker) for request in self._requests(DownloadRow.state == "withdrawn") for speaker in request.speakers}

    def failed_or_retrying(self, limit: int | None = None) -> list[DownloadRequest]:
        """Requests that failed, or wait for another attempt."""
        return self._requests(or_(DownloadRow.state == "failed", DownloadRow.next_attempt_at.is_not(None)), limit)

    def due_days(self, now: datetime) -> dict[date, str]:
        """Days with requests that are due and in no living worker's hands, each with a mark that changes with every attempt."""
        query = (
            select(DownloadRow.day, func.count(), func.sum(DownloadRow.attempts), func.max(DownloadRow.id))
            .where(self.work.due(now), self.work.free())
            .group_by(DownloadRow.day)
        )
        with self._catalog.reading() as session:
            return {day: f"{count} requests, {attempts} attempts, to {last}" for day, count, attempts, last in session.execute(query)}

    def counts(self, now: datetime, day: date | None = None) -> dict[str, int]:
        """Requests by state: queued ones as queued, working or waiting."""
        alive, found = self.work.alive(), Counter[str]()
        later = (DownloadRow.next_attempt_at > now).label("later")
        query = select(DownloadRow.state, DownloadRow.claimed_by, later, func.count())
        if day is not None:
            query = query.where(DownloadRow.day == day)
        with self._catalog.reading() as session:
            for state, worker, waits, count in session.execute(query.group_by(DownloadRow.state, DownloadRow.claimed_by, later)):
                found["working" if worker in alive else "waiting" if state == "queued" and waits else state] += count
        return dict(found)

    def is_held(self, request: DownloadRequest) -> bool:
        """Whether a living worker is on it."""
        return request.claimed_by in self.work.alive()

    def _requests(self, wanted: ColumnElement[bool], limit: int | None = None) -> list[DownloadRequest]:
        query = select(*(getattr(DownloadRow, name) for name in _COLUMNS)).where(wanted).order_by(DownloadRow.id).limit(limit)
        with self._catalog.reading() as session:
            return [DownloadRequest(*row) for row in session.execute(query)]


def _outcome(one: Wanted, known: Iterable[DownloadRow], replace: bool) -> AddOutcome:
    speakers = set(one.speaker.split("+"))
    for row in known:
        if row.speaker == one.speaker:
            if row.state == "withdrawn":
                return "withdrawn"
            if row.state == "queued" and row.url == one.url:
                return "known"  # maybe a worker is on it right now
            if replace or (row.state == "failed" and row.url != one.url):
                return "changed"
            return "known" if row.url == one.url else "conflict"
        if speakers & set(row.speaker.split("+")):
            return "conflict"
    return "new"


def _name(what: str, text: str) -> str:
    """A name that is safe as a file's and a folder's. Raises `RequestRefused`."""
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise RequestRefused(f"{what} is empty")
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise RequestRefused(f"{what} {name[:20]!r}... is longer than {_LONGEST_NAME} bytes")
    visible = name.translate(_JOINERS)  # which Persian and the scripts of India need within words
    if not visible or visible.startswith(".") or any(letter in "/\\" or unicodedata.category(letter)[0] == "C" for letter in visible):
        raise RequestRefused(f"{what} {name!r} may not begin with a dot nor hold slashes or control characters")
    return name


def download_key(conversation: str, speaker: str) -> str:
    """The ledger's key of one speaker's file; with an empty speaker, what the keys of all of the conversation begin with."""
    return f"downloads/{conversation}/{speaker}"


def by_speaker(items: Iterable[Item]) -> Mapping[str, dict[str, Item]]:
    """Downloaded items by conversation and speaker."""
    found: dict[str, dict[str, Item]] = {}
    for item in items:
        found.setdefault(cast(str, item.measures["conversation"]), {})[cast(str, item.measures["speaker"])] = item
    return found
