"""What a round's submissions come to: consensus, disputes, and how right the model was."""

from dataclasses import replace
from datetime import timedelta

import pytest

from soundmill.catalog import Annotations, Box, Catalog, Claim, Rounds, RoundSession
from soundmill.labelling.spec import RoundSpec
from soundmill.times import to_ms
from soundmill.workflows.rounds import outcome_of, settle_round
from tests.soundmill.catalog.test_rounds import NOON
from tests.soundmill.workflows.rounds.people import Says, answer

DAY = NOON.date()
SPEC = RoundSpec(tags=("owl", "fox"), days=(DAY,))


def prediction(session: RoundSession, second: float, tag: str, score: float) -> dict[str, object]:
    begin = to_ms(session.start) + 1000 * second
    return {"start": begin, "end": begin + 2000, "tag": tag, "score": score, "probability": None}


def opened(catalog: Catalog, *sessions: RoundSession) -> Rounds:
    rounds = Rounds(catalog)
    rounds.define("owls", SPEC.model_dump(mode="json"))
    rounds.put("owls", sessions, "house/1")
    rounds.set_state("owls", "open")
    return rounds


def session(number: int, wanted: int = 1, **values: object) -> RoundSession:
    start = NOON + timedelta(minutes=number)
    return RoundSession("owls", number, "garden", start, start + timedelta(minutes=1), "margin", wanted, **values)  # type: ignore[arg-type]


def at(claim: Claim, second: float, tag: str = "owl", **values: object) -> Box:
    start = claim.session.start + timedelta(seconds=second)
    return Box(start, start + timedelta(seconds=2), tag, **values)  # type: ignore[arg-type]


def test_one_persons_answer_is_the_consensus_of_a_session_that_wants_one(sqlite_catalog: Catalog) -> None:
    rounds = opened(sqlite_catalog, session(1), session(2))
    assert answer(sqlite_catalog, "owls", {"ann": lambda claim: [at(claim, 3)] if claim.session.number == 1 else []}) == 2
    outcome = settle_round(sqlite_catalog, "owls")
    assert (outcome.sessions, outcome.submissions, outcome.disputed) == (2, 2, ())
    (one,) = Annotations(sqlite_catalog).of_days(DAY, DAY)
    assert (one.author, one.tag, one.start) == ("round:owls", "owl", NOON + timedelta(minutes=1, seconds=3))
    before = Annotations(sqlite_catalog).revisions()
    settle_round(sqlite_catalog, "owls")
    assert Annotations(sqlite_catalog).revisions() == before  # nothing new: nothing changes
    assert rounds.progress("owls").done == 2


def test_what_two_agree_on_lies_between_their_edges_and_names_both(sqlite_catalog: Catalog) -> None:
    opened(sqlite_catalog, session(1, wanted=2))
    answer(sqlite_catalog, "owls", {"ann": lambda claim: [at(claim, 3.0)], "bob": lambda claim: [at(claim, 3.2)]})
    outcome = settle_round(sqlite_catalog, "owls")
    ((box,),) = outcome.consensus.values()
    assert box.start == NOON + timedelta(minutes=1, seconds=3.1)
    assert box.note == "from ann (1), bob (1)"
    owl = outcome.agreement[0]
    assert (owl.tag, owl.sessions, owl.f1.value) == ("owl", 1, 1.0)
    assert owl.onset_ms == (pytest.approx(200, abs=1), pytest.approx(200, abs=1))


def test_what_they_dispute_goes_to_an_adjudicator_and_becomes_nothing(sqlite_catalog: Catalog) -> None:
    rounds = opened(sqlite_catalog, session(1, wanted=2), session(2, wanted=2))
    says = {
        "ann": lambda claim: [at(claim, 3)],
        "bob": lambda claim: [at(claim, 3), at(claim, 9, "fox")] if claim.session.number == 1 else [at(claim, 30)],
    }
    answer(sqlite_catalog, "owls", says)
    outcome = settle_round(sqlite_catalog, "owls")
    assert len(outcome.disputed) == 2  # a tag that one alone saw; and two owls that are not the same
    assert outcome.consensus == {}
    assert {one.state for one in rounds.sessions("owls")} == {"adjudicate"}
    assert list(Annotations(sqlite_catalog).of_days(DAY, DAY)) == []


def test_what_was_decided_becomes_annotations_and_names_all_parents(sqlite_catalog: Catalog) -> None:
    rounds = opened(sqlite_catalog, session(1, wanted=2))
    answer(sqlite_catalog, "owls", {"ann": lambda claim: [at(claim, 3)], "bob": lambda claim: [at(claim, 30)]})
    assert len(settle_round(sqlite_catalog, "owls").disputed) == 1
    claim = rounds.adjudicate("owls", 1, "cid", NOON)
    rounds.submit(claim, replace(_said(claim), boxes=(at(claim, 30),)), NOON)
    outcome = settle_round(sqlite_catalog, "owls")
    assert outcome.disputed == ()
    ((box,),) = outcome.consensus.values()
    assert box.note == "decided by cid (1), from ann (1), bob (1)"
    (one,) = Annotations(sqlite_catalog).of_days(DAY, DAY)
    assert (one.author, one.start) == ("round:owls", NOON + timedelta(minutes=1, seconds=30))


def test_a_sessions_consensus_waits_until_everybody_it_wants_has_spoken_only_where_they_differ(sqlite_catalog: Catalog) -> None:
    rounds = opened(sqlite_catalog, session(1, wanted=3))
    for who, second in (("ann", 3), ("bob", 30)):
        claim = rounds.claim("owls", who, NOON)
        assert claim is not None
        rounds.submit(claim, replace(_said(claim), boxes=(at(claim, second),)), NOON)
    assert outcome_of(sqlite_catalog, "owls").disputed == ()  # a third may yet decide


def _said(claim: Claim):  # type: ignore[no-untyped-def]
    from soundmill.catalog import Submission

    return Submission(claim.annotator, claim.session.source, claim.session.start, claim.session.end, ())


def test_of_three_the_majority_says_what_is_there(sqlite_catalog: Catalog) -> None:
    opened(sqlite_catalog, session(1, wanted=3))
    both = lambda claim: [at(claim, 3), at(claim, 9), at(claim, 15)]  # noqa: E731
    answer(sqlite_catalog, "owls", {"ann": both, "bob": both, "cid": lambda claim: [at(claim, 3), at(claim, 9)]})
    ((*boxes,),) = settle_round(sqlite_catalog, "owls").consensus.values()
    assert [round((box.start - NOON).total_seconds()) for box in boxes] == [63, 69, 75]
    assert boxes[2].note == "from ann (1), bob (1)"


def test_a_model_is_as_right_as_people_left_its_predictions(sqlite_catalog: Catalog) -> None:
    first, second = session(1), session(2)
    said = (prediction(first, 3, "owl", 0.9), prediction(first, 9, "owl", 0.3), prediction(first, 20, "fox", 0.5))
    opened(sqlite_catalog, replace(first, predictions=said), second)

    def ann(claim: Claim) -> list[Box]:
        if claim.session.number == 2:
            return [at(claim, 40)]  # the model had nothing
        kept = at(claim, 3, origin="prediction", state="kept", score=0.9)
        rejected = at(claim, 20, "fox", origin="prediction", state="rejected", score=0.5)
        return [kept, rejected]  # and one is left out

    answer(sqlite_catalog, "owls", {"ann": ann})
    owl, fox = outcome_of(sqlite_catalog, "owls").model
    assert (owl.kept, owl.moved, owl.rejected, owl.added, owl.precision, owl.recall) == (1, 0, 1, 1, 0.5, 0.5)
    assert (fox.rejected, fox.precision, fox.recall) == (1, 0.0, None)


def test_a_prediction_that_was_really_something_else_is_wrong_and_its_sound_was_missed(sqlite_catalog: Catalog) -> None:
    first = session(1)
    opened(sqlite_catalog, replace(first, predictions=(prediction(first, 3, "owl", 0.9),)))
    answer(sqlite_catalog, "owls", {"ann": lambda claim: [at(claim, 3, "fox", origin="prediction", state="moved", score=0.9)]})
    owl, fox = outcome_of(sqlite_catalog, "owls").model
    assert (owl.kept, owl.moved, owl.rejected, owl.precision) == (0, 0, 1, 0.0)
    assert (fox.added, fox.recall) == (1, 0.0)


def test_what_everybody_rejected_stays_an_explicit_negative_and_edges_between_two_are_moved(sqlite_catalog: Catalog) -> None:
    first = session(1, wanted=2)
    said = (prediction(first, 3, "owl", 0.9), prediction(first, 30, "fox", 0.2))
    opened(sqlite_catalog, replace(first, predictions=said))

    def hears(shift: float) -> Says:
        def boxes(claim: Claim) -> list[Box]:
            state = "moved" if shift else "kept"
            kept = at(claim, 3 + shift, origin="prediction", state=state, score=0.9)
            return [kept, at(claim, 30, "fox", origin="prediction", state="rejected", score=0.2)]

        return boxes

    answer(sqlite_catalog, "owls", {"ann": hears(0.0), "bob": hears(0.1)})
    ((owl, fox),) = settle_round(sqlite_catalog, "owls").consensus.values()
    assert (owl.tag, owl.state, fox.tag, fox.state) == ("owl", "moved", "fox", "rejected")
    assert [one.tag for one in Annotations(sqlite_catalog).of_days(DAY, DAY)] == ["owl"]


def test_what_is_disputed_later_is_no_annotation_any_more(sqlite_catalog: Catalog) -> None:
    rounds = opened(sqlite_catalog, session(1, wanted=2))
    claim = rounds.claim("owls", "ann", NOON)
    assert claim is not None
    rounds.submit(claim, replace(_said(claim), boxes=(at(claim, 3),)), NOON)
    settle_round(sqlite_catalog, "owls")
    assert len(Annotations(sqlite_catalog).of_days(DAY, DAY)) == 1
    answer(sqlite_catalog, "owls", {"bob": lambda claim: [at(claim, 30)]})
    settle_round(sqlite_catalog, "owls")
    assert Annotations(sqlite_catalog).of_days(DAY, DAY) == []


def test_the_audit_counts_what_was_found_where_nothing_was_predicted(sqlite_catalog: Catalog) -> None:
    """Of 240 stretches the owl was heard in 40, and something else in 10 more; 20 of these and 20 of the other 190 are listened to."""
    heard = [replace(session(number), rule="audit", probability=0.4) for number in range(1, 21)]
    heard = [replace(one, predictions=(prediction(one, 3, "fox" if one.number < 5 else "owl", 1.0),)) for one in heard]
    quiet = [replace(session(number), rule="audit", stratum=number % 2, probability=20 / 190) for number in range(21, 41)]
    rounds = Rounds(sqlite_catalog)
    opened(sqlite_catalog, *heard, *quiet)
    rounds.set_state("owls", "new")
    rounds.put(
        "owls", [*heard, *quiet], "house/1", {"stretches": 240, "heard": {"owl": 40, "fox": 10}, "heard_any": 50, "strata": [95, 95]}
    )
    rounds.set_state("owls", "open")
    assert outcome_of(sqlite_catalog, "owls").audit == {}  # nobody has listened yet
    answer(sqlite_catalog, "owls", {"ann": lambda claim: [at(claim, 3)] if 5 <= claim.session.number <= 22 else []})
    told = outcome_of(sqlite_catalog, "owls").audit["owl"]
    assert told.precision.value > 0.9
    assert told.missed.low < 19 < told.missed.high  # two of twenty, of 190
    assert told.recall.low < 40 / (40 + 19) < told.recall.high
    assert outcome_of(sqlite_catalog, "owls").audit["fox"].precision.value < 0.3  # nobody heard one


def test_where_three_label_enough_who_errs_is_known_and_overruled(sqlite_catalog: Catalog) -> None:
    """Cid misses every second owl, in thirty sessions of which every third has one."""
    opened(sqlite_catalog, *(session(number, wanted=3) for number in range(1, 31)))

    def careful(claim: Claim) -> list[Box]:
        return [at(claim, 3)] if claim.session.number % 3 == 0 else []

    def careless(claim: Claim) -> list[Box]:
        return [at(claim, 3)] if claim.session.number % 6 == 0 else []

    answer(sqlite_catalog, "owls", {"ann": careful, "bob": careful, "cid": careless})
    told = outcome_of(sqlite_catalog, "owls")
    assert told.disputed == ()
    assert sum(bool(boxes) for boxes in told.consensus.values()) == 10
    finds = {rater.name: rater.finds for rater in told.raters["owl"]}
    assert finds["ann"].value > 0.95
    assert finds["cid"].low < 0.5 < finds["cid"].high
    assert told.raters["fox"][0].sessions == 30


def test_sessions_of_known_answer_show_who_is_right_and_count_for_nothing_else(sqlite_catalog: Catalog) -> None:
    rounds = opened(sqlite_catalog, session(1, wanted=2))
    answer(sqlite_catalog, "owls", {"ann": lambda claim: [at(claim, 3)], "bob": lambda claim: [at(claim, 30)]})
    settle_round(sqlite_catalog, "owls")
    decided = rounds.adjudicate("owls", 1, "cid", NOON)
    rounds.submit(decided, replace(_said(decided), boxes=(at(decided, 30),)), NOON)
    rounds.define("next", SPEC.model_dump(mode="json"))
    rounds.put("next", [replace(session(1, wanted=2), round="next", rule="gold"), replace(session(2), round="next")], None)
    rounds.set_state("next", "open")
    says = {"dot": lambda claim: [at(claim, 30), at(claim, 3, "fox")], "eve": lambda claim: [at(claim, 30)]}
    answer(sqlite_catalog, "next", says)
    told = settle_round(sqlite_catalog, "next")
    assert [(one.name, one.sessions, one.f1, one.right) for one in told.gold] == [
        ("dot", 1, pytest.approx(2 / 3), 0.5),
        ("eve", 1, 1.0, 1.0),
    ]
    assert told.sessions == 1
    assert [one.sessions for one in told.agreement] == [0, 0]
    assert set(told.consensus) == {rounds.session("next", 2).id}
    assert {one.state for one in rounds.sessions("next")} == {"done"}
    rounds.define("third", SPEC.model_dump(mode="json"))  # three who skip a known one make no dispute of it
    rounds.put("third", [replace(session(1, wanted=3), round="third", rule="gold"), replace(session(2), round="third")], None)
    rounds.set_state("third", "open")
    for name in ("fay", "gil", "hal"):
        claim = rounds.take("third", 1, name)
        assert claim
        rounds.skip(claim, "unsure")
    assert rounds.session("third", 1).state == "done"
    assert settle_round(sqlite_catalog, "third").disputed == ()
