"""soundmill dev: what it refuses."""

import socket

import pytest

from pipeline.dev import DevFailed, _free_port, running
from soundmill.catalog import lease, open_catalog
from soundmill.settings import Settings


def test_a_port_in_use_is_refused_and_nothing_is_started(home_settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DevFailed, match="is in use"), running(home_settings, taken.getsockname()[1], _free_port()):
            pass
    assert not home_settings.home.exists()


def test_a_second_one_on_the_same_home_is_refused(home_settings: Settings) -> None:
    with (
        lease(open_catalog(home_settings.catalog_url), f"dev {home_settings.home.absolute()}"),
        pytest.raises(DevFailed, match="another `soundmill dev`"),
        running(home_settings, _free_port(), _free_port()),
    ):
        pass
