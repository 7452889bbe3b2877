"""What an edge asks its hub, whether to record, and what it reports: its status."""

import logging
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

import httpx

from soundmill.capture.switch import Switch
from soundmill.tls import tls_context

if TYPE_CHECKING:
    from soundmill.capture.status import Status

log = logging.getLogger("soundmill.capture")


def follow_hub(url: str, source: str, token: str | None, switch: Switch, status: "Status", every: float, ca_file: str = "") -> None:
    """Asks the hub for the state every so many seconds, in a thread that ends with the process, and turns the switch when it changes
    there. While the hub is away the station stays as it is. `ca_file`: see `tls_context`."""
    client = httpx.Client(timeout=10.0, headers={"Authorization": f"Bearer {token}"} if token else {}, verify=tls_context(ca_file))

    def ask() -> None:
        known: bool | None = None
        pause = threading.Event()
        while True:
            try:  # nothing may end this thread: the edge would lose its hub
                client.put(f"{url}/stations/{source}", json=asdict(status)).raise_for_status()
                answer = client.get(f"{url}/state", params={"source": source}).raise_for_status()
                wanted = bool(answer.json()["capture_state"])
                if wanted != known:
                    if wanted != switch.is_on():
                        log.warning("%s is turned %s by the hub (%s/state)", source, "on" if wanted else "off", url)
                    switch.set(wanted)
                    known = wanted
            except Exception as error:  # noqa: BLE001
                log.debug("the hub does not answer: %s", error)
            pause.wait(every)

    threading.Thread(target=ask, name="hub", daemon=True).start()
