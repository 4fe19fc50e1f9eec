import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import trustme
from cryptography import x509
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.management.utils import get_random_secret_key


class Command(BaseCommand):
    help = "Make SECRET_KEY, a CA, and a certificate for this machine and each --name."

    def add_arguments(self, parser):
        parser.add_argument("--name", action="append", default=[])

    def handle(self, *, name, **options):
        names = sorted({"localhost", "127.0.0.1", "::1", *map(name_of_a_machine, name)})
        folder = settings.KEY_FILE.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        write(folder / ".gitignore", b"*\n")  # What is secret gets into no commit.
        if not settings.KEY_FILE.exists():  # A new one would end all sessions.
            write(settings.KEY_FILE, get_random_secret_key().encode())
        if are_right(folder, names):  # Each new CA must be trusted anew.
            self.stdout.write(f"Keys are there. To renew, remove {folder / 'ca.pem'}.")
            return
        now = datetime.now(UTC)
        # Its key is not kept. Who had it could sign for any site, and be believed.
        ca = trustme.CA(path_length=0, organization_name="Course on WebSockets")
        server = ca.issue_cert(
            *names, not_before=now - timedelta(hours=1), not_after=now + timedelta(89)
        )
        write(folder / "ca.pem", ca.cert_pem.bytes())
        write(folder / "server.key", server.private_key_pem.bytes())
        write(folder / "server.pem", server.cert_chain_pems[0].bytes())
        words = (settings.BASE_DIR / "deploy/trust.txt").read_text()
        self.stdout.write(words.format(ca=folder / "ca.pem", names=", ".join(names)))


def name_of_a_machine(name):
    try:
        return str(ip_address(name))
    except ValueError:
        label = r"(?!-|..--)[a-z0-9-]{1,63}(?<!-)"
        if len(name) < 254 and re.fullmatch(rf"({label}\.)*{label}", name):
            return name
    raise CommandError(f"{name!r} is no address, nor a name such as chat.lan.")


def are_right(folder, names):
    try:
        files = ("ca.pem", "server.pem", "server.key")
        pem = b"".join((folder / file).read_bytes() for file in files)
        ca, server = x509.load_pem_x509_certificates(pem)
        known = server.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    is_new = server.not_valid_after_utc > datetime.now(UTC) + timedelta(days=10)
    is_ours = server.issuer == ca.subject
    return is_new and is_ours and {*names} <= {str(each.value) for each in known.value}


def write(path, content):
    # Mode 600 from the first byte on: a moment would be enough to read it.
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
