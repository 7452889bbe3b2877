"""Recordings that accounts upload: what was asked for, how far it is, its transcript and findings, and its history."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.ledger import Item, Ledger
from soundmill.catalog.queue import QUEUED, WorkQueue
from soundmill.catalog.schema import AccountRow, UploadChangeRow, UploadRow
from soundmill.errors import AccountDeleted, IdempotencyConflict

WORKER = "uploads/worker "  # names of the leases that workers hold while they live begin so
SOURCE = "transcriber"  # of uploads in the ledger

UploadState = Literal["queued", "running", "done", "failed"]
WebhookState = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True)
class Upload:
    """One recording of an account.

    words            keywords to find, comma separated, as given
    get_timestamps   whether their times are in the answer
    stemming, fuzzy  how words are compared: see `speech.Keywords`
    revision         how often other keywords were asked for
    state            queued, running (queued, and held by a living worker), done, failed
    claims           attempts begun since the last that ended
    reason, message  why it failed, in one short word and in a sentence
    path             its 16 kHz WAV in the lake
    content          the sha256 of that WAV
    day              when it came, UTC
    text             the transcript as plain text
    transcript       as `speech.Transcript` gives it; None in lists
    hits             as `speech.Hit`
    sentiment        model, scores, and scores along the recording
    request_hash     of the request, by which a repeated one is known under its idempotency key
    webhook          URL that is called when it is done
    webhook_due      when that is tried next
    """

    uuid: str
    account: int
    name: str
    words: str
    get_timestamps: bool
    stemming: str | None
    fuzzy: float
    state: UploadState
    day: date
    path: str
    content: str
    seconds: float
    request_hash: str
    created_at: datetime
    updated_at: datetime
    revision: int = 0
    reason: str | None = None
    message: str | None = None
    attempts: int = 0
    claims: int = 0
    claimed_by: str | None = None
    model: str | None = None
    text: str = ""
    transcript: dict[str, Any] | None = None
    hits: Sequence[dict[str, Any]] = ()
    sentiment: dict[str, Any] | None = None
    idempotency_key: str | None = None
    webhook: str | None = None
    webhook_state: WebhookState | None = None
    webhook_attempts: int = 0
    webhook_due: datetime | None = None
    username: str = ""


@dataclass(frozen=True)
class UploadChange:
    """Something that happened to an upload."""

    username: str
    action: str
    what: str
    at: datetime


_COLUMNS = [f.name for f in fields(Upload) if f.name != "username"]


class Uploads:
    """Queries and writes of uploads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._ledger = catalog, Ledger(catalog)
        self.work = WorkQueue(catalog, UploadRow, UploadRow.uuid, WORKER)

    def add(self, upload: Upload, item: Item, stale: str, place: Callable[[], None]) -> Upload:
        """Enters an upload and its row of the ledger, and puts its file where it belongs, all or nothing; of two requests with one
        idempotency key the first counts, and is what both get.

        `stale` names the asset whose day is to be made again. Raises `IdempotencyConflict`, `AccountDeleted`.
        """
        values = {name: getattr(upload, name) for name in _COLUMNS}
        try:
            with self._catalog.writing() as session:
                session.add(UploadRow(**values | {"hits": list(upload.hits)}))
                session.flush()
                self._ledger.write(session, [item])
                self._ledger.mark_stale(session, stale, [upload.day])
                _note(session, upload.uuid, upload.username, "created", "")
                place()
        except IntegrityError:
            if first := self.repeated(upload.account, upload.idempotency_key, upload.request_hash):
                return first
            with self._catalog.reading() as session:
                if session.get(AccountRow, upload.account) is None:
                    raise AccountDeleted(f"the account {upload.username} is deleted") from None
            raise
        return upload

    def repeated(self, account: int, idempotency_key: str | None, request_hash: str) -> Upload | None:
        """What the same request made before. Raises `IdempotencyConflict` where the key was another's."""
        if idempotency_key is None:
            return None
        found = self._uploads(UploadRow.account == account, UploadRow.idempotency_key == idempotency_key)
        if found and found[0].request_hash != request_hash:
            raise IdempotencyConflict(f"the idempotency key {idempotency_key!r} was used for another request")
        return found[0] if found else None

    def get(self, uuid: str, account: int | None = None) -> Upload | None:
        """An upload, of an account or of any."""
        found = self._uploads(UploadRow.uuid == uuid, true() if account is None else UploadRow.account == account)
        return found[0] if found else None

    def listed(
        self,
        account: int | None = None,
        *,
        username: str | None = None,
        state: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[list[Upload], int]:
        """Uploads without their transcripts, the newest first, and how many there are in all; `search` is part of the name, the keywords or
        the transcript."""
        wanted = [
            true() if account is None else UploadRow.account == account,
            true() if username is None else AccountRow.username == username,
            true() if state is None else self._is_in_state(state),
        ]
        if search:
            fields_searched = (UploadRow.name, UploadRow.words, UploadRow.text)
            wanted.append(or_(*(field.icontains(search, autoescape=True) for field in fields_searched)))
        count = select(func.count()).select_from(UploadRow).join(AccountRow, AccountRow.id == UploadRow.account).where(*wanted)
        with self._catalog.reading() as session:
            number = session.scalar(count) or 0
        return self._uploads(*wanted, limit=limit, offset=offset, whole=False), number

    def claim(self, worker: str, now: datetime, busy: Collection[str] = ()) -> Upload | None:
        """Takes the upload that has waited longest, if there is one that no living worker holds, and this one is not `busy` with."""
        rows = self.work.claim(worker, now, columns=[UploadRow.uuid], order=UploadRow.created_at, busy=busy)
        return self.get(rows[0][0]) if rows else None

    def settle(self, upload: Upload, worker: str, change: str = "", **values: Any) -> Upload | None:
        """Ends an attempt, if it is still this worker's and nobody asked for other keywords since `upload` was read; None where either is
        not so, say because the upload was deleted meanwhile."""
        now = datetime.now(UTC)
        if upload.webhook and values.get("state") in ("done", "failed"):
            values |= {"webhook_state": "waiting", "webhook_due": now, "webhook_attempts": 0}
        with self._catalog.writing() as session:
            if not self.work.settle(session, upload.uuid, worker, UploadRow.revision == upload.revision, **values, updated_at=now):
                return None
            _note(session, upload.uuid, upload.username, values["state"], change)
        return replace(upload, **values, updated_at=now)

    def requeue(self, upload: Upload) -> Upload | None:
        """Queues a failed upload anew; None where it is not failed any more."""
        values: dict[str, Any] = {"state": QUEUED, "attempts": 0, "claims": 0, "next_attempt_at": None, "reason": None, "message": None}
        failed = update(UploadRow).where(UploadRow.uuid == upload.uuid, UploadRow.state == "failed")
        with self._catalog.writing() as session:
            if session.execute(failed.values(**values, updated_at=datetime.now(UTC)).returning(UploadRow.uuid)).scalar() is None:
                return None
            _note(session, upload.uuid, upload.username, "queued", "retried")
        return self.get(upload.uuid)

    def set_words(self, upload: Upload, **values: Any) -> Upload | None:
        """Stores other keywords, and where they occur; None where the upload is no longer as it was read."""
        now = datetime.now(UTC)
        state = QUEUED if upload.state == "running" else upload.state
        same = (UploadRow.uuid == upload.uuid, UploadRow.revision == upload.revision, UploadRow.state == state)
        change = update(UploadRow).where(*same).values(**values, revision=upload.revision + 1, updated_at=now)
        with self._catalog.writing() as session:
            if session.execute(change.returning(UploadRow.uuid)).scalar() is None:
                return None
            _note(session, upload.uuid, upload.username, "updated", ", ".join(sorted(values)))
        return replace(upload, **values, revision=upload.revision + 1, updated_at=now)

    def remove(self, upload: Upload, stale: str) -> None:
        """Deletes an upload; its row of the ledger says that it is withdrawn, and that its file is still there."""
        with self._catalog.writing() as session:
            if session.execute(delete(UploadRow).where(UploadRow.uuid == upload.uuid).returning(UploadRow.uuid)).scalar() is None:
                return
            place = {"original_path": upload.path, "file_exists": True}
            gone = Item(upload_key(upload.uuid), "upload", SOURCE, upload.day, "withdrawn", "", seconds=upload.seconds, measures=place)
            self._ledger.write(session, [gone])
            self._ledger.mark_stale(session, stale, [upload.day])
            _note(session, upload.uuid, upload.username, "deleted", "")

    def withdrawn_files(self) -> list[Item]:
        """Deleted uploads whose file is still there, as rows of the ledger."""
        return self._ledger.withdrawn_with_file("upload")

    def file_is_gone(self, item: Item) -> None:
        """Notes that a deleted upload's file is gone."""
        with self._catalog.writing() as session:
            self._ledger.write(session, [replace(item, measures={**item.measures, "file_exists": False})])

    def changes(self, uuid: str) -> list[UploadChange]:
        """What happened to an upload, in order; also to one that is deleted."""
        query = select(UploadChangeRow).where(UploadChangeRow.upload == uuid).order_by(UploadChangeRow.id)
        with self._catalog.reading() as session:
            return [UploadChange(row.username, row.action, row.what, row.at) for row in session.scalars(query)]

    def calls_due(self, now: datetime, limit: int) -> list[Upload]:
        """Uploads whose webhook is to be called."""
        return self._uploads(UploadRow.webhook_state == "waiting", UploadRow.webhook_due <= now, limit=limit, whole=False)

    def claim_call(self, upload: Upload, until: datetime) -> Upload | None:
        """Puts a due call off, so that nobody else makes it meanwhile; None where it is not due any more."""
        due = (UploadRow.uuid == upload.uuid, UploadRow.webhook_state == "waiting", UploadRow.webhook_due == upload.webhook_due)
        with self._catalog.writing() as session:
            claim = update(UploadRow).where(*due).values(webhook_due=until, webhook_attempts=upload.webhook_attempts + 1)
            won = session.execute(claim.returning(UploadRow.uuid)).scalar() is not None
        return replace(upload, webhook_due=until, webhook_attempts=upload.webhook_attempts + 1) if won else None

    def called(self, upload: Upload, state: WebhookState, why: str = "") -> None:
        """Notes how a claimed call went, and why not well, unless there is another one to make by now."""
        same = (UploadRow.uuid == upload.uuid, UploadRow.webhook_state == "waiting", UploadRow.webhook_due == upload.webhook_due)
        with self._catalog.writing() as session:
            noted = update(UploadRow).where(*same).values(webhook_state=state)
            if session.execute(noted.returning(UploadRow.uuid)).scalar() is not None:
                _note(session, upload.uuid, upload.username, f"call {state}", why)

    def seconds_of(self, account: int) -> float:
        """How much sound an account has uploaded, and not deleted."""
        with self._catalog.reading() as session:
            return float(session.scalar(select(func.sum(UploadRow.seconds)).where(UploadRow.account == account)) or 0.0)

    def transcripts(self, day: date, model: str) -> dict[str, dict[str, Any]]:
        """Transcripts of a day's uploads by a model, by content."""
        query = select(UploadRow.content, UploadRow.transcript).where(UploadRow.day == day, UploadRow.model == model)
        with self._catalog.reading() as session:
            return {content: transcript for content, transcript in session.execute(query) if transcript}

    def counts(self) -> dict[str, int]:
        """Uploads by state."""
        alive, found = self.work.alive(), Counter[str]()
        query = select(UploadRow.state, UploadRow.claimed_by, func.count()).group_by(UploadRow.state, UploadRow.claimed_by)
        with self._catalog.reading() as session:
            for state, holder, count in session.execute(query):
                found["running" if state == QUEUED and holder in alive else state] += count
        return dict(found)

    def _is_in_state(self, state: str) -> ColumnElement[bool]:
        held = UploadRow.claimed_by.in_(sorted(self.work.alive()))
        if state == "running":
            return and_(UploadRow.state == QUEUED, held)
        return and_(UploadRow.state == QUEUED, or_(UploadRow.claimed_by.is_(None), ~held)) if state == QUEUED else UploadRow.state == state

    def _uploads(self, *wanted: ColumnElement[bool], limit: int | None = None, offset: int = 0, whole: bool = True) -> list[Upload]:
        """The newest first; with their transcripts only where they are wanted `whole`, for these are long."""
        names = [name for name in _COLUMNS if whole or name != "transcript"]
        query = select(*(getattr(UploadRow, name) for name in names), AccountRow.username)
        query = query.join(AccountRow, AccountRow.id == UploadRow.account).where(*wanted)
        query = query.order_by(UploadRow.created_at.desc(), UploadRow.uuid).limit(limit).offset(offset)
        with self._catalog.reading() as session:
            found = [dict(zip([*names, "username"], row, strict=True)) for row in session.execute(query)]
        alive = self.work.alive() if any(values["state"] == QUEUED and values["claimed_by"] for values in found) else set()
        return [
            Upload(**values | ({"state": "running"} if values["state"] == QUEUED and values["claimed_by"] in alive else {}))
            for values in found
        ]


def upload_key(uuid: str) -> str:
    """The ledger's key of an upload."""
    return f"uploads/{uuid}"


def _note(session: Session, uuid: str, username: str, action: str, what: str) -> None:
    session.add(UploadChangeRow(upload=uuid, username=username, action=action, what=what, at=datetime.now(UTC)))
