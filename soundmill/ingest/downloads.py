"""A day of downloads: its requests worked on, and its tables, manifests and quarantine list written from the ledger."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from soundmill.audio import Turn
from soundmill.audio.levels import amplitude
from soundmill.audio.wav import HEADER_BYTES, is_header_of
from soundmill.catalog import DOWNLOADED, Catalog, DownloadQueue, Item, Ledger, lease
from soundmill.catalog.quarantine import write_quarantine
from soundmill.fingerprint import digest
from soundmill.formats.lhotse import manifest, recording, supervision
from soundmill.formats.rttm import rttm_lines
from soundmill.ingest.conversion import SAMPLE_RATE
from soundmill.ingest.downloader import _T, ASSET, Downloader, Outcome
from soundmill.ingest.pairs import PAIRS, Pair, pairs_of
from soundmill.ingest.spool import sweep_spool
from soundmill.lake import LEFT_SECONDS, Lake, column, day_table
from soundmill.options import DownloadOptions

DOWNLOADS = day_table(
    ASSET,
    pa.schema(
        [
            column("key", pa.string(), "the ledger's key"),
            column("conversation", pa.string(), "the call, or what else the files belong to"),
            column("speaker", pa.string(), "agent, customer, or what the request named"),
            column("state", pa.string(), "ready, or duplicate where the same sound is ready under another key"),
            column("duplicate_of", pa.string(), "key of the file with the same sound that is ready; empty where this one is"),
            column("seconds", pa.float64(), "length"),
            column("samples", pa.int64(), "length in samples at 16 kHz"),
            column("max_amp", pa.int32(), "largest absolute sample, in int16 steps"),
            column("rms", pa.float32(), "root mean square, share of full scale"),
            column("clipped", pa.int32(), "samples at full scale"),
            column("speech_ratio", pa.float32(), "share of the time in which somebody speaks"),
            column("channel", pa.int16(), "the channel of the original it was taken from; -1 for the mean of all"),
            column("original_codec", pa.string(), "codec of the file as it came"),
            column("original_rate", pa.int32(), "its sample rate, Hz"),
            column("original_channels", pa.int16(), "its channels"),
            column("original_bytes", pa.int64(), "its size"),
            column("original_hash", pa.string(), "its sha256; kept in audio/originals where SOUNDMILL_KEEP_ORIGINALS is on"),
            column("url", pa.string(), "where it was asked for"),
            column("path", pa.string(), "its WAV in the lake"),
            column("content_hash", pa.string(), "sha256 of that WAV"),
        ]
    ),
    key=("conversation", "speaker"),
)
SILENT_DBFS = -60.0


@dataclass(frozen=True)
class DayOfDownloads:
    """What an update of a day did. `states` and `seconds` count the day's items, `requests` the queue's; `damaged` names bad files."""

    attempts: int
    changed: bool
    states: Mapping[str, int]
    seconds: Mapping[str, float]
    reasons: Mapping[str, int]
    requests: Mapping[str, int]
    pairs: Sequence[Pair]
    silent: Sequence[str]
    damaged: Sequence[str]
    target_reached: bool


def update_downloads(
    lake: Lake, catalog: Catalog, day: date, options: DownloadOptions, progress: Callable[[Outcome], None] | None = None
) -> DayOfDownloads:
    """Fetches what is due of a day's requests, and writes the day's tables, manifests and quarantine list from the ledger.

    A request that fails stops none of the others. Raises only where storage fails.
    """
    ledger, queue = Ledger(catalog), DownloadQueue(catalog)
    sweep_spool(options.spool, queue, datetime.now(UTC))
    lake.sweep_partials(LEFT_SECONDS, time.time(), f"audio/downloads/{day.isoformat()}")
    attempts = 0

    def count(outcome: Outcome) -> None:
        nonlocal attempts
        attempts += 1
        if progress:
            progress(outcome)

    async def run() -> bool:
        async with Downloader(lake, catalog, options) as worker:
            return await worker.run(day, count)

    stopped = _run(run)
    with lease(catalog, f"{ASSET}/{day} tables"):  # another worker on this day writes them before or after
        ledger.resolve_duplicates({item.content_hash for item in ledger.downloads(day) if item.content_hash and item.path}, ASSET)
        previous = ledger.processed(ASSET).get(day)  # before the ledger is read: what is settled from now on leaves the day behind
        items, turns = [item for item in ledger.downloads(day) if item.path], ledger.turns(day)
        pairs = pairs_of(items, turns)
        changed = _write_day(lake, day, items, turns, pairs)
        quarantined = ledger.quarantined(day, DOWNLOADED)
        write_quarantine(lake, ASSET, day, quarantined)
        ledger.mark_processed(ASSET, day, digest(f"{item.key} {item.content_hash} {item.state}" for item in items), previous)
    counts = ledger.counts(day, DOWNLOADED)
    return DayOfDownloads(
        attempts=attempts,
        changed=changed,
        states={count.state: count.items for count in counts},
        seconds={count.state: count.seconds for count in counts},
        reasons=Counter(item.reason or "" for item in quarantined),
        requests=queue.counts(datetime.now(UTC), day),
        pairs=pairs,
        silent=[item.key for item in items if item.measures["max_amp"] <= amplitude(SILENT_DBFS)],
        damaged=damaged_files(lake, items),
        target_reached=stopped,
    )


def _run(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Runs asynchronous work to its end: here, where an interrupt reaches it, or in a thread where a loop runs already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, work()).result()


def damaged_files(lake: Lake, items: Sequence[Item]) -> list[str]:
    """Those of the items' WAVs that are missing, of another length than the ledger says, or not 16 kHz mono; each with what is wrong."""

    def problem_of(item: Item) -> str | None:
        head = lake.read_start(item.path or "", HEADER_BYTES)
        if head is None:
            return f"{item.path} is missing"
        if not is_header_of(head, SAMPLE_RATE, item.measures["samples"]):
            return f"{item.path} is not the 16 kHz mono WAV of {item.seconds:.1f} s that was written"
        return None

    with ThreadPoolExecutor(16) as pool:
        return [problem for problem in pool.map(problem_of, items) if problem]


def manifests_folder(day: date) -> str:
    """Where the day's lhotse manifests and RTTM lie."""
    return f"manifests/downloads/{day.isoformat()}"


def _write_day(lake: Lake, day: date, items: Sequence[Item], turns: Mapping[str, Sequence[Turn]], pairs: Sequence[Pair]) -> bool:
    """The day's tables and manifests; says whether any of them changed. Without items there are no manifests."""
    content = digest(f"{item.key} {item.content_hash} {item.state} {item.blocked_by} {item.measures['url']}" for item in items)
    if lake.made_from(DOWNLOADS, day) == content and lake.made_from(PAIRS, day) == content:
        return False
    folder = manifests_folder(day)
    ready = [item for item in items if item.state == "ready"]  # no sound is in the manifests twice
    names = {item.key: f"{item.measures['conversation']}--{item.measures['speaker']}" for item in items}
    recordings = [recording(names[item.key], item.path or "", item.measures["samples"], SAMPLE_RATE) for item in ready]
    speech = [
        supervision(number, names[item.key], start, end, item.measures["speaker"], conversation=item.measures["conversation"])
        for item in ready
        for number, (start, end) in enumerate(turns.get(item.key, ()))
    ]
    paired = {pair.conversation for pair in pairs}
    lines = [
        line
        for item in ready
        if item.measures["conversation"] in paired
        for line in rttm_lines(item.measures["conversation"], item.measures["speaker"], turns.get(item.key, ()))
    ]
    blobs = {
        f"{folder}/recordings.jsonl.gz": manifest(recordings) if ready else b"",
        f"{folder}/supervisions.jsonl.gz": manifest(speech) if ready else b"",
        f"{folder}/speech.rttm": "".join(line + "\n" for line in lines).encode(),
    }
    for path, data in blobs.items():
        if data:
            lake.write_if_changed(path, data)
        else:
            lake.delete(path)
    lake.write_day(PAIRS, day, PAIRS.from_rows(pair.row() for pair in pairs), made_from=content)
    # last: its footer says that all of the day is written
    return lake.write_day(DOWNLOADS, day, DOWNLOADS.from_rows(_row(item) for item in items), made_from=content)


def _row(item: Item) -> dict[str, object]:
    original = item.measures["original"]
    return {
        "key": item.key,
        "state": item.state,
        "duplicate_of": item.blocked_by or "",
        "seconds": item.seconds,
        "path": item.path,
        "content_hash": item.content_hash,
        **{f"original_{name}": original[name] for name in ("codec", "rate", "channels", "bytes", "hash")},
        **{name: item.measures[name] for name in _FROM_MEASURES},
    }


_FROM_MEASURES = ("conversation", "speaker", "samples", "max_amp", "rms", "clipped", "speech_ratio", "channel", "url")
