"""Sessions whose answer is known: of the same tags, sources and length, and with sound that nobody withdrew."""

from dataclasses import replace
from datetime import timedelta

from soundmill.catalog import Catalog, Ledger, Rounds, RoundSession, Submission
from soundmill.labelling.spec import RoundSpec
from soundmill.workflows.rounds.gold import known_answers
from tests.soundmill.catalog.test_rounds import NOON
from tests.soundmill.workflows.rounds.test_outcome import at

MINUTE = timedelta(minutes=1)
SPEC = RoundSpec(tags=("owl",), days=(NOON.date(),))


def decide(catalog: Catalog, name: str, tags: tuple[str, ...], *seconds: float) -> None:
    """A round of two sessions, both decided, with an owl at each of these seconds."""
    rounds = Rounds(catalog)
    rounds.define(name, replace_tags(tags).model_dump(mode="json"))
    rounds.put(name, [RoundSession(name, n, "garden", NOON + n * MINUTE, NOON + (n + 1) * MINUTE, "random") for n in (1, 2)], None)
    rounds.set_state(name, "open")
    rounds.set_session_states({one.id: "adjudicate" for one in rounds.sessions(name)})
    for number in (1, 2):
        claim = rounds.adjudicate(name, number, "cid", NOON)
        boxes = tuple(at(claim, second, tag) for second in seconds for tag in tags)
        rounds.submit(claim, Submission("cid", "garden", claim.session.start, claim.session.end, boxes), NOON)


def replace_tags(tags: tuple[str, ...]) -> RoundSpec:
    return SPEC.model_copy(update={"tags": tags})


def test_answers_are_of_rounds_that_looked_for_all_the_tags_and_have_no_others(sqlite_catalog: Catalog) -> None:
    decide(sqlite_catalog, "both", ("owl", "fox"), 3.0)
    decide(sqlite_catalog, "z of cats", ("cat",), 9.0)  # which never looked for owls
    known = known_answers(sqlite_catalog, "next", SPEC)
    assert [[box.tag for box in boxes] for boxes in known.values()] == [["owl"], ["owl"]]
    assert known_answers(sqlite_catalog, "next", replace_tags(("owl", "cat"))) == {}
    assert known_answers(sqlite_catalog, "both", SPEC) == {}  # not its own
    assert known_answers(sqlite_catalog, "next", SPEC.model_copy(update={"sources": ("yard",)})) == {}
    assert known_answers(sqlite_catalog, "next", SPEC.model_copy(update={"session_seconds": 30.0})) == {}


def test_sessions_with_withdrawn_sound_are_none(sqlite_catalog: Catalog) -> None:
    decide(sqlite_catalog, "both", ("owl", "fox"), 3.0)
    Ledger(sqlite_catalog).withdraw("garden", [(NOON + 70 * MINUTE / 60, NOON + 75 * MINUTE / 60)], (), "captured_segments")
    assert [place[1] for place in known_answers(sqlite_catalog, "next", SPEC)] == [NOON + 2 * MINUTE]


def test_a_known_session_of_another_round_is_no_answer(sqlite_catalog: Catalog) -> None:
    decide(sqlite_catalog, "both", ("owl",), 3.0)
    rounds = Rounds(sqlite_catalog)
    rounds.define("other", SPEC.model_dump(mode="json"))
    gold = RoundSession("other", 1, "yard", NOON, NOON + MINUTE, "gold")
    rounds.put("other", [gold, replace(gold, number=2, source="lane", rule="random")], None)
    rounds.set_session_states({one.id: "adjudicate" for one in rounds.sessions("other")})
    for number in (1, 2):
        claim = rounds.adjudicate("other", number, "cid", NOON)
        rounds.submit(claim, Submission("cid", claim.session.source, NOON, NOON + MINUTE, ()), NOON)
    assert {source for source, *_ in known_answers(sqlite_catalog, "next", SPEC)} == {"garden", "lane"}
