"""Erasure: whatever is withdrawn goes through one function, which deletes the sound and leaves an audit row.

The audio is deleted here, and the rows that name it. Tables that were made from it are marked stale, and lose it with the next run of their
day; the next backup drops withdrawn files at once.
"""

import logging
import re
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from soundmill.capture.redaction import Redaction, delete_withdrawn
from soundmill.capture.segmenter import ASSET as SEGMENTS
from soundmill.catalog import (
    Account,
    Accounts,
    Catalog,
    DownloadQueue,
    Erasures,
    Ledger,
    Releases,
    Speaker,
    Speakers,
    Take,
    Takes,
    Upload,
    Uploads,
    lease,
    upload_key,
)
from soundmill.catalog.takes import TAKE_SOURCES
from soundmill.errors import LeaseLost
from soundmill.ingest.downloader import ASSET as DOWNLOADS
from soundmill.ingest.originals import drop_originals
from soundmill.lake import Lake
from soundmill.speech.tables import TRANSCRIPTS
from soundmill.times import days_between
from soundmill.workflows.listening.overview import Overviews
from soundmill.workflows.releases.withdrawal import withdraw_clips
from soundmill.workflows.takes import STALE, write_original

log = logging.getLogger("soundmill.erasure")
_BATCH = 100
_LONGEST_WAIT = 12 * 3600.0  # seconds, for a run that cuts the days, or makes a release
_BRIEFLY = 2.0  # seconds, where a person waits
_LANDED = re.compile(r"landing/[^/]+/(\d{4}-\d{2}-\d{2})/")


@dataclass(frozen=True)
class Conversation:
    """A conversation by its id: all its requests and files."""

    id: str


@dataclass(frozen=True)
class Erased:
    """What an erasure did: ledger rows withdrawn, their length, files deleted (a file that cannot be deleted now is deleted later), and
    clips withdrawn from releases."""

    items: int
    seconds: float
    files: int
    clips: int = 0


Subject = Conversation | Upload | Account | Redaction | Take | Speaker


def erase(lake: Lake, catalog: Catalog, subject: Subject, by: str = "operator") -> Erased:
    """Erases a conversation, an upload, an account with all its uploads, planned segments of a source, a take, or a speaker with all their
    takes and consents; leaves an audit row.

    Catalog rows change first, so that no worker can put anything in place any longer; killed in between, the same erasure finds the files
    again.
    """
    match subject:
        case Conversation():
            kind, name, erased = "conversation", subject.id, _erase_conversation(lake, catalog, subject)
        case Upload():
            kind, name, erased = "upload", subject.uuid, _erase_upload(lake, catalog, subject)
        case Account():
            kind, name, erased = "account", subject.username, _erase_account(lake, catalog, subject, by)
        case Redaction():
            kind, name, erased = subject.kind, subject.name, _erase_segments(lake, catalog, subject)
        case Take():  # whose audit row is written with what it tells of
            return _erase_takes(lake, catalog, [subject], by)
        case Speaker():
            kind, name, erased = "speaker", subject.id, _erase_speaker(lake, catalog, subject, by)
    Erasures(catalog).record(kind, name, erased.items, erased.seconds, by)
    log.info("erased: %s, %d items, %d files, by %s", kind, erased.items, erased.files, by)
    return erased


def _erase_conversation(lake: Lake, catalog: Catalog, conversation: Conversation) -> Erased:
    ledger, queue = Ledger(catalog), DownloadQueue(catalog)
    requests = queue.of(conversation.id)
    gone = queue.withdraw(conversation.id, datetime.now(UTC), DOWNLOADS)
    for request in requests:
        for speaker in request.speakers:
            lake.delete(request.path(speaker))
    drop_originals(lake, ledger, {item.measures["original"]["hash"] for item in gone if "original" in item.measures})
    ledger.resolve_duplicates({item.content_hash for item in gone if item.content_hash}, DOWNLOADS)
    return Erased(len(gone), sum(item.seconds for item in gone), sum(item.path is not None for item in gone))


def _erase_upload(lake: Lake, catalog: Catalog, upload: Upload) -> Erased:
    uploads = Uploads(catalog)
    uploads.remove(upload, TRANSCRIPTS.name)
    files = 0
    for item in Ledger(catalog).known([upload_key(upload.uuid)]).values():
        try:
            lake.delete(upload.path)
        except OSError:  # the sweep of a studio's worker deletes it later
            log.exception("the file of the deleted recording %s could not be deleted yet", upload.uuid)
        else:
            uploads.file_is_gone(item)
            files += 1
    return Erased(1, upload.seconds, files)


def _erase_account(lake: Lake, catalog: Catalog, account: Account, by: str) -> Erased:
    """Also recordings that come meanwhile."""
    uploads, items, seconds, files = Uploads(catalog), 0, 0.0, 0
    while True:
        for upload in uploads.listed(account.id, limit=_BATCH)[0]:
            erased = erase(lake, catalog, upload, by)
            items, seconds, files = items + erased.items, seconds + erased.seconds, files + erased.files
        if uploads.listed(account.id, limit=1)[1] == 0 and Accounts(catalog).remove(account.id):
            return Erased(items, seconds, files)


def days_of(redaction: Redaction) -> list[date]:
    """The days that no run may cut while a redaction is carried out: those on which its sound landed, or may have."""
    days = {date.fromisoformat(match[1]) for path in redaction.files if (match := _LANDED.match(path))}
    for start, end in redaction.spans:
        days |= set(days_between((start - timedelta(days=1)).date(), end.date()))
    return sorted(days)


def _erase_segments(lake: Lake, catalog: Catalog, redaction: Redaction) -> Erased:
    """Alone on the days: a run that cuts them is waited for, and one that is to come waits."""
    with ExitStack() as stack:
        for day in days_of(redaction):
            stack.enter_context(lease(catalog, f"{SEGMENTS}/{day}", wait=_LONGEST_WAIT))
        return _erase_alone(lake, catalog, redaction)


def _erase_alone(lake: Lake, catalog: Catalog, redaction: Redaction) -> Erased:
    ledger = Ledger(catalog)
    gone = ledger.withdraw(redaction.source, redaction.spans, redaction.segments, SEGMENTS)
    seconds = sum(item.seconds for item in gone) if redaction.spans else redaction.seconds
    Overviews(lake, catalog).delete(redaction.source, {item.day for item in gone})
    clips = withdraw_clips(lake, catalog, [redaction.source])
    left = [item for item in ledger.withdrawn_with_file("segment") if item.source == redaction.source]
    return Erased(len(gone), seconds, delete_withdrawn(lake, ledger, left, redaction.files), clips)


def _erase_speaker(lake: Lake, catalog: Catalog, speaker: Speaker, by: str) -> Erased:
    """Consents end first, so that no take of theirs is taken in any longer, wherever it waits."""
    Speakers(catalog).withdraw(speaker)
    return _erase_takes(lake, catalog, Takes(catalog).listed(speaker=speaker.id, state=None)[0], by)


def _erase_takes(lake: Lake, catalog: Catalog, takes: Sequence[Take], by: str) -> Erased:
    """At once they are in no list, no file and no export of a release; tables lose them with the next run of their days, and what could not
    be deleted now goes with it."""
    gone, sources = Takes(catalog).remove(takes, STALE, by), {one.source for one in takes}
    clips = sum(len(Releases(catalog).clips(source=one, withdrawn=False)) for one in sources)
    try:
        finish_erasing_takes(lake, catalog, sources, wait=_BRIEFLY)
        for name in sorted({one.set for one in takes}):
            write_original(lake, catalog, name)
    except (OSError, LeaseLost):
        log.exception("not all of withdrawn takes could be deleted yet: the day's next run does it")
    return Erased(len(gone), sum(one.seconds for one in gone), 2 * len(gone), clips)


def finish_erasing_takes(lake: Lake, catalog: Catalog, sources: Collection[str] | None = None, wait: float = _LONGEST_WAIT) -> int:
    """Deletes files of withdrawn takes that are still there, and takes them out of releases; of some takes, or of all. Returns how many
    there were. Raises `OSError`, `LeaseLost`."""
    takes = Takes(catalog)
    left = [item for item in takes.withdrawn_files() if sources is None or item.key in sources]
    for item in left:
        for path in item.measures["paths"]:
            lake.delete(path)
        if sources is None or not item.measures["arriving"]:
            takes.files_are_gone([item])
    releases = Releases(catalog)
    clips = releases.clips() if sources is None else [clip for one in sources for clip in releases.clips(source=one)]
    if released := {clip.source for clip in clips if clip.source.startswith(TAKE_SOURCES)}:
        withdraw_clips(lake, catalog, released, wait)
    return len(left)
