"""Typed options of each part of the library, made from the settings once where a process starts, and handed down.

Nothing else in the library reads a setting by itself.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from soundmill.settings import Settings

Truncated = Literal["keep", "refuse"]


@dataclass(frozen=True)
class FetchOptions:
    """Limits of one file, and manners toward one host.

    most_bytes    the largest file, bytes
    seconds       the longest time that a file may take in all
    idle_seconds  the longest time until the next byte
    least_rate    bytes a second, over half a minute
    redirects     that are followed
    resumes       how often a broken file is resumed before it is put off
    per_host      connections to one host at a time
    delay         seconds between the starts of two files from one host
    pause         the longest wait, in seconds, when a host has refused twice in a row
    allow         hosts, addresses and networks exempt from the refusal of private addresses
    ca_file       authorities that are believed besides the public ones, PEM; empty: none
    """

    most_bytes: int = 1 << 30
    seconds: float = 1800
    idle_seconds: float = 30
    least_rate: float = 1024
    redirects: int = 10
    resumes: int = 3
    per_host: int = 4
    delay: float = 0
    pause: float = 30
    allow: tuple[str, ...] = ()
    ca_file: str = ""


@dataclass(frozen=True)
class DownloadOptions:
    """How downloads are made.

    spool           folder for files that are on their way, outside the lake
    concurrency     files at a time
    most_hours      the longest sound in one file, hours
    max_attempts    at a file that failed for a transient reason
    keep_originals  whether the bytes as they came are kept, under their hash
    stop_at_hours   ready hours at which no further request is taken up; None: never
    truncated       whether sound that ends before its header says is kept, or refused
    least_free      bytes that are left on the disk: below it nothing is begun
    """

    spool: Path
    fetch: FetchOptions = field(default_factory=FetchOptions)
    concurrency: int = 8
    most_hours: float = 24
    max_attempts: int = 5
    keep_originals: bool = False
    stop_at_hours: float | None = None
    truncated: Truncated = "keep"
    least_free: int = 0


@dataclass(frozen=True)
class SpeechOptions:
    """How speech is transcribed and analysed.

    vosk_model             folder of the speech model
    sources                whose sound is transcribed; all when empty
    keywords               words and phrases to find in every transcript
    stemming               language in which words with one stem count as one; none when empty
    fuzzy                  how alike a word must be to a keyword, above 0 to 1: the same
    sentiment_model        folder of a Hugging Face classifier; None: a lexicon
    language               of the speech model
    transcription_enabled  off: no transcripts
    sentiment_enabled      off: no sentiment scores
    """

    vosk_model: Path
    sources: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    stemming: str = ""
    fuzzy: float = 1.0
    sentiment_model: Path | None = None
    transcription_enabled: bool = True
    sentiment_enabled: bool = True
    language: str = "en"

    def is_wanted(self, source: str) -> bool:
        """Whether a source's sound is transcribed."""
        return not self.sources or source in self.sources


@dataclass(frozen=True)
class UploadOptions:
    """How uploaded recordings are worked on.

    speech         models for transcripts and sentiment
    workers        recordings at a time
    most_hours     the longest sound in one recording, hours
    account_hours  the sound that one account may have here, hours
    allow          whom webhooks may reach although it is private
    truncated      whether sound that ends before its header says is kept, or refused
    least_free     bytes that are left on the disk: below it nothing is taken
    ca_file        as `FetchOptions` has it, for webhooks
    """

    speech: SpeechOptions
    workers: int = 1
    most_hours: float = 24.0
    account_hours: float = 100.0
    allow: tuple[str, ...] = ()
    truncated: Truncated = "keep"
    least_free: int = 0
    ca_file: str = ""


@dataclass(frozen=True)
class TrainingOptions:
    """What the operator decides for all models.

    timezone               zone for hours of the day, such as Europe/Berlin
    promote_automatically  whether a version that is better on days new to both takes the champion's place
    promotion_margin       how far a tag's F1 may fall when it does
    extractor              of models that ask for none
    """

    timezone: str = "UTC"
    promote_automatically: bool = True
    promotion_margin: float = 0.05
    extractor: str = "pooled_spectral"

    @property
    def zone(self) -> ZoneInfo:
        """The zone for hours of the day."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class BackupOptions:
    """Where the backup goes, and how.

    url                s3://bucket/prefix; empty: there is no backup
    lake_url           the lake's own place, which must not contain the backup, nor lie in it
    endpoint           S3-compatible endpoint; empty: AWS
    encryption         AES256, aws:kms or aws:kms:KEY
    storage_class      such as STANDARD_IA
    keep_deleted_days  how long files stay in the backup that are gone from the lake
    settings           settings that are set, without secrets, of which the backup keeps a copy
    """

    url: str = ""
    lake_url: str = ""
    endpoint: str = ""
    encryption: str = ""
    storage_class: str = ""
    keep_deleted_days: int = 30
    settings: Mapping[str, str] = field(default_factory=dict)


def training_options(settings: Settings) -> TrainingOptions:
    """How models are trained and promoted."""
    return TrainingOptions(settings.timezone, settings.promote_automatically, settings.promotion_margin, settings.extractor_names[0])


def download_options(settings: Settings) -> DownloadOptions:
    """How downloads are fetched and converted."""
    return DownloadOptions(
        spool=settings.spool / "downloads",
        fetch=FetchOptions(
            most_bytes=settings.download_max_megabytes << 20,
            seconds=settings.download_max_seconds,
            per_host=settings.download_per_host,
            delay=settings.download_delay_seconds,
            allow=settings.download_exempt,
            ca_file=settings.ca_path,
        ),
        concurrency=settings.download_concurrency,
        most_hours=settings.download_max_hours,
        max_attempts=settings.max_attempts,
        keep_originals=settings.keep_originals,
        stop_at_hours=settings.target_hours if settings.stop_at_target else None,
        truncated=settings.truncated,
        least_free=settings.least_free,
    )


def speech_options(settings: Settings) -> SpeechOptions:
    """How speech is transcribed and analysed."""
    return SpeechOptions(
        vosk_model=settings.vosk_folder,
        sources=settings.transcribed_names,
        keywords=settings.keyword_list,
        stemming=settings.keyword_stemming,
        fuzzy=settings.keyword_score,
        sentiment_model=settings.sentiment_model.absolute() if settings.sentiment_model else None,
        transcription_enabled=settings.transcription_enabled,
        sentiment_enabled=settings.sentiment_enabled,
        language=settings.speech_language,
    )


def upload_options(settings: Settings) -> UploadOptions:
    """How uploaded recordings are worked on."""
    return UploadOptions(
        speech=speech_options(settings),
        workers=settings.transcriber_workers or os.cpu_count() or 1,
        most_hours=settings.transcriber_max_hours,
        account_hours=settings.transcriber_account_hours,
        allow=settings.download_exempt,
        truncated=settings.truncated,
        least_free=settings.least_free,
        ca_file=settings.ca_path,
    )


def backup_options(settings: Settings) -> BackupOptions:
    """Where the backup goes, and how."""
    return BackupOptions(
        url=settings.backup,
        lake_url=settings.lake_url,
        endpoint=settings.backup_endpoint or settings.s3_endpoint,
        encryption=settings.backup_encryption,
        storage_class=settings.backup_storage_class,
        keep_deleted_days=settings.backup_keep_deleted_days,
        settings=settings.without_secrets(),
    )
