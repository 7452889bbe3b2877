"""Prompt sets: sentences to read, who holds which, and how far each set is.

A sentence is given out under the set's lock, so that it is never in two people's hands: it is held until it is read, passed by or given
back, or until the hold is over because somebody left.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import PromptRow, PromptSetRow, PromptSkipRow, TakeRow
from soundmill.errors import PromptsRefused, UnknownPrompts

HELD_FOR = timedelta(minutes=15)
MOST_HELD = 5  # by one speaker at a time
LATER = "later"  # the one reason for which a skipped sentence comes again, once there is no other
SKIP_REASONS = (LATER, "cannot pronounce it", "it has a mistake", "do not want to say it")
_BATCH = 500


@dataclass(frozen=True)
class PromptSet:
    """Sentences that people are asked to read. `spec` as `prompts.spec.PromptSetSpec` has it."""

    name: str
    spec: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Prompt:
    """A sentence, under the id of its utterance; `entity`, where it names one: its id, and how it is written."""

    utterance: str
    text: str
    entity: str | None = None
    entity_text: str | None = None


@dataclass(frozen=True)
class Imported:
    """What became of the prompts that were given: new ones, those that were there, and those that were not taken, with the reason."""

    added: int
    known: int
    refused: Mapping[str, str]


@dataclass(frozen=True)
class SetProgress:
    """How far a set is. Takes that count are those that are good enough; `by_entity`, `by_accent` and `by_speaker` count these, and
    `by_takes` sentences by how many they have. `held`: sentences that somebody reads now; `bad`: takes that do not count."""

    prompts: int
    done: int
    held: int
    takes: int
    wanted: int
    seconds: float
    bad: int
    verdicts: Mapping[str, int]
    by_takes: Mapping[int, int]
    by_entity: Mapping[str, int]
    by_accent: Mapping[str, int]
    by_speaker: Mapping[str, int]
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def remaining(self) -> int:
        """Takes that are still wanted."""
        return self.wanted - self.takes


class Prompts:
    """Queries and writes of prompt sets."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def define(self, name: str, spec: dict[str, Any], prompts: Iterable[Prompt] = ()) -> Imported:
        """A new set, or other terms and more sentences for one that is there. A sentence that was read already keeps its text."""
        fresh, changed, known, refused = list[dict[str, Any]](), list[Prompt](), 0, dict[str, str]()
        shuffled = spec.get("order", "random") == "random"
        with self._alone(name) as session:
            row = session.get(PromptSetRow, name)
            if row is None:
                session.add(PromptSetRow(name=name, spec=spec, created_at=datetime.now(UTC)))
                session.flush()
            else:
                row.spec = spec
            there = {one.utterance: one for one in session.scalars(select(PromptRow).where(PromptRow.set == name))}
            read = set(session.scalars(select(TakeRow.utterance).where(TakeRow.set == name).distinct()))
            number = max((one.number for one in there.values()), default=0)
            for one in prompts:
                old = there.get(one.utterance)
                if old is None:
                    number += 1
                    place = _shuffled(name, one.utterance) if shuffled else number
                    fresh.append(vars(one) | {"set": name, "number": number, "place": place, "takes": 0})
                elif (old.text, old.entity, old.entity_text) == (one.text, one.entity, one.entity_text):
                    known += 1
                elif one.utterance in read:
                    refused[one.utterance] = "it was read with other words: give the new sentence another id"
                else:
                    changed.append(one)
            for start in range(0, len(fresh), _BATCH):
                session.execute(self._catalog.insert(PromptRow), fresh[start : start + _BATCH])
            for one in changed:
                there[one.utterance].text, there[one.utterance].entity = one.text, one.entity
                there[one.utterance].entity_text = one.entity_text
            for old in there.values():
                old.place = _shuffled(name, old.utterance) if shuffled else old.number
            session.flush()
            recount(session, name)
        return Imported(len(fresh), known + len(changed), refused)

    def get(self, name: str) -> PromptSet:
        """The set. Raises `UnknownPrompts`."""
        with self._catalog.reading() as session:
            return _set(_known(session, name))

    def all(self) -> list[PromptSet]:
        """The newest first."""
        with self._catalog.reading() as session:
            rows = session.scalars(select(PromptSetRow).order_by(PromptSetRow.created_at.desc(), PromptSetRow.name))
            return [_set(row) for row in rows]

    def prompts(self, name: str) -> list[Prompt]:
        """A set's sentences, in order of the file that they came in."""
        with self._catalog.reading() as session:
            _known(session, name)
            return [_prompt(row) for row in session.scalars(select(PromptRow).where(PromptRow.set == name).order_by(PromptRow.number))]

    def takes(self, name: str) -> dict[str, int]:
        """How many takes that count each sentence of a set has, in order of the file."""
        query = select(PromptRow.utterance, PromptRow.takes).where(PromptRow.set == name).order_by(PromptRow.number)
        with self._catalog.reading() as session:
            return {utterance: takes for utterance, takes in session.execute(query)}  # noqa: C416  # rows are Row objects, not pairs

    def prompt(self, name: str, utterance: str) -> Prompt:
        """One sentence. Raises `UnknownPrompts`."""
        with self._catalog.reading() as session:
            row = session.get(PromptRow, (name, utterance))
            if row is None:
                raise UnknownPrompts(f"prompt set {name!r} has no sentence {utterance!r}")
            return _prompt(row)

    def claim(self, name: str, speaker: str, number: int = 1, now: datetime | None = None) -> list[Prompt]:
        """Sentences for somebody to read next, at most `number` and `MOST_HELD`: those they hold, then those that want takes most.

        Nobody else holds them, and they have no take of them, nor of their entity, nor passed them by. The holds run on from now.
        """
        now = now or datetime.now(UTC)
        with self._alone(name) as session:
            spec = _known(session, name).spec
            held = list(session.scalars(_held(name, speaker)))
            while len(held) < min(number, MOST_HELD):
                found = _next(session, name, spec, speaker, now)
                if found is None:
                    break
                found.held_by, found.held_until = speaker, now + HELD_FOR
                session.flush()
                held.append(found)
            for row in held:
                row.held_until = now + HELD_FOR
            return [_prompt(row) for row in held]

    def take(self, name: str, utterance: str, speaker: str, now: datetime | None = None) -> Prompt:
        """One named sentence for somebody who wants to read it once more. Raises `PromptsRefused` where somebody else holds it."""
        now = now or datetime.now(UTC)
        with self._alone(name) as session:
            row = session.get(PromptRow, (name, utterance))
            if row is None:
                raise UnknownPrompts(f"prompt set {name!r} has no sentence {utterance!r}")
            if row.held_by not in (None, speaker) and row.held_until is not None and row.held_until > now:
                raise PromptsRefused("somebody else reads this sentence just now")
            row.held_by, row.held_until = speaker, now + HELD_FOR
            return _prompt(row)

    def in_hand(self, name: str, speaker: str) -> Prompt | None:
        """What somebody was given to read and nobody else has got since, also where their time is over; None where there is nothing."""
        with self._catalog.reading() as session:
            row = session.scalar(_held(name, speaker).limit(1))
            return None if row is None else _prompt(row)

    def has_more(self, name: str, speaker: str, now: datetime | None = None) -> bool:
        """Whether there is a sentence that could be given to somebody now."""
        now = now or datetime.now(UTC)
        with self._catalog.reading() as session:
            return _next(session, name, _known(session, name).spec, speaker, now) is not None

    def skip(self, name: str, utterance: str, speaker: str, reason: str, now: datetime | None = None) -> None:
        """Passes a sentence by: it is not given to this speaker again, or only once there is no other. Raises `PromptsRefused`."""
        now = now or datetime.now(UTC)
        if reason not in SKIP_REASONS:
            raise PromptsRefused(f"say why: {', '.join(SKIP_REASONS)}")
        with self._alone(name) as session:
            values = {"set": name, "utterance": utterance, "speaker": speaker, "reason": reason, "at": now}
            row = self._catalog.insert(PromptSkipRow).values(**values)
            session.execute(row.on_conflict_do_update(index_elements=["set", "utterance", "speaker"], set_={"reason": reason, "at": now}))
            let_go(session, name, speaker, utterance)

    def release(self, name: str, speaker: str, but: Sequence[str] = ()) -> None:
        """Gives back what somebody holds, but for some."""
        with self._alone(name) as session:
            let_go(session, name, speaker, but=but)

    def held(self, name: str, now: datetime | None = None) -> list[str]:
        """Utterances that somebody holds now, by id."""
        query = select(PromptRow.utterance).where(PromptRow.set == name, PromptRow.held_until > (now or datetime.now(UTC)))
        with self._catalog.reading() as session:
            return list(session.scalars(query.order_by(PromptRow.utterance)))

    def skips(self, name: str) -> dict[str, dict[str, int]]:
        """How often each sentence was passed by, by reason."""
        query = select(PromptSkipRow.utterance, PromptSkipRow.reason, func.count()).where(PromptSkipRow.set == name)
        found: dict[str, dict[str, int]] = {}
        with self._catalog.reading() as session:
            for utterance, reason, number in session.execute(query.group_by(PromptSkipRow.utterance, PromptSkipRow.reason)):
                found.setdefault(utterance, {})[reason] = number
        return found

    def progress(self, name: str, now: datetime | None = None) -> SetProgress:
        """How far the set is. Raises `UnknownPrompts`."""
        now = now or datetime.now(UTC)
        mine = (TakeRow.set == name, TakeRow.state == "ready")
        with self._catalog.reading() as session:
            wanted = int(_known(session, name).spec["takes"])
            by_takes = _counted(session, PromptRow.takes, PromptRow.set == name)
            held = session.scalar(select(func.count()).select_from(PromptRow).where(PromptRow.set == name, PromptRow.held_until > now))
            seconds = session.scalar(select(func.coalesce(func.sum(TakeRow.seconds), 0.0)).where(*mine, TakeRow.counts)) or 0.0
            of = (TakeRow.set == name, *good_takes())
            return SetProgress(
                prompts=sum(by_takes.values()),
                done=sum(number for takes, number in by_takes.items() if takes >= wanted),
                held=held or 0,
                takes=sum(min(takes, wanted) * number for takes, number in by_takes.items()),
                wanted=wanted * sum(by_takes.values()),
                seconds=float(seconds),
                bad=_counted(session, TakeRow.counts, *mine).get(False, 0),
                verdicts=_counted(session, func.coalesce(TakeRow.review, TakeRow.verdict), *mine),
                by_takes=by_takes,
                by_entity=_counted(session, TakeRow.entity, *of, TakeRow.entity.is_not(None)),
                by_accent=_counted(session, TakeRow.accent, *of),
                by_speaker=_counted(session, TakeRow.speaker, *of),
                skipped=_counted(session, PromptSkipRow.reason, PromptSkipRow.set == name),
            )

    @contextmanager
    def _alone(self, name: str) -> Iterator[Session]:
        with self._catalog.writing() as session:
            alone_in(self._catalog, session, name)
            yield session


def alone_in(catalog: Catalog, session: Session, name: str) -> None:
    """Within a writing transaction: nobody else gives out the set's sentences, or changes its takes."""
    catalog.alone(session, f"prompt set {name}")


def recount(session: Session, name: str, utterances: Sequence[str] | None = None) -> None:
    """Within a transaction, counts the takes of sentences anew, from the takes themselves: one for each speaker."""
    counted = select(func.count(TakeRow.speaker.distinct())).where(
        TakeRow.set == PromptRow.set, TakeRow.utterance == PromptRow.utterance, *good_takes()
    )
    change = update(PromptRow).where(PromptRow.set == name, *([] if utterances is None else [PromptRow.utterance.in_(utterances)]))
    session.execute(change.values(takes=counted.scalar_subquery()).execution_options(synchronize_session=False))


def let_go(session: Session, name: str, speaker: str, utterance: str | None = None, but: Sequence[str] = ()) -> None:
    """Within a transaction, ends the holds of a speaker: on one sentence, or on all of a set but for some."""
    mine = [PromptRow.set == name, PromptRow.held_by == speaker]
    mine += [PromptRow.utterance == utterance] if utterance is not None else []
    mine += [PromptRow.utterance.not_in(but)] if but else []
    change = update(PromptRow).where(*mine).values(held_by=None, held_until=None)
    session.execute(change.execution_options(synchronize_session=False))


def good_takes() -> tuple[ColumnElement[bool], ...]:
    """Conditions on takes that count."""
    return TakeRow.state == "ready", TakeRow.counts.is_(True)


def forget_skips(session: Session, speaker: str) -> None:
    """Within a transaction, drops what a speaker passed by."""
    session.execute(delete(PromptSkipRow).where(PromptSkipRow.speaker == speaker))


def _held(name: str, speaker: str) -> Select[PromptRow]:
    """What somebody holds, also where the hold is over and nobody else came."""
    return select(PromptRow).where(PromptRow.set == name, PromptRow.held_by == speaker).order_by(PromptRow.place)


def _next(session: Session, name: str, spec: Mapping[str, Any], speaker: str, now: datetime) -> PromptRow | None:
    """What is given to a speaker next: what they left for later only once there is no other."""
    found = session.scalar(_wanted(name, spec, speaker, now).limit(1))
    return found or session.scalar(_wanted(name, spec, speaker, now, also_later=True).limit(1))


def _wanted(name: str, spec: Mapping[str, Any], speaker: str, now: datetime, *, also_later: bool = False) -> Select[PromptRow]:
    """Sentences that may be given to a speaker, those with the fewest takes first."""
    own = (TakeRow.set == name, TakeRow.speaker == speaker, *good_takes())
    skipped = [PromptSkipRow.set == name, PromptSkipRow.speaker == speaker, PromptSkipRow.utterance == PromptRow.utterance]
    skipped += [PromptSkipRow.reason != LATER] if also_later else []
    other = aliased(PromptRow)
    in_hand = (other.set == name, other.held_by == speaker, other.entity == PromptRow.entity)
    fits = [
        PromptRow.set == name,
        PromptRow.takes < int(spec["takes"]),
        or_(PromptRow.held_until.is_(None), PromptRow.held_until <= now),
        ~exists().where(*own, TakeRow.utterance == PromptRow.utterance),
        ~exists().where(*skipped),
    ]
    of_entity = [~exists().where(*own, TakeRow.entity == PromptRow.entity), ~exists().where(*in_hand)]
    if most := int(spec.get("entity_takes") or 0):
        every = select(func.count()).where(TakeRow.set == name, TakeRow.entity == PromptRow.entity, *good_takes()).scalar_subquery()
        busy = select(func.count()).where(other.set == name, other.entity == PromptRow.entity, other.held_until > now).scalar_subquery()
        of_entity.append(every + busy < most)
    fits += [or_(PromptRow.entity.is_(None), one) for one in of_entity]
    if not also_later:
        return select(PromptRow).where(*fits).order_by(PromptRow.takes, PromptRow.place)
    at = select(PromptSkipRow.at).where(PromptSkipRow.set == name, PromptSkipRow.speaker == speaker)
    at = at.where(PromptSkipRow.utterance == PromptRow.utterance)
    return select(PromptRow).where(*fits).order_by(at.scalar_subquery(), PromptRow.place)


def _counted(session: Session, column: Any, *wanted: ColumnElement[bool]) -> dict[Any, int]:
    """How many rows there are of each value, the most first."""
    number = func.count()
    query = select(column, number).where(*wanted).group_by(column).order_by(number.desc(), column)
    return {value: count for value, count in session.execute(query)}  # noqa: C416  # rows are Row objects, not pairs


def _known(session: Session, name: str) -> PromptSetRow:
    row = session.get(PromptSetRow, name)
    if row is None:
        raise UnknownPrompts(f"there is no prompt set {name!r}")
    return row


def _shuffled(name: str, utterance: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{name} {utterance}".encode()).digest()[:7], "big")


def _set(row: PromptSetRow) -> PromptSet:
    return PromptSet(row.name, row.spec, row.created_at)


def _prompt(row: PromptRow) -> Prompt:
    return Prompt(row.utterance, row.text, row.entity, row.entity_text)
