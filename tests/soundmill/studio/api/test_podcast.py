"""Pod.Cast's API, asked as its own front end asks it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
import soundfile as sf

from soundmill.catalog import Labels, Rounds
from soundmill.studio.api.podcast import card
from soundmill.workflows.rounds import draw_round, outcome_of
from tests.home import DAYS, Home
from tests.soundmill.studio.running import studio

SECONDS = 6.0


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    rounds = Rounds(built_home.catalog)
    spec = {"tags": ["kettle"], "days": [str(DAYS[2])], "session_seconds": SECONDS, "sessions": 6, "annotators": 1, "rule": "candidates"}
    rounds.define("round4", {**spec, "audit": 0, "shortest_seconds": 1.5})
    draw_round(built_home.lake, built_home.catalog, "round4", ZoneInfo("UTC"))
    rounds.set_state("round4", "open")
    values = {"lake": built_home.lake.root, "catalog": str(built_home.catalog.engine.url)}
    with studio(tmp_path / "studio", **values) as api:
        yield api


def load(client: httpx.Client, session: str) -> dict:  # type: ignore[type-arg]
    answer = client.get(f"/podcast/load/session/round4/{session}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def fetched(client: httpx.Client) -> str:
    return str(client.get("/podcast/fetch/session/round4").json()["sessionid"])


def test_a_round_is_labelled_to_its_end_as_the_front_end_does_it(client: httpx.Client, built_home: Home) -> None:
    first = client.get("/podcast/", follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/podcast/round4")
    seen = []
    for written in range(6):
        session = fetched(client)
        loaded = load(client, session)
        assert set(loaded) == {"uri", "absolute_time", "source_guid", "annotations", "backend_state"}
        assert loaded["backend_state"] == {"written": written, "remaining": 6 - written}
        assert all(set(one) == {"start_time_s", "duration_s", "confidence"} for one in loaded["annotations"])
        sound = sf.info(BytesIO(client.get(loaded["uri"]).content))
        assert sound.duration == pytest.approx(SECONDS, abs=1e-3)
        kept = [{"start_s": one["start_time_s"], "duration_s": one["duration_s"]} for one in loaded["annotations"][:1]]
        body = {**loaded, "annotations": kept if written else []}
        del body["backend_state"]
        answer = client.post(f"/podcast/submit/session/round4/{session}", json=body)
        assert (answer.status_code, answer.json()) == (201, {"task": f"{session}.json"})
        seen.append((session, kept if written else []))
    assert len({session for session, _ in seen}) == 6
    # the round is done: any session, with what people said
    assert fetched(client) in {session for session, _ in seen}
    for session, kept in seen:
        loaded = load(client, session)
        assert loaded["backend_state"] == {"written": 6, "remaining": 0}
        assert [(one["start_time_s"], one["duration_s"]) for one in loaded["annotations"]] == [
            (pytest.approx(one["start_s"], abs=2e-3), pytest.approx(max(one["duration_s"], 1.5), abs=2e-3)) for one in kept
        ]
    (score,) = outcome_of(built_home.catalog, "round4").model
    assert score.kept + score.moved == sum(bool(kept) for _, kept in seen) > 0


def test_boxes_are_as_long_as_the_round_wants_and_inside_the_sound(client: httpx.Client, built_home: Home) -> None:
    session = fetched(client)
    said = [{"start_s": 5.8, "duration_s": 0.2}, {"start_time_s": -1, "duration_s": 99}]
    assert client.post(f"/podcast/submit/session/round4/{session}", json={"annotations": said}).status_code == 201
    (one,) = Rounds(built_home.catalog).submissions("round4").values()
    boxes = [box for box in next(iter(one.values())).boxes if box.state != "rejected"]
    assert sorted((box.end - box.start).total_seconds() for box in boxes) == [1.5, 6.0]


def test_skipping_gives_another_and_handing_in_again_keeps_both_versions(client: httpx.Client, built_home: Home) -> None:
    skipped, other = fetched(client), fetched(client)
    assert skipped != other
    for said in ([], [{"start_s": 1.0, "duration_s": 2.0}]):
        assert client.post(f"/podcast/submit/session/round4/{skipped}", json={"annotations": said}).status_code == 201
    assert load(client, other)["backend_state"] == {"written": 1, "remaining": 5}
    history = [one for one in Labels(built_home.catalog).history("local user", "mic") if one.round == "round4"]
    assert len(history) == 2


def test_what_the_original_refuses_is_refused_with_its_codes(client: httpx.Client) -> None:
    session = fetched(client)
    assert client.get("/podcast/fetch/session/nothing").status_code == 400
    for wrong in ("nothing", "2026_99", "x_²", "..%2f..%2fetc", session + "9" * 12):
        assert client.get(f"/podcast/load/session/round4/{wrong}").status_code in (400, 404)
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"annotations": [{"start_s": 1}]}',
        b'{"annotations": 7}',
        b'{"annotations": [{"start_s": NaN, "duration_s": 1}]}',
    ):
        assert client.post(f"/podcast/submit/session/round4/{session}", content=body).status_code == 400
    assert client.get("/podcast/audio/round4/2026_99.wav").status_code == 404


def test_many_at_once_get_sessions_of_their_own_and_count_right(client: httpx.Client) -> None:
    with ThreadPoolExecutor(6) as pool:
        sessions = list(pool.map(lambda _: fetched(client), range(6)))
        assert len(set(sessions)) == 6
        hand_in = lambda one: client.post(f"/podcast/submit/session/round4/{one}", json={"annotations": []}).status_code  # noqa: E731
        codes = list(pool.map(hand_in, sessions))
    assert codes == [201] * 6
    assert load(client, sessions[0])["backend_state"] == {"written": 6, "remaining": 0}


def test_the_rounds_file_is_read_anew_and_a_broken_one_says_so(client: httpx.Client, tmp_path: Path) -> None:
    page = client.get("/podcast/round4").text
    assert "cannot be read" in page
    file = tmp_path / "studio" / "podcast.yaml"
    file.write_text(
        "current_round: round9\nround_info:\n  default: {text: Everything, hydrophone_id: lab}\n"
        "  round4: {text: 'Orcas <b>', hydrophone_id: lab}\n"
        "hydrophone_info:\n  lab: {display_name: The lab, url: 'https://lab.example'}\n"
    )
    page = client.get("/podcast/round4").text
    assert "Orcas &lt;b&gt;" in page
    assert 'href="https://lab.example"' in page
    assert "Everything" in client.get("/podcast/unknown").text
    assert client.get("/podcast/", follow_redirects=False).headers["location"] == "/podcast/round9"
    file.write_text("round_info: [")
    assert "cannot be read" in client.get("/podcast/round4").text
    assert card({"round_info": 7}, "x").description == card({}, "x").description
