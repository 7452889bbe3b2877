"""Which HTTP statuses a later attempt may change."""

from soundmill.ingest.statuses import is_transient


def test_what_may_pass_is_tried_again_and_what_will_not_is_not() -> None:
    assert [status for status in range(200, 600) if is_transient(status)] == [202, 408, 425, 429, *range(500, 600)]
