"""Fixtures."""

import pytest

from soundmill.backup import Bucket


@pytest.fixture
def bucket(s3_url: str, s3_endpoint: str) -> Bucket:
    return Bucket(s3_url.replace("/lake", "/backup"), s3_endpoint)
