"""Downloads as the first downloader laid them out, `{conversation}/{file}.wav`, for programs that read its folder.

The view has links only, made anew whenever it is asked for; the sound is in the lake, under the days of the requests.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from soundmill.catalog import Item
from soundmill.lake import Lake


def flat_view(items: Iterable[Item], lake: Lake, folder: Path) -> None:
    """Makes `folder` hold a link to the WAV of each download that has one, and nothing else."""
    wanted: dict[str, dict[str, str]] = {}
    for item in items:
        if item.path:
            name = item.path.rsplit("/", 1)[1]
            wanted.setdefault(item.measures["conversation"], {})[name] = lake.address(item.path)
    folder.mkdir(parents=True, exist_ok=True)
    for gone in set(os.listdir(folder)) - set(wanted):
        shutil.rmtree(folder / gone, ignore_errors=True)
    for conversation, links in wanted.items():
        place = folder / conversation
        place.mkdir(exist_ok=True)
        there = {name: os.readlink(place / name) for name in os.listdir(place) if (place / name).is_symlink()}
        for name, target in there.items():
            if links.get(name) != target:
                (place / name).unlink(missing_ok=True)
        for name, target in links.items():
            if there.get(name) != target:
                _link(target, place / name)


def _link(target: str, name: Path) -> None:
    try:
        name.symlink_to(target)
    except FileExistsError:
        pass  # another process makes the same view
