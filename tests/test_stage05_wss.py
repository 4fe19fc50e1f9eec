"""
Stage 5, wss: all of stage 4 over TLS, with a certificate that clients check.

The contract of `wss://localhost:8443/ws/rooms/<room>/`, in the order handshake,
messages, close. It is checked twice: directly, and through the project's nginx.
"""

import re
import shutil
import ssl
import stat
from contextlib import ExitStack, suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests import test_stage04_auth
from tests.checker.accounts import Browser
from tests.checker.client import (
    HANDSHAKE,
    WireError,
    connect,
    expect_refused,
    open_tcp,
)
from tests.checker.endpoint import Endpoint
from tests.checker.promises import kept
from tests.checker.rooms import address, join
from tests.checker.servers.runserver import (
    cut_library_frames,
    manage,
    terminate,
    wait_for_the_end,
)
from tests.checker.servers.tls import JUNK, TlsServer, make_expired_keys

REPLACED = {}  # All that stage 4 has promised is kept.
globals().update(kept(test_stage04_auth, REPLACED))

IDLE = 8  # Seconds. A proxy that gives up after 5 is too quick for a chat.


@pytest.fixture
def certificate(server):
    """The certificate that the server shows."""
    with open_tcp(server) as tls:
        return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))


def context(server, **settings):
    """Return a client's side of TLS that trusts the CA, with some settings changed."""
    [ca] = server.trust.get_ca_certs(binary_form=True)
    changed = ssl.create_default_context(cadata=ca)
    for name, value in settings.items():
        setattr(changed, name, value)
    return changed


def expect_tls_failure(server, words, **options):
    """Fail unless there is no connection, because of TLS, for this reason."""
    __tracebackhide__ = True
    try:
        with connect(server, "/", **options):
            pass
    except WireError as error:
        if re.search(words, error.symptom):
            return
        if not error.symptom.startswith("HTTP "):  # That came through TLS.
            raise
    raise WireError("TLS", "The TLS handshake succeeded, and it must fail.")


def ask(origin, path, trust=None, **fields):
    """Return the answer to one request over http or https: nothing is followed."""
    parts = urlsplit(origin)
    options = {"timeout": HANDSHAKE}
    if parts.scheme == "http":
        asked = HTTPConnection("127.0.0.1", parts.port, **options)
    else:
        asked = HTTPSConnection(parts.hostname, parts.port, context=trust, **options)
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    asked.request("GET", path, headers={"Host": parts.netloc, **fields})
    answer = asked.getresponse()
    answer.read()
    asked.close()
    return answer


def test_handshake_without_trust_in_the_ca_fails_at_the_certificate(server):
    nobody = ssl.create_default_context()
    expect_tls_failure(server, "issuer certificate|self.signed", trust=nobody)


def test_handshake_for_another_name_fails_at_the_certificate(server):
    options = {"server_hostname": "chat.example"}
    expect_tls_failure(server, "Hostname mismatch", **options)


def test_handshake_with_an_expired_certificate_fails_in_the_clients_of_the_course(
    project, database, tmp_path
):
    folder = project / f"expired-{tmp_path.name}"
    make_expired_keys(folder)
    options = {"environment": database, "keys": f"{folder.name}/server"}
    with TlsServer(project, tmp_path / "server.log", **options) as server:
        expect_tls_failure(server, "certificate has expired")


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "::1"], ids=["localhost", "IPv4", "IPv6"]
)
def test_handshake_under_each_name_of_this_machine_is_trusted(
    server, room, visitors, name
):
    session = visitors.headers(server, "ana")
    options = {"server_hostname": name, "additional_headers": session}
    with connect(server, address(room), **options) as ana:
        ana.expect_json(type="welcome")


def test_handshake_with_an_old_tls_fails(server):
    version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        # Python's own minimum would not let it try.
        old = context(server, minimum_version=version, maximum_version=version)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    expect_tls_failure(server, "PROTOCOL_VERSION", trust=old)


def test_handshake_with_tls_1_2_and_a_cipher_of_its_past_fails(server):
    old = context(server, maximum_version=ssl.TLSVersion.TLSv1_2)
    # What Mozilla's "intermediate" has left out for EC keys, all at once.
    old.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    expect_tls_failure(server, "HANDSHAKE_FAILURE|PROTOCOL", trust=old)


def test_handshake_with_tls_1_2_fails_directly_and_is_taken_by_nginx(
    server, room, visitors, layer
):
    old = context(server, maximum_version=ssl.TLSVersion.TLSv1_2)
    if "BEHIND_PROXY" not in layer:
        expect_tls_failure(server, "PROTOCOL", trust=old)
        return
    session = visitors.headers(server, "ana")
    with connect(server, address(room), trust=old, additional_headers=session) as ana:
        ana.expect_json(type="welcome")


def test_handshake_with_a_certificate_of_90_days_and_an_ec_key(certificate):
    valid = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert valid <= timedelta(days=90), (
        f"The certificate is valid for {valid.days} days."
    )
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey), f"The key is {key}, not EC."


def test_handshake_of_ws_with_the_tls_port_fails(server):
    plain = Endpoint(server.url.replace("wss", "ws"))
    with suppress(WireError), connect(plain, "/"):
        pytest.fail("The TLS port let in a client that spoke no TLS.")


@pytest.mark.parametrize(
    "forged",
    [{}, {"X_Forwarded_Proto": "https"}],
    ids=["as it is", "forged"],
)
def test_handshake_page_over_http_is_redirected_to_https(launched, forged):
    path = "/rooms/garden/?a=b"
    location, target = redirected(launched, path, **forged), launched.origin + path
    if location != target:
        words = f"http is redirected to {location}. It must be {target}."
        raise WireError("another Location", words)


def redirected(launched, path, **fields):
    """Return where a page over http is redirected to. Raises WireError if it is not."""
    answer = ask(launched.http, path, **fields)
    if answer.status not in (301, 308):
        status = answer.status
        raise WireError(f"http {status}", f"http is answered with {status}, not 301.")
    return answer.getheader("Location")


def test_handshake_page_over_http_is_redirected_to_no_name_but_ours(launched):
    redirected(launched, "/rooms/garden/")  # Or nothing is, and so to no other name.
    answer = ask(launched.http, "/rooms/garden/", Host="chat.example")
    location = answer.getheader("Location", launched.origin)
    if not f"{location}/".startswith(f"{launched.origin}/"):
        words = f"Under the name chat.example, http is redirected to {location}."
        raise WireError("another Location", words)


def test_handshake_page_is_where_it_is_whatever_root_a_client_claims(server):
    honest, claimed = (
        ask(server.origin, "/", server.trust, **fields)
        for fields in ({}, {"Daphne_Root_Path": "/elsewhere"})
    )
    assert honest.status < 400, f"/ is answered with {honest.status}."
    places = [
        (answer.status, answer.getheader("Location")) for answer in (honest, claimed)
    ]
    if places[0] != places[1]:
        words = "With the header Daphne-Root-Path: /elsewhere, / is answered with"
        raise WireError(
            "another root", f"{words} {places[1]}, and without it with {places[0]}."
        )


def test_handshake_page_over_https_is_there_whatever_a_client_forges(server):
    answer = ask(server.origin, "/login/", server.trust, X_Forwarded_Proto="http")
    assert answer.status == 200, f"https is answered with {answer.status}."


def test_handshake_page_for_an_unknown_host_is_refused_with_400(server, visitors):
    session = visitors.headers(server, "ana")
    answer = ask(server.origin, "/", server.trust, Host="chat.example", **session)
    assert answer.status == 400, (
        f"Under the name chat.example, the page is answered with {answer.status}."
    )


@pytest.mark.parametrize("kind", ["http", "no port", "another port", "the http port"])
def test_handshake_from_our_host_with_another_scheme_or_port_is_refused_with_403(
    server, room, visitors, launched, kind
):
    origins = {
        "http": server.url.replace("wss", "http"),
        "no port": "https://localhost",
        "another port": "https://localhost:1",
        "the http port": launched.http,
    }
    foreign = visitors.headers(server, "ana") | {"Origin": origins[kind]}
    expect_refused(server, address(room), additional_headers=foreign)


def test_handshake_cookies_are_secure_and_out_of_reach_of_scripts(server, visitors):
    visitor = Browser(server).log_in("ana", visitors.password("ana"))
    for cookie in visitor.jar:
        assert cookie.secure, f"{cookie.name} may travel over http."
        assert cookie.has_nonstandard_attr("HttpOnly"), f"{cookie.name}: not HttpOnly."
        same_site = cookie.get_nonstandard_attr("SameSite")
        assert same_site in ("Lax", "Strict"), f"{cookie.name}: SameSite={same_site}."


@pytest.mark.parametrize(
    ("header", "pattern"),
    [
        ("Strict-Transport-Security", r"max-age=[1-9]\d*; includeSubDomains$"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY|SAMEORIGIN"),
    ],
    ids=["HSTS", "nosniff", "frames"],
)
def test_handshake_page_comes_with_the_headers_of_a_careful_site(
    server, header, pattern
):
    value = Browser(server).open("/login/").headers.get(header, "")
    assert re.match(pattern, value), f"The header {header} is {value!r}."


def test_handshake_page_after_the_login_is_there(server, visitors):
    fields = {"username": "ana", "password": visitors.password("ana")}
    page = Browser(server).submit("/login/", "/login/", **fields)
    path = urlsplit(page.url).path
    assert page.status == 200, f"The login leads to {path}, and that to {page.status}."


def test_handshake_page_has_its_files(server, visitors):
    visitor = Browser(server).log_in("ana", visitors.password("ana"))
    page = visitor.open("/rooms/garden/")
    name = r'(?:src|href)="(?!data:)([^"]+\.(?:css|js)(?:\?[^"]*)?)"'
    files = re.findall(name, page.text)
    assert files, "The page of a room names no file."
    for file in files:
        answer = visitor.open(urljoin("/rooms/garden/", file))
        assert answer.status == 200, f"{file} is answered with {answer.status}."
        kind = answer.headers.get("Content-Type", "")
        is_css = file.partition("?")[0].endswith(".css")
        assert ("css" in kind) == is_css, f"{file} comes as {kind}."


def test_handshake_page_that_is_missing_tells_nothing_of_the_project(server, visitors):
    visitor = Browser(server).log_in("ana", visitors.password("ana"))
    page = visitor.open("/nowhere/")
    assert page.status == 404, f"/nowhere/ is answered with {page.status}."
    assert "DEBUG" not in page.text, "/nowhere/ shows what DEBUG = True shows."


def test_handshake_is_prepared_with_what_check_deploy_wants(project, layer):
    run = manage(project, "check", "--deploy", "--fail-level", "WARNING", **layer)
    if run.returncode:
        [first, *_] = re.findall(r"\w+\.[EW]\d+", run.stdout) or ["an error"]
        raise WireError(f"check --deploy: {first}", run.stdout)


def test_handshake_secret_key_stands_in_no_file_of_python(project):
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    run = manage(project, "shell", "--verbosity", "0", "--command", code)
    assert run.returncode == 0, run.stdout
    key = run.stdout.strip()
    for file in project.rglob("*.py"):
        text = file.read_text(encoding="utf-8", errors="replace")
        assert key not in text, f"{file.name} holds SECRET_KEY."


def files_of_keys(project):
    """Return what `make_keys` has made, in folders too."""
    return sorted(file for file in (project / "keys").rglob("*") if file.is_file())


def test_handshake_keys_do_not_include_that_of_the_ca(project):
    pem = (project / "keys" / "ca.pem").read_bytes()
    ca = x509.load_pem_x509_certificate(pem).public_key()
    for file in files_of_keys(project):
        content = file.read_bytes()
        if b"PRIVATE KEY" in content:
            key = load_pem_private_key(content, None).public_key()
            assert key != ca, f"{file.name} is the key of the CA."


@pytest.mark.posix("Windows keeps no modes of files")
def test_handshake_keys_can_be_read_by_their_owner_only(project):
    files = files_of_keys(project)
    assert files, "`make_keys` has left nothing in keys/."
    for file in files:
        is_secret = b"PRIVATE KEY" in file.read_bytes() or "secret" in file.name
        mode = stat.S_IMODE(file.stat().st_mode)
        assert not (is_secret and mode & 0o077), f"{file.name} has mode {mode:o}."


def test_handshake_keys_are_made_for_the_names_that_are_given(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy", ignore=JUNK)
    run = manage(copy, "make_keys", "--name", "chat.lan", "--name", "192.0.2.7")
    assert run.returncode == 0, run.stdout
    pem = (copy / "keys" / "server.pem").read_bytes()
    made = x509.load_pem_x509_certificate(pem)
    kind = x509.SubjectAlternativeName
    names = made.extensions.get_extension_for_class(kind).value
    assert {"localhost", "chat.lan"} <= {*names.get_values_for_type(x509.DNSName)}
    addresses = {*names.get_values_for_type(x509.IPAddress)}
    assert {ip_address(each) for each in ("127.0.0.1", "::1", "192.0.2.7")} <= addresses


@pytest.mark.parametrize("name", ["", "two words", "https://chat.lan", "*.lan", "lan-"])
def test_handshake_keys_for_a_bad_name_are_refused_in_words(project, tmp_path, name):
    copy = shutil.copytree(project, tmp_path / "copy", ignore=JUNK)
    run = manage(copy, "make_keys", "--name", name)
    said = cut_library_frames(run.stdout, copy)
    assert run.returncode == 1, said
    assert "Traceback" not in said, said
    assert not (copy / "keys").exists(), "Something was made all the same."


@pytest.mark.patient
@pytest.mark.parametrize("layer", ["through nginx"], indirect=True, scope="session")
def test_message_after_8_idle_seconds_arrives(server, room):
    with join(server, room, "ana") as ana:
        with pytest.raises(TimeoutError):
            ana.recv_within(IDLE)
        ana.send_json(type="message", text="still here?")
        ana.expect_json(type="message", text="still here?")


@pytest.mark.patient
@pytest.mark.posix("Windows has no SIGTERM")
def test_close_of_one_daphne_while_the_other_serves_on(start, redis, room):
    site = start(REDIS_URL=redis.url, BEHIND_PROXY="1")
    with ExitStack() as stack:
        members = [
            stack.enter_context(join(site, f"{room}-{number}", "ana"))
            for number in range(8)
        ]
        terminate(site.daphnes[0].process)
        wait_for_the_end(site.daphnes[0].process, HANDSHAKE)
        stayed = 0
        for member in members:
            with suppress(WireError):
                member.expect_open()
                stayed += 1
        if stayed != 4:  # nginx had shared them out evenly.
            words = f"One of two Daphnes is stopped. Of 8 clients {stayed} stay, not 4."
            raise WireError("another share", words)
        # Whoever comes now, or comes back, is served by the other.
        for number in range(4):
            with join(site, f"{room}-after-{number}", "ben") as ben:
                ben.send_json(type="message", text="still here")
                ben.expect_json(type="message", text="still here")
