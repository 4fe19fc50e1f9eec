"""`learn.py doctor` and TLS: which language a port speaks, and whom one believes."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.checker.doctor import certificates
from tests.checker.servers.tls import make_expired_keys
from tests.front_door.doctored import (
    SCRIPT,
    Sick,
    examine,
    ids,
    steps,
)

pytestmark = pytest.mark.usefixtures("alone", "no_keys_around")

WSS = '"wss://" + location.host + "/ws/echo/"'


@pytest.fixture
def no_keys_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No CA of a project of this machine's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(certificates, "ROOT", tmp_path)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


class Keys:
    """A CA, and certificates that it has signed."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.file)
        self.trust = ssl.create_default_context(cafile=self.file)

    def server(self, *names: str, **options: datetime) -> ssl.SSLContext:
        """Return what a server with these names speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = self.ca.issue_cert(*names or ("127.0.0.1", "localhost"), **options)
        issued.configure_cert(context)
        return context


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Keys of this test's."""
    return Keys(tmp_path)


def pages() -> dict[str, str]:
    """Return a page that asks for wss."""
    return {"/": SCRIPT.format(WSS)}


def test_a_server_with_tls_that_is_trusted_is_well(keys: Keys) -> None:
    with Sick(pages(), tls=keys.server()) as server:
        url = server.url(scheme="https")
        assert ids(examine(url, trust=keys.trust)) == []


def test_a_clear_request_to_a_port_of_tls(keys: Keys) -> None:
    with Sick(pages(), tls=keys.server()) as server:
        report = examine(server.url(), trust=keys.trust)
        assert ids(report) == ["tls-port"]
        assert server.url(scheme="https") in report.findings[0].cure
        report = examine(server.url("/ws/echo/", "ws"))
        assert server.url("/ws/echo/", "wss") in report.findings[0].cure


def test_a_ca_that_nobody_knows(keys: Keys) -> None:
    with Sick(pages(), tls=keys.server()) as server:
        assert ids(examine(server.url(scheme="https"))) == ["unknown-ca"]


def test_a_ca_that_the_project_keeps_is_named(keys: Keys, tmp_path: Path) -> None:
    kept = tmp_path / "work" / "stage05_wss" / "keys"
    kept.mkdir(parents=True)
    keys.file.rename(kept / "ca.pem")
    with Sick(pages(), tls=keys.server()) as server:
        report = examine(server.url(scheme="https"))
        assert ids(report) == ["unknown-ca-kept"]
        file = Path("work", "stage05_wss", "keys", "ca.pem")
        assert f"--ca {file}" in report.findings[0].cure
        # An older one, of other keys, is not recommended.
        Keys(kept)
        assert ids(examine(server.url(scheme="https"))) == ["unknown-ca"]


def test_ssl_cert_file_that_is_not_there(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sick(pages(), tls=keys.server()) as server:
        monkeypatch.setenv("SSL_CERT_FILE", "keys/no.pem")
        report = examine(server.url(scheme="https"))
        assert ids(report) == ["ca-file-missing"]
        monkeypatch.setenv("SSL_CERT_FILE", str(keys.file))
        assert ids(examine(server.url(scheme="https"))) == []


def test_a_name_that_is_not_in_the_certificate(keys: Keys) -> None:
    with Sick(pages(), tls=keys.server("chat.example", "localhost")) as server:
        report = examine(server.url(scheme="https"), trust=keys.trust)
        assert ids(report) == ["wrong-name"]
        assert "chat.example, localhost" in report.findings[0].diagnosis


def test_a_certificate_that_is_not_valid_yet(keys: Keys) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    tls = keys.server(not_before=tomorrow)
    with Sick(pages(), tls=tls) as server:
        report = examine(server.url(scheme="https"), trust=keys.trust)
        assert ids(report) == ["not-yet-valid"]


def test_a_certificate_that_has_expired(tmp_path: Path) -> None:
    folder = tmp_path / "expired"
    make_expired_keys(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "server.pem", folder / "server.key")
    trust = ssl.create_default_context(cafile=folder / "ca.pem")
    with Sick(pages(), tls=tls) as server:
        url = f"https://localhost:{server.port}/"
        assert ids(examine(url, trust=trust)) == ["expired"]
        # Also where its CA is not known: nobody needs to be trusted to see the date.
        assert ids(examine(url)) == ["expired"]


def own_signature(
    folder: Path, *names: str, is_ca: bool | None = None
) -> ssl.SSLContext:
    """
    Return what a server speaks TLS with that signs its certificate itself.

    With `is_ca`, a CA signs it that lacks what RFC 5280 wants of one.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name, issuer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
        for words in ("127.0.0.1", "A CA of old")
    )
    now, day = datetime.now(UTC), timedelta(days=1)

    def begin(owner: x509.Name, signer: x509.Name) -> x509.CertificateBuilder:
        serial = x509.random_serial_number()
        builder = x509.CertificateBuilder(signer, owner, key.public_key(), serial)
        return builder.not_valid_before(now - day).not_valid_after(now + day)

    builder = begin(name, issuer if is_ca else name)
    if names:
        alternatives = x509.SubjectAlternativeName(map(x509.DNSName, names))
        builder = builder.add_extension(alternatives, critical=False)
    form = serialization.Encoding.PEM
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(form)
    private = key.private_bytes(
        form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "own.pem").write_bytes(certificate + private)
    if is_ca:
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        ca = begin(issuer, issuer).add_extension(constraints, critical=False)
        signed = ca.sign(key, hashes.SHA256()).public_bytes(form)
        (folder / "old-ca.pem").write_bytes(signed)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return context


def test_a_certificate_that_signs_itself(tmp_path: Path) -> None:
    with Sick(pages(), tls=own_signature(tmp_path, "localhost")) as server:
        assert ids(examine(f"https://localhost:{server.port}/")) == ["self-signed"]


def test_a_certificate_without_the_names_that_browsers_read(tmp_path: Path) -> None:
    tls = own_signature(tmp_path)
    trust = ssl.create_default_context(cafile=tmp_path / "own.pem")
    with Sick(pages(), tls=tls) as server:
        report = examine(server.url(scheme="https"), trust=trust)
        assert ids(report) == ["no-names"]


def test_what_a_strict_client_wants(tmp_path: Path) -> None:
    # A CA without its extensions: Python 3.13 asks for them by itself.
    tls = own_signature(tmp_path, "localhost", is_ca=True)
    trust = ssl.create_default_context(cafile=tmp_path / "old-ca.pem")
    with Sick(pages(), tls=tls) as server:
        url = f"https://localhost:{server.port}/"
        trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
        assert ids(examine(url, trust=trust)) == []
        trust.verify_flags |= ssl.VERIFY_X509_STRICT
        assert ids(examine(url, trust=trust)) == ["strict"]


def test_tls_without_anything_in_common(keys: Keys) -> None:
    tls = keys.server()
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    new = ssl.create_default_context(cafile=keys.file)
    new.minimum_version = ssl.TLSVersion.TLSv1_3
    with Sick(pages(), tls=tls) as server:
        url = server.url(scheme="https")
        assert ids(examine(url, trust=keys.trust)) == []
        assert ids(examine(url, trust=new)) == ["tls-too-old"]
    tls = keys.server()
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # For a key that it does not have.
    with Sick(pages(), tls=tls) as server:
        report = examine(server.url(scheme="https"), trust=keys.trust)
        assert ids(report) == ["tls-fails"], steps(report)


def test_a_page_over_tls_that_asks_in_the_clear(keys: Keys) -> None:
    tls = keys.server()
    with Sick(
        {"/": SCRIPT.format('"ws://" + location.host + "/ws/echo/"')}, tls=tls
    ) as (server):
        url = server.url(scheme="https")
        assert ids(examine(url, trust=keys.trust)) == ["clear-port"]
        server.pages = {"/": SCRIPT.format('"ws://chat.example/ws/echo/"')}
        assert ids(examine(url, trust=keys.trust)) == ["mixed-content"]
