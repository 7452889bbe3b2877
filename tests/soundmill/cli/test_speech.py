"""soundmill transcribe and soundmill transcripts."""

import json
import shutil
from pathlib import Path

from tests.command import Command


def test_files_are_transcribed_searched_and_compared_with_references(
    soundmill: Command, data: Path, digits_model: Path, tmp_path: Path
) -> None:
    model = {"SOUNDMILL_VOSK_MODEL": str(digits_model)}
    files = [str(data / "digit-strings" / f"{name}.wav") for name in ("two_pauses", "one_digit")]
    (tmp_path / "said.trans.txt").write_text("two_pauses THREE ONE FOUR ONE FIVE\n")
    found = json.loads(soundmill("transcribe", files[0], "--words", "one,ten", "--reference", str(tmp_path / "said.trans.txt"), **model))
    assert (found["text"], found["counts"]) == ("three one four one five nine", {"one": 2, "ten": 0})
    assert found["word_errors"]["rate"] == 0.2
    assert found["sentiment"]["neutral"] == 1.0
    assert [one["text"] for one in json.loads(soundmill("transcribe", *files, "--no-sentiment", **model))] == [found["text"], "seven"]
    assert soundmill("transcribe", files[0], "--format", "srt", **model).startswith("1\n00:00:00,300 --> ")
    soundmill("transcribe", *files, "--format", "txt", "--output", str(tmp_path / "out"), **model)
    assert (tmp_path / "out" / "one_digit.txt").read_text() == "seven\n"
    (tmp_path / "page.wav").write_text("<html>")
    said = soundmill("transcribe", str(tmp_path / "page.wav"), files[1], code=1, **model)
    assert "page.wav: the file holds html, not audio" in said
    said = soundmill("transcribe", "nowhere.wav", str(tmp_path), files[1], "--output", str(tmp_path / "more"), code=1, **model)
    assert "nowhere.wav is not there" in said
    assert "is a folder: name its files" in said
    assert (tmp_path / "more" / "one_digit.json").is_file()  # the others are transcribed all the same
    assert "soundmill pretrained fetch vosk-small-en" in soundmill("transcribe", files[0], code=1)


def test_speech_of_a_day_is_made_by_the_graph_and_shown_and_written_as_subtitles(
    soundmill: Command, data: Path, digits_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    shutil.copy(data / "digit-strings" / "two_pauses.wav", folder / "84-121123-0000.wav")
    (folder / "84-121123.trans.txt").write_text("84-121123-0000 THREE ONE FOUR ONE FIVE NINE\n")
    soundmill("ingest", str(folder), "--source", "libri", "--started-at", "2025-01-03T10:00:00Z")
    model = {"SOUNDMILL_VOSK_MODEL": str(digits_model), "SOUNDMILL_KEYWORDS": "four one"}
    done = json.loads(
        soundmill("materialize", "captured_segments", "transcripts", "keyword_hits", "--day", "2025-01-03", "--json", **model)
    )
    facts = {one["asset"]: one["metadata"] for one in done}
    assert facts["transcripts"]["word_error_rate"] == 0.0
    assert facts["keyword_hits"]["hits"] == 1
    assert "84-121123-0000  6.9 s  three one four one five nine" in soundmill("transcripts", "--day", "2025-01-03")
    assert len(json.loads(soundmill("transcripts", "--search", "four one", "--json"))) == 1
    assert json.loads(soundmill("transcripts", "--search", "eight", "--json")) == []
    soundmill("transcripts", "--format", "vtt", "--output", str(tmp_path / "out"))
    (written,) = (tmp_path / "out").iterdir()
    assert written.name == "84-121123-0000.vtt"
    assert soundmill("transcripts", "--format", "txt") == "three one\nfour one\nfive nine\n"
    said = soundmill("materialize", "transcripts", "keyword_hits", "sentiment", "cut_manifests", "--day", "2025-01-03", **model)
    assert "transcripts 2025-01-03: unchanged, word error rate 0.0%" in said
    assert "SOUNDMILL_VOSK_MODEL" in soundmill("materialize", "transcripts", "--day", "2025-01-03")
    soundmill("ingest", str(folder), "--source", "libri", "--started-at", "2025-01-05T10:00:00Z")
    said = soundmill("materialize", "transcripts", "keyword_hits", "--day", "2025-01-05", "--json", **{**model, "SOUNDMILL_KEYWORDS": ""})
    whys = [one["metadata"]["why"] for one in json.loads(said)]
    assert whys == [
        "1 landed files of the day are not cut yet: materialise captured_segments first",
        "no keywords: set SOUNDMILL_KEYWORDS",
    ]
    assert written.read_text().startswith("WEBVTT\n\n00:00:00.300 --> ")
