"""From settings to resources: the one set that every deployment uses, with other values."""

from typing import Any

from resources.alerts import AlertsResource
from resources.backup import BackupResource
from resources.collection import CollectionResource
from resources.downloads import DownloadsResource
from resources.speech import SpeechResource
from resources.storage import CatalogResource, LakeResource
from soundmill.settings import Settings


def resources_from(settings: Settings) -> dict[str, Any]:
    """Resources by the names that assets and sensors ask for."""
    return {
        "lake": LakeResource(url=settings.lake_url, s3_endpoint=settings.s3_endpoint),
        "catalog": CatalogResource(),
        "collection": CollectionResource(
            gate_dbfs=settings.gate_dbfs,
            segment_samples=settings.segment_samples,
            segment_rate=settings.segment_rate,
            channels=settings.channels,
            extractors=list(settings.extractor_names),
            timezone=settings.timezone,
            target_hours=settings.target_hours,
            quarantine_warn_share=settings.quarantine_warn_share,
            max_attempts=settings.max_attempts,
            promote_automatically=settings.promote_automatically,
            promotion_margin=settings.promotion_margin,
            stations=str(settings.home / "capture"),
        ),
        "speech": SpeechResource(
            vosk_model=str(settings.vosk_folder),
            sources=list(settings.transcribed_names),
            keywords_wanted=list(settings.keyword_list),
            stemming=settings.keyword_stemming,
            fuzzy=settings.keyword_score,
            sentiment_model=str(settings.sentiment_model.absolute()) if settings.sentiment_model else "",
            transcription_enabled=settings.transcription_enabled,
            sentiment_enabled=settings.sentiment_enabled,
        ),
        "fetching": DownloadsResource(),
        "backup": BackupResource(),
        "alerts": AlertsResource(),
    }
