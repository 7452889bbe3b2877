"""Downloads: claimed from the queue, fetched, converted, measured and entered in the ledger; and a day's tables and manifests.

The asset and the HTTP API use the same `Downloader`. A WAV is made aside and takes its place in the transaction that writes its row, ends
the request and marks the day's tables as behind: killed before that, the request is still queued, and the next worker makes the same
bytes; killed after it, the day is made again.
"""

import asyncio
import os
import random
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from soundmill.audio import Turn, UndecodableAudio
from soundmill.audio.levels import amplitude
from soundmill.audio.sniff import HEAD_BYTES, sniff
from soundmill.audio.wav import HEADER_BYTES, is_header_of
from soundmill.catalog import DOWNLOADED, Catalog, DownloadQueue, DownloadRequest, Item, Ledger, RequestRefused, Wanted, backoff, lease
from soundmill.catalog.downloads import WORKER
from soundmill.fingerprint import digest
from soundmill.formats.lhotse import manifest, recording, supervision
from soundmill.formats.rttm import rttm_lines
from soundmill.ingest.conversion import SAMPLE_RATE, Sound, convert_download
from soundmill.ingest.failures import FetchFailed
from soundmill.ingest.fetch import Fetched, Fetcher, FetchOptions
from soundmill.ingest.pairs import PAIRS, Pair, pairs_of
from soundmill.lake import DayTable, Lake, column
from soundmill.quarantine import write_quarantine
from soundmill.settings import Settings

DOWNLOADS = DayTable(
    "downloads",
    pa.schema(
        [
            column("key", pa.string(), "the ledger's key"),
            column("conversation", pa.string(), "the call, or what else the files belong to"),
            column("speaker", pa.string(), "agent, customer, or what the request said"),
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
ASSET = DOWNLOADS.name
SOURCE = "downloads"
SILENT_DBFS = -60.0
_RECIPE = "16 kHz mono, 1"
_PART_DAYS = 7
_T = TypeVar("_T")


@dataclass(frozen=True)
class DownloadOptions:
    """How downloads are made.

    spool           folder for files that are on their way, outside the lake
    concurrency     files at a time; most_hours: of sound in one file
    max_attempts    at a file that failed for a passing reason
    keep_originals  whether the bytes as they came are kept, under their hash
    stop_at_hours   ready hours at which no further request is taken up; None: never
    """

    spool: Path
    fetch: FetchOptions = field(default_factory=FetchOptions)
    concurrency: int = 8
    most_hours: float = 24
    max_attempts: int = 5
    keep_originals: bool = False
    stop_at_hours: float | None = None


def download_options(settings: Settings) -> DownloadOptions:
    """How the operator wants downloads made."""
    return DownloadOptions(
        spool=settings.spool / "downloads",
        fetch=FetchOptions(
            most_bytes=settings.download_max_megabytes << 20,
            seconds=settings.download_max_seconds,
            per_host=settings.download_per_host,
            delay=settings.download_delay_seconds,
            allow=settings.download_exempt,
        ),
        concurrency=settings.download_concurrency,
        most_hours=settings.download_max_hours,
        max_attempts=settings.max_attempts,
        keep_originals=settings.keep_originals,
        stop_at_hours=settings.target_hours if settings.stop_at_target else None,
    )


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `failure` is None where it went well; `items` are then the files."""

    request: DownloadRequest
    items: tuple[Item, ...]
    failure: FetchFailed | None = None


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


class Downloader:
    """A worker on the queue; use as an asynchronous context manager. What it holds is free again when it ends, even by a kill."""

    def __init__(self, lake: Lake, catalog: Catalog, options: DownloadOptions) -> None:
        self.lake, self.options = lake, options
        self.queue, self.ledger = DownloadQueue(catalog), Ledger(catalog)
        self._catalog = catalog
        self._stack = AsyncExitStack()
        self._threads = ThreadPoolExecutor(max(4, options.concurrency), "download")
        self._at_once = asyncio.Semaphore(options.concurrency)
        self._fetcher: Fetcher
        self.name = ""

    async def __aenter__(self) -> "Downloader":
        self._stack.callback(self._threads.shutdown)
        held = await self._thread(self._stack.enter_context, lease(self._catalog, WORKER + secrets.token_hex(6), wait=0))
        self.name = held.owner
        self._fetcher = await self._stack.enter_async_context(Fetcher(self.options.fetch))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._thread(self.queue.release, self.name)
        await self._stack.aclose()

    async def run(self, day: date | None, progress: Callable[[Outcome], None] | None = None) -> bool:
        """Works on requests that are due, of a day or of all, until none is left. Says whether it stopped at the target.

        Raises only where storage fails; what it holds then is free again.
        """
        hours_left = await self._thread(self._hours_left)
        working: set[asyncio.Task[Outcome]] = set()
        try:
            while True:
                free = max(0, self.options.concurrency - len(working)) if hours_left > 0 else 0
                claimed = await self._thread(self._claim, day, free) if free else []
                working |= {asyncio.create_task(self.work(request)) for request in claimed}
                if not working:
                    return hours_left <= 0
                done, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    outcome = task.result()
                    hours_left -= sum(item.seconds for item in outcome.items if item.state == "ready") / 3600
                    if progress:
                        progress(outcome)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def work(self, request: DownloadRequest) -> Outcome:
        """Makes one attempt at a claimed request, and enters what became of it in catalog and ledger.

        The asset is left to make the day's tables. Raises `OSError` where this machine fails, say for want of room; the request is free
        again then.
        """
        async with self._at_once:
            try:
                return await self._attempt(request)
            except BaseException:
                self.queue.release(self.name, request.id)  # at once: who cancels does not wait for threads
                raise

    async def _attempt(self, request: DownloadRequest) -> Outcome:
        part = self.options.spool / f"{request.id}.part"
        goes_on, made = False, _Made()
        try:
            fetched = await self._fetcher.fetch(request.url, part)
            made = await self._thread(self._convert, request, fetched)
            outcome = Outcome(request, made.items)
        except FetchFailed as failure:
            outcome = Outcome(request, (), failure)
            goes_on = failure.transient
        except UndecodableAudio as error:
            outcome = Outcome(request, (), FetchFailed(error.code, str(error), transient=error.transient))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  # a file that finds a hole in this program stops none of the others either
            outcome = Outcome(request, (), FetchFailed("internal_error", f"{type(error).__name__}: {error}", transient=True))
        try:
            settled = await self._thread(self._settle, outcome, made)
        finally:
            made.abandon()
        if not goes_on:
            _remove(part)
        return settled

    async def fetch_now(self, wanted: Sequence[Wanted]) -> list[Outcome]:
        """Asks for files, in place of what was asked for before under their names, and makes an attempt at each at once.

        The day's tables are made again by the asset. Raises `RequestRefused` for what was withdrawn or is part of another request,
        `OSError` as `work` does.
        """
        if self.options.stop_at_hours is not None and await self._thread(self._hours_left) <= 0:
            raise RequestRefused("the target is reached, and SOUNDMILL_STOP_AT_TARGET is on")
        await self._thread(partial(self.queue.add, wanted, datetime.now(UTC), replace=True, strict=True))
        return list(await asyncio.gather(*(self._attempt_now(one) for one in wanted)))

    async def _attempt_now(self, one: Wanted) -> Outcome:
        (request,) = [known for known in await self._thread(self.queue.of, one.conversation) if known.speaker == one.speaker]
        patience = asyncio.get_running_loop().time() + self.options.fetch.seconds
        while True:
            claim = partial(self.queue.claim, self.name, datetime.now(UTC), ids=[request.id])
            if claimed := await self._thread(claim):
                outcome = await self.work(claimed[0])
                await self._thread(self.ledger.settle_twins, {item.content_hash for item in outcome.items if item.content_hash}, ASSET)
                return outcome
            # another worker was faster: what it finds counts
            (request,) = [known for known in await self._thread(self.queue.of, one.conversation) if known.speaker == one.speaker]
            if request.state != "queued" or request.next_attempt_at is not None:
                break
            if asyncio.get_running_loop().time() > patience:
                return Outcome(request, (), FetchFailed("busy", "another worker is on it, and takes long", transient=True))
            await asyncio.sleep(0.2)
        known = await self._thread(self.ledger.known, [request.key(speaker) for speaker in request.speakers])
        if request.state == "done":
            return Outcome(request, tuple(known[request.key(speaker)] for speaker in request.speakers))
        failure = FetchFailed(request.reason or "withdrawn", request.message or "it was withdrawn", transient=request.state == "queued")
        return Outcome(request, (), failure)

    async def _thread(self, function: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _claim(self, day: date | None, limit: int) -> list[DownloadRequest]:
        return self.queue.claim(self.name, datetime.now(UTC), day=day, limit=limit)

    def _hours_left(self) -> float:
        if self.options.stop_at_hours is None:
            return float("inf")
        return self.options.stop_at_hours - sum(count.seconds for count in self.ledger.counts() if count.state == "ready") / 3600

    def _convert(self, request: DownloadRequest, fetched: Fetched) -> "_Made":
        """The files, made aside, and their items."""
        paths = [request.path(speaker) for speaker in request.speakers]
        made = _Made()
        try:
            targets = [made.files.enter_context(self.lake.writer(path)) for path in paths]
            info, sounds = convert_download(fetched.path, targets, self.options.most_hours * 3600)
            for target in targets:  # now, and not while the catalog waits
                target.flush()
                os.fsync(target.fileno())
            if self.options.keep_originals:
                self._keep_original(fetched)
        except BaseException:
            made.abandon()
            raise
        original = {"codec": info.codec, "rate": info.sample_rate, "channels": info.channels, "bytes": fetched.size, "hash": fetched.sha256}
        split = len(paths) > 1
        made.items = tuple(
            replace(
                _item(request, speaker),
                seconds=sound.seconds,
                path=path,
                content_hash=sound.content_hash,
                turns=[list(turn) for turn in sound.turns],
                measures={
                    **_item(request, speaker).measures,
                    **_measures(sound),
                    "channel": channel if split else -1,
                    "original": original,
                    "fetched_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                },
            )
            for channel, (speaker, path, sound) in enumerate(zip(request.speakers, paths, sounds, strict=True))
        )
        return made

    def _keep_original(self, fetched: Fetched) -> None:
        with open(fetched.path, "rb") as file:
            kind = sniff(file.read(HEAD_BYTES))
        path = original_path(fetched.sha256, kind)
        if not self.lake.exists(path):
            with self.lake.writer(path) as kept, open(fetched.path, "rb") as file:
                shutil.copyfileobj(file, kept, 1 << 20)

    def _settle(self, outcome: Outcome, made: "_Made") -> Outcome:
        request, failure, now = outcome.request, outcome.failure, datetime.now(UTC)
        known = self.ledger.known([request.key(speaker) for speaker in request.speakers])
        if failure is None:
            if not self.queue.settle(request, made.items, now, state="done", stale=ASSET, place=made.place):
                return replace(outcome, items=(), failure=FetchFailed("busy", "the request was changed or taken back", transient=True))
            replaced = {item.measures["original"]["hash"] for item in known.values() if item.path}
            drop_originals(self.lake, self.ledger, replaced - {made.items[0].measures["original"]["hash"]})
            return outcome
        attempts = request.attempts + 1
        again = failure.transient and attempts < self.options.max_attempts
        wait = max(backoff(attempts) * random.uniform(0.8, 1.25), timedelta(seconds=failure.retry_after or 0))
        next_attempt = now + wait if again else None
        # what was fetched before, and is asked for again in vain, stays as it is
        lost = [speaker for speaker in request.speakers if not ((before := known.get(request.key(speaker))) and before.path)]
        items = tuple(
            replace(
                _item(request, speaker),
                state="quarantined",
                reason=failure.code,
                message=str(failure),
                transient=failure.transient,
                attempts=attempts,
                next_attempt_at=next_attempt,
            )
            for speaker in lost
        )
        self.queue.settle(
            request,
            items,
            now,
            state="queued" if again else "failed",
            reason=failure.code,
            message=str(failure),
            next_attempt_at=next_attempt,
            stale=ASSET,
        )
        return replace(outcome, items=items)


class _Made:
    """Files made aside, and the items that they will be. They are put in place once, or never."""

    def __init__(self) -> None:
        self.files = ExitStack()
        self.items: tuple[Item, ...] = ()
        self._one_at_a_time = threading.Lock()  # an attempt may be cancelled while a thread settles it
        self._abandoned = False

    def place(self) -> None:
        """Puts the files where they belong. Raises `_Abandoned` where they are gone already."""
        with self._one_at_a_time:
            if self._abandoned:
                raise _Abandoned
            self.files.close()

    def abandon(self) -> None:
        """Removes what was not put in place; nothing happens where it was."""
        with self._one_at_a_time:
            self._abandoned = True
            try:
                self.files.__exit__(_Abandoned, _Abandoned(), None)
            except _Abandoned:
                pass


class _Abandoned(Exception):
    pass


def update_downloads(
    lake: Lake, catalog: Catalog, day: date, options: DownloadOptions, progress: Callable[[Outcome], None] | None = None
) -> DayOfDownloads:
    """Fetches what is due of a day's requests, and writes the day's tables, manifests and quarantine list from the ledger.

    A request that fails stops none of the others. Raises only where storage fails.
    """
    ledger, queue = Ledger(catalog), DownloadQueue(catalog)
    sweep_spool(options.spool, queue, datetime.now(UTC))
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
        ledger.settle_twins({item.content_hash for item in ledger.downloads(day) if item.content_hash and item.path}, ASSET)
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

    def judge(item: Item) -> str | None:
        head = lake.read_start(item.path or "", HEADER_BYTES)
        if head is None:
            return f"{item.path} is missing"
        if not is_header_of(head, SAMPLE_RATE, item.measures["samples"]):
            return f"{item.path} is not the 16 kHz mono WAV of {item.seconds:.1f} s that was written"
        return None

    with ThreadPoolExecutor(16) as pool:
        return [problem for problem in pool.map(judge, items) if problem]


def withdraw(lake: Lake, catalog: Catalog, conversation: str, now: datetime) -> int:
    """Takes a conversation back for good: its files go, its items stay as withdrawn. Returns how many files it had."""
    ledger, queue = Ledger(catalog), DownloadQueue(catalog)
    requests = queue.of(conversation)
    gone = queue.withdraw(conversation, now, ASSET)  # first: a worker on it can put nothing in place any longer
    for request in requests:
        for speaker in request.speakers:
            lake.delete(request.path(speaker))
    drop_originals(lake, ledger, {item.measures["original"]["hash"] for item in gone if "original" in item.measures})
    ledger.settle_twins({item.content_hash for item in gone if item.content_hash}, ASSET)
    return sum(item.path is not None for item in gone)


def drop_originals(lake: Lake, ledger: Ledger, hashes: Iterable[str]) -> None:
    """Removes kept originals that no download uses any longer."""
    for sha256 in hashes:
        if not ledger.uses_original(sha256):
            for entry in list(lake.files(original_folder(sha256))):
                if entry.path.rsplit("/", 1)[1].startswith(sha256):
                    lake.delete(entry.path)


def manifests_folder(day: date) -> str:
    """Where the day's lhotse manifests and RTTM lie."""
    return f"manifests/downloads/{day.isoformat()}"


def original_folder(sha256: str) -> str:
    """Where originals lie whose hash begins so."""
    return f"audio/originals/{sha256[:2]}"


def original_path(sha256: str, kind: str) -> str:
    """Where an original's bytes lie."""
    return f"{original_folder(sha256)}/{sha256}.{kind}"


def sweep_spool(spool: Path, queue: DownloadQueue, now: datetime) -> None:
    """Removes what killed workers left of requests that are settled since, and what nobody went on with for a week."""
    parts = {int(path.stem): path for path in spool.glob("*.part") if path.stem.isdigit()} if spool.is_dir() else {}
    queued = queue.queued_among(parts)
    for number, path in parts.items():
        try:
            if number not in queued or now.timestamp() - path.stat().st_mtime > _PART_DAYS * 86_400:
                _remove(path)
        except FileNotFoundError:
            pass  # another worker's, done meanwhile


def _remove(part: Path) -> None:
    """A half-fetched file and its note; the file last, by which the note is found again."""
    part.with_suffix(".json").unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def _item(request: DownloadRequest, speaker: str) -> Item:
    return Item(
        key=request.key(speaker),
        kind="download",
        source=SOURCE,
        day=request.day,
        state="ready",
        fingerprint=digest([request.url, _RECIPE]),
        measures={"conversation": request.conversation, "speaker": speaker, "url": request.url},
        attempts=request.attempts + 1,
    )


def _measures(sound: Sound) -> dict[str, Any]:
    return {
        "samples": sound.samples,
        "bytes": sound.size,
        "max_amp": sound.levels.max_amp,
        "rms": round(sound.levels.rms, 7),
        "clipped": sound.levels.clipped,
        "speech_ratio": round(sound.speech_ratio, 5),
    }


def _write_day(lake: Lake, day: date, items: Sequence[Item], turns: Mapping[str, Sequence[Turn]], pairs: Sequence[Pair]) -> bool:
    """The day's tables and manifests; says whether any of them changed. Without items there are no manifests."""
    content = digest(f"{item.key} {item.content_hash} {item.state} {item.blocked_by} {item.measures['url']}" for item in items)
    if lake.made_from(DOWNLOADS, day) == content and lake.made_from(PAIRS, day) == content:
        return False
    folder = manifests_folder(day)
    heard = [item for item in items if item.state == "ready"]  # no sound is in the manifests twice
    names = {item.key: f"{item.measures['conversation']}--{item.measures['speaker']}" for item in items}
    recordings = [recording(names[item.key], item.path or "", item.measures["samples"], SAMPLE_RATE) for item in heard]
    speech = [
        supervision(number, names[item.key], start, end, item.measures["speaker"], conversation=item.measures["conversation"])
        for item in heard
        for number, (start, end) in enumerate(turns.get(item.key, ()))
    ]
    paired = {pair.conversation for pair in pairs}
    lines = [
        line
        for item in heard
        if item.measures["conversation"] in paired
        for line in rttm_lines(item.measures["conversation"], item.measures["speaker"], turns.get(item.key, ()))
    ]
    blobs = {
        f"{folder}/recordings.jsonl.gz": manifest(recordings) if heard else b"",
        f"{folder}/supervisions.jsonl.gz": manifest(speech) if heard else b"",
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
