"""The worker on downloads: claims requests, fetches, converts and measures their files, and enters them in the ledger.

A WAV is written aside and takes its place in the transaction that writes its row, ends the request and marks the day's tables as stale:
killed before that, the request is still queued, and the next worker makes the same bytes; killed after it, the day is made again.
"""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError

from soundmill.audio import Truncated
from soundmill.audio.sniff import HEAD_BYTES, sniff
from soundmill.catalog import AudioCollection, Catalog, DownloadQueue, DownloadRequest, Item, Ledger, Wanted
from soundmill.catalog.queue import next_attempt
from soundmill.disk import need_room
from soundmill.errors import FetchFailed, RequestRefused, UndecodableAudio
from soundmill.fingerprint import digest
from soundmill.ingest.conversion import Sound, convert_download
from soundmill.ingest.fetch import Fetched, Fetcher
from soundmill.ingest.originals import drop_originals, original_path
from soundmill.ingest.spool import remove_part
from soundmill.lake import Lake, PendingBlob
from soundmill.options import DownloadOptions
from soundmill.settings import masked_url

ASSET = SOURCE = "downloads"  # the asset that these requests belong to, and their source in the ledger
_MOST_CLAIMS = 50
_RECIPE = "16 kHz mono, 1"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `failure` is None where it went well; `items` are then the files."""

    request: DownloadRequest
    items: tuple[Item, ...]
    failure: FetchFailed | None = None


class Downloader:
    """A worker on the queue; use as an asynchronous context manager. What it holds is free again when it ends, even by a kill."""

    def __init__(self, lake: Lake, catalog: Catalog, options: DownloadOptions) -> None:
        self.lake, self.options = lake, options
        self.queue, self.ledger, self.collection = DownloadQueue(catalog), Ledger(catalog), AudioCollection(catalog)
        self._catalog = catalog
        self._stack, self._leases = AsyncExitStack(), ExitStack()
        self._threads = ThreadPoolExecutor(max(4, options.concurrency), "download")
        self._at_once = asyncio.Semaphore(options.concurrency)
        self._fetcher: Fetcher
        self.name = ""

    async def __aenter__(self) -> "Downloader":
        self._stack.callback(self._threads.shutdown)
        self.name = (await self._thread(self._leases.enter_context, self.queue.work.worker())).owner
        self._fetcher = await self._stack.enter_async_context(Fetcher(self.options.fetch))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._thread(self._leases.close)
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
                # all of them first: one whose failure nobody takes would be told with a traceback
                for outcome in await asyncio.gather(*done, return_exceptions=True):
                    if isinstance(outcome, BaseException):
                        raise outcome
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
                with suppress(OperationalError):  # where the catalog has no room either, the claim ends with this worker
                    self.queue.work.release(self.name, request.id)  # at once: who cancels does not wait for threads
                raise

    async def _attempt(self, request: DownloadRequest) -> Outcome:
        part = self.options.spool / f"{request.id}.part"
        resumable, made = False, _Files()
        try:
            if request.claims > _MOST_CLAIMS:  # whoever is at it does not come through
                raise FetchFailed("interrupted", f"its worker was ended {_MOST_CLAIMS} times while it was at it")
            await self._thread(self._need_room)
            fetched = await self._fetcher.fetch(request.url, part)
            made = await self._thread(self._convert, request, fetched)
            outcome = Outcome(request, made.items)
        except FetchFailed as failure:
            outcome = Outcome(request, (), failure)
            resumable = failure.transient
        except UndecodableAudio as error:
            outcome = Outcome(request, (), FetchFailed(error.code, str(error), transient=error.transient))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  # a file that finds a hole in this program stops none of the others either
            outcome = Outcome(request, (), FetchFailed("internal_error", f"{type(error).__name__}: {error}", transient=True))
        try:
            settled = await self._thread(self._settle, outcome, made)
        finally:
            made.discard()
        if not resumable:
            remove_part(part)
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
                await self._thread(
                    self.ledger.resolve_duplicates, {item.content_hash for item in outcome.items if item.content_hash}, ASSET
                )
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

    def _need_room(self) -> None:
        """Raises `DiskFull` where too little is left for files on their way, or in the lake."""
        need_room(self.options.spool, self.options.least_free)
        self.lake.need_room(self.options.least_free)

    def _hours_left(self) -> float:
        if self.options.stop_at_hours is None:
            return float("inf")
        return self.options.stop_at_hours - self.collection.ready_seconds() / 3600

    def _convert(self, request: DownloadRequest, fetched: Fetched) -> "_Files":
        """The files, made aside, and their items."""
        paths = [request.path(speaker) for speaker in request.speakers]
        made = _Files()
        try:
            made.blobs += [self.lake.pending(path) for path in paths]
            info, sounds, shortfall = convert_download(
                fetched.path,
                [blob.file for blob in made.blobs],
                self.options.most_hours * 3600,
                truncated=self._truncated(request, fetched),
            )
            for blob in made.blobs:  # now, and not while the catalog waits
                blob.sync()
            if self.options.keep_originals:
                self._keep_original(fetched)
        except BaseException:
            made.discard()
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
            ).noting(shortfall)
            for channel, (speaker, path, sound) in enumerate(zip(request.speakers, paths, sounds, strict=True))
        )
        return made

    def _truncated(self, request: DownloadRequest, fetched: Fetched) -> Truncated:
        """Sound that ends early is tried again where more of it may come, before it is kept."""
        may_come = not fetched.whole and request.attempts + 1 < self.options.max_attempts
        return "refuse" if may_come else self.options.truncated

    def _keep_original(self, fetched: Fetched) -> None:
        with open(fetched.path, "rb") as file:
            kind = sniff(file.read(HEAD_BYTES))
        path = original_path(fetched.sha256, kind)
        if not self.lake.exists(path):
            with self.lake.writer(path) as kept, open(fetched.path, "rb") as file:
                shutil.copyfileobj(file, kept, 1 << 20)

    def _settle(self, outcome: Outcome, made: "_Files") -> Outcome:
        request, failure, now = outcome.request, outcome.failure, datetime.now(UTC)
        known = self.ledger.known([request.key(speaker) for speaker in request.speakers])
        if failure is None:
            if not self.queue.settle(request, made.items, now, state="done", stale=ASSET, place=made.commit):
                return replace(outcome, items=(), failure=FetchFailed("busy", "the request was changed or taken back", transient=True))
            replaced = {item.measures["original"]["hash"] for item in known.values() if item.path}
            drop_originals(self.lake, self.ledger, replaced - {made.items[0].measures["original"]["hash"]})
            return outcome
        due = next_attempt(
            now, request.attempts + 1, self.options.max_attempts, transient=failure.transient, retry_after=failure.retry_after
        )
        # what was fetched before, and is asked for again in vain, stays as it is
        lost = [speaker for speaker in request.speakers if not ((before := known.get(request.key(speaker))) and before.path)]
        items = tuple(
            replace(
                _item(request, speaker),
                state="quarantined",
                reason=failure.code,
                message=masked_url(str(failure)),
                transient=failure.transient,
                attempts=request.attempts + 1,
                next_attempt_at=due,
            )
            for speaker in lost
        )
        self.queue.settle(
            request,
            items,
            now,
            state="queued" if due else "failed",
            reason=failure.code,
            message=masked_url(str(failure)),
            next_attempt_at=due,
            stale=ASSET,
        )
        return replace(outcome, items=items)


class _Files:
    """Blobs on their way, and the items that they will be. They are put in place once, or never."""

    def __init__(self) -> None:
        self.blobs: list[PendingBlob] = []
        self.items: tuple[Item, ...] = ()

    def commit(self) -> None:
        """Puts the files where they belong. Raises `BlobDiscarded` where the attempt was cancelled meanwhile."""
        for blob in self.blobs:
            blob.commit()

    def discard(self) -> None:
        """Removes what was not put in place."""
        for blob in self.blobs:
            blob.discard()


def _item(request: DownloadRequest, speaker: str) -> Item:
    return Item(
        key=request.key(speaker),
        kind="download",
        source=SOURCE,
        day=request.day,
        state="ready",
        fingerprint=digest([request.url, _RECIPE]),
        measures={"conversation": request.conversation, "speaker": speaker, "url": request.shown_url},
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
