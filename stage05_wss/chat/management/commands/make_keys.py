import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.management.utils import get_random_secret_key

NAMES = ["localhost", "127.0.0.1", "::1"]
VALID = timedelta(days=90)
EARLIER = timedelta(hours=1)  # For clients whose clock is slow.
RENEW = timedelta(days=10)  # Before the end: a server runs for a while.

TRUST = """
Whoever trusts {ca}
believes what it has signed: a certificate for {names}, and nothing else.
Its own key is thrown away.

Try it first without trust: your browser must warn you. Then trust it:
  Windows         certutil -user -addstore Root "{ca}"
  macOS           security add-trusted-cert -k ~/Library/Keychains/login.keychain-db \\
                      "{ca}"
  Debian, Ubuntu  sudo cp "{ca}" /usr/local/share/ca-certificates/course.crt
                  sudo update-ca-certificates
  Fedora          sudo trust anchor "{ca}"
  Firefox         Settings, Privacy & Security, View Certificates, Authorities, Import
  Chrome on Linux mkdir -p ~/.pki/nssdb
                  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n course -i "{ca}"
On Linux, browsers have lists of their own, and do not ask the system.
"""


class Command(BaseCommand):
    help = "Make a certificate for this machine, the CA that signs it, and SECRET_KEY."

    def add_arguments(self, parser):
        what = "another name or address of this machine, such as chat.lan"
        parser.add_argument("--name", action="append", default=[], help=what)

    def handle(self, *, name, **options):
        names = [*NAMES, *(each for each in name if each not in NAMES)]
        alternatives = x509.SubjectAlternativeName([general_name(n) for n in names])
        folder = settings.KEY_FILE.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        write(folder / ".gitignore", b"*\n")  # What is secret gets into no commit.
        if not settings.KEY_FILE.exists():  # A new one would end all sessions.
            write(settings.KEY_FILE, get_random_secret_key().encode())
        if are_right(folder, alternatives):
            self.stdout.write(f"The keys are there. For new ones, remove {folder}.")
            return

        ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = subject("A CA of the course on WebSockets, for this machine only")
        ca = certificate(ca_name, ca_name, ca_key, ca_key, is_ca=True).sign(
            ca_key, hashes.SHA256()
        )
        server = (
            certificate(subject(names[0]), ca_name, server_key, ca_key, is_ca=False)
            .add_extension(alternatives, critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        write(folder / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
        write(folder / "server.pem", server.public_bytes(serialization.Encoding.PEM))
        write(
            folder / "server.key",
            server_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        words = TRUST.format(ca=folder / "ca.pem", names=", ".join(names))
        self.stdout.write(words.strip())


def are_right(folder, alternatives):
    # Each new CA must be trusted anew, so not more often than needed.
    try:
        ca, server = (
            x509.load_pem_x509_certificate((folder / file).read_bytes())
            for file in ("ca.pem", "server.pem")
        )
        server.verify_directly_issued_by(ca)
        names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        set(alternatives) <= set(names.value)
        and server.not_valid_after_utc > datetime.now(UTC) + RENEW
        and folder.joinpath("server.key").exists()
    )


def general_name(name):
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    if not re.fullmatch(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*", name):
        raise CommandError(
            f"{name!r} is no name for a certificate. Give a name in small letters, "
            f"such as chat.lan, or an address, such as 192.0.2.7."
        )
    return x509.DNSName(name)


def subject(words):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words[:64])])


def certificate(owner, issuer, key, issuer_key, *, is_ca):
    """
    Begin a certificate as RFC 5280 wants it. Strict clients miss every part.
    """
    now = datetime.now(UTC)
    usage = {
        "digital_signature": not is_ca,
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "key_cert_sign": is_ca,
        "crl_sign": is_ca,
        "encipher_only": False,
        "decipher_only": False,
    }
    begun = (
        x509.CertificateBuilder()
        .subject_name(owner)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now - EARLIER + VALID)
        .add_extension(
            x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None),
            critical=True,
        )
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if is_ca:
        return begun
    return begun.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )


def write(path, content):
    # Mode 600 from the first byte on: a moment would be enough to read it.
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
