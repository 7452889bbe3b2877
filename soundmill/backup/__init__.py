"""The backup: an incremental mirror of lake, catalog and settings in an S3 bucket, its verification, and the way back.

Here belongs what copies whole installations. How a single file or row is stored is the business of `lake` and `catalog`.
"""

from soundmill.backup.bucket import Bucket, bucket_of
from soundmill.backup.mirror import BackupDone, back_up, pending
from soundmill.backup.restore import RestoreDone, restore
from soundmill.backup.verify import Verified, verify

__all__ = [
    "BackupDone",
    "Bucket",
    "RestoreDone",
    "Verified",
    "back_up",
    "bucket_of",
    "pending",
    "restore",
    "verify",
]
