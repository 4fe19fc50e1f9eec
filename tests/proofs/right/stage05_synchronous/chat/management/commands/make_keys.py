"""Keys on the curve P-384, and Django's in a folder of its own."""

import os
import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def read_name(text):
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        pass
    if not re.fullmatch(rf"{LABEL}(\.{LABEL})*", text):
        raise CommandError(f"A certificate cannot be for {text!r}.")
    return x509.DNSName(text)


def builder(subject, issuer, key, days):
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def usage(*names):
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in names for name in every})


def common_name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Command(BaseCommand):
    help = "Make keys/ca.pem, keys/server.pem and keys/server.key."

    def add_arguments(self, parser):
        parser.add_argument("--name", nargs=1, action="extend", default=[])

    def handle(self, *, name, **options):
        given = [read_name(each) for each in name]
        own = [read_name(each) for each in ("localhost", "127.0.0.1", "::1")]
        ca_key = ec.generate_private_key(ec.SECP384R1())
        key = ec.generate_private_key(ec.SECP384R1())
        ca_key_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
        ca_name = common_name(f"Course on WebSockets, {secrets.token_hex(4)}")
        ca = (
            builder(ca_name, ca_name, ca_key, days=3650)
            .add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(usage("key_cert_sign"), critical=True)
            .add_extension(ca_key_id, critical=False)
            .sign(ca_key, SHA384())
        )
        server = (
            builder(common_name("server"), ca_name, key, days=30)
            .add_extension(x509.SubjectAlternativeName(given + own), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    ca_key_id
                ),
                critical=False,
            )
            .add_extension(usage("digital_signature"), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
            .sign(ca_key, SHA384())
        )
        pem = serialization.Encoding.PEM
        folder, secret = settings.BASE_DIR / "keys", settings.KEY_FILE
        secret.parent.mkdir(parents=True, exist_ok=True)
        # Who may read a certificate, anybody may. The keys are for us.
        (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
        (folder / "server.pem").write_bytes(server.public_bytes(pem))
        keep(
            folder / "server.key",
            key.private_bytes(
                pem,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
        )
        if not secret.exists():
            keep(secret, secrets.token_urlsafe(50).encode())
        self.stdout.write(f"Trust {folder / 'ca.pem'}, as your system does that.")


def keep(path, content):
    opener = partial(os.open, mode=0o600)
    with open(path, "wb", opener=opener) as file:
        file.write(content)
