"""TLS: whom this machine believes when it connects, and the certificate that the studio shows where there is no other."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import certifi


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """A context for httpx. To the public authorities come those in `ca_file` (PEM), and in SSL_CERT_FILE and SSL_CERT_DIR.

    Raises `OSError` where `ca_file` cannot be read, or holds no certificate.
    """
    return _context(ca_file, os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))


@cache
def _context(ca_file: str, of_system: str, folder: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    if os.path.isfile(of_system) or os.path.isdir(folder):
        context.load_verify_locations(of_system if os.path.isfile(of_system) else None, folder if os.path.isdir(folder) else None)
    return context


def own_certificate(folder: Path, names: Sequence[str] = ()) -> tuple[Path, Path]:
    """A certificate that this machine made for itself, and its key: as files, of which only this user may read the key.

    It is for this machine's names and addresses, and those in `names`; made anew where one is missing in it, or a month before it ends.
    Browsers warn of it once: nobody vouches for it.
    """
    certificate, key = folder / "studio-cert.pem", folder / "studio-key.pem"
    wanted = {*names, "localhost", "127.0.0.1", socket.gethostname(), *_addresses()}
    if not (certificate.is_file() and key.is_file() and _covers(certificate, wanted)):
        folder.mkdir(parents=True, exist_ok=True)
        _make_certificate(certificate, key, sorted(wanted))
    return certificate, key


def _make_certificate(certificate: Path, key: Path, names: Sequence[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Soundmill studio")])
    named = [x509.IPAddress(ipaddress.ip_address(name)) if _is_address(name) else x509.DNSName(name) for name in names]
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=397))  # the longest that browsers take
        .add_extension(x509.SubjectAlternativeName(named), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))


def _covers(certificate: Path, names: set[str]) -> bool:
    from cryptography import x509

    try:
        known = x509.load_pem_x509_certificate(certificate.read_bytes())
        found = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    there = {str(one) for kind in (x509.DNSName, x509.IPAddress) for one in found.get_values_for_type(kind)}
    return names <= there and known.not_valid_after_utc > datetime.now(UTC) + timedelta(days=30)


def _addresses() -> set[str]:
    """This machine's addresses in its networks."""
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    found = {one.address.partition("%")[0] for of in psutil.net_if_addrs().values() for one in of if one.family in families}
    return {address for address in found if not ipaddress.ip_address(address).is_link_local}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
