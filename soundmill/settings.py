"""What an operator may set, by environment or `.env`: names, defaults and meaning, in one place."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, FilePath, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting is `SOUNDMILL_` and its name in capitals; `soundmill doctor` prints them with their source."""

    model_config = SettingsConfigDict(env_prefix="SOUNDMILL_", env_file=".env", env_ignore_empty=True, extra="ignore")

    home: Path = Field(Path(".soundmill"), description="folder for everything kept on this machine")
    lake: str = Field("", description="root of tables and audio: a folder or s3://bucket/prefix (default: lake/ in home)")
    catalog: str = Field("", description="SQLAlchemy URL: SQLite (default: catalog.db in home) or postgresql+psycopg://...")
    start_date: date = Field(date(2025, 1, 1), description="first daily partition (UTC)")
    timezone: str = Field("UTC", description="zone for hours of the day in pictures and in the time-of-day model")
    s3_endpoint: str = Field("", description="S3-compatible endpoint URL, when it is not AWS")
    target_hours: float | None = Field(None, gt=0, le=1e9, description="hours of audio the collection aims at")
    stop_at_target: bool = Field(False, description="whether downloads stop when the target is reached")
    downloads_enabled: bool = Field(True, description="whether requests over HTTP are carried out; off: they are answered as a dry run")
    download_allow: str = Field(
        "", description="hosts, addresses or networks exempt from the refusal of private addresses, comma separated"
    )
    download_concurrency: int = Field(8, ge=1, le=64, description="downloads at a time")
    download_per_host: int = Field(4, ge=1, le=64, description="downloads at a time from one host")
    download_delay_seconds: float = Field(0.0, ge=0, description="seconds between the starts of two downloads from one host")
    download_max_megabytes: int = Field(1024, ge=1, description="largest file that is fetched, MB of 1,048,576 bytes")
    download_max_seconds: float = Field(1800.0, gt=0, description="longest time that one file may take to come")
    download_max_hours: float = Field(24.0, gt=0, description="longest sound that one file may hold")
    keep_originals: bool = Field(False, description="whether downloads are also kept as they came, under their hash")
    backup: str = Field("", description="place of the backup, s3://bucket/prefix; no backup when unset")
    backup_endpoint: str = Field("", description="endpoint of the backup's bucket, when it is not that of SOUNDMILL_S3_ENDPOINT")
    backup_encryption: str = Field(
        "", pattern="^(|AES256|aws:kms(:.+)?)$", description="of objects in the backup: AES256, aws:kms or aws:kms:KEY"
    )
    backup_storage_class: str = Field("", description="of objects in the backup, such as STANDARD_IA")
    backup_keep_deleted_days: int = Field(30, ge=0, description="days that the backup keeps files which are gone from the lake")
    api_token: SecretStr | None = Field(None, description="token that the HTTP APIs ask for; accounts' tokens, or none, when unset")
    studio_password: SecretStr | None = Field(None, description="password that opens the studio's pages, besides those of accounts")
    session_minutes: float = Field(60.0, gt=0, description="minutes without a request after which a browser is signed out")
    studio_origins: str = Field(
        "", description="addresses that the studio is reached under behind a proxy, such as https://studio.example, comma separated"
    )
    studio_proxies: str = Field(
        "", description="addresses of reverse proxies whose X-Forwarded-For and -Proto are believed, comma separated; none when unset"
    )
    studio_url: str = Field("http://localhost:8000", description="address under which people open the studio: for links from Dagster")
    podcast_rounds: Path | None = Field(
        None, description="YAML with the texts of Pod.Cast's rounds, read at each request (default: podcast.yaml in home)"
    )
    dagster_url: str = Field("http://localhost:3000", description="address of Dagster's web server: for what the studio shows of runs")
    log_dir: Path | None = Field(None, description="folder of the studio's log files (default: logs/ in home)")
    alert_webhook: SecretStr | None = Field(None, description="URL that gets a JSON POST when a run fails")
    gate_dbfs: float | None = Field(-48.0, le=0, description="segments whose peak stays below are counted as silent; 'off' keeps all")
    segment_samples: int = Field(132_352, ge=4410, description="samples in a segment (3.0012 s at 44.1 kHz)")
    segment_rate: int = Field(44_100, ge=4000, le=192_000, description="sample rate of segments, Hz")
    channels: Literal["mix", "first"] = Field("mix", description="how several channels become one: their mean, or the first only")
    truncated: Literal["keep", "refuse"] = Field(
        "keep", description="what becomes of sound that ends before its header says: what is there is kept and told, or all is refused"
    )
    least_free_megabytes: int = Field(
        512,
        ge=0,
        description="room that is left on the disk: below it captures go on, but store nothing; uploads and downloads are refused",
    )
    ca_file: FilePath | None = Field(
        None, description="certificates of authorities (PEM) that are believed besides the public ones, such as a company's own"
    )
    extractors: str = Field(
        "",
        description="feature extractors run on every day, comma separated; + joins two; models use the first unless they ask for another "
        "(default: mn04 where its file is there, and pooled_spectral)",
    )
    yamnet_model: Path | None = Field(None, description="file of the network YAMNet (default: pretrained/yamnet.tflite in home)")
    mn04_model: Path | None = Field(None, description="file of the network mn04 (default: pretrained/mn04_as.pt in home)")
    promote_automatically: bool = Field(True, description="whether a model that is better on days new to both takes the champion's place")
    promotion_margin: float = Field(0.05, ge=0, le=1, description="how far a tag's F1 may fall when a model is promoted")
    vosk_model: Path | None = Field(None, description="folder of the speech model for Vosk (default: pretrained/vosk-small-en in home)")
    transcribed_sources: str = Field("", description="sources whose sound is transcribed, comma separated; all when empty")
    speech_language: str = Field("en", description="language of the speech model: prompted takes in another are not transcribed")
    transcription_enabled: bool = Field(True, description="whether speech is transcribed; off: transcripts stay empty")
    keywords: str = Field("", description="keywords and phrases to find in every transcript, comma separated")
    keyword_stemming: str = Field("", description="language in which words with one stem count as one, such as english; none when empty")
    keyword_score: float = Field(1.0, gt=0, le=1, description="how alike a word must be to a keyword; 1: the same")
    sentiment_enabled: bool = Field(True, description="whether the sentiment of transcripts is rated; off: scores stay 0")
    sentiment_model: Path | None = Field(None, description="folder of a Hugging Face classifier for sentiment; a lexicon when unset")
    transcriber_compat: Literal["0", "1", "2"] = Field(
        "0", description="shape of /transcriber's answers: 0 our own; 1 and 2 those of mp3.ai's first and last version, one minute of sound"
    )
    transcriber_sign_up: bool = Field(True, description="whether anybody may make an account at /transcriber; off: `soundmill account add`")
    transcriber_max_accounts: int = Field(1000, ge=1, description="accounts at which nobody can make one at /transcriber any more")
    transcriber_max_megabytes: int = Field(1024, ge=1, description="largest file that /transcriber takes, MB of 1,048,576 bytes")
    transcriber_max_hours: float = Field(24.0, gt=0, description="longest sound that /transcriber takes")
    transcriber_account_hours: float = Field(100.0, gt=0, description="sound that one account of /transcriber may have here, hours")
    transcriber_workers: int = Field(0, ge=0, le=64, description="recordings transcribed at a time in a studio process; 0: one a core")
    recorder_sets: str = Field("", description="prompt sets that /recorder serves as the original did, comma separated; none when unset")
    recorder_password: SecretStr | None = Field(
        None, description="password of /recorder, which browsers ask for as name and as password; unset: accounts, or nobody's"
    )
    run_spacing_seconds: int = Field(60, ge=0, description="least time between two automatic runs of one day")
    quarantine_warn_share: float = Field(0.05, ge=0, le=1, description="share of bad items in a day above which a check warns")
    max_attempts: int = Field(5, ge=1, description="attempts at an item that failed for a transient reason")
    watch_freshness: bool = Field(
        False, description="whether the UI marks assets as overdue that schedules should have made; on for servers"
    )
    keep_runs_days: int = Field(90, ge=1, description="age after which the pruning job deletes finished runs")

    @field_validator("gate_dbfs", mode="before")
    @classmethod
    def _off_means_no_gate(cls, value: object) -> object:
        return None if isinstance(value, str) and value.strip().lower() in {"off", "none"} else value

    @field_validator("api_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else ""
        if not text.isascii() or any(letter.isspace() or not letter.isprintable() for letter in text):
            raise ValueError("a token goes in a header: letters, digits and signs of ASCII, without blanks")
        return value

    @field_validator("start_date")
    @classmethod
    def _has_come(cls, value: date) -> date:
        if value > datetime.now(UTC).date():
            raise ValueError("the first day lies in the future: there would be no day at all")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone is called {value!r}; write it like Europe/Berlin") from None
        return value

    @property
    def lake_url(self) -> str:
        """Where the lake lies: a folder or an fsspec URL."""
        return self.lake or str(self.home / "lake")

    @property
    def catalog_url(self) -> str:
        """The catalog's SQLAlchemy URL."""
        return self.catalog or f"sqlite:///{(self.home / 'catalog.db').absolute()}"

    @property
    def ca_path(self) -> str:
        """The file with further authorities; empty: none."""
        return str(self.ca_file.absolute()) if self.ca_file else ""

    @property
    def least_free(self) -> int:
        """Bytes that are left on the disk."""
        return self.least_free_megabytes << 20

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone for hours of the day."""
        return ZoneInfo(self.timezone)

    @property
    def extractor_names(self) -> tuple[str, ...]:
        """The extractors run on every day; models use the first unless they ask for another."""
        return names_in(self.extractors) or (("mn04",) if self.mn04_file.is_file() else ()) + ("pooled_spectral",)

    @property
    def networks(self) -> dict[str, Path]:
        """Files of networks that extractors use, by name; they need not be there."""
        return {"yamnet": self.yamnet_file, "mn04": self.mn04_file}

    @property
    def transcribed_names(self) -> tuple[str, ...]:
        """The sources whose sound is transcribed; all when empty."""
        return names_in(self.transcribed_sources)

    @property
    def keyword_list(self) -> tuple[str, ...]:
        """Words and phrases that are looked for."""
        return names_in(self.keywords)

    @property
    def yamnet_file(self) -> Path:
        """Where YAMNet lies, or is to lie."""
        return (self.yamnet_model or self.home / "pretrained" / "yamnet.tflite").absolute()

    @property
    def mn04_file(self) -> Path:
        """Where mn04 lies, or is to lie."""
        return (self.mn04_model or self.home / "pretrained" / "mn04_as.pt").absolute()

    @property
    def vosk_folder(self) -> Path:
        """Where the speech model lies, or is to lie."""
        return (self.vosk_model or self.home / "pretrained" / "vosk-small-en").absolute()

    @property
    def studio_origin_list(self) -> tuple[str, ...]:
        """Addresses that the studio is reached under behind a proxy."""
        return names_in(self.studio_origins)

    @property
    def recorder_names(self) -> tuple[str, ...]:
        """The prompt sets that are served as the original did."""
        return names_in(self.recorder_sets)

    @property
    def download_exempt(self) -> tuple[str, ...]:
        """What may be fetched from although it is private."""
        return names_in(self.download_allow)

    @property
    def logs(self) -> Path:
        """Where the studio's log files lie."""
        return (self.log_dir or self.home / "logs").absolute()

    @property
    def spool(self) -> Path:
        """Where files wait that are on their way into the lake."""
        return self.home.absolute() / "spool"

    def environment(self) -> dict[str, str]:
        """What is set, as environment variables for processes that are to have the same settings wherever they run."""
        found = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else "off" if value is None else str(value)
            found[f"SOUNDMILL_{name.upper()}"] = text
        return found

    def without_secrets(self) -> dict[str, str]:
        """What is set, as environment variables, without secrets; passwords inside URLs are masked."""
        shown = self.shown()
        names = sorted(name for name in self.model_fields_set if not isinstance(getattr(self, name), SecretStr))
        return {f"SOUNDMILL_{name.upper()}": shown[name] for name in names}

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return self.shown().items()  # a log or a traceback shows no password

    def shown(self) -> dict[str, str]:
        """Every setting by name, as people may see it: secrets and the passwords inside URLs are masked."""
        return {name: _masked(getattr(self, name)) for name in type(self).model_fields}


def masked_url(text: str) -> str:
    """A text in which no password of a URL shows: neither between a name and the last @, nor as a parameter."""
    text = re.sub(r"(?<=://)([^/@:?#\s]*):\S*@", r"\1:***@", text)
    text = re.sub(r"(?i)(\b(?:https?|ftp)://)[^/@:?#\s]+@", r"\1***@", text)  # a token in the place of the name
    return re.sub(r"(?i)([?&][^=&\s]*(?:password|passwd|pwd|secret|token|key|sig|signature|credential)[^=&\s]*=)[^&\s]*", r"\1***", text)


def _masked(value: object) -> str:
    if isinstance(value, SecretStr):
        return "********"
    return masked_url("" if value is None else str(value))


def names_in(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
