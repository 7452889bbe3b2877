"""Verdicts on takes: clean ones of three data sets, and bad ones derived from them, with the rule that finds each."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from soundmill.audio import to_pcm16
from soundmill.audio.reader import Float32, Int16
from soundmill.prompts.quality import Limits, judge, measure, measures_from

RATE = 16_000
TEXT = "eight of spades four of clubs seven of hearts"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(scope="module")
def clean(data: Path) -> Float32:
    """3.5 s at -21 dBFS, 34 dB over its noise, silence of .2 s around."""
    samples, rate = sf.read(data / "speech" / "cards_005.wav", dtype="float32")
    assert rate == RATE
    return np.asarray(samples)


def noise(length: int, dbfs: float, seed: int = 0) -> Float32:
    return np.random.default_rng(seed).normal(0, 10 ** (dbfs / 20), length).astype(np.float32)


def quiet(seconds: float) -> Float32:
    return noise(round(seconds * RATE), -72, 7)


def gain(db: float) -> Callable[[Float32], Float32]:
    return lambda x: x * np.float32(10 ** (db / 20))


def with_noise(snr: float) -> Callable[[Float32], Float32]:
    return lambda x: x + noise(len(x), -20.9 - snr)


def band(hertz: int) -> Callable[[Float32], Float32]:
    def narrow(x: Float32) -> Float32:
        low = soxr.resample(x, RATE, 2 * hertz, quality="VHQ")
        return np.asarray(soxr.resample(low, 2 * hertz, RATE, quality="VHQ"))

    return narrow


def zeros(at: float, ms: float) -> Callable[[Float32], Float32]:
    def hole(x: Float32) -> Float32:
        gone = x.copy()
        gone[round(at * RATE) : round((at + ms / 1000) * RATE)] = 0
        return gone

    return hole


def repeated(at: float, samples: int) -> Callable[[Float32], Float32]:
    def stutter(x: Float32) -> Float32:
        place = round(at * RATE)
        return np.concatenate([x[: place + samples], x[place : place + samples], x[place + samples :]])

    return stutter


def faster(factor: float) -> Callable[[Float32], Float32]:
    return lambda x: np.asarray(soxr.resample(x, RATE * factor, RATE, quality="VHQ"))


def cut(head: float = 0.0, tail: float = 0.0) -> Callable[[Float32], Float32]:
    """Without the silence and so many seconds of what is said."""

    def shorter(x: Float32) -> Float32:
        return x[round((0.2 + head) * RATE) : len(x) - round((0.26 + tail) * RATE)]

    return shorter


def paused(seconds: float) -> Callable[[Float32], Float32]:
    return lambda x: np.concatenate([x[: round(1.25 * RATE)], noise(round(seconds * RATE), -56), x[round(1.25 * RATE) :]])


def padded(before: float, after: float) -> Callable[[Float32], Float32]:
    return lambda x: np.concatenate([quiet(before), x, quiet(after)])


BAD = [
    ("as it is", lambda x: x, TEXT, "good", None),
    ("20 dB softer", gain(-20), TEXT, "check", "level"),
    ("30 dB softer", gain(-30), TEXT, "again", "level"),
    ("7 dB louder", gain(7), TEXT, "check", "clipping"),
    ("14 dB louder", gain(14), TEXT, "again", "clipping"),
    ("30 dB louder", gain(30), TEXT, "again", "clipping"),
    ("noise at 30 dB", with_noise(30), TEXT, "good", None),
    ("noise at 20 dB", with_noise(20), TEXT, "check", "noise"),
    ("noise at 10 dB", with_noise(10), TEXT, "again", "noise"),
    ("noise at 5 dB", with_noise(5), TEXT, "again", "noise"),
    ("noise at -5 dB", with_noise(-5), TEXT, "again", None),
    ("head cut at the word", cut(), TEXT, "again", "start"),
    ("head cut by 20 ms", cut(head=0.02), TEXT, "again", "start"),
    ("head cut by 60 ms", cut(head=0.06), TEXT, "again", "start"),
    ("tail cut at the word", cut(), TEXT, "again", "end"),
    ("tail cut by 20 ms", cut(tail=0.02), TEXT, "again", "end"),
    ("tail cut by 60 ms", cut(tail=0.06), TEXT, "again", "end"),
    ("1.2 s before it", padded(1.2, 0.0), TEXT, "check", "start"),
    ("2.5 s before it", padded(2.5, 0.0), TEXT, "again", "start"),
    ("1.2 s after it", padded(0.0, 1.2), TEXT, "check", "end"),
    ("2.5 s after it", padded(0.0, 2.5), TEXT, "again", "end"),
    ("a pause of two seconds", paused(2.0), TEXT, "check", "pause"),
    ("half a word", lambda x: padded(0.1, 0.0)(x[round(0.18 * RATE) : round(0.32 * RATE)]), TEXT, "again", "length"),
    ("half a minute", lambda x: padded(0.0, 28.0)(x), TEXT, "again", "length"),
    ("another, longer sentence", lambda x: x, TEXT * 3, "again", "pace"),
    ("another, shorter sentence", lambda x: x, "one", "again", "pace"),
    ("doubled rate", faster(2), TEXT, "check", "pace"),
    ("telephone band", band(3000), TEXT, "again", "bandwidth"),
    ("half the band", band(4000), TEXT, "check", "bandwidth"),
    ("3 ms of zeros", zeros(1.0, 3), TEXT, "good", None),
    ("8 ms of zeros", zeros(1.0, 8), TEXT, "again", "dropout"),
    ("50 ms of zeros", zeros(0.9, 50), TEXT, "again", "dropout"),
    ("a block of 512 twice", repeated(1.0, 512), TEXT, "again", "dropout"),
    ("a block of 1024 twice", repeated(0.6, 1024), TEXT, "again", "dropout"),
    ("digital silence", lambda x: x * np.float32(0), TEXT, "again", "no speech"),
    ("noise alone", lambda x: noise(len(x), -60), TEXT, "again", "no speech"),
]


@pytest.mark.parametrize(("change", "text", "verdict", "rule"), [one[1:] for one in BAD], ids=[one[0] for one in BAD])
def test_what_is_wrong_with_a_take_is_found_and_told(
    clean: Float32, change: Callable[[Float32], Float32], text: str, verdict: str, rule: str | None
) -> None:
    found, reasons = judge(measure(to_pcm16(change(clean)), RATE, text), Limits())
    assert found == verdict, reasons
    assert rule is None or rule in {one.rule for one in reasons}, reasons
    assert all(one.text for one in reasons)


def test_clean_takes_of_three_data_sets_are_hardly_ever_to_be_read_again(data: Path) -> None:
    """LibriSpeech and LibriVox as they are; the cards as they are; 600 digits at one level, with room noise before and after each, as the
    recorder keeps it."""
    takes = list[tuple[Int16, int, str]]()
    with open(data / "speech" / "transcripts.tsv") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["file"].startswith(("librispeech", "librivox", "cards")):
                pcm, rate = sf.read(data / "speech" / row["file"], dtype="int16")
                takes.append((pcm, rate, row["text"]))
    assert len(takes) == 12
    for number, path in enumerate(sorted((data / "digits").glob("*.wav"))):
        samples, rate = sf.read(path, dtype="float32")
        samples *= np.float32(0.06) / np.sqrt(np.mean(samples**2))
        around = [noise(rate // 2, -66, 2 * number), noise(rate // 2, -66, 2 * number + 1)]
        takes.append((to_pcm16(np.concatenate([around[0], samples, around[1]])), rate, WORDS[int(path.name[0])]))
    assert len(takes) == 612
    again = [judge(measure(*take), Limits()) for take in takes]
    bad = [reasons for verdict, reasons in again if verdict == "again"]
    assert not any(verdict == "again" for verdict, _ in again[:12])
    assert len(bad) <= 0.02 * len(takes), bad


def test_the_louder_channel_is_the_one_that_clips_and_one_channel_is_as_good_as_two(clean: Float32) -> None:
    pcm = to_pcm16(clean)
    both = measure(np.stack([pcm, pcm], 1), RATE, TEXT)
    assert both == measure(pcm, RATE, TEXT)
    loud = measure(np.stack([pcm, to_pcm16(gain(30)(clean))], 1), RATE, TEXT)
    assert loud.clipped_ms > 1


def test_a_take_unlike_the_speaker_s_others_is_for_a_person_to_check(clean: Float32) -> None:
    found = measure(to_pcm16(clean), RATE, TEXT)
    pace = [20.0, 19.5, 20.5, 19.0, 21.0, 20.2, 19.8, 20.4, 19.6, 20.1]
    assert judge(found, Limits(), pace[:9])[0] == "good"  # of so few nothing is known
    verdict, (reason,) = judge(found, Limits(), pace)
    assert (verdict, reason.rule) == ("check", "pace")
    assert judge(found, Limits(), [found.characters or 0.0] * 12)[0] == "good"


def test_what_the_browser_lost_what_is_there_twice_and_what_was_heard_otherwise(clean: Float32) -> None:
    found = measure(to_pcm16(clean), RATE, TEXT)
    assert judge(found, Limits(), gap=True)[1][0].rule == "gap"
    assert judge(found, Limits(), same_as="another")[1][0].rule == "same sound"
    assert judge(found, Limits(), errors=0.2)[0] == "good"
    assert judge(found, Limits(), errors=0.5)[0] == "check"
    assert judge(found, Limits(), errors=0.9)[0] == "again"


def test_bounds_are_a_set_s_own(clean: Float32) -> None:
    found = measure(to_pcm16(with_noise(10)(clean)), RATE, TEXT)
    assert judge(found, Limits())[0] == "again"
    assert judge(found, Limits(snr_again=5, snr_check=8))[0] == "good"


def test_measures_go_into_the_catalog_and_back(clean: Float32) -> None:
    found = measure(to_pcm16(clean), RATE, TEXT)
    plain = json.loads(json.dumps(found.as_json()))
    assert judge(measures_from(plain), Limits()) == judge(found, Limits())
