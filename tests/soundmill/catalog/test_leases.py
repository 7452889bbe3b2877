"""Leases: one at a time, across threads and processes, and free when the holder dies."""

import os
import subprocess
import sys
import threading
import time

import pytest

from soundmill.catalog import Catalog, lease
from soundmill.errors import LeaseLost
from tests.conftest import ROOT, wait_until

HOLD = """
import signal, sys
from soundmill.catalog import lease, open_catalog
with lease(open_catalog(sys.argv[1]), "day", seconds=3600):
    signal.pause()
"""


def test_one_at_a_time(catalog: Catalog) -> None:
    inside = most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with lease(catalog, "day"):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_lease_held_elsewhere_is_refused_after_the_wait_and_names_its_holder(catalog: Catalog) -> None:
    with lease(catalog, "day"), pytest.raises(LeaseLost, match=str(os.getpid())), lease(catalog, "day", wait=0.3):
        pass
    with lease(catalog, "day", wait=0):
        pass


def test_a_lease_is_kept_beyond_its_time_while_its_holder_lives(catalog: Catalog) -> None:
    with lease(catalog, "day", seconds=0.6) as held:
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            with pytest.raises(LeaseLost), lease(catalog, "day", wait=0):
                pass
            time.sleep(0.1)
        held.check()


def test_a_killed_holder_on_this_machine_is_replaced_at_once(catalog: Catalog) -> None:
    url = catalog.engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], cwd=ROOT)

    def is_held() -> bool:
        try:
            with lease(catalog, "day", wait=0):
                return False
        except LeaseLost:
            return True

    wait_until(is_held, 30)
    process.kill()
    process.wait()
    with lease(catalog, "day", wait=1):
        pass
