"""Speech as assets: a day's recordings of every kind become words, hits, sentiment and a CutSet."""

import json
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
import soundfile as sf

from pipeline.run import RunFailed
from soundmill.audio import read_samples, to_pcm16, wav_bytes
from soundmill.capture import SEGMENTS
from soundmill.speech.tables import KEYWORD_HITS, SENTIMENT, TRANSCRIPTS, joined_segments
from soundmill.speech.transcriber import VoskTranscriber
from soundmill.workflows.erasure import Conversation, erase
from tests.assets.listening import DAY, NIGHT, SPEECH, bring, listen
from tests.home import Home
from tests.web import Web


def said(home: Home, day: date = DAY) -> dict[str, str]:
    return {row["recording"]: row["text"] for row in home.lake.read_days(TRANSCRIPTS, [day]).to_pylist()}


def test_every_recording_of_a_day_is_transcribed_searched_and_rated(home: Home, web: Web, data: Path, digits_model: Path) -> None:
    listen(home, digits_model, keywords=["one", "four one", "ten"])
    bring(home, web, data)
    home.lake.write_bytes("references/calls/a.trans.txt", b"call_agent three one four one five nine\ncall_customer ZERO ONE TWO\n")
    done = home.run(*SPEECH, days=(DAY,))
    assert said(home) == {
        "call_agent": "three one four one five nine",
        "call_customer": "zero one two three four five six seven eight nine",
        f"{NIGHT:%Y%m%dT%H%M%S}Z": "nine zero five two seven one",
    }
    facts = done["transcripts", str(DAY)]
    assert (facts["status"], facts["recordings"], facts["transcribed_now"], facts["words"]) == ("updated", 3, 3, 22)
    assert facts["word_error_rate"] == pytest.approx(7 / 9, abs=1e-4)  # seven words more than were said, of nine
    assert "call_customer | 233.3%" in facts["worst_recordings"]
    hits = home.lake.read_days(KEYWORD_HITS, [DAY]).to_pylist()
    assert [(row["keyword"], row["matched"]) for row in hits if row["key"].endswith("agent")] == [
        ("one", "one"), ("four one", "four one"), ("one", "one"),
    ]  # fmt: skip
    porch = next(row for row in hits if row["source"] == "porch")
    assert porch["said_at"] == NIGHT + timedelta(seconds=porch["start"])
    assert "| ten | 0 |" in done["keyword_hits", str(DAY)]["keywords"]
    scores = home.lake.read_days(SENTIMENT, [DAY]).to_pylist()
    assert {row["key"] for row in scores if row["number"] == 0} == {
        row["key"] for row in home.lake.read_days(TRANSCRIPTS, [DAY]).to_pylist()
    }
    assert all(row["negative"] + row["neutral"] + row["positive"] == pytest.approx(1) for row in scores)
    assert done["sentiment", str(DAY)]["along"].startswith("![sentiment along")
    before = home.stored("tables", "manifests")
    assert {facts["status"] for facts in home.run(*SPEECH, days=(DAY,)).values()} == {"unchanged"}
    assert home.stored("tables", "manifests") == before
    assert not home.stored("unfinished")


def test_other_keywords_are_found_without_transcribing_anything_again(
    local_home: Home, web: Web, data: Path, digits_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(local_home, digits_model)
    bring(local_home, web, data)
    local_home.run(*SPEECH, days=(DAY,))
    monkeypatch.setattr(VoskTranscriber, "transcribe", None)
    listen(local_home, digits_model, keywords=["fiver"], fuzzy=0.8)
    assert local_home.run("transcripts", "keyword_hits", days=(DAY,))["keyword_hits", str(DAY)]["hits"] == 3


def test_only_what_is_new_is_transcribed_and_another_model_transcribes_everything(
    local_home: Home, web: Web, data: Path, digits_model: Path, tmp_path: Path
) -> None:
    listen(local_home, digits_model)
    bring(local_home, web, data)
    local_home.run("transcripts", days=(DAY,))
    local_home.lake.write_bytes(f"landing/hall/{DAY}/20250101T050000Z.wav", (data / "digit-strings" / "one_digit.wav").read_bytes())
    local_home.run("captured_segments", days=(DAY,))
    assert local_home.run("transcripts", days=(DAY,))["transcripts", str(DAY)]["transcribed_now"] == 1
    assert said(local_home)["20250101T050000Z"] == "seven"
    other = tmp_path / "another"
    other.symlink_to(digits_model)
    listen(local_home, other)
    assert local_home.run("transcripts", days=(DAY,))["transcripts", str(DAY)]["transcribed_now"] == 4
    listen(local_home, other, sources=["hall"])
    assert local_home.run("transcripts", days=(DAY,))["transcripts", str(DAY)]["recordings"] == 1


def test_without_a_model_the_day_says_so_in_a_line_and_everything_else_works(local_home: Home, web: Web, data: Path) -> None:
    bring(local_home, web, data)
    done = local_home.run(*SPEECH, days=(DAY,))
    assert done["transcripts", str(DAY)]["status"] == "not transcribed"
    assert "soundmill pretrained fetch vosk-small-en" in done["transcripts", str(DAY)]["why"]
    assert done["keyword_hits", str(DAY)]["status"] == done["sentiment", str(DAY)]["status"] == "no data"
    assert "| segment | 2 |" in done["cut_manifests", str(DAY)]["cuts"]


def test_what_is_switched_off_says_so(local_home: Home, web: Web, data: Path, digits_model: Path) -> None:
    listen(local_home, digits_model, transcription_enabled=False, sentiment_enabled=False)
    bring(local_home, web, data)
    done = local_home.run(*SPEECH, days=(DAY,))
    assert "SOUNDMILL_TRANSCRIPTION_ENABLED" in done["transcripts", str(DAY)]["why"]
    assert "SOUNDMILL_SENTIMENT_ENABLED" in done["sentiment", str(DAY)]["why"]


def test_a_recording_that_is_gone_stops_no_other_and_is_tried_again(local_home: Home, web: Web, data: Path, digits_model: Path) -> None:
    listen(local_home, digits_model)
    bring(local_home, web, data)
    path = f"audio/downloads/{DAY}/call/call_agent.wav"
    kept = local_home.lake.read_bytes(path)
    local_home.lake.delete(path)
    assert local_home.run("transcripts", days=(DAY,))["transcripts", str(DAY)]["failed"] == 1
    assert "call_agent" not in said(local_home)
    (check,) = local_home.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey("transcripts"), "all_transcribed")]
    ).values()
    assert check.status.value == "FAILED"
    local_home.lake.write_bytes(path, kept)
    assert local_home.run("transcripts", days=(DAY,))["transcripts", str(DAY)]["transcribed_now"] == 1
    assert said(local_home)["call_agent"] == "three one four one five nine"


def test_what_is_deleted_goes_from_the_tables_also_where_nothing_is_written_down_any_more(
    local_home: Home, web: Web, data: Path, digits_model: Path, tmp_path: Path
) -> None:
    listen(local_home, digits_model, keywords=["one"])
    bring(local_home, web, data)
    local_home.run(*SPEECH, days=(DAY,))
    local_home.lake.write_bytes(f"unfinished/transcripts/{DAY}/hash-model.json", b"what a killed run had heard")
    erase(local_home.lake, local_home.catalog, Conversation("call"))
    local_home.run("downloads", days=(DAY,))
    listen(local_home, tmp_path / "no-model", sentiment_enabled=False, keywords=["one"])
    done = local_home.run(*SPEECH, days=(DAY,))
    assert done["transcripts", str(DAY)]["deleted"] is True
    for table in (TRANSCRIPTS, KEYWORD_HITS, SENTIMENT):
        assert {row["source"] for row in local_home.lake.read_days(table, [DAY]).to_pylist()} == {"porch"}, table.name
    assert not local_home.stored("unfinished")


def test_a_killed_run_loses_no_transcript_that_it_had(
    local_home: Home, web: Web, data: Path, digits_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(local_home, digits_model)
    bring(local_home, web, data)
    heard: list[object] = []
    hear = VoskTranscriber.transcribe

    def dies(self: VoskTranscriber, source: object, progress: object = None) -> object:
        if len(heard) == 2:
            raise KeyboardInterrupt
        heard.append(source)
        return hear(self, source, progress)  # type: ignore[arg-type]

    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(VoskTranscriber, "transcribe", dies)
    with pytest.raises(RunFailed):
        local_home.run("transcripts", days=(DAY,))
    monkeypatch.setattr(VoskTranscriber, "transcribe", lambda *given: heard.append(given[1]) or hear(*given))
    local_home.run("transcripts", days=(DAY,))
    assert len(heard) == 3
    assert len(said(local_home)) == 3
    assert not local_home.stored("unfinished")


def test_captured_sound_is_transcribed_across_the_boundaries_of_its_segments(local_home: Home, data: Path, digits_model: Path) -> None:
    listen(local_home, digits_model)
    samples, rate = read_samples(data / "digit-strings" / "all_ten.wav", 44_100)
    local_home.lake.write_bytes(f"landing/porch/{DAY}/20250101T120000Z.wav", wav_bytes(to_pcm16(samples), rate))
    local_home.run("captured_segments", "transcripts", days=(DAY,))
    assert len(local_home.lake.read_days(SEGMENTS, [DAY])) > 1
    (row,) = local_home.lake.read_days(TRANSCRIPTS, [DAY]).to_pylist()
    assert row["text"] == "zero one two three four five six seven eight nine"
    truth = json.loads((data / "digit-strings" / "transcripts.json").read_text())["items"]
    words = next(item["words"] for item in truth if item["file"] == "all_ten.wav")
    assert all(abs(heard["start"] - true["start"]) < 0.15 for heard, true in zip(row["words"], words, strict=True))


def test_sound_without_end_is_parted_at_its_softest_seams_and_stays_so_while_the_day_grows() -> None:
    rows = [
        {
            "key": f"k{n}", "source": "porch", "recording": "landing/porch/x.wav", "started_at": NIGHT + timedelta(seconds=3 * n),
            "seconds": 3.0, "session": None, "content_hash": str(n), "path": f"p{n}", "rms": 0.001 if n in (189, 190) else 0.1,
        }
        for n in range(300)
    ]  # fmt: skip
    first, second = joined_segments(rows)
    assert (len(first.paths), len(second.paths)) == (190, 110)
    assert joined_segments(rows[:250])[0] == first
    apart = [*rows[:5], *rows[6:8], {**rows[8], "source": "attic"}]
    assert [len(one.paths) for one in joined_segments(apart)] == [5, 2, 1]


def test_sound_of_real_calls_gives_times_inside_the_file(local_home: Home, data: Path, digits_model: Path) -> None:
    """What the model makes of speech that it does not know is nonsense; it still lies in order, and inside."""
    heard = VoskTranscriber(digits_model).transcribe(data / "calls" / "call_40_agent.wav")
    assert heard.seconds == pytest.approx(sf.info(data / "calls" / "call_40_agent.wav").duration, abs=1e-3)
    end = 0.0
    for word in heard.words:
        assert end <= word.start < word.end <= heard.seconds
        end = word.end
