"""Labelling rounds: the sessions that people are asked about, and what came back of them."""

from typing import Any

import dagster as dg

from assets.failures import refused_in_one_line
from assets.features import segment_features
from assets.labels import catalog_labels
from assets.metadata import counts_table, figures_table
from assets.osr import detections
from assets.partitions import rounds
from resources import CatalogResource, CollectionResource, LakeResource

_ALL_DAYS = dg.AllPartitionMapping()
_WARN = dg.AssetCheckSeverity.WARN


@dg.asset(
    partitions_def=rounds,
    deps=[dg.AssetDep(segment_features, partition_mapping=_ALL_DAYS), dg.AssetDep(detections, partition_mapping=_ALL_DAYS)],
    group_name="labelling",
    kinds={"sqlalchemy"},
    code_version="1",
)
def labelling_sessions(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """The round's sessions: stretches of sound chosen by its recipe, with what the model predicts in them."""
    from soundmill.workflows.rounds import draw_round

    with refused_in_one_line():
        drawn = draw_round(lake.open(), catalog.open(), context.partition_key, collection.training().zone)
    return dg.MaterializeResult(
        metadata={
            "sessions": drawn.sessions,
            "stretches_with_sound": drawn.candidates,
            "by_rule": counts_table(drawn.by_rule, "rule"),
            "model": drawn.model or "none",
        }
    )


@dg.asset(
    partitions_def=rounds,
    deps=[labelling_sessions, catalog_labels],
    group_name="labelling",
    kinds={"sqlalchemy"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("clear_guideline", asset="labelled_round", description="People mean the same by each tag: alpha is 2/3 or more."),
        dg.AssetCheckSpec("nothing_disputed", asset="labelled_round", description="No session waits for an adjudicator."),
    ],
)
def labelled_round(context: dg.AssetExecutionContext, catalog: CatalogResource) -> dg.MaterializeResult:
    """What came back of the round: agreement, the model's precision and recall, what it missed, and the consensus as annotations."""
    from soundmill.workflows.rounds import settle_round

    with refused_in_one_line():
        told = settle_round(catalog.open(), context.partition_key)
    unclear = [one.tag for one in told.agreement if one.is_unclear]
    metadata: dict[str, Any] = {
        "sessions_labelled": told.sessions,
        "submissions": told.submissions,
        "sessions_agreed": len(told.consensus),
        "sessions_disputed": len(told.disputed),
        "agreement": figures_table(
            ["tag", "sessions", "alpha", "event F1", "kappa", "prevalence"],
            [[one.tag, one.sessions, one.alpha.value, one.f1.value, one.kappa.value, one.prevalence] for one in told.agreement],
        ),
        "model": figures_table(
            ["tag", "kept", "moved", "rejected", "added", "precision", "recall"],
            [[one.tag, one.kept, one.moved, one.rejected, one.added, one.precision, one.recall] for one in told.model],
        ),
        "audit": figures_table(
            ["tag", "recall", "from", "to"],
            [[tag, one.recall.value, one.recall.low, one.recall.high] for tag, one in told.audit.items()],
        ),
    }
    return dg.MaterializeResult(
        metadata=metadata,
        check_results=[
            dg.AssetCheckResult(
                check_name="clear_guideline", passed=not unclear, severity=_WARN, metadata={"unclear": ", ".join(unclear) or "none"}
            ),
            dg.AssetCheckResult(
                check_name="nothing_disputed", passed=not told.disputed, severity=_WARN, metadata={"disputed": len(told.disputed)}
            ),
        ],
    )
