"""The catalog: the ledger and every small record that changes one row at a time.

Here belong SQLAlchemy models, their queries and their migrations. Here does not belong audio, nor anything written once: that
lies in the lake.
"""

from soundmill.catalog.accounts import ROLES, Account, Accounts, Role
from soundmill.catalog.annotations import Annotations
from soundmill.catalog.collection import DEMO, TRAINING_CLIPS, AudioCollection
from soundmill.catalog.database import Catalog, create_catalog, is_empty_catalog, open_catalog
from soundmill.catalog.devices import Device, Devices
from soundmill.catalog.downloads import AddOutcome, DownloadQueue, DownloadRequest, Wanted, by_speaker, download_key
from soundmill.catalog.drafts import Draft, Drafts
from soundmill.catalog.erasures import Erasure, Erasures
from soundmill.catalog.labels import Box, Labels, ReviewedSpan, Standing, Submission
from soundmill.catalog.leases import Lease, held, is_dead, lease, process_mark
from soundmill.catalog.ledger import CAPTURED, DOWNLOADED, Item, ItemKind, ItemState, Ledger, StateCount
from soundmill.catalog.live import LiveDetection, LiveRecord
from soundmill.catalog.models import ModelRegistry, ModelVersion
from soundmill.catalog.prompts import Prompt, Prompts, PromptSet, SetProgress
from soundmill.catalog.releases import CLIPS_FOLDER, Release, ReleasedClip, Releases, clip_path
from soundmill.catalog.rounds import SKIP_REASONS, Claim, Round, RoundProgress, Rounds, RoundSession
from soundmill.catalog.sound_index import Place, SoundIndex
from soundmill.catalog.spans import Span, lies_in
from soundmill.catalog.speakers import Consent, Speaker, Speakers
from soundmill.catalog.takes import TAKES_FOLDER, Take, Takes, take_key, take_source
from soundmill.catalog.uploads import Upload, UploadChange, Uploads, upload_key

__all__ = [
    "CAPTURED",
    "CLIPS_FOLDER",
    "DEMO",
    "DOWNLOADED",
    "ROLES",
    "SKIP_REASONS",
    "TAKES_FOLDER",
    "TRAINING_CLIPS",
    "Account",
    "Accounts",
    "AddOutcome",
    "Annotations",
    "AudioCollection",
    "Box",
    "Catalog",
    "Claim",
    "Consent",
    "Device",
    "Devices",
    "DownloadQueue",
    "DownloadRequest",
    "Draft",
    "Drafts",
    "Erasure",
    "Erasures",
    "Item",
    "ItemKind",
    "ItemState",
    "Labels",
    "Lease",
    "Ledger",
    "LiveDetection",
    "LiveRecord",
    "ModelRegistry",
    "ModelVersion",
    "Place",
    "Prompt",
    "PromptSet",
    "Prompts",
    "Release",
    "ReleasedClip",
    "Releases",
    "ReviewedSpan",
    "Role",
    "Round",
    "RoundProgress",
    "RoundSession",
    "Rounds",
    "SetProgress",
    "SoundIndex",
    "Span",
    "Speaker",
    "Speakers",
    "Standing",
    "StateCount",
    "Submission",
    "Take",
    "Takes",
    "Upload",
    "UploadChange",
    "Uploads",
    "Wanted",
    "by_speaker",
    "clip_path",
    "create_catalog",
    "download_key",
    "held",
    "is_dead",
    "is_empty_catalog",
    "lease",
    "lies_in",
    "open_catalog",
    "process_mark",
    "take_key",
    "take_source",
    "upload_key",
]
