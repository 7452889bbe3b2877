"""HTTP status codes: which of them a later attempt may change."""

_TRANSIENT = frozenset({202, 408, 425, 429})


def is_transient(status: int) -> bool:
    """Whether a later request may be answered otherwise: not ready yet, too slow, too many, or the server's own trouble."""
    return status in _TRANSIENT or status >= 500
