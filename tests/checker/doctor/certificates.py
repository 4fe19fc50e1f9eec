"""TLS: whether it is spoken, and what is wrong with a certificate."""

import ipaddress
import os
import re
import socket
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.checker.doctor.reach import speaks_tls, unjudged
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import CONNECT, NoAnswerError, Site
from tests.checker.system import ROOT, Refusal, typed

# OpenSSL's numbers for what is wrong with a certificate: X509_V_ERR_….
NOT_YET, EXPIRED = 9, 10
WRONG_NAMES = (62, 64)  # Of a host, of an IP address.
UNKNOWN = (2, 18, 19, 20, 21, 27)  # No issuer, self-signed, in the chain, untrusted.
# Where a project of the course keeps its CA, seen from the course's folder.
KEPT = "keys/ca.pem"


def trust_in(ca: Path | None) -> ssl.SSLContext:
    """Return whom a client trusts: the system's CAs, or this one. Raises Refusal."""
    if ca is None:
        return ssl.create_default_context()
    try:
        if ca.is_dir() and (ca / "ca.pem").is_file():
            ca = ca / "ca.pem"
        if not ca.is_file():
            words = f"there is no file {typed(ca)}"
            raise Refusal(f"{words}: --ca names the CA's certificate")
        return ssl.create_default_context(cafile=ca)
    except (ssl.SSLError, OSError, ValueError):
        words = f"{typed(ca)} holds no certificate that Python can read"
        raise Refusal(f"{words}: the CA's is keys/ca.pem") from None


def look_at_tls(site: Site, report: Report) -> bool:
    """Say whether a server's TLS is one that a client accepts. False ends the visit."""
    address = site.address
    try:
        with site.connect() as tcp:
            tls = f"{tcp.version()}, a certificate that is trusted"
            report.step("ok", f"TLS for {address.host}: {tls}")
            return True
    except ssl.SSLCertVerificationError as error:
        judge(site, error, report)
    except (OSError, ValueError) as error:
        no_tls(site, error, report)
    return False


def no_tls(site: Site, error: Exception, report: Report) -> None:
    """There is no TLS: say what there is instead."""
    address = site.address
    plain = site.at(address._replace(is_tls=False))
    words = {"port": address.port, "authority": address.authority}
    try:
        answer = plain.get("/", seconds=3)
        is_http = answer.status != 400 or "HTTPS" not in answer.text
    except NoAnswerError as failed:
        is_http = failed.kind == "no end"
        if failed.kind == "not HTTP" and not failed.began.startswith(b"\x15\x03"):
            words |= {"words": failed.words, "guess": guess(failed.began)}
            seen = f"port {address.port} speaks neither TLS nor HTTP: {failed.words}"
            report.step("!!", seen)
            report.find("no-web-server", **words)
            return
        if failed.kind == "silence" and isinstance(error, TimeoutError):
            report.step("!!", "no answer, neither to TLS nor to a plain request")
            report.find("took-and-said-nothing", seconds=3)
            return
    except OSError:
        is_http = False
    if is_http:
        report.step("!!", f"no TLS at port {address.port}: it speaks HTTP without TLS")
        report.find("plain-port", **words, **instead(site))
        return
    reason = getattr(error, "reason", None) or str(error)
    report.step("!!", f"TLS fails: {reason}")
    if re.search("PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL", reason):
        report.find("tls-too-old", **words)
    else:
        report.find("tls-fails", **words, words=reason)


def instead(site: Site) -> dict[str, str]:
    """Return the same address with TLS turned on or off, as words of a finding."""
    address = site.address
    return {"instead": address._replace(is_tls=not address.is_tls).url}


def asked_in_clear(site: Site, report: Report) -> bool:
    """Say if TLS is spoken where it was asked in the clear; else return False."""
    if not speaks_tls(site.ip, site.address.port):
        return False
    port = site.address.port
    report.step("!!", f"port {port} speaks TLS, and was asked without it")
    report.find("tls-port", port=port, **instead(site))
    return True


def shown(site: Site) -> x509.Certificate | None:
    """Return the certificate that a server shows, unjudged."""
    host = site.address.host
    try:
        with (
            socket.create_connection((site.ip, site.address.port), CONNECT) as tcp,
            unjudged().wrap_socket(tcp, server_hostname=host) as tls,
        ):
            return x509.load_der_x509_certificate(tls.getpeercert(True))
    except (OSError, ValueError):
        return None


def names_in(certificate: x509.Certificate) -> list[str]:
    """Return the names and addresses that a certificate is for."""
    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(each.value) for each in extension.value if hasattr(each, "value")]


def common_name(name: x509.Name) -> str:
    """Return what a holder or an issuer is called."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for found in name.get_attributes_for_oid(kind):
            return f'"{found.value}"'
    return name.rfc4514_string() or "nobody"


def judge(site: Site, error: ssl.SSLCertVerificationError, report: Report) -> None:
    """Say why a certificate is refused."""
    words = error.verify_message.rstrip(".") or str(error.reason)
    report.step("!!", f"TLS: the certificate is refused, {words}")
    certificate = shown(site)
    host, code = site.address.host, error.verify_code
    names = names_in(certificate) if certificate else []
    begins = certificate.not_valid_before_utc if certificate else None
    ends = certificate.not_valid_after_utc if certificate else None
    now = datetime.now(UTC)
    issuer = common_name(certificate.issuer) if certificate else "somebody"
    if code == EXPIRED or (ends and ends < now):
        report.find("expired", date=day(ends))
    elif code == NOT_YET or (begins and begins > now):
        report.find("not-yet-valid", date=day(begins), now=day(now))
    elif code in WRONG_NAMES:
        wrong_name(host, names, certificate, report)
    elif code in UNKNOWN:
        unknown_ca(site, issuer, certificate, report)
    else:
        version = ".".join(map(str, sys.version_info[:2]))
        report.find("strict", words=words, version=version)


def day(when: datetime | None) -> str:
    """Return a date as it is read."""
    return f"{when:%d %B %Y, %H:%M} UTC" if when else "a date that I could not read"


def wrong_name(
    host: str, names: list[str], certificate: x509.Certificate | None, report: Report
) -> None:
    """The name that was asked for is not in the certificate."""
    if not names:
        subject = common_name(certificate.subject) if certificate else "nothing"
        report.find("no-names", host=host, subject=subject)
        return
    try:
        ipaddress.ip_address(host)
        kind = "address"
    except ValueError:
        kind = "name"
    listed = ", ".join(names[:6])
    first = next((each for each in names if "*" not in each), names[0])
    report.find("wrong-name", host=host, names=listed, kind=kind, first=first)


def unknown_ca(
    site: Site, issuer: str, certificate: x509.Certificate | None, report: Report
) -> None:
    """Nobody whom this client believes has signed it: say which file would help."""
    variable = os.environ.get("SSL_CERT_FILE", "")
    for place in kept():
        if site.trust and would_trust(site, place):
            report.step("?", f"{typed(place)} is its CA: it would be trusted with it")
            report.find("unknown-ca-kept", issuer=issuer, file=typed(place))
            return
    if variable and not Path(variable).is_file():
        report.find("ca-file-missing", file=typed(Path(variable)))
    elif certificate and certificate.issuer == certificate.subject:
        report.find("self-signed", subject=issuer)
    else:
        report.find("unknown-ca", issuer=issuer)


def kept() -> list[Path]:
    """Return the CAs that the projects of this folder keep."""
    here = Path.cwd()
    places = [here / KEPT]
    for folder in dict.fromkeys((here / "work", here, ROOT / "work", ROOT)):
        places += sorted(folder.glob(f"stage05*/{KEPT}"))
    return [each for each in dict.fromkeys(places) if each.is_file()]


def would_trust(site: Site, ca: Path) -> bool:
    """Tell whether a server would be trusted by who trusts this CA."""
    try:
        other = Site(site.address, site.ip, site.clock, trust_in(ca))
        other.connect().close()
    except (OSError, ValueError, Refusal):
        return False
    return True


GUESSES = {
    b"-ERR": "This is a Redis.",
    b"SSH-": "This is SSH.",
    b"220": "This is a server of mail or files.",
    b"+PONG": "This is a Redis.",
}


def guess(began: bytes) -> str:
    """Say what speaks so, if it is known."""
    found = (words for begin, words in GUESSES.items() if began.startswith(begin))
    return next(found, "It is another program's port.")
