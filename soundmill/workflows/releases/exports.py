"""A release for other tools: WAVs, tables of labels and lhotse's manifests, without what was taken back."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from soundmill.catalog import Catalog, clip_path
from soundmill.disk import write_whole
from soundmill.errors import DamagedRelease, NotInLake
from soundmill.formats.lhotse import cut, manifest, recording, supervision
from soundmill.formats.podcast import Archived, write_archive
from soundmill.lake import Lake
from soundmill.releases.manifest import CARD, CLIPS, MANIFEST, WITHDRAWN, Clip, release_folder
from soundmill.workflows.releases.reading import Opened, opened

FOLDER = "wav"  # of an export's sound


def export_files(lake: Lake, release: Opened) -> dict[str, bytes]:
    """Everything of a release but its sound, by file name: its own files, and for each split a table as Pod.Cast's archives are and a
    lhotse CutSet."""
    folder, files = release_folder(release.release.name), dict[str, bytes]()
    for name in (MANIFEST, CLIPS, CARD, WITHDRAWN):
        try:
            files[name] = lake.read_bytes(f"{folder}/{name}")
        except NotInLake:
            continue
    for split in sorted({one.split for one in release.clips}):
        clips = [one for one in release.living if one.split == split]
        files[f"{split}.tsv"] = write_archive(line for one in clips for line in _archived(release.release.name, one)).encode()
        files[f"cuts_{split}.jsonl.gz"] = manifest(_cut(one) for one in clips)
    return files


def export_release(
    lake: Lake, catalog: Catalog, name: str, to: Path, with_sound: bool = True, progress: Callable[[int, int], None] | None = None
) -> Opened:
    """Writes a release to a folder; WAVs that are there already and whole are left, so that what was cut off goes on.

    `progress` is told how many WAVs of how many are there. Raises `UnknownRelease`, `ReleaseRefused`, `DamagedRelease`, `OSError`.
    """
    release = opened(lake, catalog, name)
    for one in release.withdrawn:
        (to / FOLDER / one.file_name).unlink(missing_ok=True)
    for number, one in enumerate(release.living if with_sound else (), 1):
        _write_sound(lake, one, to / FOLDER / one.file_name)
        if progress:
            progress(number, len(release.living))
    for file, data in export_files(lake, release).items():
        write_whole(to / file, data)
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
        yield Archived(name, clip.source, clip.start, one.start_s, one.duration_s, one.tag)
    if not clip.labels:
        yield Archived(name, clip.source, clip.start)


def _cut(clip: Clip) -> dict[str, object]:
    name = clip.file_name.removesuffix(".wav")
    entry = recording(name, f"{FOLDER}/{clip.file_name}", clip.samples, clip.sample_rate)
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
