"""Taking a take in: its file as it came, a mono one at the set's rate, and its verdict; stored once however often it is sent."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from soundmill.audio import Resampler, open_audio, to_pcm16, wav_bytes
from soundmill.audio.reader import Float32, Int16
from soundmill.catalog import TAKES_FOLDER, Catalog, Consent, Prompts, Speaker, Speakers, Take, Takes, take_key
from soundmill.catalog.speakers import Given
from soundmill.errors import ConsentNeeded, TakeRefused, UndecodableAudio
from soundmill.lake import Lake
from soundmill.names import file_name
from soundmill.prompts.quality import judge, measure
from soundmill.prompts.spec import PromptSetSpec
from soundmill.speech.tables import TRANSCRIPTS
from soundmill.workflows.takes.original import RECORDINGS
from soundmill.workflows.takes.table import PROMPTED_TAKES

STALE = (TRANSCRIPTS.name, PROMPTED_TAKES.name)  # what a day's takes are in
DERIVED = "mono"  # folder of the files at the set's rate
MOST_BYTES = 64 << 20  # of a file: five minutes of stereo at 48 kHz
MOST_SECONDS = 300
_LONGEST = timedelta(days=366)  # that a take may wait in a browser
_AHEAD = timedelta(hours=1)  # by which a browser's clock may be wrong
_PROCESSING = ("echoCancellation", "noiseSuppression", "autoGainControl", "voiceIsolation")


@dataclass(frozen=True)
class Sent:
    """A take as it is sent.

    recorded_at   by the browser's clock; settings: what the browser said of its microphone; gap: whether it lost samples meanwhile
    key           as the sender has it, so that neither another sentence nor damage slips in
    via           the page, or the original recorder's API
    """

    utterance: str
    data: bytes
    recorded_at: datetime | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    gap: bool = False
    key: str | None = None
    via: str = "page"


def speaker_for(catalog: Catalog, username: str, name: str) -> tuple[Speaker, Consent]:
    """Who comes to a set by the original's page under a name, with the consent that who runs the recorder vouches for.

    Raises `UnknownPrompts`, `ConsentNeeded`.
    """
    speakers, spec = Speakers(catalog), PromptSetSpec.of(Prompts(catalog).get(name))
    speaker = speakers.of_username(username)
    consent = speakers.living(speaker, name, spec.consent_sha256)
    return speaker, consent or give_consent(catalog, speaker, name, spec.purposes, of_age=True, given="operator")


def give_consent(catalog: Catalog, speaker: Speaker, name: str, purposes: tuple[str, ...], *, of_age: bool, given: Given) -> Consent:
    """A speaker's consent to a set as it is now, for those of its purposes that they allow. Raises `ConsentNeeded`, `UnknownPrompts`."""
    spec = PromptSetSpec.of(Prompts(catalog).get(name))
    allowed = tuple(one for one in spec.purposes if one in purposes)
    if not allowed:
        raise ConsentNeeded("without your consent to any use of the recordings there is nothing to read")
    if not of_age:
        raise ConsentNeeded("only who is of age may consent")
    return Speakers(catalog).consent(speaker, name, spec.consent, spec.language, spec.licence, allowed, of_age, given)


def receive_take(lake: Lake, catalog: Catalog, name: str, speaker: Speaker, consent: Consent, sent: Sent, least_free: int = 0) -> Take:
    """Stores a take and judges it; the same one again is that one.

    Killed at any point, the same call makes it whole. Raises `UnknownPrompts`, `TakeRefused`, `ConsentNeeded`, `UndecodableAudio`;
    `OSError` where the lake has no room for it.
    """
    prompts, takes = Prompts(catalog), Takes(catalog)
    spec, prompt = PromptSetSpec.of(prompts.get(name)), prompts.prompt(name, sent.utterance)
    sha256 = hashlib.sha256(sent.data).hexdigest()
    key = take_key(sha256, name, prompt.utterance, speaker.id)
    if sent.key is not None and sent.key != key:
        raise TakeRefused("the recording was damaged on its way, or is of another sentence: its key is not that of what came")
    known = takes.get(key)
    if known is not None and known.state == "ready":
        return known
    lake.need_room(least_free)
    pcm, rate = _decoded(sent.data)
    mono = _resampled(pcm, rate, spec.sample_rate)
    derived, samples = wav_bytes(mono, spec.sample_rate), len(mono)
    found, now = measure(pcm, rate, prompt.text), datetime.now(UTC)
    derived_sha256 = hashlib.sha256(derived).hexdigest()
    same_as = takes.same_sound(derived_sha256, key)
    verdict, reasons = judge(found, spec.limits, takes.pace_of(speaker.id, key), gap=sent.gap, same_as=same_as)
    recorded_at = _believed(sent.recorded_at, now)
    take = takes.enter(
        Take(
            key=key,
            set=name,
            utterance=prompt.utterance,
            entity=prompt.entity,
            text=prompt.text,
            speaker=speaker.id,
            consent=consent.id,
            accent=speaker.accent,
            microphone=speaker.microphone,
            settings={
                **_short(sent.settings),
                "via": sent.via,
                "processed": _is_processed(sent.settings),
                "sample_rate": rate,
                "gap": sent.gap,
            },
            day=recorded_at.date(),
            recorded_at=recorded_at,
            received_at=now,
            path="",
            derived_path="",
            sha256=sha256,
            derived_sha256=derived_sha256,
            seconds=samples / spec.sample_rate,
            sample_rate=spec.sample_rate,
            samples=samples,
            verdict=verdict,
            measures=found.as_json(),
            reasons=tuple(asdict(one) for one in reasons),
        ),
        lambda number: _paths(name, prompt.utterance, speaker.name, number),
    )
    lake.write_bytes(take.derived_path, derived)
    lake.write_bytes(take.path, sent.data)
    try:
        return takes.settle(take, STALE)
    except ConsentNeeded:  # withdrawn between the two: whoever withdrew looked for the files before they were there
        for path in (take.path, take.derived_path):
            lake.delete(path)
        raise


def _paths(name: str, utterance: str, user: str, number: int) -> tuple[str, str]:
    """Where the two files of a take lie: the first of its name, or the second, ..."""
    file = file_name(f"{utterance}_{user}{'' if number == 1 else f'_{number}'}") + ".wav"
    return f"{TAKES_FOLDER}/{name}/{RECORDINGS}/{file}", f"{TAKES_FOLDER}/{name}/{DERIVED}/{file}"


def _decoded(data: bytes) -> tuple[Int16, int]:
    """All channels as int16, shape (n, channels), and the rate in Hz."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise TakeRefused("a take is a WAV file")
    with open_audio(data, truncated="refuse") as reader:
        rate, blocks, read = reader.info.sample_rate, list[Int16](), 0
        for block in reader.blocks("all"):
            read += len(block)
            if read > MOST_SECONDS * rate:
                raise UndecodableAudio("too_long", f"a take is no longer than {MOST_SECONDS} s")
            blocks.append(to_pcm16(block.copy()))
    if not blocks or not sum(map(len, blocks)):
        raise UndecodableAudio("no_samples", "the file holds no sound")
    return np.concatenate(blocks), rate


def _resampled(pcm: Int16, rate: int, wanted: int) -> Int16:
    mono: Float32 = pcm.astype(np.float32).mean(axis=1) / np.float32(32_768)
    return to_pcm16(np.concatenate(list(Resampler(rate, wanted)([mono]))))


def _believed(recorded_at: datetime | None, now: datetime) -> datetime:
    """When it was recorded, unless the browser's clock says what cannot be."""
    if recorded_at is None or not now - _LONGEST <= recorded_at <= now + _AHEAD:
        return now
    return recorded_at.replace(microsecond=recorded_at.microsecond // 1000 * 1000)


def _is_processed(settings: Mapping[str, Any]) -> bool | None:
    """Whether the browser or the system changed the sound before it was recorded; None where nobody knows."""
    said = [settings.get(name) for name in _PROCESSING[:3]]
    if any(settings.get(name) not in (False, None) for name in _PROCESSING):
        return True
    return None if any(one is None for one in said) else False


def _short(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are kept: plain values of bounded length."""
    plain = dict[str, Any]()
    for name, value in list(settings.items())[:40]:
        if isinstance(value, str):
            plain[str(name)[:64]] = value.replace("\0", "")[:200]
        elif isinstance(value, bool | int | float) and math.isfinite(value):
            plain[str(name)[:64]] = value
    return plain
