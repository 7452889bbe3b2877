"""The backup, as an asset: what was copied, how much, and what could not be."""

from typing import Any

import dagster as dg

from assets.ingest import downloads
from assets.osr import detections
from resources import BackupResource, CatalogResource, LakeResource


@dg.asset(
    deps=[dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping()) for asset in (downloads, detections)],
    group_name="operations",
    kinds={"s3"},
    code_version="1",
    check_specs=[dg.AssetCheckSpec("everything_copied", asset="s3_backup", description="No file was left out of the backup.")],
)
def s3_backup(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, backup: BackupResource
) -> dg.MaterializeResult:
    """An incremental mirror of the lake, the catalog and the settings in SOUNDMILL_BACKUP: only what changed is sent.

    Without SOUNDMILL_BACKUP nothing is copied. `soundmill backup verify` reads it back, `soundmill backup restore` brings it back.
    """
    from soundmill.backup import back_up
    from soundmill.workflows.takes.keeping import purge_originals

    bucket = backup.bucket()
    if bucket is None:
        metadata: dict[str, Any] = {"status": "not set: SOUNDMILL_BACKUP names no place"}
        return dg.MaterializeResult(metadata=metadata, check_results=[_check({})])

    def progress(done: int, total: int) -> None:
        if done % 1000 == 0:
            context.log.info(f"{done} of {total} changed files looked at")

    done = back_up(bucket, lake.open(), catalog.open(), backup.options(), progress=progress)
    purged = purge_originals(lake.open(), catalog.open(), backup.options())
    metadata = {
        "status": "updated" if done.changed else "unchanged",
        "files_uploaded": done.uploaded,
        "megabytes_uploaded": round(done.bytes / 1e6, 3),
        "files_unchanged": done.unchanged,
        "files_deleted": done.deleted,
        "files_purged": done.purged + purged,
        "catalog_pieces": done.chunks,
        "failed": len(done.failed),
        "path": dg.MetadataValue.path(bucket.url),
    }
    return dg.MaterializeResult(metadata=metadata, check_results=[_check(done.failed)])


def _check(failed: dict[str, str]) -> dg.AssetCheckResult:
    shown = dict(list(failed.items())[:20])
    return dg.AssetCheckResult(
        check_name="everything_copied",
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(f"{path}: {reason}" for path, reason in list(shown.items())[:3]) or None,
        metadata={"failed": len(failed), **shown},
    )
