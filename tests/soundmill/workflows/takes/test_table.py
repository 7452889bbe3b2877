"""A day's takes as a table, judged by what a recogniser heard."""

from pathlib import Path

import numpy as np

from soundmill.audio import read_samples, to_pcm16, wav_bytes
from soundmill.catalog import Catalog, Prompt, Prompts, Takes
from soundmill.lake import Lake
from soundmill.prompts.spec import prompt_set_spec
from soundmill.speech.transcriber import VoskTranscriber
from soundmill.workflows.cuts import cuts_folder, update_cuts
from soundmill.workflows.takes import PROMPTED_TAKES, Sent, receive_take, update_takes
from soundmill.workflows.transcription import recordings_of, transcribe_day
from tests.soundmill.workflows.takes.reading import somebody


def digits(catalog: Catalog, language: str = "en") -> None:
    sentences = [Prompt("right", "four eight two"), Prompt("wrong", "nine nine nine nine nine nine")]
    Prompts(catalog).define("digits", prompt_set_spec({"language": language}).model_dump(mode="json"), sentences)


def test_what_a_recogniser_hears_decides_with_the_rest(folder_lake: Lake, sqlite_catalog: Catalog, data: Path, digits_model: Path) -> None:
    digits(sqlite_catalog)
    who, model = somebody(sqlite_catalog), VoskTranscriber(digits_model)
    sound = (data / "digit-strings" / "three_digits.wav").read_bytes()
    samples, rate = read_samples(data / "digit-strings" / "three_digits.wav")
    softer = wav_bytes(to_pcm16(samples * np.float32(0.7)), rate)
    for utterance, one in (("right", sound), ("wrong", softer)):
        receive_take(folder_lake, sqlite_catalog, "digits", *who[:2], Sent(utterance, one))
    day = Takes(sqlite_catalog).listed()[0][0].day
    before, _ = update_takes(folder_lake, sqlite_catalog, day, "en")
    assert [row["errors"] for row in before] == [None, None]
    spoken = recordings_of(folder_lake, sqlite_catalog, day, "en")
    assert {one.kind for one in spoken} == {"take"}
    transcribe_day(folder_lake, sqlite_catalog, day, spoken, model)
    rows, changed = update_takes(folder_lake, sqlite_catalog, day, "en")
    assert changed
    right, wrong = (next(row for row in rows if row["utterance"] == one) for one in ("right", "wrong"))
    assert (right["errors"], right["counts"]) == (0.0, True)
    assert wrong["errors"] > 0.5
    assert "words" in wrong["reasons"]
    assert update_takes(folder_lake, sqlite_catalog, day, "en")[1] is False
    assert folder_lake.read_days(PROMPTED_TAKES, [day]).num_rows == 2


def test_what_is_read_in_another_language_is_not_heard(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    digits(sqlite_catalog, "de")
    take = receive_take(
        folder_lake,
        sqlite_catalog,
        "digits",
        *somebody(sqlite_catalog)[:2],
        Sent("right", (data / "speech" / "cards_005.wav").read_bytes()),
    )
    assert recordings_of(folder_lake, sqlite_catalog, take.day, "en") == []
    assert len(recordings_of(folder_lake, sqlite_catalog, take.day, "de-AT")) == 1


def test_the_day_s_cutset_has_recordings_and_supervisions_that_lhotse_opens(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    from lhotse import CutSet
    from lhotse.qa import validate

    digits(sqlite_catalog)
    sound = (data / "digit-strings" / "three_digits.wav").read_bytes()
    take = receive_take(folder_lake, sqlite_catalog, "digits", *somebody(sqlite_catalog)[:2], Sent("right", sound))
    update_takes(folder_lake, sqlite_catalog, take.day, "en")
    assert update_cuts(folder_lake, take.day, ()) == ({"take": 1}, True)
    path = Path(folder_lake.full_path(f"{cuts_folder(take.day)}/cuts.jsonl.gz"))
    (cut,) = CutSet.from_file(path).with_recording_path_prefix(folder_lake.root)
    validate(cut, read_data=True)
    (said,) = cut.supervisions
    assert (said.text, said.speaker, said.custom["utterance"]) == ("four eight two", take.speaker, "right")
    assert cut.load_audio().shape == (1, take.samples)
