"""The catalog: the ledger and every small record that changes one row at a time.

Here belong SQLAlchemy models, their queries and their migrations. Here does not belong audio, nor anything written once: that
lies in the lake.
"""

from soundmill.catalog.accounts import Account, AccountRefused, Accounts, TooManyLogins, WrongCredentials
from soundmill.catalog.annotations import Annotation, Annotations
from soundmill.catalog.database import Catalog, CatalogUnavailable, create_catalog, is_empty_catalog, open_catalog
from soundmill.catalog.devices import Device, Devices
from soundmill.catalog.downloads import AddOutcome, DownloadQueue, DownloadRequest, RequestRefused, Wanted, by_speaker, download_key
from soundmill.catalog.leases import Lease, LeaseLost, held, is_dead, lease, process_mark
from soundmill.catalog.ledger import CAPTURED, DOWNLOADED, Item, ItemKind, ItemState, Ledger, StateCount, backoff
from soundmill.catalog.live import LiveDetection, LiveRecord
from soundmill.catalog.models import ModelRegistry, ModelVersion, UnknownModel
from soundmill.catalog.uploads import AccountGone, OtherRequest, Upload, UploadChange, Uploads, upload_key

__all__ = [
    "CAPTURED",
    "DOWNLOADED",
    "Account",
    "AccountGone",
    "AccountRefused",
    "Accounts",
    "AddOutcome",
    "Annotation",
    "Annotations",
    "Catalog",
    "CatalogUnavailable",
    "Device",
    "Devices",
    "DownloadQueue",
    "DownloadRequest",
    "Item",
    "ItemKind",
    "ItemState",
    "Lease",
    "LeaseLost",
    "Ledger",
    "LiveDetection",
    "LiveRecord",
    "ModelRegistry",
    "ModelVersion",
    "OtherRequest",
    "RequestRefused",
    "StateCount",
    "TooManyLogins",
    "UnknownModel",
    "Upload",
    "UploadChange",
    "Uploads",
    "Wanted",
    "WrongCredentials",
    "backoff",
    "by_speaker",
    "create_catalog",
    "download_key",
    "held",
    "is_dead",
    "is_empty_catalog",
    "lease",
    "open_catalog",
    "process_mark",
    "upload_key",
]
