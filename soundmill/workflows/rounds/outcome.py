"""What came back of a round: how far people agree, how right the model was, what it missed, and the consensus that becomes annotations."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from soundmill.catalog import Box, Catalog, Labels, ReviewedSpan, Rounds, RoundSession, Submission
from soundmill.catalog.rounds import GOLD, SessionState
from soundmill.formats.podcast import Archived
from soundmill.labelling.agreement import Interval, TagAgreement, agreement, match_events
from soundmill.labelling.audit import Audited, Stratum, audited
from soundmill.labelling.consensus import agreed_on, decided_by, events_of
from soundmill.labelling.raters import Rater, Weighed, weigh
from soundmill.labelling.spec import AUTHOR, RoundSpec
from soundmill.osr.metrics import ratio
from soundmill.times import from_ms
from soundmill.workflows.rounds.gold import known_answers


@dataclass(frozen=True)
class ModelScore:
    """How right a model's predictions of a tag were, as people corrected them.

    kept, moved, rejected   predictions, by what people made of them; added: sounds that it did not predict
    precision, recall       of its predictions in the sessions that were labelled; None where there is nothing to count
    """

    tag: str
    kept: int
    moved: int
    rejected: int
    added: int

    @property
    def precision(self) -> float | None:
        """Share of the predictions that people kept or moved."""
        return ratio(self.kept + self.moved, self.kept + self.moved + self.rejected)

    @property
    def recall(self) -> float | None:
        """Share of the sounds that were predicted. In sessions that were chosen: see the audit for all of the sound."""
        return ratio(self.kept + self.moved, self.kept + self.moved + self.added)


@dataclass(frozen=True)
class GoldScore:
    """How right one person is in `sessions` whose answer is known: event F1 (None where there is nothing to find, and nothing was found),
    and the share of sessions and tags in which they said rightly whether it is there."""

    name: str
    sessions: int
    f1: float | None
    right: float


@dataclass(frozen=True)
class Outcome:
    """What came back of a round so far.

    sessions   that somebody labelled
    raters     how each person errs, by tag, where three or more labelled enough of the same sessions
    gold       how right each person is where the answer is known
    audit      by tag, none where no session was drawn for it
    consensus  for each session that is settled, its boxes; disputed: ids of those that an adjudicator ought to look at
    """

    sessions: int
    submissions: int
    agreement: list[TagAgreement]
    raters: dict[str, tuple[Rater, ...]]
    gold: list[GoldScore]
    model: list[ModelScore]
    audit: dict[str, Audited]
    consensus: dict[int, tuple[Box, ...]]
    disputed: tuple[int, ...]


@dataclass(frozen=True)
class SettledSession:
    """A session of which it is decided what is in it, by how many people."""

    source: str
    start: datetime
    end: datetime
    boxes: tuple[Box, ...]
    people: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Settled:
    """A round as a data set takes it: its settled sessions in order, and how they came to be, in plain values that name nobody."""

    name: str
    state: str
    tags: tuple[str, ...]
    sessions: tuple[SettledSession, ...]
    facts: dict[str, Any]


def outcome_of(catalog: Catalog, name: str) -> Outcome:
    """Works a round's outcome out from its submissions as they are now. Raises `UnknownRound`."""
    return _worked_out(_Answers(catalog, name))


def settle_round(catalog: Catalog, name: str) -> Outcome:
    """Makes annotations of what people agree on, in the round's own name, and hands what they dispute to an adjudicator.

    Done again after more came in, what changed is replaced, and the rest stays as it is. Raises `UnknownRound`.
    """
    answers, labels, author = _Answers(catalog, name), Labels(catalog), f"{AUTHOR}{name}"
    outcome = _worked_out(answers)
    for number, boxes in outcome.consensus.items():
        one = answers.sessions[number]
        looked = (ReviewedSpan(one.start, one.end, tuple(answers.spec.tags)),)
        labels.submit(Submission(author, one.source, one.start, one.end, boxes, "replace", looked, note=f"session {one.number}"))
    for one in (answers.sessions[number] for number in outcome.disputed):
        if labels.standing(author, one.source, one.start, one.end).boxes:  # it was settled before, and is no more
            labels.submit(Submission(author, one.source, one.start, one.end, (), note=f"session {one.number} is disputed"))
    states: dict[int, SessionState] = dict.fromkeys(outcome.disputed, "adjudicate")
    Rounds(catalog).set_session_states(states)
    return outcome


def archive_of(catalog: Catalog, name: str) -> list[Archived]:
    """A round's consensus in order of its sessions; of those in which nothing is, a line that says so. Raises `UnknownRound`."""
    answers, lines = _Answers(catalog, name), list[Archived]()
    for number, boxes in sorted(_worked_out(answers).consensus.items(), key=lambda item: answers.sessions[item[0]].number):
        one = answers.sessions[number]
        empty = Archived(name, one.source, one.start, one.end)
        there = [box for box in boxes if box.state != "rejected"]
        lines += [
            replace(empty, start_s=(box.start - one.start).total_seconds(), duration_s=(box.end - box.start).total_seconds(), tag=box.tag)
            for box in there
        ] or [empty]
    return lines


def settled(catalog: Catalog, name: str) -> Settled:
    """A round's settled sessions, with what its card says of how they were drawn and how far people agreed. Raises `UnknownRound`."""
    answers = _Answers(catalog, name)
    outcome = _worked_out(answers)
    there = sorted((answers.sessions[number] for number in outcome.consensus), key=lambda one: one.number)
    sessions = (
        SettledSession(one.source, one.start, one.end, outcome.consensus[one.id], max(1, len(answers.submissions.get(one.id, ()))))
        for one in there
    )
    every = [*(said for by in answers.submissions.values() for said in by.values()), *answers.decided.values()]
    newest = max((said.created_at for said in every if said.created_at), default=None)
    facts = {
        "spec": answers.spec.model_dump(mode="json"),
        "model": answers.about.model,
        "drawn": dict(sorted(Counter(one.rule for one in answers.sessions.values()).items())),
        "settled": len(there),
        "decided": sum(one.id in answers.decided for one in there),
        "by_fewer": sum(one.id not in answers.decided and len(answers.submissions[one.id]) < one.wanted for one in there),
        "disputed": len(outcome.disputed),
        "submissions": outcome.submissions,
        "labelled_until": newest.isoformat(timespec="seconds") if newest else None,
        "agreement": {
            one.tag: {"sessions": one.sessions, "alpha": _rounded(one.alpha), "f1": _rounded(one.f1), "kappa": _rounded(one.kappa)}
            for one in outcome.agreement
        },
    }
    return Settled(name, answers.about.state, answers.spec.tags, tuple(sessions), facts)


def _rounded(one: Interval) -> dict[str, float | None]:
    """To what every machine has the same digits of."""
    return {name: None if value is None else round(value, 6) for name, value in vars(one).items()}


class _Answers:
    """What a round asked, and all that came back of it; sessions, submissions and decisions by the session's id. Apart from them the
    submissions of `gold` sessions, each with the boxes that are known to be there."""

    def __init__(self, catalog: Catalog, name: str) -> None:
        rounds = Rounds(catalog)
        self.about = rounds.get(name)
        self.spec = RoundSpec.of(self.about)
        every, said = rounds.sessions(name), rounds.submissions(name)
        self.sessions = {one.id: one for one in every if one.rule != GOLD}
        self.submissions = {number: by for number, by in said.items() if number in self.sessions}
        self.decided = {number: one for number, one in rounds.adjudications(name).items() if number in self.sessions}
        gold = [one for one in every if one.rule == GOLD]
        known = known_answers(catalog, name, self.spec) if gold else {}
        places = {one.id: (one.source, one.start, one.end) for one in gold}
        self.gold = [(said.get(number, {}), known[place]) for number, place in places.items() if place in known]


def _worked_out(answers: _Answers) -> Outcome:
    sessions, submissions, decided = answers.sessions, answers.submissions, answers.decided
    weighed = _weighed(answers)
    consensus = {number: decided_by(one, submissions.get(number, {})) for number, one in decided.items()}
    disputed = [one.id for one in sessions.values() if one.state == "adjudicate" and one.id not in submissions]
    for number, by_person in submissions.items():
        if number in decided:
            continue
        weighed_here = {tag: of.has_it[number] for tag, of in weighed.items() if number in of.has_it and len(by_person) > 2}
        agreed = agreed_on(by_person, answers.spec.tags, answers.spec.agreed_f1, weighed_here)
        if agreed is not None:
            consensus[number] = agreed
        elif len(by_person) >= sessions[number].wanted:
            disputed.append(number)
    events = [{who: events_of(said.boxes) for who, said in by_person.items()} for by_person in submissions.values()]
    return Outcome(
        sessions=len(submissions),
        submissions=sum(map(len, submissions.values())),
        agreement=agreement(events, answers.spec.tags),
        raters={tag: of.raters for tag, of in weighed.items()},
        gold=_gold_scores(answers),
        model=_model_scores(answers),
        audit=_audits(answers),
        consensus=consensus,
        disputed=tuple(disputed),
    )


def _weighed(answers: _Answers) -> dict[str, Weighed]:
    """Votes on each tag, weighed by how each person errs; of those tags for which that can be told."""
    found = {}
    for tag in answers.spec.tags:
        votes = {number: {who: _has(said, tag) for who, said in by.items()} for number, by in answers.submissions.items()}
        if (of := weigh(votes, tag)) is not None:
            found[tag] = of
    return found


def _gold_scores(answers: _Answers) -> list[GoldScore]:
    counts: dict[str, list[int]] = {}  # matched, marked by either, sessions, right of them
    tags = answers.spec.tags
    for by, answer in answers.gold:
        truth = events_of(answer)
        for who, said in by.items():
            mine, of = events_of(said.boxes), counts.setdefault(who, [0, 0, 0, 0])
            for tag in tags:
                there, heard = ([event for event in events if event.tag == tag] for events in (truth, mine))
                of[0] += len(match_events(there, heard))
                of[3] += bool(there) == bool(heard)
            of[1] += len(truth) + len(mine)
            of[2] += 1
    return [
        GoldScore(who, sessions, 2 * matched / marked if marked else None, right / (sessions * len(tags)))
        for who, (matched, marked, sessions, right) in sorted(counts.items())
    ]


def _has(said: Submission, tag: str) -> bool:
    return any(box.tag == tag and box.state != "rejected" for box in said.boxes)


def _model_scores(answers: _Answers) -> list[ModelScore]:
    """By tag, from the first person's answers to each session; nothing where the round shows no predictions."""
    if not any(session.predictions for session in answers.sessions.values()):
        return []
    counts = {tag: dict.fromkeys(("kept", "moved", "rejected", "added"), 0) for tag in answers.spec.tags}
    for number, by_person in answers.submissions.items():
        boxes = list(by_person[min(by_person)].boxes)
        for one in answers.sessions[number].predictions:
            answer = next((box for box in boxes if box.origin == "prediction" and _is_of(box, one)), None)
            if answer is not None:
                boxes.remove(answer)
            tag = str(one["tag"])
            if tag not in counts:
                continue
            if answer is None or (answer.tag != tag and answer.state != "rejected"):  # left out, or really something else
                counts[tag]["rejected"] += 1
            else:
                counts[tag][answer.state] += 1
            if answer is not None and answer.tag != tag and answer.state != "rejected" and answer.tag in counts:
                counts[answer.tag]["added"] += 1
        for box in boxes:
            if box.tag in counts and box.state != "rejected":
                counts[box.tag]["added"] += 1
    return [ModelScore(tag, **of) for tag, of in counts.items()]


def _is_of(box: Box, prediction: Mapping[str, object]) -> bool:
    """Whether a box is somebody's answer to a prediction: it has its score, or else its tag, and shares sound with it."""
    start, end = from_ms(float(str(prediction["start"]))), from_ms(float(str(prediction["end"])))
    return (box.score == prediction["score"] or box.tag == prediction["tag"]) and box.start < end and box.end > start


def _audits(answers: _Answers) -> dict[str, Audited]:
    """What the model missed of each tag, in stretches of a session's length, from the sessions that were drawn by chance to find out."""
    population, submissions = answers.about.population, answers.submissions
    drawn = [session for session in answers.sessions.values() if session.rule == "audit"]
    if population is None or not any(session.id in submissions for session in drawn):
        return {}
    heard = [session for session in drawn if session.stratum is None]
    found = {}
    for tag in answers.spec.tags:
        has = {number: _has(by[min(by)], tag) for number, by in submissions.items()}
        strata = [
            _stratum(size, [session for session in drawn if session.stratum == number], has)
            for number, size in enumerate(population["strata"])
        ]
        detected = [session for session in heard if any(one["tag"] == tag for one in session.predictions)]
        looked = [has[session.id] for session in detected if session.id in has]
        others = [session for session in heard if session not in detected]
        number = int(population["heard"][tag])
        apart = _stratum(int(population["heard_any"]) - number, others, has)
        found[tag] = audited(strata, number, (sum(looked), len(looked) - sum(looked)), apart)
    return found


def _stratum(size: int, drawn: Sequence[RoundSession], has: Mapping[int, bool]) -> Stratum:
    seen = [has[session.id] for session in drawn if session.id in has]
    return Stratum(max(size, len(seen)), len(seen), sum(seen))
