"""Addresses: what may be asked and what may not, judged by where the connection goes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from soundmill.errors import FetchFailed
from soundmill.ingest.addresses import AddressPolicy
from soundmill.ingest.fetch import Fetched, Fetcher
from soundmill.options import FetchOptions
from tests.soundmill.ingest.asking import OPTIONS, SOUND, left, refused
from tests.web import Web, reply

INSIDE = [
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.7/",
    "http://[::1]/",
    "http://[::ffff:192.168.0.1]/",
    "http://0xa.2/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fe80::1]/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://167772167/",
]
LEAD_INSIDE = ["64:ff9b:1::a9fe:a9fe", "fec0::1", "::ffff:0:7f00:1", "2606::5efe:7f00:1", "2606::200:5efe:7f00:1", "168.63.129.16"]


@pytest.mark.parametrize("target", INSIDE)
def test_a_redirect_to_a_private_address_is_refused(web: Web, tmp_path: Path, target: str) -> None:
    failure = refused(web.on("/a", lambda _, connection: reply(connection, "302 Found", Location=target)), tmp_path)
    assert (failure.code, failure.transient) == ("forbidden_address", False)
    assert left(tmp_path) == set()


def test_without_leave_nothing_local_is_asked(web: Web, tmp_path: Path) -> None:
    web.serve("/a", SOUND)
    for host in ("127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1"):
        assert refused(web.url.replace("127.0.0.1", host) + "/a", tmp_path, FetchOptions()).code == "forbidden_address"
    assert not web.asked


def test_a_name_is_checked_by_what_the_connection_goes_to(web: Web, tmp_path: Path) -> None:
    """Rebinding: whoever asks first hears a public address, whoever connects hears 127.0.0.1. We ask once, and connect to the answer."""
    web.serve("/a", SOUND)
    answers = {"inside.test": ["127.0.0.1"], "mixed.test": ["93.184.216.34", "127.0.0.1"]}

    async def run(host: str, *allow: str) -> Fetched:
        async def resolver(host: str, port: int) -> list[str]:
            return answers[host]

        async with Fetcher(replace(OPTIONS, allow=allow), resolver) as fetcher:
            return await fetcher.fetch(web.url.replace("127.0.0.1", host) + "/a", tmp_path / "1.part")

    for host in answers:
        with pytest.raises(FetchFailed) as caught:
            asyncio.run(run(host))
        assert caught.value.code == "forbidden_address"
    assert not web.asked
    for allowed in ("inside.test", "*.test", "127.0.0.0/8"):
        assert asyncio.run(run("inside.test", allowed)).size == len(SOUND)


def test_public_addresses_pass_and_others_need_leave() -> None:
    policy = AddressPolicy(["10.1.0.0/16", "files.intranet"])
    for address in ("93.184.216.34", "2606:2800:220:1::1", "10.1.2.3"):
        policy.check_address("a.test", address)
    policy.check_address("Files.Intranet.", "192.168.0.9")
    for address in ("10.2.0.1", "224.0.0.1", "::", "2002:7f00:1::", "::127.0.0.1", "fd00::1", "255.255.255.255", *LEAD_INSIDE):
        with pytest.raises(FetchFailed):
            policy.check_address("a.test", address)


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[::1]:8044", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("::1/128", "::1"),
        ("fd00::/8", "fd12::7"),
        ("[fd00::]/8", "fd12::7"),
        ("FD00::/8", "fd12::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ("10.0.0.0/8", "::ffff:a01:203"),
    ],
)
def test_what_is_allowed_is_allowed_in_every_spelling(entry: str, address: str) -> None:
    AddressPolicy([entry]).check_address(address, address)
    with pytest.raises(FetchFailed):
        AddressPolicy().check_address(address, address)


@pytest.mark.parametrize("address", ["::7f00:1", "2002:7f00:1::", "::ffff:7f00:1"])
def test_leave_for_ipv6_does_not_open_what_an_address_leads_to(address: str) -> None:
    with pytest.raises(FetchFailed):
        AddressPolicy(["::1", "fd00::/8"]).check_address(address, address)
