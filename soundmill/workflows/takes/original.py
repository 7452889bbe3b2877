"""A set's takes as the original recorder kept them, for programs that read its folder.

`recordings/` is where takes lie anyhow; `metadata.json` and `active_utterances.txt` are written anew when takes come or go.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from soundmill.catalog import TAKES_FOLDER, Catalog, Prompt, Prompts, Speaker, Speakers, Take, Takes, lease
from soundmill.disk import write_whole
from soundmill.errors import NotInLake
from soundmill.lake import Lake

RECORDINGS, METADATA, ACTIVE = "recordings", "metadata.json", "active_utterances.txt"


def metadata_of(takes: Iterable[Take], prompts: Iterable[Prompt], speakers: dict[str, Speaker]) -> dict[str, dict[str, Any]]:
    """The original's metadata: an entry for each take that counts, under the name of its utterance, or, where that has one already, of its
    file."""
    known, found = {one.utterance: one for one in prompts}, dict[str, dict[str, Any]]()
    for take in takes:
        if not take.counts:
            continue
        name = f"{take.utterance}.wav"
        prompt = known.get(take.utterance)
        found[name if name not in found else Path(take.path).name] = {
            "sentence_text": take.text,
            "entity_text": prompt.entity_text if prompt else None,
            "entity_id": take.entity,
            "recording_id": take.utterance,
            "engine": "human",
            "accent": take.accent,
            "user": speakers[take.speaker].name,
            "recorded_at": take.recorded_at.isoformat(timespec="seconds"),
        }
    return found


def original_files(catalog: Catalog, name: str) -> dict[str, bytes]:
    """The two files of a set. Raises `UnknownPrompts`."""
    prompts, takes = Prompts(catalog), Takes(catalog).listed(name=name)[0]
    speakers = {one: Speakers(catalog).get(one) for one in {take.speaker for take in takes}}
    metadata = metadata_of(takes, prompts.prompts(name), speakers)
    return {
        METADATA: json.dumps(metadata, indent=2, sort_keys=True, ensure_ascii=False).encode(),
        ACTIVE: "".join(f"{one}\n" for one in prompts.held(name)).encode(),
    }


def write_original(lake: Lake, catalog: Catalog, name: str) -> None:
    """Brings the two files of a set up to its takes. Raises `UnknownPrompts`, `LeaseLost`."""
    with lease(catalog, f"original {name}", wait=30):  # of two writers the one that read last writes last
        for file, data in original_files(catalog, name).items():
            lake.write_if_changed(f"{TAKES_FOLDER}/{name}/{file}", data)


def export_original(lake: Lake, catalog: Catalog, name: str, to: Path) -> int:
    """Writes a set to a folder as the original kept it; what is there and the same is left, and recordings there that are no longer in the
    set are deleted. Returns the recordings. Raises `UnknownPrompts`, `OSError`."""
    takes = [one for one in Takes(catalog).listed(name=name)[0] if one.counts]
    for file, data in original_files(catalog, name).items():
        write_whole(to / file, data)
    kept = {Path(one.path).name for one in takes}
    for path in sorted((to / RECORDINGS).glob("*.wav")):
        if path.name not in kept:
            path.unlink()
    for one in takes:
        try:
            data = lake.read_bytes(one.path)
        except NotInLake:
            continue  # withdrawn meanwhile
        path = to / RECORDINGS / Path(one.path).name
        if not path.is_file() or path.read_bytes() != data:
            write_whole(path, data)
    return len(takes)
