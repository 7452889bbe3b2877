"""The tables of the catalog, as SQLAlchemy sees them. Changes here go with a migration of the same commit."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: aware in Python on every database, and refused when it comes without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _now() -> datetime:
    return datetime.now(UTC)


_QUARANTINED = text("state = 'quarantined'")


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {datetime: UtcDateTime, dict[str, Any]: JSON, int: BigInteger}


class ItemRow(Base):
    """One piece of audio: see `ledger.Item` for the meaning of each column."""

    __tablename__ = "items"
    __table_args__ = (
        Index("items_by_day", "day", "kind", "state"),
        Index("items_by_landed", "landed", "source"),
        Index("items_by_parent", "parent"),
        Index("items_by_path", "path"),
        Index("items_by_start", "source", "started_at"),
        Index("items_by_content", "content_hash"),
        Index("items_in_quarantine", "updated_at", sqlite_where=_QUARANTINED, postgresql_where=_QUARANTINED),
    )

    key: Mapped[str] = mapped_column(String(1024), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(128))
    day: Mapped[date] = mapped_column(Date)
    landed: Mapped[date | None] = mapped_column(Date)
    parent: Mapped[str | None] = mapped_column(String(1024))
    state: Mapped[str] = mapped_column(String(16))
    fingerprint: Mapped[str] = mapped_column(String(128))
    started_at: Mapped[datetime | None]
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    path: Mapped[str | None] = mapped_column(String(1024))
    content_hash: Mapped[str | None] = mapped_column(String(64))
    measures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    turns: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str | None] = mapped_column(Text)
    transient: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(Integer, default=1)
    next_attempt_at: Mapped[datetime | None]
    blocked_by: Mapped[str | None] = mapped_column(String(1024), index=True)
    updated_at: Mapped[datetime]


class Queued(Base):
    """The columns of a table that is worked on as a queue: see `queue.WorkQueue`.

    state            queued (also while a worker holds it, or it waits for its next attempt), or how it ended
    attempts         ended so far
    claims           begun since the last one that ended: more than one where workers were killed
    next_attempt_at  not before then
    claimed_by       the worker that holds it; worth nothing once that worker's lease is over
    reason, message  what the last attempt failed of, in one short word and in a sentence
    """

    __abstract__ = True

    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    claims: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    next_attempt_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(256))
    reason: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str | None] = mapped_column(Text)


class DownloadRow(Queued):
    """A request to fetch one file: see `downloads.DownloadRequest` for the meaning of each column."""

    __tablename__ = "download_requests"
    __table_args__ = (
        UniqueConstraint("conversation", "speaker", name="one_request"),
        Index("downloads_due", "state", "next_attempt_at"),
        Index("downloads_by_day", "day", "state"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    conversation: Mapped[str] = mapped_column(String(128))
    speaker: Mapped[str] = mapped_column(String(128))
    url: Mapped[str] = mapped_column(Text)
    day: Mapped[date] = mapped_column(Date)
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=_now, onupdate=_now)


class DeviceRow(Base):
    """An edge that may send sound under its name; its token is kept as a hash."""

    __tablename__ = "devices"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=_now)
    last_seen_at: Mapped[datetime | None]


class LiveDetectionRow(Base):
    """A verdict on a segment as it closed: see `live.LiveDetection`."""

    __tablename__ = "live_detections"
    __table_args__ = (Index("live_by_time", "started_at", "source"),)

    model: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    source: Mapped[str] = mapped_column(String(128))
    started_at: Mapped[datetime]
    seconds: Mapped[float] = mapped_column(Float)
    tag: Mapped[str] = mapped_column(String(64))
    score: Mapped[float] = mapped_column(Float)
    probability: Mapped[float | None] = mapped_column(Float)
    detected_at: Mapped[datetime]


class LiveEventRow(Base):
    """A sound from its onset to its offset, as far as it has been detected: see `live.LiveEvent`."""

    __tablename__ = "live_events"
    __table_args__ = (
        UniqueConstraint("model", "version", "source", "tag", "onset", name="one_event"),
        Index("events_by_time", "onset", "source"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(String(128))
    tag: Mapped[str] = mapped_column(String(64))
    onset: Mapped[datetime]
    offset: Mapped[datetime]
    segments: Mapped[int] = mapped_column(Integer)
    score: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[datetime]


class ProcessedRow(Base):
    """What an asset's day was last made from, for those inputs that carry no Parquet footer."""

    __tablename__ = "processed"

    asset: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(128))
    updated_at: Mapped[datetime]


class SubmissionRow(Base):
    """What one annotator handed in at one time: see `labels.Submission`. Never changed."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("annotator", "source", "version", name="submission_version"),
        Index("submissions_by_session", "session"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    annotator: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(128))
    version: Mapped[int] = mapped_column(Integer)
    action: Mapped[str] = mapped_column(String(16))
    start: Mapped[datetime]
    end: Mapped[datetime]
    round: Mapped[str | None] = mapped_column(String(64))
    session: Mapped[int | None]
    content: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class BoxRow(Base):
    """A box of a submission: see `labels.Box`. Never changed."""

    __tablename__ = "boxes"
    __table_args__ = (Index("boxes_by_submission", "submission"), Index("boxes_by_day", "day", "state"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    submission: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    start: Mapped[datetime]
    end: Mapped[datetime]
    low_hz: Mapped[float | None] = mapped_column(Float)
    high_hz: Mapped[float | None] = mapped_column(Float)
    tag: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    model: Mapped[str | None] = mapped_column(String(64))
    model_version: Mapped[int | None] = mapped_column(Integer)
    score: Mapped[float | None] = mapped_column(Float)
    note: Mapped[str] = mapped_column(Text, default="")


class ReviewedSpanRow(Base):
    """From here to here the annotator looked for these tags: see `labels.ReviewedSpan`. Never changed."""

    __tablename__ = "reviewed_spans"
    __table_args__ = (Index("reviewed_spans_by_submission", "submission"), Index("reviewed_spans_by_day", "day"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    submission: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    start: Mapped[datetime]
    end: Mapped[datetime]
    tags: Mapped[list[Any]] = mapped_column(JSON)


class RoundRow(Base):
    """A labelling round: see `rounds.Round`."""

    __tablename__ = "rounds"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    spec: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    model: Mapped[str | None] = mapped_column(String(128))
    population: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class RoundSessionRow(Base):
    """A stretch of audio in a round that one person works on at a time: see `rounds.RoundSession`."""

    __tablename__ = "round_sessions"
    __table_args__ = (UniqueConstraint("round", "number", name="session_number"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    round: Mapped[str] = mapped_column(ForeignKey("rounds.name", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(String(512))
    start: Mapped[datetime]
    end: Mapped[datetime]
    rule: Mapped[str] = mapped_column(String(16))
    score: Mapped[float | None] = mapped_column(Float)
    cluster: Mapped[int | None] = mapped_column(Integer)
    stratum: Mapped[int | None] = mapped_column(Integer)
    probability: Mapped[float | None] = mapped_column(Float)
    wanted: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    predictions: Mapped[list[Any]] = mapped_column(JSON)


class ClaimRow(Base):
    """That a session was given to somebody, until when, and what became of it: see `rounds.Rounds`."""

    __tablename__ = "claims"
    __table_args__ = (Index("claims_by_annotator", "annotator", "state"),)

    session: Mapped[int] = mapped_column(ForeignKey("round_sessions.id", ondelete="CASCADE"), primary_key=True)
    annotator: Mapped[str] = mapped_column(String(64), primary_key=True)
    token: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    claimed_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ReleaseRow(Base):
    """A data set, defined or made: see `releases.Release`."""

    __tablename__ = "releases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    spec: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    made_at: Mapped[datetime | None]
    content: Mapped[str | None] = mapped_column(String(64))
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class ReleaseClipRow(Base):
    """A stretch of a source in a release: see `releases.ReleasedClip`."""

    __tablename__ = "release_clips"
    __table_args__ = (Index("release_clips_by_sound", "sha256"), Index("release_clips_by_source", "source", "start"))

    release: Mapped[str] = mapped_column(ForeignKey("releases.name", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(String(512), primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    end: Mapped[datetime] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None]


class DraftRow(Base):
    """Labels that somebody is at: see `drafts.Draft`."""

    __tablename__ = "drafts"

    annotator: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(512), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[datetime]


class AnnotationRow(Base):
    """What an annotator's submissions come to: one row for each label and author. Derived, and never deleted: withdrawn."""

    __tablename__ = "annotations"
    __table_args__ = (Index("annotations_by_day", "day"), Index("annotations_by_author", "author", "source", "start"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(128))
    day: Mapped[date] = mapped_column(Date)
    start: Mapped[datetime]
    end: Mapped[datetime]
    low_hz: Mapped[float | None] = mapped_column(Float)
    high_hz: Mapped[float | None] = mapped_column(Float)
    tag: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(64))
    identity: Mapped[str] = mapped_column(String(40), unique=True)
    box: Mapped[int | None] = mapped_column(ForeignKey("boxes.id", name="annotation_box"))
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(Integer, default=1)


class TagRow(Base):
    """A sound's name, kept from its first use on, so that its place in lists and its colour never move."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class ModelRow(Base):
    """A model by name, and the specification its next fit will follow."""

    __tablename__ = "models"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    spec: Mapped[dict[str, Any]]
    current: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ModelVersionRow(Base):
    """One fit of a model. `fingerprint` covers specification, data and code: the same fit is never stored twice."""

    __tablename__ = "model_versions"
    __table_args__ = (
        UniqueConstraint("name", "fingerprint", name="model_fit_once"),
        Index("one_champion", "champion", unique=True, sqlite_where=text("champion"), postgresql_where=text("champion")),
    )

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    card: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    champion: Mapped[bool] = mapped_column(default=False)
    promoted_because: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class AccountRow(Base):
    """A person, or a program: see `accounts.Account`. The password is kept as an Argon2 hash."""

    __tablename__ = "accounts"
    __table_args__ = ({"sqlite_autoincrement": True},)  # else the next account would get the number of one that was deleted

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(String(150), unique=True)
    email: Mapped[str] = mapped_column(String(254), default="")
    password_hash: Mapped[str] = mapped_column(String(256))
    roles: Mapped[list[Any]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime]


class AccountSessionRow(Base):
    """A browser that is signed in, by an account or (None) by the studio's password; only the hash of its cookie is kept."""

    __tablename__ = "account_sessions"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class AccountTokenRow(Base):
    """A token that an account logged in for; only its hash is kept."""

    __tablename__ = "account_tokens"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class FailedLoginRow(Base):
    """A login that was refused, by name and by address, so that guessing becomes slow."""

    __tablename__ = "failed_logins"
    __table_args__ = (Index("failed_logins_by_who", "who", "at"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    who: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class UploadRow(Queued):
    """A recording that an account uploaded, and what was made of it: see `uploads.Upload` for the meaning of each column."""

    __tablename__ = "uploads"
    __table_args__ = (
        UniqueConstraint("account", "idempotency_key", name="upload_once"),
        Index("uploads_by_account", "account", "created_at"),
        Index("uploads_by_state", "state", "claimed_by"),
        Index("uploads_by_day", "day", "model"),
    )

    uuid: Mapped[str] = mapped_column(String(36), primary_key=True)
    account: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(32))
    words: Mapped[str] = mapped_column(Text)
    get_timestamps: Mapped[bool]
    stemming: Mapped[str | None] = mapped_column(String(32))
    fuzzy: Mapped[float] = mapped_column(Float)
    revision: Mapped[int] = mapped_column(Integer, default=0)
    day: Mapped[date] = mapped_column(Date)
    path: Mapped[str] = mapped_column(String(1024))
    content: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float] = mapped_column(Float)
    model: Mapped[str | None] = mapped_column(String(128))
    text: Mapped[str] = mapped_column(Text, default="")
    transcript: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    hits: Mapped[list[Any]] = mapped_column(JSON)
    sentiment: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    request_hash: Mapped[str] = mapped_column(String(64))
    webhook: Mapped[str | None] = mapped_column(Text)
    webhook_state: Mapped[str | None] = mapped_column(String(16))
    webhook_attempts: Mapped[int] = mapped_column(Integer)
    webhook_due: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class UploadChangeRow(Base):
    """Something that happened to an upload; no content of it, so that it may outlive it."""

    __tablename__ = "upload_changes"
    __table_args__ = (Index("upload_changes_by_upload", "upload", "id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    upload: Mapped[str] = mapped_column(String(36))
    username: Mapped[str] = mapped_column(String(150))
    action: Mapped[str] = mapped_column(String(16))
    what: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class PromptSetRow(Base):
    """Sentences that people are asked to read, and how: see `prompts.PromptSet`."""

    __tablename__ = "prompt_sets"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    spec: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class PromptRow(Base):
    """A sentence of a set, and who holds it: see `prompts.Prompt`."""

    __tablename__ = "prompts"
    __table_args__ = (Index("prompts_by_need", "set", "takes", "place"), Index("prompts_by_entity", "set", "entity"))

    set: Mapped[str] = mapped_column(ForeignKey("prompt_sets.name", ondelete="CASCADE"), primary_key=True)
    utterance: Mapped[str] = mapped_column(String(200), primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    place: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    entity: Mapped[str | None] = mapped_column(String(200))
    entity_text: Mapped[str | None] = mapped_column(Text)
    takes: Mapped[int] = mapped_column(Integer, default=0)
    held_by: Mapped[str | None] = mapped_column(String(32))
    held_until: Mapped[datetime | None]


class PromptSkipRow(Base):
    """That a speaker passed a sentence by, and why: it is not given to them again."""

    __tablename__ = "prompt_skips"

    set: Mapped[str] = mapped_column(String(64), primary_key=True)
    utterance: Mapped[str] = mapped_column(String(200), primary_key=True)
    speaker: Mapped[str] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class SpeakerRow(Base):
    """Somebody who reads prompts: see `speakers.Speaker`. Only the hash of their secret is kept."""

    __tablename__ = "speakers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    username: Mapped[str | None] = mapped_column(String(150), unique=True)
    accent: Mapped[str] = mapped_column(String(200), default="")
    microphone: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class ConsentTextRow(Base):
    """A text that people consented to, under its hash. Never changed."""

    __tablename__ = "consent_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class ConsentRow(Base):
    """That somebody consented, to what, and when: see `speakers.Consent`. Nothing of it is changed but that it is withdrawn."""

    __tablename__ = "consents"
    __table_args__ = (Index("consents_by_speaker", "speaker", "set"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    speaker: Mapped[str] = mapped_column(ForeignKey("speakers.id"))
    set: Mapped[str] = mapped_column(String(64))
    text_sha256: Mapped[str] = mapped_column(ForeignKey("consent_texts.sha256"))
    language: Mapped[str] = mapped_column(String(35))
    licence: Mapped[str] = mapped_column(String(200))
    purposes: Mapped[list[Any]] = mapped_column(JSON)
    of_age: Mapped[bool]
    given: Mapped[str] = mapped_column(String(16))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class TakeRow(Base):
    """One reading of one prompt: see `takes.Take`. Deleted when it is withdrawn."""

    __tablename__ = "takes"
    __table_args__ = (
        Index("takes_by_prompt", "set", "utterance"),
        Index("takes_by_speaker", "speaker", "set"),
        Index("takes_by_day", "day"),
        Index("takes_by_sound", "sha256"),
    )

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    set: Mapped[str] = mapped_column(ForeignKey("prompt_sets.name"))
    utterance: Mapped[str] = mapped_column(String(200))
    entity: Mapped[str | None] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    speaker: Mapped[str] = mapped_column(ForeignKey("speakers.id"))
    consent: Mapped[int] = mapped_column(ForeignKey("consents.id"))
    accent: Mapped[str] = mapped_column(String(200))
    microphone: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    day: Mapped[date] = mapped_column(Date)
    recorded_at: Mapped[datetime]
    received_at: Mapped[datetime]
    path: Mapped[str] = mapped_column(String(1024), unique=True)
    derived_path: Mapped[str] = mapped_column(String(1024))
    sha256: Mapped[str] = mapped_column(String(64))
    derived_sha256: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float] = mapped_column(Float)
    sample_rate: Mapped[int] = mapped_column(Integer)
    samples: Mapped[int]
    measures: Mapped[dict[str, Any]]
    verdict: Mapped[str] = mapped_column(String(16))
    reasons: Mapped[list[Any]] = mapped_column(JSON)
    counts: Mapped[bool]
    review: Mapped[str | None] = mapped_column(String(16))
    reviewed_by: Mapped[str | None] = mapped_column(String(150))
    reviewed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class ErasureRow(Base):
    """That something was erased, and when; nothing by which it could be known again but a hash."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject_sha256: Mapped[str] = mapped_column(String(64))
    items: Mapped[int] = mapped_column(Integer)
    seconds: Mapped[float] = mapped_column(Float)
    by: Mapped[str] = mapped_column(String(150))
    at: Mapped[datetime]


class WithdrawnSpanRow(Base):
    """A span of a source's timeline whose sound was taken back: what comes of it later is withdrawn, too."""

    __tablename__ = "withdrawn_spans"
    __table_args__ = (Index("withdrawn_spans_by_source", "source", "start"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(128))
    start: Mapped[datetime]
    end: Mapped[datetime]
    created_at: Mapped[datetime]


class SetApartRow(Base):
    """Items whose keys begin so do not belong to the collection: see `collection.AudioCollection`."""

    __tablename__ = "set_apart"

    prefix: Mapped[str] = mapped_column(String(256), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(32))


class LeaseRow(Base):
    """Who works on what, and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(256), primary_key=True)
    owner: Mapped[str] = mapped_column(String(256))
    expires_at: Mapped[datetime]
