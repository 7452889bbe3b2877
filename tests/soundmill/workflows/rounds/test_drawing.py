"""Sessions drawn on the built home: three days, a model of two of them."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from soundmill.catalog import Annotations, Box, Rounds, Submission
from soundmill.errors import RoundRefused, UnknownModel
from soundmill.osr.detections import DETECTIONS
from soundmill.studio.api.rounds import why_drawn
from soundmill.times import midnight, to_ms
from soundmill.workflows.rounds import draw_round
from tests.home import DAYS, Home
from tests.soundmill.workflows.rounds.people import answer

UTC = ZoneInfo("UTC")
TAGS = ["doorbell", "kettle", "knocking"]


def define(home: Home, name: str = "owls", **spec: object) -> Rounds:
    rounds = Rounds(home.catalog)
    rounds.define(name, {"tags": TAGS, "days": [day.isoformat() for day in DAYS], "session_seconds": 6, **spec})
    return rounds


def test_sessions_lie_in_sound_show_predictions_and_say_why(built_home: Home) -> None:
    rounds = define(built_home, sessions=12, annotators=3, overlap=1.0)
    drawn = draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    assert drawn.model == rounds.get("owls").model == "house/1"
    sessions = rounds.sessions("owls")
    assert [one.number for one in sessions] == list(range(1, drawn.sessions + 1))
    assert drawn.sessions == 12
    assert sum(drawn.by_rule.values()) == 12
    assert {one.wanted for one in sessions} == {3}
    for one in sessions:
        assert one.end - one.start == timedelta(seconds=6)
        assert (to_ms(one.start) - to_ms(midnight(one.start.date()))) % 6000 == 0
        assert all(to_ms(one.start) <= said["start"] < said["end"] <= to_ms(one.end) for said in one.predictions)
        assert all(said["tag"] in TAGS for said in one.predictions)
    assert any(one.predictions for one in sessions)
    draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    assert [(one.source, one.start, one.rule, one.score) for one in rounds.sessions("owls")] == [
        (one.source, one.start, one.rule, one.score) for one in sessions
    ]


def test_a_warm_model_is_asked_where_it_doubts_and_a_cold_one_for_what_is_typical(built_home: Home) -> None:
    define(built_home, sessions=10, audit=0)
    assert draw_round(built_home.lake, built_home.catalog, "owls", UTC).by_rule == {"margin": 10}
    rounds = define(built_home, "foxes", tags=["fox"], sessions=10, audit=0)
    assert draw_round(built_home.lake, built_home.catalog, "foxes", UTC).by_rule == {"typical": 10}
    assert all(one.cluster is not None for one in rounds.sessions("foxes"))


def test_candidates_are_windows_with_a_prediction_and_chance_has_a_probability(built_home: Home) -> None:
    rounds = define(built_home, sessions=5, audit=0, rule="candidates", threshold=-0.5)
    draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    found = rounds.sessions("owls")
    assert {one.rule for one in found} == {"candidates"}
    assert all(one.predictions and one.score == max(said["score"] for said in one.predictions) for one in found)
    many = sum(bool(one.predictions) for one in found)
    define(built_home, sessions=40, audit=0, rule="candidates", threshold=-20)  # a high recall
    draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    faint = [said for one in rounds.sessions("owls") for said in one.predictions if said["score"] < 0]
    assert faint
    assert sum(bool(one.predictions) for one in rounds.sessions("owls")) > many
    define(built_home, sessions=5, audit=0, rule="random")
    drawn = draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    assert drawn.by_rule == {"random": 5}
    assert all(one.probability is not None and 0 < one.probability <= 1 for one in rounds.sessions("owls"))


def test_some_are_drawn_by_chance_to_measure_the_model(built_home: Home) -> None:
    labels = Annotations(built_home.catalog)
    labels.withdraw(labels.of_days(DAYS[2], DAYS[2]))
    rounds = define(built_home, sessions=20, audit=0.2, session_seconds=3)
    draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    audits = [one for one in rounds.sessions("owls") if one.rule == "audit"]
    assert len(audits) == 4
    assert sorted(bool(one.predictions) for one in audits) == [False, False, True, True]  # half of them where something was heard
    assert all((one.stratum is None) == bool(one.predictions) and one.probability and one.score is not None for one in audits)
    population = rounds.get("owls").population
    assert population
    assert 0 < population["heard_any"] < population["stretches"]
    assert set(population["heard"]) == set(TAGS)
    assert sum(population["strata"]) == population["stretches"] - population["heard_any"]


def test_a_round_never_ends_early_for_want_of_scores(built_home: Home) -> None:
    for path in [entry.path for entry in built_home.lake.files("tables") if "segment_features" in entry.path]:
        built_home.lake.delete(path)
    define(built_home, sessions=8)
    drawn = draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    assert (drawn.sessions, drawn.by_rule) == (8, {"random": 8})


def test_what_cannot_be_drawn_is_said(built_home: Home) -> None:
    define(built_home, sources=["cellar"])
    with pytest.raises(RoundRefused, match="cellar has none on its days"):
        draw_round(built_home.lake, built_home.catalog, "owls", UTC)
    define(built_home, model="nobody/1")
    with pytest.raises(UnknownModel):
        draw_round(built_home.lake, built_home.catalog, "owls", UTC)


def test_sessions_that_were_decided_elsewhere_are_mixed_in_and_look_like_others(built_home: Home) -> None:
    rounds = define(built_home, "before", sessions=4, audit=0, annotators=2, overlap=1.0)
    draw_round(built_home.lake, built_home.catalog, "before", UTC)
    rounds.set_state("before", "open")
    answer(built_home.catalog, "before", {who: lambda claim: [] for who in ("ann", "bob")})
    decided = rounds.sessions("before")[:2]
    rounds.set_session_states(dict.fromkeys([one.id for one in decided], "adjudicate"))
    for one in decided:
        claim = rounds.adjudicate("before", one.number, "cid")
        rounds.submit(claim, Submission("cid", one.source, one.start, one.end, (Box(one.start, one.end, "kettle"),)))
    define(built_home, "after", sessions=20, audit=0, gold=0.1)
    draw_round(built_home.lake, built_home.catalog, "after", UTC)
    found = rounds.sessions("after")
    gold = [one for one in found if one.rule == "gold"]
    assert {(one.source, one.start, one.end) for one in gold} == {(one.source, one.start, one.end) for one in decided}
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert {why_drawn(one) for one in gold} == {"drawn by chance"}
    define(built_home, "other", tags=["fox"], sessions=20, audit=0, gold=0.1)
    draw_round(built_home.lake, built_home.catalog, "other", UTC)
    assert not [one for one in rounds.sessions("other") if one.rule == "gold"]  # nobody said whether there are foxes in it


def test_days_without_detections_are_heard_by_the_model_and_not_taken_for_silent(built_home: Home) -> None:
    rounds = define(built_home, "before", sessions=40)
    draw_round(built_home.lake, built_home.catalog, "before", UTC)
    for day in DAYS:
        built_home.lake.delete(built_home.lake.table_path(DETECTIONS, day))
    with built_home.catalog.writing() as session:
        built_home.ledger.mark_stale(session, DETECTIONS.name, DAYS)
    define(built_home, "after", sessions=40)
    draw_round(built_home.lake, built_home.catalog, "after", UTC)
    heard = [rounds.get(name).population for name in ("before", "after")]
    assert heard[0] == heard[1]
    assert heard[0]
    assert heard[0]["heard_any"] > 0
