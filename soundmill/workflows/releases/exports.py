"""A release for other tools: WAVs, tables of labels and lhotse's manifests, without what was withdrawn."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from soundmill.catalog import Catalog, Releases, clip_path
from soundmill.disk import write_whole
from soundmill.errors import DamagedRelease, NotInLake
from soundmill.formats.lhotse import cut, manifest, recording, supervision
from soundmill.formats.podcast import Archived, write_archive
from soundmill.lake import Lake
from soundmill.releases.manifest import CARD, CLIPS, MANIFEST, WITHDRAWN, Clip
from soundmill.workflows.releases.reading import Opened, opened

FOLDER = "wav"  # of an export's sound


def export_names(release: Opened) -> list[str]:
    """Names of a release's files but for its sound: its own, and for each split a table as Pod.Cast's archives are and a lhotse CutSet."""
    facts = release.release.facts or {}
    splits = [split for split, of in sorted(facts.get("by_split", {}).items()) if of["clips"]]  # also where all of it was withdrawn
    labelled = splits if facts.get("rounds") else []
    own = [MANIFEST, CLIPS, CARD, *([WITHDRAWN] if release.gone else [])]
    return [*own, *(f"{split}.tsv" for split in labelled), *(f"cuts_{split}.jsonl.gz" for split in splits)]


def export_file(lake: Lake, release: Opened, name: str) -> bytes:
    """One of these files. Raises `NotInLake` for another."""
    if name in (MANIFEST, CLIPS, CARD, WITHDRAWN) or name not in export_names(release):
        return lake.read_bytes(f"{release.folder}/{name}")
    split = name.removesuffix(".tsv").removeprefix("cuts_").removesuffix(".jsonl.gz")
    clips = [one for one in release.living if one.split == split]
    if name.endswith(".tsv"):
        return write_archive(line for one in clips if one.reading is None for line in _archived(release.release.name, one)).encode()
    return manifest(_cut(one) for one in clips)


def export_release(
    lake: Lake, catalog: Catalog, name: str, to: Path, with_sound: bool = True, progress: Callable[[int, int], None] | None = None
) -> Opened:
    """Writes a release to a folder; WAVs that are there already and whole are left, so that what was cut off goes on. WAVs there that were
    withdrawn, from whichever release, are deleted.

    `progress` is told how many WAVs of how many are there. Raises `UnknownRelease`, `ReleaseRefused`, `DamagedRelease`, `OSError`.
    """
    release = opened(lake, catalog, name)
    for number, one in enumerate(release.living if with_sound else (), 1):
        _write_sound(lake, one, to / FOLDER / one.file_name)
        if progress:
            progress(number, len(release.living))
    release = opened(lake, catalog, name)  # as it is by now
    withdrawn = {one.sha256 for one in Releases(catalog).clips(withdrawn=True)}
    kept = {one.file_name for one in release.living}
    for path in sorted((to / FOLDER).glob("*.wav")):
        if path.name not in kept and hashlib.sha256(path.read_bytes()).hexdigest() in withdrawn:
            path.unlink()
    for file in export_names(release):
        write_whole(to / file, export_file(lake, release, file))
    return release


def _write_sound(lake: Lake, clip: Clip, path: Path) -> None:
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == clip.sha256:
        return
    try:
        data = lake.read_bytes(clip_path(clip.sha256))
    except NotInLake as error:
        raise DamagedRelease(f"the sound of {clip.id} is gone: {error}; a backup has it") from None
    if hashlib.sha256(data).hexdigest() != clip.sha256:
        raise DamagedRelease(
            f"the sound of {clip.id} is not what was released: delete {lake.address(clip_path(clip.sha256))} and restore it"
        )
    write_whole(path, data)


def _archived(name: str, clip: Clip) -> Iterator[Archived]:
    for one in clip.labels:
        yield Archived(name, clip.source, clip.start, clip.end, one.start_s, one.duration_s, one.tag)
    if not clip.labels:
        yield Archived(name, clip.source, clip.start, clip.end)


def _cut(clip: Clip) -> dict[str, object]:
    name = clip.file_name.removesuffix(".wav")
    entry = recording(name, f"{FOLDER}/{clip.file_name}", clip.samples, clip.sample_rate)
    if clip.reading:
        read = asdict(clip.reading)
        text, speaker, language = (read.pop(one) for one in ("text", "speaker", "language"))
        whole = supervision(0, name, 0.0, clip.seconds, speaker, **{one: value for one, value in read.items() if value})
        return cut(entry, [{**whole, "text": text, "language": language}], recorded_at=clip.start.isoformat(timespec="milliseconds"))
    found: Sequence[dict[str, object]] = [
        supervision(
            number,
            name,
            one.start_s,
            one.start_s + one.duration_s,
            clip.source,
            tag=one.tag,
            origin=one.origin,
            **_band(one.low_hz, one.high_hz),
        )
        for number, one in enumerate(clip.labels)
    ]
    return cut(
        entry,
        found,
        source=clip.source,
        started_at=clip.start.isoformat(timespec="milliseconds"),
        looked_for=list(clip.tags),
        group=clip.group,
    )


def _band(low: float | None, high: float | None) -> dict[str, float]:
    return {name: value for name, value in (("low_hz", low), ("high_hz", high)) if value is not None}
