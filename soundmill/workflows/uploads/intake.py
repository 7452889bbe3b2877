"""Taking a recording in: decoded, stored as 16 kHz mono WAV, and entered in ledger and queue, all or nothing."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from soundmill.audio.reader import Source
from soundmill.catalog import Account, Catalog, Item, Upload, Uploads, upload_key
from soundmill.catalog.uploads import SOURCE
from soundmill.errors import QuotaExceeded
from soundmill.fingerprint import digest
from soundmill.ingest.conversion import convert_download
from soundmill.lake import Lake
from soundmill.options import UploadOptions
from soundmill.speech import Keywords
from soundmill.speech.tables import TRANSCRIPTS

FOLDER = "audio/uploads"
COMPAT_SECONDS = 60.0  # of a recording that the original transcribed


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for with a recording: see `catalog.Upload`. `crop_seconds`: how much of it is kept; None: all."""

    name: str
    file_name: str
    words: str = ""
    get_timestamps: bool = False
    stemming: str | None = None
    fuzzy: float = 1.0
    crop_seconds: float | None = None
    webhook: str | None = None
    idempotency_key: str | None = None

    @property
    def keywords(self) -> Keywords:
        """What is searched for. Raises `KeywordsRefused`."""
        return Keywords.parse(self.words, stemming=self.stemming, fuzzy=self.fuzzy)


def receive(lake: Lake, catalog: Catalog, options: UploadOptions, account: Account, wanted: Wanted, file: Source, sha256: str) -> Upload:
    """Stores a recording and queues it; the same request again is the same recording.

    Nothing is stored of what cannot be decoded, from end to end. Raises `UndecodableAudio`, `KeywordsRefused`, `IdempotencyConflict`,
    `AccountDeleted`, `QuotaExceeded`; `OSError` where the lake has no room for it.
    """
    uploads = Uploads(catalog)
    request_hash = digest([sha256, repr(replace(wanted, idempotency_key=None))])
    if known := uploads.repeated(account.id, wanted.idempotency_key, request_hash):
        return known
    _ = wanted.keywords  # refused before anything is stored
    if options.account_hours - uploads.seconds_of(account.id) / 3600 <= 0:
        raise QuotaExceeded(f"this account has uploaded {options.account_hours:g} hours: delete some of them first")
    lake.need_room(options.least_free)
    now, name = datetime.now(UTC), str(uuid.uuid4())
    path = f"{FOLDER}/{now.date().isoformat()}/{name}.wav"
    blob = lake.pending(path)
    try:
        info, (sound,), shortfall = convert_download(file, [blob.file], options.most_hours * 3600, wanted.crop_seconds, options.truncated)
        upload = Upload(
            uuid=name,
            account=account.id,
            username=account.username,
            name=wanted.name,
            words=wanted.words,
            get_timestamps=wanted.get_timestamps,
            stemming=wanted.stemming,
            fuzzy=wanted.fuzzy,
            state="queued",
            day=now.date(),
            path=path,
            content=sound.content_hash,
            seconds=sound.seconds,
            request_hash=request_hash,
            idempotency_key=wanted.idempotency_key,
            webhook=wanted.webhook,
            created_at=now,
            updated_at=now,
        )
        item = Item(
            upload_key(name),
            "upload",
            SOURCE,
            upload.day,
            "ready",
            request_hash,
            seconds=sound.seconds,
            path=path,
            content_hash=sound.content_hash,
            measures={"samples": sound.samples, "file": wanted.file_name, "codec": info.codec, "rate": info.sample_rate},
        ).noting(shortfall)
        stored = uploads.add(upload, item, TRANSCRIPTS.name, blob.commit)
    except BaseException:
        blob.discard()
        lake.delete(path)  # it may be in place, and its row not
        raise
    blob.discard()  # where another request with the same key was faster
    return stored
