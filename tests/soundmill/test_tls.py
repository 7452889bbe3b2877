"""A company's own authority: believed where it is named, and nowhere else."""

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from soundmill.alerts import send_alert
from soundmill.errors import FetchFailed
from soundmill.ingest.webhook import call
from soundmill.tls import own_certificate, tls_context
from tests.soundmill.ingest.asking import OPTIONS, fetch, refused


@dataclass
class Company:
    """A server whose certificate a company's authority has signed: its URL, and the authority's file."""

    url: str
    authority: Path


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"ID3" + bytes(100)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    authority, its_key = _certificate("company", None)
    server, key = _certificate("127.0.0.1", (authority, its_key))
    files = tmp_path / "ca.pem", tmp_path / "server.pem"
    pem = serialization.Encoding.PEM
    files[0].write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files[1].write_bytes(server.public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield Company(f"https://127.0.0.1:{listening.server_port}/a", files[0])
        listening.shutdown()
        thread.join()


_Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _certificate(name: str, by: _Signed | None) -> _Signed:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(by[0].subject if by else subject).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    made = made.not_valid_after(now + datetime.timedelta(days=1)).add_extension(x509.BasicConstraints(by is None, None), critical=True)
    if by:
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))])
        made = made.add_extension(alternative, critical=False)
    return made.sign(by[1] if by else key, hashes.SHA256()), key


def test_downloads_webhooks_and_alerts_believe_the_authority_that_is_named(company: Company, tmp_path: Path) -> None:
    named = str(company.authority)
    assert fetch(company.url, tmp_path, replace(OPTIONS, ca_file=named)).size == 103
    call(company.url, {}, ["127.0.0.1"], ca_file=named)
    assert send_alert(company.url, "all is well", ca_file=named)


def test_nobody_else_is_believed(company: Company, tmp_path: Path) -> None:
    failure = refused(company.url, tmp_path)
    assert (failure.code, failure.transient) == ("connection_failed", True)
    assert "SOUNDMILL_CA_FILE" in str(failure)
    with pytest.raises(FetchFailed):
        call(company.url, {}, ["127.0.0.1"])
    assert not send_alert(company.url, "all is well")


def test_the_variable_of_openssl_adds_an_authority_too(company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(company.authority))
    assert fetch(company.url, tmp_path).size == 103
    assert len(tls_context().get_ca_certs()) > 20  # besides the public ones


def test_the_studio_s_own_certificate_is_for_this_machine_and_kept_until_it_no_longer_fits(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path / "tls", ["studio.example", "192.0.2.7"])
    assert key.stat().st_mode & 0o077 == 0
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    known = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "studio.example"} <= set(names.get_values_for_type(x509.DNSName))
    assert ipaddress.ip_address("192.0.2.7") in names.get_values_for_type(x509.IPAddress)
    before = certificate.read_bytes()
    own_certificate(tmp_path / "tls", ["studio.example"])
    assert certificate.read_bytes() == before
    own_certificate(tmp_path / "tls", ["other.example"])
    assert certificate.read_bytes() != before
    certificate.write_text("broken")
    own_certificate(tmp_path / "tls")
    assert certificate.read_text() != "broken"
