"""Which addresses may be fetched from: the public internet and what the operator allows, and nothing behind this machine's back.

A name is checked by what it resolves to at the moment of connecting, and the connection goes to the very address that was checked:
a name that says one thing when asked and another when used (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore
import httpx

from soundmill.errors import FetchFailed
from soundmill.ingest.lenient import LenientStream
from soundmill.tls import tls_context

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
_NAT64, _LOCAL_NAT64 = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48")  # RFC 6052, RFC 8215
_TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")  # RFC 2765
_ISATAP = 0x0000_5EFE  # the interface identifier of RFC 5214, whose bits u and g vary
# what some versions of Python take for global, and leads inside all the same: site-local, segment routing, documentation,
# and the address at which every machine on Azure finds the host it runs on
_NEVER = [
    ipaddress.ip_network(text) for text in ("64:ff9b:1::/48", "::ffff:0:0:0/96", "fec0::/10", "5f00::/16", "3fff::/20", "168.63.129.16")
]


class AddressPolicy:
    """Refuses private, loopback, link-local, metadata, multicast and reserved addresses, but for those allowed.

    `allow` holds host names ("files.intranet", "*.intranet") and networks or addresses ("10.0.0.0/8", "127.0.0.1").
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self._hosts: set[str] = set()
        for entry in allow:
            try:
                self._networks.append(_network(entry))
            except ValueError:
                self._hosts.add(_host(entry))

    def check_url(self, text: str) -> httpx.URL:
        """The URL, if it is one that may be fetched as far as can be known without asking DNS. Raises `FetchFailed`."""
        try:
            url = httpx.URL(text)
            host, port = url.host, url.port  # the name is decoded only now, and may be none
        except (httpx.InvalidURL, UnicodeError) as error:
            raise FetchFailed("bad_url", f"this is no URL: {error}") from None
        if url.scheme not in ("http", "https"):
            raise FetchFailed("forbidden_scheme", f"only http and https are fetched, not {url.scheme or 'a URL without a scheme'}")
        if not host or not (port is None or 0 < port < 1 << 16):
            raise FetchFailed("bad_url", "the URL names no host, or no port that there can be")
        try:
            self.check_address(host, host)
        except ValueError:
            pass  # a name: checked when it is resolved
        return url

    def check_address(self, host: str, address: str) -> None:
        """Raises `FetchFailed` where the host's address is not to be fetched from, `ValueError` where it is no address."""
        ip = ipaddress.ip_address(address.strip("[]").split("%")[0])
        mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
        faces = [mapped] if mapped else [ip, *_inner(ip)]
        if _host(host) in self._hosts or any("*." + _host(host).split(".", n)[-1] in self._hosts for n in range(1, host.count(".") + 1)):
            return
        for face in faces:
            allowed = any(face.version == network.version and face in network for network in self._networks)
            never = any(face.version == network.version and face in network for network in _NEVER)
            if not allowed and (never or not face.is_global or face.is_multicast or face.is_unspecified):
                where = address if _host(host) == _host(address) else f"{host} is {address}, which"
                inside = "is" if face == ip else f"leads to {face},"
                message = f"{where} {inside} a private or local address; SOUNDMILL_DOWNLOAD_ALLOW names exceptions"
                raise FetchFailed("forbidden_address", message)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An address or a network in any spelling: `::1`, `[::1]`, `[::1]:8044`, `[fd00::]/8`, `fe80::1%eth0`. Raises `ValueError`."""
    text = re.sub(r"^\[([^\]]+)\](?::[0-9]+)?", r"\1", entry.strip())
    found = ipaddress.ip_network(re.sub(r"%[^/]*", "", text), strict=False)
    mapped = found.network_address.ipv4_mapped if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96 else None
    return ipaddress.ip_network(f"{mapped}/{found.prefixlen - 96}", strict=False) if mapped else found


def _host(text: str) -> str:
    return text.strip().strip("[]").rstrip(".").lower()


def _inner(ip: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address leads to."""
    if isinstance(ip, ipaddress.IPv4Address):
        return []
    found: list[Address | None] = [ip.sixtofour]
    if ip.teredo:
        found += [ip.teredo[1]]
    if ip in _NAT64 or ip in _LOCAL_NAT64 or ip in _TRANSLATED or 1 < int(ip) < 1 << 32 or (int(ip) >> 32) & 0xFCFF_FFFF == _ISATAP:
        found += [ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)]
    return [inner for inner in found if inner is not None]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order of the system's resolver. Raises `FetchFailed`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FetchFailed("unknown_host", f"{host} cannot be resolved: {reason}", transient=True) from None
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections for httpx, to addresses that the policy has checked."""

    def __init__(self, policy: AddressPolicy, resolver: Resolve) -> None:
        self._policy, self._resolve = policy, resolver
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to the first of the host's addresses that answers; refuses where any of them is forbidden."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise FetchFailed("timed_out", f"{host} was not resolved within {timeout:g} s", transient=True) from None
        for address in addresses:
            self._policy.check_address(host, address)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return LenientStream(await self._inner.connect_tcp(address, port, timeout, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        """Never: a URL names no socket file."""
        raise FetchFailed("bad_url", "sockets in the file system are not fetched from")

    async def sleep(self, seconds: float) -> None:
        """Waits, as httpcore asks."""
        await asyncio.sleep(seconds)


def guarded_transport(policy: AddressPolicy, resolver: Resolve = resolve, ca_file: str = "") -> httpx.AsyncHTTPTransport:
    """What httpx is to send requests by, so that they reach nobody but whom the policy allows; proxies of the environment are not used.
    `ca_file`: see `tls_context`."""
    limits: dict[str, Any] = {"max_connections": None, "max_keepalive_connections": 20, "keepalive_expiry": 15}
    transport = httpx.AsyncHTTPTransport(verify=tls_context(ca_file), trust_env=False, limits=httpx.Limits(**limits))
    # httpx offers no way to say who connects, httpcore does; a test asserts that the guard stands
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=transport._pool._ssl_context, **limits, network_backend=GuardedBackend(policy, resolver)
    )
    return transport
