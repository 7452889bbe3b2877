"""Dagster resources: configured handles to the lake, the catalog, the settings of each step, and alerts.

Here belongs what an asset needs opened or configured. What is done with it lies in `soundmill/`; which values hold is decided by
`soundmill.settings`, so a local folder and a production bucket are the same code.
"""

from resources.alerts import AlertsResource
from resources.backup import BackupResource
from resources.collection import CollectionResource
from resources.downloads import DownloadsResource
from resources.speech import SpeechResource
from resources.storage import CatalogResource, LakeResource
from resources.studio import StudioResource
from resources.wiring import resources_from

__all__ = [
    "AlertsResource",
    "BackupResource",
    "CatalogResource",
    "CollectionResource",
    "DownloadsResource",
    "LakeResource",
    "SpeechResource",
    "StudioResource",
    "resources_from",
]
