"""From settings to resources: the one set that every deployment uses, with other values.

Values with secrets in them are handed over as environment variables, whose names show in the UI in their place.
"""

import os
from typing import Any

import dagster as dg

from resources.alerts import AlertsResource
from resources.backup import BackupResource
from resources.collection import CollectionResource
from resources.downloads import DownloadsResource
from resources.speech import SpeechResource
from resources.storage import CatalogResource, LakeResource
from resources.studio import StudioResource
from soundmill.options import backup_options, download_options, speech_options
from soundmill.settings import Settings


def resources_from(settings: Settings) -> dict[str, Any]:
    """Resources by the names that assets and sensors ask for."""
    return {
        "lake": LakeResource(url=settings.lake_url, s3_endpoint=settings.s3_endpoint),
        "catalog": CatalogResource(url=_secret("SOUNDMILL_CATALOG", settings.catalog) or settings.catalog_url),
        "collection": CollectionResource(
            start_date=settings.start_date.isoformat(),
            gate_dbfs=settings.gate_dbfs,
            segment_samples=settings.segment_samples,
            segment_rate=settings.segment_rate,
            channels=settings.channels,
            truncated=settings.truncated,
            extractors=list(settings.extractor_names),
            networks={name: str(path) for name, path in settings.networks.items()},
            timezone=settings.timezone,
            target_hours=settings.target_hours,
            quarantine_warn_share=settings.quarantine_warn_share,
            max_attempts=settings.max_attempts,
            run_spacing_seconds=settings.run_spacing_seconds,
            keep_runs_days=settings.keep_runs_days,
            promote_automatically=settings.promote_automatically,
            promotion_margin=settings.promotion_margin,
            stations=str(settings.home / "capture"),
        ),
        "speech": _speech(settings),
        "fetching": _downloads(settings),
        "studio": StudioResource(url=settings.studio_url),
        "backup": BackupResource(**vars(backup_options(settings))),
        "alerts": AlertsResource(
            webhook=_secret("SOUNDMILL_ALERT_WEBHOOK", settings.alert_webhook.get_secret_value() if settings.alert_webhook else ""),
            ca_file=settings.ca_path,
        ),
    }


def _speech(settings: Settings) -> SpeechResource:
    options = speech_options(settings)
    values = {
        **vars(options),
        "vosk_model": str(options.vosk_model),
        "sentiment_model": str(options.sentiment_model or ""),
        "sources": list(options.sources),
        "keywords": list(options.keywords),
    }
    return SpeechResource(**values)


def _downloads(settings: Settings) -> DownloadsResource:
    options = download_options(settings)
    return DownloadsResource(
        spool=str(options.spool),
        concurrency=options.concurrency,
        per_host=options.fetch.per_host,
        delay=options.fetch.delay,
        most_bytes=options.fetch.most_bytes,
        most_seconds=options.fetch.seconds,
        most_hours=options.most_hours,
        allow=list(options.fetch.allow),
        max_attempts=options.max_attempts,
        keep_originals=options.keep_originals,
        stop_at_hours=options.stop_at_hours,
        truncated=options.truncated,
        ca_file=options.fetch.ca_file,
        least_free=options.least_free,
    )


def _secret(name: str, value: str) -> Any:
    """A value by its variable's name; the variable is set for this process and its children where only `.env` had it. Empty: none."""
    if not value:
        return ""
    os.environ[name] = value
    return dg.EnvVar(name)
