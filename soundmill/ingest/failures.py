"""What can go wrong with a download: one short code for the ledger, and whether waiting may help."""


class FetchFailed(Exception):
    """A file that did not come. `transient` says whether a later attempt may succeed, `retry_after` the seconds the server asked for."""

    def __init__(self, code: str, message: str, *, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.transient = transient
        self.retry_after = retry_after
