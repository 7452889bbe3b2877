"""Speech of a day as tables: what belongs together, and what is made again."""

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from soundmill.errors import UndecodableAudio
from soundmill.lake import Lake
from soundmill.speech import Keywords, Transcript, Word
from soundmill.speech.tables import (
    KEYWORD_HITS,
    TRANSCRIPTS,
    Spoken,
    forget_gone,
    joined_segments,
    read_references,
    transcripts_of,
    update_keyword_hits,
    update_transcripts,
)

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def segment(number: int, **values: Any) -> dict[str, Any]:
    at = NOON + timedelta(seconds=3 * number)
    fixed = {"key": f"mic/{number}", "source": "mic", "session": 1, "recording": f"r{number}", "content_hash": f"c{number}", "rms": 0.5}
    return {**fixed, "started_at": at, "seconds": 3.0, "path": f"{number}.wav", **values}


class Parrot:
    """A model that says the name of the file, word by word, and has a fault where the file's name says so."""

    model = "parrot"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def transcribe(self, audio: Path, progress: object = None) -> Transcript:
        self.asked.append(audio.name)
        if "broken" in audio.name:
            raise UndecodableAudio("not_audio", "no sound in it")
        words = tuple(Word(word, float(n), n + 0.5, 1.0) for n, word in enumerate(audio.stem.split("_")))
        return Transcript(10.0, self.model, (words,))


def spoken(name: str) -> Spoken:
    return Spoken(f"k/{name}", "download", "downloads", name, None, 10.0, f"content of {name}", (f"{name}.wav",))


def sound_of(one: Spoken) -> AbstractContextManager[Path]:
    return nullcontext(Path(one.paths[0]))


def test_segments_that_follow_each_other_are_one_recording_and_gaps_part_them() -> None:
    rows = [segment(n) for n in (0, 1, 2, 5, 6)] + [segment(7, session=2)] + [segment(8, source="porch")]
    assert [one.paths for one in joined_segments(rows)] == [("0.wav", "1.wav", "2.wav"), ("5.wav", "6.wav"), ("7.wav",), ("8.wav",)]
    first = joined_segments(rows)[0]
    assert (first.key, first.seconds, first.started_at) == ("mic/0", 9.0, NOON)
    assert joined_segments([]) == []


def test_what_has_no_end_is_parted_at_its_softest_seam_and_the_parts_stay() -> None:
    rows = [segment(n, rms=0.1 if n in (189, 190) else 0.5) for n in range(500)]
    lengths = [len(one.paths) for one in joined_segments(rows)]
    assert lengths[0] == 190
    assert len(joined_segments(rows[:300])[0].paths) == 190
    assert max(lengths) <= 200
    assert sum(lengths) == 500


def test_only_what_is_new_is_transcribed_and_what_fails_is_named(lake: Lake) -> None:
    parrot = Parrot()
    done = update_transcripts(lake, DAY, [spoken("good_day"), spoken("broken")], parrot, sound_of)
    assert (done.recordings, done.words, done.changed, list(done.failed)) == (1, 2, True, ["k/broken"])
    again = update_transcripts(lake, DAY, [spoken("good_day"), spoken("hello")], parrot, sound_of)
    assert (again.worked_on, again.recordings) == (1, 2)
    assert sorted(parrot.asked) == ["broken.wav", "good_day.wav", "hello.wav"]
    assert {row["text"] for row, _ in transcripts_of(lake, DAY)} == {"good day", "hello"}
    assert not list(lake.files("unfinished"))


def test_keywords_are_found_in_what_is_there_and_what_is_gone_is_forgotten(folder_lake: Lake) -> None:
    update_transcripts(folder_lake, DAY, [spoken("good_day_good"), spoken("night")], Parrot(), sound_of)
    counts, changed = update_keyword_hits(folder_lake, DAY, Keywords(("good", "ten")))
    assert (counts, changed) == ({"good": 2, "ten": 0}, True)
    assert update_keyword_hits(folder_lake, DAY, Keywords(("good", "ten"))) == (counts, False)
    assert forget_gone(folder_lake, TRANSCRIPTS, DAY, ["k/night"])
    assert forget_gone(folder_lake, KEYWORD_HITS, DAY, ["k/night"])
    assert not forget_gone(folder_lake, TRANSCRIPTS, DAY, ["k/night"])
    assert [row["key"] for row, _ in transcripts_of(folder_lake, DAY)] == ["k/night"]


def test_transcripts_are_compared_with_their_references(folder_lake: Lake) -> None:
    folder_lake.write_bytes("references/libri/84.trans.txt", b"good_day GOOD NIGHT\n")
    folder_lake.write_bytes("references/libri/readme.txt", b"good_day NO\n")
    assert read_references(folder_lake) == {"good_day": "GOOD NIGHT"}
    done = update_transcripts(folder_lake, DAY, [spoken("good_day")], Parrot(), sound_of)
    assert done.all_errors.rate == pytest.approx(0.5)
