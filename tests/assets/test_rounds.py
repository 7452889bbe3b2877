"""A labelling round through Dagster: drawn, labelled by people who err, settled, and what it taught."""

import pytest

from pipeline.run import RunFailed
from soundmill.catalog import Annotations, Box, Claim, ModelRegistry, Rounds
from soundmill.times import from_ms
from tests.home import DAYS, KINDS, Home
from tests.soundmill.workflows.rounds.people import answer


def test_a_round_is_drawn_labelled_and_settled_and_the_next_model_learns_from_it(built_home: Home) -> None:
    truth = [one for one in Annotations(built_home.catalog).of_days(DAYS[2], DAYS[2]) if one.source == "mic"]
    labels = Annotations(built_home.catalog)
    labels.withdraw(truth)  # nobody has labelled this day so far
    rounds = Rounds(built_home.catalog)
    rounds.define("night", {"tags": list(KINDS), "days": [str(DAYS[2])], "session_seconds": 12, "sessions": 5, "overlap": 1.0, "audit": 0})
    drawn = built_home.run("labelling_sessions", round="night")["labelling_sessions", "night"]
    assert (drawn["sessions"], drawn["model"]) == (5, "house/1")
    rounds.set_state("night", "open")

    def hears(shift: float, misses: str = "") -> object:
        def says(claim: Claim) -> list[Box]:
            one = claim.session
            here = [label for label in truth if one.start <= label.start < one.end and label.tag != misses]
            return [Box(from_ms(1000 * (x.start.timestamp() + shift)), x.end, x.tag) for x in here]

        return says

    counted = answer(built_home.catalog, "night", {"ann": hears(0.0), "bob": hears(0.05)})  # type: ignore[dict-item]
    assert counted == 10
    rounds.set_state("night", "closed")
    told = built_home.run("labelled_round", round="night")["labelled_round", "night"]
    assert (told["submissions"], told["sessions_agreed"], told["sessions_disputed"]) == (10, 5, 0)
    assert "| doorbell | 5 |" in told["agreement"]
    assert "kettle" in told["model"]
    fresh = [one for one in labels.of_days(DAYS[2], DAYS[2]) if one.author == "round:night"]
    inside = [x for x in truth if any(s.start <= x.start < s.end for s in rounds.sessions("night"))]
    assert len(fresh) == len(inside) > 0
    built_home.run("annotations", "annotation_features", days=DAYS[2:])
    built_home.define("after", train_days=DAYS[1:], test_days=DAYS[:1])
    built_home.run("osr_model", "evaluation_report", model="after")
    card = ModelRegistry(built_home.catalog).current("after").card
    assert card
    assert sum(card["data"]["support"].values()) == 12 + len(fresh)
    assert sum(card["data"]["from_rounds"]["night"].values()) == len(fresh)
    report = built_home.lake.read_bytes("reports/after/1/report.html").decode()
    assert "Labels of the round night:" in report


def test_a_round_that_cannot_be_drawn_is_refused_in_one_line(built_home: Home) -> None:
    with pytest.raises(RunFailed, match="there is no round 'nothing'"):
        built_home.run("labelling_sessions", round="nothing")
