"""Labelling rounds: their sessions, who holds which, and what became of it.

A session is claimed under the round's lock, so that at any moment its submissions and living claims are at most as many as it wants, and
nobody is given one twice. A claim is a lease; a draft outlives it. What arrives when a session has all it wants is kept beside.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session as Transaction

from soundmill.catalog.database import Catalog
from soundmill.catalog.labels import Labels, Submission, read_submissions
from soundmill.catalog.schema import ClaimRow, RoundRow, RoundSessionRow, SubmissionRow
from soundmill.errors import ClaimLost, RoundRefused, UnknownRound

RoundState = Literal["new", "open", "closed"]
SessionState = Literal["open", "done", "adjudicate", "adjudicated"]
ClaimState = Literal["held", "submitted", "beside", "skipped", "deciding", "adjudicated"]
GOLD = "gold"  # the rule of sessions whose answer is known
SKIP_REASONS = ("bad audio", "unsure", "not my expertise")
HELD_FOR = timedelta(minutes=15)
_SKIPS = 3  # by so many people, and an adjudicator looks at it
_BATCH = 500
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Round:
    """A labelling campaign. `spec` as `labelling.spec.RoundSpec` has it.

    model       the version whose predictions it shows, once drawn
    population  of how many stretches the sessions were drawn, and in how many of them the model heard each tag, and any
    """

    name: str
    spec: dict[str, Any]
    state: RoundState
    created_at: datetime
    model: str | None = None
    population: dict[str, Any] | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class RoundSession:
    """One stretch of a source that one person works on at a time.

    number       within its round, from 1
    rule         why it was drawn: typical, margin, random, audit, gold, or given; score, cluster and stratum say more
    probability  with which it was drawn from all that could have been, where the rule is a draw by chance
    wanted       how many submissions it wants
    predictions  what the model said: start and end (ms since 1970), tag, score, probability
    """

    round: str
    number: int
    source: str
    start: datetime
    end: datetime
    rule: str
    wanted: int = 1
    score: float | None = None
    cluster: int | None = None
    stratum: int | None = None
    probability: float | None = None
    predictions: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    state: SessionState = "open"
    id: int = 0


@dataclass(frozen=True)
class Claim:
    """A session held by one person until a moment; `token` proves it."""

    session: RoundSession
    annotator: str
    expires_at: datetime
    token: str


@dataclass(frozen=True)
class RoundProgress:
    """How far a round is: its sessions, and of these how many are done, held by somebody now, or wait for an adjudicator."""

    sessions: int
    done: int
    held: int
    adjudicate: int
    submissions: int
    by_annotator: Mapping[str, int]

    @property
    def remaining(self) -> int:
        """Sessions that want more."""
        return self.sessions - self.done


class Rounds:
    """Queries and writes of rounds."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def define(self, name: str, spec: dict[str, Any]) -> None:
        """A new round, or another recipe for one that is not open yet. Raises `RoundRefused`."""
        with self._writing(name) as session:
            row = session.get(RoundRow, name)
            if row is not None and row.state != "new":
                raise RoundRefused(f"round {name!r} is {row.state}: its recipe stays")
            if row is None:
                session.add(RoundRow(name=name, spec=spec, state="new", created_at=datetime.now(UTC)))
            else:
                row.spec, row.created_at, row.model, row.population = spec, datetime.now(UTC), None, None
                session.execute(delete(RoundSessionRow).where(RoundSessionRow.round == name))

    def get(self, name: str) -> Round:
        """The round. Raises `UnknownRound`."""
        with self._catalog.reading() as session:
            return _round(_known(session, name))

    def all(self) -> list[Round]:
        """The newest first."""
        with self._catalog.reading() as session:
            return [_round(row) for row in session.scalars(select(RoundRow).order_by(RoundRow.created_at.desc(), RoundRow.name))]

    def put(self, name: str, sessions: Sequence[RoundSession], model: str | None, population: dict[str, Any] | None = None) -> None:
        """The sessions of a round that nobody has worked on yet, in place of those drawn before. Raises `RoundRefused`."""
        with self._writing(name) as session:
            row = _known(session, name)
            mine = select(RoundSessionRow.id).where(RoundSessionRow.round == name)
            if session.scalar(select(func.count()).select_from(ClaimRow).where(ClaimRow.session.in_(mine))):
                raise RoundRefused(f"round {name!r} is being worked on: its sessions stay")
            session.execute(delete(RoundSessionRow).where(RoundSessionRow.round == name))
            rows = [{**vars(one), "round": name, "predictions": list(one.predictions)} for one in sessions]
            for values in rows:
                del values["id"]
            for start in range(0, len(rows), _BATCH):
                session.execute(self._catalog.insert(RoundSessionRow), rows[start : start + _BATCH])
            row.model, row.population = model, population

    def set_state(self, name: str, state: RoundState) -> Round:
        """Opens or closes a round. Raises `RoundRefused` where it has no sessions."""
        now = datetime.now(UTC)
        with self._writing(name) as session:
            row = _known(session, name)
            number = session.scalar(select(func.count()).select_from(RoundSessionRow).where(RoundSessionRow.round == name))
            if not number:
                raise RoundRefused(
                    f"round {name!r} has no sessions yet: draw them with soundmill materialize labelling_sessions --round {name}"
                )
            row.state = state
            if state == "open":
                row.opened_at, row.closed_at = row.opened_at or now, None
            elif state == "closed":
                row.closed_at = now
            return _round(row)

    def sessions(self, name: str, *conditions: ColumnElement[bool]) -> list[RoundSession]:
        """A round's sessions by number."""
        query = select(RoundSessionRow).where(RoundSessionRow.round == name, *conditions).order_by(RoundSessionRow.number)
        with self._catalog.reading() as session:
            return [_session(row) for row in session.scalars(query)]

    def session(self, name: str, number: int) -> RoundSession:
        """One session. Raises `UnknownRound`."""
        with self._catalog.reading() as session:
            return _session(_numbered(session, name, number))

    def claim(self, name: str, annotator: str, now: datetime | None = None, *, another: bool = False) -> Claim | None:
        """A session for somebody to work on: the one they hold, else the next that wants more; None where there is none.

        `another`: not one that they hold, as long as there is any other. Raises `RoundRefused` where the round is not open.
        """
        now = now or datetime.now(UTC)
        with self._writing(name) as session:
            if _known(session, name).state != "open":
                raise RoundRefused(f"round {name!r} is not open")
            mine, of_round = ClaimRow.annotator == annotator, RoundSessionRow.round == name
            held = select(RoundSessionRow).join(ClaimRow, ClaimRow.session == RoundSessionRow.id)
            held = held.where(of_round, mine, ClaimRow.state == "held", RoundSessionRow.state == "open")
            open_ones = [
                row
                for row in session.scalars(held.order_by(ClaimRow.claimed_at.desc())).all()
                if _taken(session, row.id, annotator, now) < row.wanted
            ]
            if open_ones and not another:
                return self._hold(session, open_ones[0], annotator, now)
            taken = select(func.count()).select_from(ClaimRow).where(ClaimRow.session == RoundSessionRow.id, _counts(now)).scalar_subquery()
            had = select(ClaimRow.session).where(mine)
            free = select(RoundSessionRow).where(
                of_round, RoundSessionRow.state == "open", taken < RoundSessionRow.wanted, RoundSessionRow.id.not_in(had)
            )
            found = session.scalar(free.order_by(RoundSessionRow.number).limit(1)) or (open_ones[-1] if open_ones else None)
            return None if found is None else self._hold(session, found, annotator, now)

    def adjudicate(self, name: str, number: int, who: str, now: datetime | None = None) -> Claim:
        """A disputed session for somebody who has not labelled it, in an open or a closed round. Raises `RoundRefused`, `UnknownRound`."""
        now = now or datetime.now(UTC)
        with self._writing(name) as session:
            _known(session, name)
            row = _numbered(session, name, number)
            if row.state not in ("adjudicate", "adjudicated"):
                raise RoundRefused(f"session {number} is not disputed")
            had = session.get(ClaimRow, (row.id, who))
            if had is not None and had.state in ("submitted", "beside"):
                raise RoundRefused(f"{who} has labelled session {number}: somebody else decides it")
            claim = self._hold(session, row, who, now)
            session.get_one(ClaimRow, (row.id, who)).state = "deciding"
            return claim

    def renew(self, claim: Claim, now: datetime | None = None) -> Claim:
        """The claim for another while, whatever became of its lease. Raises `ClaimLost` where others have done the session meanwhile."""
        now = now or datetime.now(UTC)
        with self._writing(claim.session.round) as session:
            row = self._held(session, claim, states=("held", "deciding"))
            found = session.get_one(RoundSessionRow, claim.session.id)
            is_full = found.state == "done" or (found.state == "open" and _taken(session, found.id, claim.annotator, now) >= found.wanted)
            if is_full:
                raise ClaimLost(f"session {found.number} was given to somebody else; what you drew is kept")
            row.expires_at = now + HELD_FOR
            return replace(claim, expires_at=row.expires_at)

    def skip(self, claim: Claim, reason: str) -> None:
        """Gives a session back for good, with a reason; it is not given to this person again. Raises `ClaimLost`, `RoundRefused`."""
        if reason not in SKIP_REASONS:
            raise RoundRefused(f"say why: {', '.join(SKIP_REASONS)}")
        with self._writing(claim.session.round) as session:
            row = self._held(session, claim)
            row.state, row.reason = "skipped", reason
            skips = select(func.count()).select_from(ClaimRow).where(ClaimRow.session == claim.session.id, ClaimRow.state == "skipped")
            if (session.scalar(skips) or 0) >= _SKIPS:
                self._become(session, claim.session.id, "done" if claim.session.rule == GOLD else "adjudicate")

    def submit(self, claim: Claim, submission: Submission, now: datetime | None = None) -> tuple[Submission, bool]:
        """Stores what somebody said of a session, and whether it counts: it does where the session still wants it.

        A late one (the lease is over, others were faster) is kept beside. The same person may say it anew: the newest counts, the others
        stay in the history. Raises `ClaimLost` for a claim that never was, `ValueError` for a box that cannot be, `RoundRefused`.
        """
        now = now or datetime.now(UTC)
        number = claim.session.id
        with self._writing(claim.session.round) as session:
            found = session.get_one(RoundSessionRow, number)
            is_disputed = found.state in ("adjudicate", "adjudicated")
            row = self._held(session, claim, states=("held", "submitted", "beside", "deciding", "adjudicated"))
            if _known(session, claim.session.round).state != "open" and row.state not in ("deciding", "adjudicated"):
                raise RoundRefused(f"round {claim.session.round!r} is closed")
            done = select(func.count()).select_from(ClaimRow)
            others = session.scalar(
                done.where(ClaimRow.session == number, ClaimRow.state == "submitted", ClaimRow.annotator != row.annotator)
            )
            is_counted = (others or 0) < found.wanted
            said = replace(submission, action="replace", round=found.round, session=number, annotator=row.annotator, created_at=now)
            stored, _ = Labels(self._catalog).store(session, said)
            if row.state in ("deciding", "adjudicated"):
                row.state, found.state, is_counted = "adjudicated", "adjudicated", True
            else:
                is_counted = is_counted and not (is_disputed and row.state != "submitted")  # who comes late does not decide
                row.state = "submitted" if is_counted else "beside"
                if is_counted and (others or 0) + 1 >= found.wanted and found.state == "open":
                    found.state = "done"
            row.expires_at = now
            return stored, is_counted

    def submissions(self, name: str, of: int | None = None) -> dict[int, dict[str, Submission]]:
        """Of each session (or of one), by id, what every person whose word counts said last."""
        return self._said(name, "submitted", of)

    def decided_mark(self, name: str) -> str:
        """Changes with every decision on a disputed session."""
        query = select(func.count(), func.max(ClaimRow.expires_at)).join(RoundSessionRow, RoundSessionRow.id == ClaimRow.session)
        with self._catalog.reading() as session:
            number, newest = session.execute(query.where(RoundSessionRow.round == name, ClaimRow.state == "adjudicated")).one()
        return f"{number} {newest}"

    def adjudications(self, name: str, of: int | None = None) -> dict[int, Submission]:
        """Of each session (or of one) that was decided by somebody else than those who labelled it, by id, the decision."""
        found = self._said(name, "adjudicated", of)
        return {number: max(by.values(), key=lambda one: one.created_at or _LONG_AGO) for number, by in found.items()}

    def answered(self, but: str) -> list[tuple[RoundSession, Submission]]:
        """Sessions of all other rounds that an adjudicator decided, with the decision, in order of round and number."""
        mine = (RoundSessionRow.round != but, RoundSessionRow.state == "adjudicated", RoundSessionRow.rule != GOLD)
        query = select(RoundSessionRow).where(*mine)
        with self._catalog.reading() as session:
            there = [_session(row) for row in session.scalars(query.order_by(RoundSessionRow.round, RoundSessionRow.number))]
        decisions = {number: one for name in {one.round for one in there} for number, one in self.adjudications(name).items()}
        return [(one, decisions[one.id]) for one in there if one.id in decisions]

    def _said(self, name: str, state: ClaimState, of: int | None) -> dict[int, dict[str, Submission]]:
        counted = select(ClaimRow.session, ClaimRow.annotator).join(RoundSessionRow, RoundSessionRow.id == ClaimRow.session)
        counted = counted.where(RoundSessionRow.round == name, ClaimRow.state == state, *([] if of is None else [ClaimRow.session == of]))
        found: dict[int, dict[str, Submission]] = {}
        with self._catalog.reading() as session:
            wanted = {(number, annotator) for number, annotator in session.execute(counted)}
            query = select(SubmissionRow).where(SubmissionRow.round == name, *([] if of is None else [SubmissionRow.session == of]))
            query = query.order_by(SubmissionRow.version)
            for one in read_submissions(session, query):
                if one.session is not None and (one.session, one.annotator) in wanted:
                    found.setdefault(one.session, {})[one.annotator] = one
        return found

    def progress(self, name: str, now: datetime | None = None) -> RoundProgress:
        """How far the round is. Raises `UnknownRound`."""
        now = now or datetime.now(UTC)
        with self._catalog.reading() as session:
            _known(session, name)
            by_state = dict(
                session.execute(
                    select(RoundSessionRow.state, func.count()).where(RoundSessionRow.round == name).group_by(RoundSessionRow.state)
                ).all()
            )
            of_round = select(ClaimRow.annotator, ClaimRow.state, func.count()).join(
                RoundSessionRow, RoundSessionRow.id == ClaimRow.session
            )
            living = or_(ClaimRow.state != "held", ClaimRow.expires_at > now)
            rows = session.execute(of_round.where(RoundSessionRow.round == name, living).group_by(ClaimRow.annotator, ClaimRow.state)).all()
        by_annotator = {annotator: number for annotator, state, number in rows if state == "submitted"}
        return RoundProgress(
            sessions=sum(by_state.values()),
            done=sum(number for state, number in by_state.items() if state != "open"),
            held=sum(number for _, state, number in rows if state == "held"),
            adjudicate=by_state.get("adjudicate", 0),
            submissions=sum(by_annotator.values()),
            by_annotator=dict(sorted(by_annotator.items())),
        )

    def held(self, name: str, number: int, annotator: str) -> Claim | None:
        """The claim that somebody has on a session, whatever became of it; None where it was never given to them."""
        query = select(ClaimRow, RoundSessionRow).join(RoundSessionRow, RoundSessionRow.id == ClaimRow.session)
        mine = (
            RoundSessionRow.round == name,
            RoundSessionRow.number == number,
            ClaimRow.annotator == annotator,
            ClaimRow.state != "skipped",
        )
        with self._catalog.reading() as session:
            found = session.execute(query.where(*mine)).one_or_none()
            return None if found is None else Claim(_session(found[1]), annotator, found[0].expires_at, found[0].token)

    def take(self, name: str, number: int, annotator: str, now: datetime | None = None, *, even_if_full: bool = False) -> Claim | None:
        """A claim on one named session, say of a link that somebody sent; None where it has all that it wants (unless `even_if_full`:
        what is handed in is then kept beside), or was answered or skipped by the same person."""
        now = now or datetime.now(UTC)
        with self._writing(name) as session:
            if _known(session, name).state != "open":
                raise RoundRefused(f"round {name!r} is not open")
            row = _numbered(session, name, number)
            had = session.get(ClaimRow, (row.id, annotator))
            if had is not None and had.state != "held":
                return None
            if not even_if_full and (row.state != "open" or _taken(session, row.id, annotator, now) >= row.wanted):
                return None
            return self._hold(session, row, annotator, now)

    def set_session_states(self, states: Mapping[int, SessionState]) -> None:
        """What became of sessions, by id."""
        with self._catalog.writing() as session:
            for number, state in states.items():
                self._become(session, number, state)

    def _hold(self, session: Transaction, row: RoundSessionRow, annotator: str, now: datetime) -> Claim:
        had = session.get(ClaimRow, (row.id, annotator))
        if had is None:
            had = ClaimRow(session=row.id, annotator=annotator, token=secrets.token_hex(16), state="held", claimed_at=now)
            session.add(had)
        had.expires_at = now + HELD_FOR
        return Claim(_session(row), annotator, had.expires_at, had.token)

    def _held(self, session: Transaction, claim: Claim, states: Collection[str] = ("held",)) -> ClaimRow:
        row = session.get(ClaimRow, (claim.session.id, claim.annotator))
        if row is None or row.token != claim.token or row.state not in states:
            raise ClaimLost(f"session {claim.session.number} is not yours")
        return row

    def _become(self, session: Transaction, number: int, state: SessionState) -> None:
        session.execute(update(RoundSessionRow).where(RoundSessionRow.id == number).values(state=state))

    @contextmanager
    def _writing(self, name: str) -> Iterator[Transaction]:
        """A writing transaction in which nobody else claims, skips or submits in the round."""
        with self._catalog.writing() as session:
            self._catalog.alone(session, f"round {name}")
            yield session


def _known(session: Transaction, name: str) -> RoundRow:
    row = session.get(RoundRow, name)
    if row is None:
        raise UnknownRound(f"there is no round {name!r}")
    return row


def _numbered(session: Transaction, name: str, number: int) -> RoundSessionRow:
    row = session.scalar(select(RoundSessionRow).where(RoundSessionRow.round == name, RoundSessionRow.number == number))
    if row is None:
        raise UnknownRound(f"round {name!r} has no session {number}")
    return row


def _counts(now: datetime) -> ColumnElement[bool]:
    """Claims that fill a session's places: submitted, or held by somebody whose lease runs."""
    return or_(ClaimRow.state == "submitted", (ClaimRow.state == "held") & (ClaimRow.expires_at > now))


def _taken(session: Transaction, number: int, annotator: str, now: datetime) -> int:
    """Places of a session that others fill."""
    query = select(func.count()).select_from(ClaimRow).where(ClaimRow.session == number, ClaimRow.annotator != annotator, _counts(now))
    return session.scalar(query) or 0


def _round(row: RoundRow) -> Round:
    return Round(row.name, row.spec, cast(RoundState, row.state), row.created_at, row.model, row.population, row.opened_at, row.closed_at)


def _session(row: RoundSessionRow) -> RoundSession:
    return RoundSession(
        row.round, row.number, row.source, row.start, row.end, row.rule, row.wanted, row.score, row.cluster, row.stratum, row.probability,
        tuple(row.predictions), cast(SessionState, row.state), row.id,
    )  # fmt: skip
