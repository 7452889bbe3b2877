"""The takes of a release's prompt sets: those that count, and whose speakers allow what it is for."""

from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np

from soundmill.audio import read_pcm
from soundmill.catalog import Catalog, Prompts, Speakers, Takes, clip_path
from soundmill.errors import NotInLake
from soundmill.features.acoustic_fingerprint import AcousticFingerprint
from soundmill.features.extractor import Vectors
from soundmill.fingerprint import digest
from soundmill.lake import Lake
from soundmill.prompts.spec import PromptSetSpec
from soundmill.releases.manifest import Clip, Reading
from soundmill.releases.spec import ReleaseSpec

_NOT_HANDED_ON = "internal"  # the licence under which takes of any licence may be together


def readings_of(lake: Lake, catalog: Catalog, spec: ReleaseSpec) -> tuple[list[Clip], list[list[Vectors]], dict[str, Any]]:
    """Clips of takes whose sound is in the lake by now, yet without split and group; fingerprints of each; and, by set, what is said of it.

    A take is in it where it is good enough (or was accepted by a person, and never rejected), and its speaker's consent is for the
    release's purpose and licence; an `internal` release may hold takes of any licence. A speaker is never parted.
    """
    clips, signs, facts = list[Clip](), list[list[Vectors]](), dict[str, Any]()
    consents = {one.id: one for one in Speakers(catalog).consents()}
    for name in spec.prompts:
        about = PromptSetSpec.of(Prompts(catalog).get(name))
        left, mine, given = Counter[str](), list[Clip](), dict[str, str]()
        for take in Takes(catalog).listed(name=name)[0]:
            consent = consents[take.consent]
            if not take.counts or (take.verdict == "again" and take.review != "accepted"):
                left["not good enough"] += 1
                continue
            if spec.purpose not in consent.purposes or consent.withdrawn_at is not None:
                left[f"no consent to {spec.purpose}"] += 1
                continue
            if spec.licence not in (consent.licence, _NOT_HANDED_ON):
                left[f"given under {consent.licence}"] += 1
                continue
            try:
                data = lake.read_bytes(take.derived_path)
            except NotInLake:  # withdrawn meanwhile
                continue
            lake.write_if_changed(clip_path(take.derived_sha256), data)
            end = take.recorded_at + timedelta(milliseconds=round(1000 * take.seconds))
            reading = Reading(
                name, take.utterance, take.text, take.speaker, about.language, consent.licence, take.verdict, take.entity, take.accent
            )
            given[take.source] = consent.given
            place = (take.source, take.recorded_at, end, "", "", (digest(["speaker", take.speaker]),), (), (), 0, ())
            mine.append(Clip(*place, take.derived_sha256, take.sample_rate, take.samples, reading=reading))
            pcm, rate = read_pcm(data)
            signs.append([AcousticFingerprint()(pcm.astype(np.float32) / np.float32(32_768), rate)])
        clips += mine
        read = [one.reading for one in mine if one.reading]
        facts[name] = {
            "language": about.language,
            "takes": len(mine),
            "speakers": len({one.speaker for one in read}),
            "sentences": len({one.utterance for one in read}),
            "licences": dict(sorted(Counter(one.licence for one in read).items())),
            "verdicts": dict(sorted(Counter(one.verdict for one in read).items())),
            "vouched": sum(given[one.source] == "operator" for one in mine),
            "left_out": dict(sorted(left.items())),
        }
    return clips, signs, facts
