"""The catalog: the ledger and every small record that changes one row at a time.

Here belong SQLAlchemy models, their queries and their migrations. Here does not belong audio, nor anything written once: that
lies in the lake.
"""

from soundmill.catalog.annotations import Annotation, Annotations
from soundmill.catalog.database import Catalog, CatalogUnavailable, open_catalog
from soundmill.catalog.leases import Lease, LeaseLost, is_dead, lease, process_mark
from soundmill.catalog.ledger import Item, ItemState, Ledger, StateCount
from soundmill.catalog.models import ModelRegistry, ModelVersion, UnknownModel

__all__ = [
    "Annotation",
    "Annotations",
    "Catalog",
    "CatalogUnavailable",
    "Item",
    "ItemState",
    "Lease",
    "LeaseLost",
    "Ledger",
    "ModelRegistry",
    "ModelVersion",
    "StateCount",
    "UnknownModel",
    "is_dead",
    "lease",
    "open_catalog",
    "process_mark",
]
