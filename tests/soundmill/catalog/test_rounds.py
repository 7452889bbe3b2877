"""Rounds: who is given which session, and that no session has more than it wants, whoever dies and whatever the clocks say."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from soundmill.catalog import Annotations, Box, Catalog, Claim, Labels, Rounds, RoundSession, Submission
from soundmill.catalog.rounds import HELD_FOR, SKIP_REASONS
from soundmill.errors import ClaimLost, RoundRefused, UnknownRound

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = NOON + HELD_FOR + timedelta(seconds=1)


def drawn(number: int, wanted: int = 1) -> RoundSession:
    start = NOON + timedelta(minutes=number)
    said = ({"start": 1, "end": 2, "tag": "owl", "score": 0.5, "probability": None},)
    return RoundSession("owls", number, "garden", start, start + timedelta(minutes=1), "margin", wanted, 0.04, predictions=said)


def opened(catalog: Catalog, sessions: int = 3, wanted: int = 1) -> Rounds:
    rounds = Rounds(catalog)
    rounds.define("owls", {"tags": ["owl"]})
    rounds.put("owls", [drawn(number, wanted) for number in range(1, sessions + 1)], "house/1")
    rounds.set_state("owls", "open")
    return rounds


def said(claim: Claim, *tags: str) -> Submission:
    boxes = tuple(Box(claim.session.start, claim.session.start + timedelta(seconds=2), tag) for tag in tags)
    return Submission(claim.annotator, claim.session.source, claim.session.start, claim.session.end, boxes)


def claimed(rounds: Rounds, who: str, now: datetime = NOON) -> Claim:
    claim = rounds.claim("owls", who, now)
    assert claim is not None
    return claim


def test_a_round_is_drawn_opened_and_closed(catalog: Catalog) -> None:
    rounds = Rounds(catalog)
    with pytest.raises(UnknownRound, match="no round 'owls'"):
        rounds.get("owls")
    rounds.define("owls", {"tags": ["owl"]})
    rounds.define("owls", {"tags": ["owl", "fox"]})  # not open yet: another recipe
    with pytest.raises(RoundRefused, match="has no sessions yet"):
        rounds.set_state("owls", "open")
    with pytest.raises(RoundRefused, match="is not open"):
        rounds.claim("owls", "ann")
    rounds.put("owls", [drawn(1)], "house/1")
    rounds.put("owls", [drawn(1), drawn(2)], "house/2")
    assert rounds.set_state("owls", "open").opened_at is not None
    (one,) = rounds.all()
    assert (one.spec["tags"], one.state, one.model) == (["owl", "fox"], "open", "house/2")
    assert replace(rounds.session("owls", 2), id=0) == drawn(2)
    with pytest.raises(UnknownRound, match="no session 9"):
        rounds.session("owls", 9)
    with pytest.raises(RoundRefused, match="its recipe stays"):
        rounds.define("owls", {})
    claim = claimed(rounds, "ann")
    with pytest.raises(RoundRefused, match="being worked on"):
        rounds.put("owls", [], None)
    assert rounds.set_state("owls", "closed").closed_at is not None
    with pytest.raises(RoundRefused, match="is closed"):
        rounds.submit(claim, said(claim))


def test_one_is_given_the_same_session_until_it_is_done_and_nobody_else_meanwhile(catalog: Catalog) -> None:
    rounds = opened(catalog)
    first = claimed(rounds, "ann")
    assert claimed(rounds, "ann", NOON + timedelta(minutes=1)).session.number == first.session.number == 1
    assert claimed(rounds, "bob").session.number == 2
    _, counts = rounds.submit(first, said(first, "owl"), NOON)
    assert counts
    assert claimed(rounds, "ann").session.number == 3
    assert rounds.claim("owls", "cid", NOON) is None
    assert claimed(rounds, "cid", LATER).session.number in (2, 3)  # the leases are over
    progress = rounds.progress("owls", NOON)
    assert (progress.sessions, progress.done, progress.remaining, progress.submissions) == (3, 1, 2, 1)
    assert progress.by_annotator == {"ann": 1}


def test_labels_of_a_round_are_no_annotations_until_its_rule_makes_some(catalog: Catalog) -> None:
    rounds = opened(catalog)
    claim = claimed(rounds, "ann")
    rounds.submit(claim, said(claim, "owl"), NOON)
    assert list(Annotations(catalog).of_days(NOON.date(), NOON.date())) == []
    (by_person,) = rounds.submissions("owls").values()
    assert [box.tag for box in by_person["ann"].boxes] == ["owl"]


def test_an_empty_answer_counts_and_the_newest_of_one_person_is_theirs(catalog: Catalog) -> None:
    rounds = opened(catalog)
    claim = claimed(rounds, "ann")
    assert rounds.submit(claim, said(claim), NOON)[1]
    again, counts = rounds.submit(claim, said(claim, "owl", "fox"), NOON)
    assert (again.version, counts) == (2, True)
    assert rounds.submit(claim, said(claim, "owl", "fox"), NOON)[0].version == 2  # the same once more is no third
    (by_person,) = rounds.submissions("owls").values()
    assert {box.tag for box in by_person["ann"].boxes} == {"owl", "fox"}
    assert len(Labels(catalog).history("ann", "garden")) == 2
    assert rounds.progress("owls", NOON).submissions == 1


def test_who_comes_late_is_heard_and_does_not_count(catalog: Catalog) -> None:
    rounds = opened(catalog, sessions=1)
    slow = claimed(rounds, "ann")
    quick = claimed(rounds, "bob", LATER)
    with pytest.raises(ClaimLost, match="given to somebody else; what you drew is kept"):
        rounds.renew(slow, LATER)
    assert rounds.submit(quick, said(quick, "owl"), LATER)[1]
    stored, counts = rounds.submit(slow, said(slow, "fox"), LATER)
    assert (stored.version, counts) == (1, False)
    assert set(next(iter(rounds.submissions("owls").values()))) == {"bob"}
    # whose lease is over without anybody else's help goes on
    other = opened_again(rounds, "more")
    late = rounds.claim("more", "ann", NOON)
    assert late is not None
    assert rounds.renew(late, LATER).expires_at == LATER + HELD_FOR
    assert rounds.submit(late, said(late), LATER + 2 * HELD_FOR)[1]
    assert other.progress("more", NOON).done == 1


def opened_again(rounds: Rounds, name: str) -> Rounds:
    rounds.define(name, {"tags": ["owl"]})
    rounds.put(name, [drawn(1)], None)
    rounds.set_state(name, "open")
    return rounds


def test_skipping_needs_a_reason_and_three_skips_an_adjudicator(catalog: Catalog) -> None:
    rounds = opened(catalog, sessions=1)
    with pytest.raises(RoundRefused, match="say why: bad audio"):
        rounds.skip(claimed(rounds, "ann"), "")
    for who in ("ann", "bob", "cid"):
        rounds.skip(claimed(rounds, who), SKIP_REASONS[0])
        assert rounds.claim("owls", who, NOON) is None  # not again to the same person
    assert rounds.session("owls", 1).state == "adjudicate"
    assert rounds.claim("owls", "dee", NOON) is None
    assert (rounds.progress("owls").adjudicate, rounds.progress("owls").remaining) == (1, 0)


def test_a_session_that_somebody_names_is_theirs_unless_others_did_it(catalog: Catalog) -> None:
    rounds = opened(catalog)
    third = rounds.take("owls", 3, "ann", NOON)
    assert third is not None
    assert claimed(rounds, "ann").session.number == 3
    assert rounds.take("owls", 3, "bob", NOON) is None
    held = rounds.held("owls", 3, "ann")
    assert held is not None
    assert held.token == third.token
    assert rounds.held("owls", 3, "bob") is None
    with pytest.raises(ClaimLost, match="not yours"):
        rounds.submit(replace(third, annotator="bob"), said(third), NOON)
    with pytest.raises(ClaimLost, match="not yours"):
        rounds.submit(replace(third, token="0" * 32), said(third), NOON)
    with pytest.raises(UnknownRound):
        rounds.take("owls", 9, "ann", NOON)
    assert claimed(rounds, "bob").session.number == 1
    other = rounds.claim("owls", "ann", NOON, another=True)
    assert other is not None
    assert other.session.number == 2
    again = rounds.claim("owls", "ann", NOON, another=True)
    assert again is not None  # there is none but what is held
    assert again.session.number in (2, 3)


def test_somebody_who_did_not_label_it_decides_a_disputed_session_also_after_the_round(catalog: Catalog) -> None:
    rounds = opened(catalog, sessions=1, wanted=2)
    for who, tag in (("ann", "owl"), ("bob", "fox")):
        claim = claimed(rounds, who)
        rounds.submit(claim, said(claim, tag), NOON)
    with pytest.raises(RoundRefused, match="is not disputed"):
        rounds.adjudicate("owls", 1, "cid", NOON)
    rounds.set_session_states({rounds.session("owls", 1).id: "adjudicate"})
    rounds.set_state("owls", "closed")
    with pytest.raises(RoundRefused, match="ann has labelled session 1"):
        rounds.adjudicate("owls", 1, "ann", NOON)
    with pytest.raises(UnknownRound):
        rounds.adjudicate("owls", 7, "cid", NOON)
    mark = rounds.decided_mark("owls")
    claim = rounds.adjudicate("owls", 1, "cid", NOON)
    assert rounds.renew(claim, LATER).expires_at == LATER + HELD_FOR
    assert rounds.submit(claim, said(claim, "owl"), NOON)[1]
    (decision,) = rounds.adjudications("owls").values()
    assert (decision.annotator, [box.tag for box in decision.boxes]) == ("cid", ["owl"])
    assert rounds.session("owls", 1).state == "adjudicated"
    assert set(next(iter(rounds.submissions("owls").values()))) == {"ann", "bob"}  # whose agreement it is
    assert rounds.submit(claim, said(claim), LATER)[1]  # decided anew
    assert next(iter(rounds.adjudications("owls").values())).boxes == ()
    assert rounds.decided_mark("owls") != mark


def test_who_comes_late_to_a_disputed_session_does_not_decide_it(catalog: Catalog) -> None:
    rounds = opened(catalog, sessions=1, wanted=2)
    late = claimed(rounds, "cid", NOON - timedelta(hours=1))
    for who, tag in (("ann", "owl"), ("bob", "fox")):
        claim = claimed(rounds, who)
        rounds.submit(claim, said(claim, tag), NOON)
    rounds.set_session_states({rounds.session("owls", 1).id: "adjudicate"})
    assert not rounds.submit(late, said(late, "dog"), NOON)[1]
    assert rounds.adjudications("owls") == {}
    assert rounds.submit(claim, said(claim, "fox", "dog"), NOON)[1]  # one of the two corrects herself, and is heard
    assert set(next(iter(rounds.submissions("owls").values()))) == {"ann", "bob"}
    assert rounds.session("owls", 1).state == "adjudicate"


def test_another_recipe_is_a_round_that_is_not_drawn(catalog: Catalog) -> None:
    rounds = Rounds(catalog)
    rounds.define("owls", {"tags": ["owl"]})
    before = rounds.get("owls").created_at
    rounds.put("owls", [drawn(1)], "house/1", {"stretches": 1})
    rounds.define("owls", {"tags": ["fox"]})
    now = rounds.get("owls")
    assert (now.model, now.population, rounds.sessions("owls")) == (None, None, [])
    assert now.created_at > before


def test_fifty_people_with_kills_and_jumping_clocks_do_each_session_as_often_as_it_wants(catalog: Catalog) -> None:
    sessions, wanted, people = 60, 3, 50
    rounds = opened(catalog, sessions, wanted)

    def work(who: int) -> int:
        rng, counted = random.Random(who), 0
        offset = timedelta(minutes=rng.choice([0, 0, 20, -20, 600]))  # this one's clock
        for _ in range(200):
            now = NOON + offset + timedelta(seconds=rng.random() * 60)
            claim = rounds.claim("owls", f"p{who}", now)
            if claim is None:
                if rounds.progress("owls").remaining == 0:
                    break
                offset += timedelta(minutes=16)  # what others held is over by now
                continue
            fate = rng.random()
            if fate < 0.15:
                continue  # killed: it never answers, or takes it up again
            if fate < 0.2 and rng.random() < 0.3:
                rounds.skip(claim, SKIP_REASONS[1])
                continue
            if fate < 0.3:
                now += 2 * HELD_FOR
            counted += rounds.submit(claim, said(claim, *["owl"] * (who % 2)), now)[1]
        return counted

    with ThreadPoolExecutor(people) as pool:
        counted = sum(pool.map(work, range(people)))
    by_session = rounds.submissions("owls")
    states = {one.id: one.state for one in rounds.sessions("owls")}
    assert set(states.values()) <= {"done", "adjudicate"}
    assert all(len(by_session[number]) == wanted for number, state in states.items() if state == "done")
    assert all(len(people) <= wanted for people in by_session.values())
    assert sum(map(len, by_session.values())) == counted == rounds.progress("owls").submissions
