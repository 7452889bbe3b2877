"""Takes: one reading of one prompt each, with its verdict.

A take is entered before its files are put in place, and is there once they are: killed in between, the same upload again finishes it, and
whoever withdraws finds the files by its row. The key is made of its sound, its prompt and its speaker, so that a take is stored once
however often it is sent, and never under another prompt.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.erasures import subject_hash
from soundmill.catalog.ledger import Item, Ledger
from soundmill.catalog.prompts import alone_in, good_takes, let_go, recount
from soundmill.catalog.schema import ConsentRow, ErasureRow, ItemRow, PromptRow, TakeRow, WithdrawnSpanRow
from soundmill.catalog.spans import timeline_lock
from soundmill.errors import ConsentNeeded, TakeRefused, UnknownPrompts

TAKES_FOLDER = "audio/takes"
TAKE_SOURCES = "takes/"  # how their keys in the ledger begin
ORIGINAL = "recorder"  # `via` of takes that came by the API of the original recorder
TakeState = Literal["arriving", "ready"]
Review = Literal["accepted", "rejected"]


@dataclass(frozen=True)
class Take:
    """One reading of one prompt.

    key          sha256 of its sound, prompt and speaker: see `take_key`
    text, entity, accent, microphone   as they were when it was read
    settings     what the browser said of itself and its microphone; `processed`: whether its sound is not as it came from there; `via`
    state        arriving (its files are not in place yet), ready
    day          when it was recorded, UTC
    path         the file as it came; derived_path: mono at the set's rate, of which are seconds, samples and sample_rate
    measures     as `prompts.quality.Measures` gives them, and `errors`, the character error rate, where a recogniser heard it
    verdict      good, check, again; reasons: rule, verdict and text of each
    counts       whether it is one of those that its prompt wants: it is no `again`, or a person accepted it, and nobody rejected it
    review       what a person said: it overrules the verdict
    """

    key: str
    set: str
    utterance: str
    text: str
    speaker: str
    consent: int
    day: date
    recorded_at: datetime
    received_at: datetime
    path: str
    derived_path: str
    sha256: str
    derived_sha256: str
    seconds: float
    sample_rate: int
    samples: int
    verdict: str
    entity: str | None = None
    accent: str = ""
    microphone: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    state: TakeState = "arriving"
    measures: dict[str, Any] = field(default_factory=dict)
    reasons: tuple[dict[str, str], ...] = ()
    counts: bool = False
    review: Review | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None

    @property
    def source(self) -> str:
        """Its key in the ledger, under which it also is a source of releases: no other take lies on its time."""
        return take_source(self.set, self.key)


_COLUMNS = [one.name for one in fields(Take)]


class Takes:
    """Queries and writes of takes."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._ledger = catalog, Ledger(catalog)

    def get(self, key: str) -> Take | None:
        """A take by its key."""
        found = self._takes(TakeRow.key == key)
        return found[0] if found else None

    def enter(self, take: Take, names: Callable[[int], tuple[str, str]]) -> Take:
        """Enters a take whose files are to be put in place next; one that is there already is what is returned.

        `names` gives the paths of a take's two files for a number from 1 on: the first that no other take has is taken. Raises
        `ConsentNeeded` where its consent does not hold any longer, `TakeRefused` where its prompt is gone.
        """
        with self._catalog.writing() as session:
            self._catalog.alone(session, f"speaker {take.speaker}")
            alone_in(self._catalog, session, take.set)
            known = session.get(TakeRow, take.key)
            if known is not None:
                return _take(known)
            consent = session.get(ConsentRow, take.consent)
            if consent is None or consent.withdrawn_at is not None or (consent.speaker, consent.set) != (take.speaker, take.set):
                raise ConsentNeeded("the consent to this recording was withdrawn: it was not stored")
            gone = session.get(ItemRow, take.source)
            if gone is not None and gone.state == "withdrawn":
                raise ConsentNeeded("this recording was deleted: it is not stored once more")
            if session.get(PromptRow, (take.set, take.utterance)) is None:
                raise TakeRefused(f"prompt set {take.set!r} has no sentence {take.utterance!r}")
            leaving, number = self._leaving(session), 1  # whose files somebody may be about to delete
            while names(number)[0] in leaving or session.scalar(select(TakeRow.key).where(TakeRow.path == names(number)[0])) is not None:
                number += 1
            path, derived_path = names(number)
            take = replace(take, path=path, derived_path=derived_path, state="arriving", counts=False)
            session.add(_row(take))
            return take

    def settle(self, take: Take, stale: Sequence[str]) -> Take:
        """Notes that an entered take's files are in place: it is in the ledger, its prompt is read, and its speaker lets go of it.

        `stale` names assets whose day is to be made again. Raises `ConsentNeeded` where it was withdrawn meanwhile: its files are to go.
        """
        with self._catalog.writing() as session:
            alone_in(self._catalog, session, take.set)
            row = session.get(TakeRow, take.key)
            if row is None:
                raise ConsentNeeded("the consent to this recording was withdrawn: it was not stored")
            if row.state != "ready":
                row.state, row.counts, row.updated_at = "ready", _counts(row), datetime.now(UTC)
                session.flush()
                self._changed(session, row, stale)
            return _take(row)

    def judge(self, verdicts: Iterable[tuple[Take, str, Sequence[dict[str, str]], dict[str, Any]]], stale: Sequence[str] = ()) -> int:
        """Other verdicts with their reasons and measures, as once a recogniser has heard the takes; returns how many changed."""
        changed = 0
        for take, verdict, reasons, measures in verdicts:
            with self._catalog.writing() as session:
                alone_in(self._catalog, session, take.set)
                row = session.get(TakeRow, take.key)
                if row is None or row.state != "ready" or (row.verdict, row.reasons, row.measures) == (verdict, list(reasons), measures):
                    continue
                row.verdict, row.reasons, row.measures, row.updated_at = verdict, list(reasons), measures, datetime.now(UTC)
                row.counts = _counts(row)
                session.flush()
                self._changed(session, row, stale)
                changed += 1
        return changed

    def review(self, key: str, review: Review | None, by: str, stale: Sequence[str]) -> Take:
        """What a person says of a take: it counts, or not, whatever the verdict; None takes that back. Raises `UnknownPrompts`."""
        found = self.get(key)
        with self._catalog.writing() as session:
            if found is not None:
                alone_in(self._catalog, session, found.set)
            row = session.get(TakeRow, key)
            if row is None or row.state != "ready":
                raise UnknownPrompts("there is no such take")
            now = datetime.now(UTC)
            row.review, row.reviewed_by, row.reviewed_at, row.updated_at = review, by if review else None, now if review else None, now
            row.counts = _counts(row)
            session.flush()
            self._changed(session, row, stale)
            return _take(row)

    def remove(self, takes: Collection[Take], stale: Sequence[str], by: str = "operator") -> list[Take]:
        """Withdraws takes: their rows go, but for the ledger's, which says where files lie that are to be deleted, and an audit row.
        Returns those that were there."""
        gone = list[Take]()
        for take in takes:
            with self._catalog.writing() as session:
                alone_in(self._catalog, session, take.set)
                self._catalog.alone(session, timeline_lock(take.source))
                row = session.get(TakeRow, take.key)
                if row is None:
                    continue
                there, now = _take(row), datetime.now(UTC)
                session.execute(delete(TakeRow).where(TakeRow.key == take.key))
                recount(session, take.set, [take.utterance])
                end = there.recorded_at + timedelta(seconds=there.seconds)
                session.add(WithdrawnSpanRow(source=there.source, start=there.recorded_at, end=end, created_at=now))
                # of one that is arriving, the files may still come: they are looked for again by the day's next run
                paths = {"paths": [there.path, there.derived_path], "file_exists": True, "arriving": there.state == "arriving"}
                self._ledger.write(session, [Item(there.source, "take", there.set, there.day, "withdrawn", "", measures=paths)])
                audit = {"kind": "take", "subject_sha256": subject_hash(there.key), "items": 1, "seconds": round(there.seconds, 3)}
                session.add(ErasureRow(**audit, by=by, at=now))
                for asset in stale:
                    self._ledger.mark_stale(session, asset, [there.day])
                gone.append(there)
        return gone

    def withdrawn_files(self) -> list[Item]:
        """Withdrawn takes whose files are still there, as rows of the ledger."""
        return self._ledger.withdrawn_with_file("take")

    def files_are_gone(self, items: Iterable[Item]) -> None:
        """Notes that the files of withdrawn takes are deleted; where they lay is kept as hashes, for the backup."""
        with self._catalog.writing() as session:
            for item in items:
                hashes = [path_hash(path) for path in item.measures["paths"]]
                self._ledger.write(session, [replace(item, measures={"path_sha256": hashes, "file_exists": False})])

    def withdrawn_path_hashes(self) -> set[str]:
        """Where withdrawn takes lay, as `path_hash` gives it."""
        found = self._ledger.selected(ItemRow.kind == "take", ItemRow.state == "withdrawn")
        known = {one for item in found for one in item.measures.get("path_sha256", ())}
        return known | {path_hash(path) for item in found for path in item.measures.get("paths", ())}

    def listed(
        self,
        *,
        name: str | None = None,
        speaker: str | None = None,
        day: date | None = None,
        utterance: str | None = None,
        state: TakeState | None = "ready",
        show: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[list[Take], int]:
        """Takes in order of their coming, and how many there are in all. `show`: good, check or again (and no person said otherwise),
        accepted, rejected, or `todo`: those that a person ought to hear."""
        wanted = [
            TakeRow.set == name if name is not None else None,
            TakeRow.speaker == speaker if speaker is not None else None,
            TakeRow.day == day if day is not None else None,
            TakeRow.utterance == utterance if utterance is not None else None,
            TakeRow.state == state if state is not None else None,
            _shown(show) if show else None,
        ]
        conditions = [one for one in wanted if one is not None]
        with self._catalog.reading() as session:
            number = session.scalar(select(func.count()).select_from(TakeRow).where(*conditions)) or 0
        return self._takes(*conditions, limit=limit, offset=offset), number

    def same_sound(self, sha256: str, but: str) -> str | None:
        """The key of another take with the same sound."""
        query = select(TakeRow.key).where(TakeRow.derived_sha256 == sha256, TakeRow.key != but).limit(1)
        with self._catalog.reading() as session:
            return session.scalar(query)

    def has_sound(self, name: str, speaker: str, sha256: str) -> bool:
        """Whether this very file is a take of this speaker in a set, of whichever sentence."""
        mine = (TakeRow.sha256 == sha256, TakeRow.set == name, TakeRow.speaker == speaker, TakeRow.state == "ready")
        with self._catalog.reading() as session:
            return session.scalar(select(TakeRow.key).where(*mine).limit(1)) is not None

    def pace_of(self, speaker: str, but: str = "") -> list[float]:
        """Characters a second of a speaker's takes that count."""
        query = select(TakeRow.measures).where(TakeRow.speaker == speaker, TakeRow.key != but, *good_takes()).limit(500)
        with self._catalog.reading() as session:
            return [float(found["characters"]) for found in session.scalars(query) if found.get("characters")]

    def counts_of(self, name: str, speaker: str) -> int:
        """How many sentences of a set somebody has read well enough."""
        mine = (TakeRow.set == name, TakeRow.speaker == speaker, *good_takes())
        with self._catalog.reading() as session:
            return session.scalar(select(func.count(TakeRow.utterance.distinct())).where(*mine)) or 0

    def days(self, name: str | None = None) -> set[date]:
        """Days with takes, of a set or of all."""
        query = select(TakeRow.day).distinct()
        with self._catalog.reading() as session:
            return set(session.scalars(query if name is None else query.where(TakeRow.set == name)))

    def _changed(self, session: Session, row: TakeRow, stale: Sequence[str]) -> None:
        recount(session, row.set, [row.utterance])
        if row.counts:
            let_go(session, row.set, row.speaker, row.utterance)
        self._ledger.write(session, [_item(_take(row))])
        for asset in stale:
            self._ledger.mark_stale(session, asset, [row.day])

    def _leaving(self, session: Session) -> set[str]:
        """Paths of withdrawn takes whose files are not known to be gone."""
        there = (ItemRow.kind == "take", ItemRow.state == "withdrawn", ItemRow.measures["file_exists"].as_boolean().is_(True))
        return {path for measures in session.scalars(select(ItemRow.measures).where(*there)) for path in measures["paths"]}

    def _takes(self, *wanted: ColumnElement[bool], limit: int | None = None, offset: int = 0) -> list[Take]:
        query = select(TakeRow).where(*wanted).order_by(TakeRow.received_at, TakeRow.key).limit(limit).offset(offset)
        with self._catalog.reading() as session:
            return [_take(row) for row in session.scalars(query)]


def take_key(sha256: str, name: str, utterance: str, speaker: str) -> str:
    """The key of a take: the sha256 of its file's sha256, its set, its prompt and its speaker, a line each."""
    return hashlib.sha256("\n".join((sha256, name, utterance, speaker)).encode()).hexdigest()


def take_source(name: str, key: str) -> str:
    """A take's key in the ledger."""
    return f"{TAKE_SOURCES}{name}/{key}"


def path_hash(path: str) -> str:
    """By which a path is known again without being told."""
    return subject_hash(path)


def _counts(row: TakeRow) -> bool:
    """Whoever comes by the original's page is told no verdict, so that each of their takes counts until a person rejects it."""
    return row.review == "accepted" or (row.review is None and (row.verdict != "again" or row.settings.get("via") == ORIGINAL))


def _shown(show: str) -> ColumnElement[bool]:
    if show in ("accepted", "rejected"):
        return TakeRow.review == show
    unseen = TakeRow.review.is_(None)
    if show == "todo":
        return and_(unseen, or_(TakeRow.verdict == "check", TakeRow.verdict == "again"))
    return and_(unseen, TakeRow.verdict == show)


def _item(take: Take) -> Item:
    measures = {"speaker": take.speaker, "utterance": take.utterance, "counts": take.counts, "samples": take.samples, "original": take.path}
    return Item(
        take.source, "take", take.set, take.day, "ready", take.sha256, started_at=take.recorded_at, seconds=take.seconds,
        path=take.derived_path, content_hash=take.derived_sha256, measures=measures, reason=None if take.counts else take.verdict,
    )  # fmt: skip


def _row(take: Take) -> TakeRow:
    values = {name: getattr(take, name) for name in _COLUMNS}
    return TakeRow(**values | {"reasons": list(take.reasons), "updated_at": datetime.now(UTC)})


def _take(row: TakeRow) -> Take:
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["reasons"] = tuple(row.reasons)
    return Take(**values)
