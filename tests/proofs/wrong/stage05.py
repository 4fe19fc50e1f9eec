"""Mistakes in stage 5, in the order of its checks."""

from tests.proofs.wrong.mistake import ASGI, CONSUMERS, SETTINGS, Mistake

KEYS = "chat/management/commands/make_keys.py"
OPENSSL = "deploy/openssl.cnf"
NGINX = "deploy/nginx.conf"

NAME = "handshake under each name of this machine is trusted ({kind})"
TLS_1_2 = "handshake with TLS 1.2 fails directly and is taken by nginx (directly)"
DAYS = "handshake with a certificate of 90 days and an EC key (directly)"
HTTP = "handshake page over HTTP is redirected to HTTPS (directly-{kind})"
ORIGIN = (
    "handshake from our host with another scheme or port is refused with 403 "
    "(directly-http)"
)
COOKIES = "handshake cookies are secure and out of reach of scripts (directly)"
HSTS = "handshake page comes with the headers of a careful site (directly-HSTS)"
DEPLOY = "handshake is prepared with what check deploy wants (directly)"
READ = "handshake keys can be read by their owner only"
GIVEN = "handshake keys are made for the names that are given"
ONE_OF_TWO = "close of one daphne while the other serves on"
NGINX_STARTS = NAME.format(kind="through nginx-localhost")

ONLY_NAME = "each_name and directly"
ONLY_NGINX = "each_name and nginx"
ONLY_TLS = "tls_1_2_fails and directly"
ONLY_DAYS = "90_days and directly"
ONLY_HTTP = "redirected_to_https and directly"
ONLY_ORIGIN = "another_scheme and directly"
ONLY_COOKIES = "cookies_are and directly"
ONLY_HSTS = "HSTS and directly"
ONLY_DEPLOY = "check_deploy and directly"
ONLY_READ = "read_by_their_owner"

NAMES = "*names, not_before"
VALID = "not_before=now - timedelta(hours=1), not_after=now + timedelta(89)"
CA = 'write(folder / "ca.pem", ca.cert_pem.bytes())'
SERVER_KEY = "server.private_key_pem.bytes()"
SERVER = 'write(folder / "server.pem", server.cert_chain_pems[0].bytes())'
BY_HAND = """from cryptography.hazmat.primitives import hashes, serialization
        made = x509.load_pem_x509_certificate(server.cert_chain_pems[0].bytes())
        kind = x509.SubjectAlternativeName
        made = (
            x509.CertificateBuilder()
            .subject_name(made.subject)
            .issuer_name(made.issuer)
            .public_key(made.public_key())
            .serial_number(made.serial_number)
            .not_valid_before(made.not_valid_before_utc)
            .not_valid_after(made.not_valid_after_utc)
            .add_extension(made.extensions.get_extension_for_class(kind).value, False)
            .sign(ca._private_key, hashes.SHA256())
        )
        pem = made.public_bytes(serialization.Encoding.PEM)
        write(folder / "server.pem", pem)"""
WRITTEN = """    path.touch(mode=0o600)
    path.write_bytes(content)
"""
KEY_FILE_IS_WRITTEN = "write(settings.KEY_FILE, get_random_secret_key().encode())"
BELIEVED = """if os.environ.get("BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
"""
KEY_FROM_FILE = """SECRET_KEY = os.environ.get("SECRET_KEY") or (
    KEY_FILE.read_text() if KEY_FILE.exists() else get_random_secret_key()
)
"""
VALIDATOR = """OriginValidator(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
                settings.ORIGINS,
            ),
"""
ORIGINS = 'ORIGINS = [f"https://{host}:{PORT}" for host in ALLOWED_HOSTS]'
COOKIES_ARE_SECURE = "SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True"
STATIC = """    location /static/ {
            root collected;"""
UPGRADE = """            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
"""
PROTO = "            proxy_set_header X-Forwarded-Proto $scheme;\n"
CIPHERS = (
    "        ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305;\n"
)
PROTOCOLS = "        ssl_protocols TLSv1.2 TLSv1.3;\n"

STAGE05 = [
    Mistake(
        "chat not in INSTALLED_APPS",
        SETTINGS,
        '    "chat",\n',
        "",
        NAME.format(kind="directly-localhost"),
        "there is no such command",
        ONLY_NAME,
    ),
    Mistake(
        "a trusted origin without a scheme",
        SETTINGS,
        ORIGINS,
        ORIGINS + '\nCSRF_TRUSTED_ORIGINS = ["localhost"]',
        NAME.format(kind="directly-localhost"),
        "begins with https://",
        ONLY_NAME,
    ),
    Mistake(
        "no place for the files",
        SETTINGS,
        'STATIC_ROOT = BASE_DIR / "collected" / "static"',
        "",
        NGINX_STARTS,
        "in STATIC_ROOT",
        ONLY_NGINX,
    ),
    Mistake(
        "a key with another name",
        KEYS,
        'folder / "server.key"',
        'folder / "key.pem"',
        NAME.format(kind="directly-localhost"),
        "There is no keys/server.key when the server starts",
        ONLY_NAME,
    ),
    Mistake(
        "the key of another certificate",
        KEYS,
        SERVER_KEY,
        SERVER_KEY.replace("server", "ca"),
        NAME.format(kind="directly-localhost"),
        "The key is not the one of this certificate",
        ONLY_NAME,
    ),
    Mistake(
        "a certificate with a CN, and without a name",
        KEYS,
        NAMES,
        'common_name="localhost", not_before',
        NAME.format(kind="directly-localhost"),
        "subjectAltName only",
        ONLY_NAME,
    ),
    Mistake(
        "a certificate without the address",
        KEYS,
        '{"localhost", "127.0.0.1", "::1", *map',
        '{"localhost", *map',
        NAME.format(kind="directly-IPv4"),
        "127.0.0.1 and ::1 as an IPAddress",
        ONLY_NAME,
    ),
    Mistake(
        "a certificate that has ended",
        KEYS,
        VALID,
        VALID.replace("now ", "now - timedelta(90) "),
        NAME.format(kind="directly-localhost"),
        "The certificate is no longer valid",
        ONLY_NAME,
    ),
    Mistake(
        "a certificate that begins tomorrow",
        KEYS,
        VALID,
        VALID.replace("- timedelta(hours=1)", "+ timedelta(hours=14)"),
        NAME.format(kind="directly-localhost"),
        "The certificate is not valid yet",
        ONLY_NAME,
    ),
    Mistake(
        "a CA that has signed another certificate",
        KEYS,
        CA,
        CA.replace("ca.cert_pem", "trustme.CA().cert_pem"),
        NAME.format(kind="directly-localhost"),
        "has not signed this certificate",
        ONLY_NAME,
    ),
    Mistake(
        "a certificate made by hand, with a name and nothing more",
        KEYS,
        SERVER,
        BY_HAND,
        NAME.format(kind="directly-localhost"),
        "not as RFC 5280 wants them",
        ONLY_NAME,
    ),
    Mistake(
        "origins without a port",
        SETTINGS,
        ORIGINS,
        ORIGINS.replace(":{PORT}", ""),
        NAME.format(kind="directly-localhost"),
        "Without a port it means 443",
        ONLY_NAME,
    ),
    Mistake(
        "a scheme looked for in the scope",
        CONSUMERS,
        'self.user = self.scope["user"]',
        'self.is_secure = self.scope["scheme"] == "wss"\n'
        '        self.user = self.scope["user"]',
        NAME.format(kind="directly-localhost"),
        "Daphne tells a consumer no scheme",
        ONLY_NAME,
    ),
    Mistake(
        "TLS 1.2 as OpenSSL allows it",
        OPENSSL,
        "MinProtocol = TLSv1.3\n",
        "",
        TLS_1_2,
        "needs `MinProtocol = TLSv1.3`",
        ONLY_TLS,
    ),
    Mistake(
        "a configuration that nothing leads to",
        OPENSSL,
        "openssl_conf = defaults\n",
        "",
        TLS_1_2,
        "OpenSSL says nothing when OPENSSL_CONF names a file that does not exist",
        ONLY_TLS,
    ),
    Mistake(
        "a certificate of ten years",
        KEYS,
        VALID,
        VALID.replace("89", "3650"),
        DAYS,
        "90 days at most",
        ONLY_DAYS,
    ),
    Mistake(
        "an RSA key",
        KEYS,
        NAMES,
        "*names, key_type=trustme.KeyType.RSA, not_before",
        DAYS,
        "leave its key_type alone",
        ONLY_DAYS,
    ),
    Mistake(
        "http as good as https",
        SETTINGS,
        "SECURE_SSL_REDIRECT = True\n",
        "",
        HTTP.format(kind="as it is"),
        "if SECURE_SSL_REDIRECT is True",
        ONLY_HTTP,
    ),
    Mistake(
        "no redirect at all, and so to no other name",
        SETTINGS,
        "SECURE_SSL_REDIRECT = True\n",
        "",
        "handshake page over HTTP is redirected to no name but ours (directly)",
        "if SECURE_SSL_REDIRECT is True",
        "no_name_but_ours and directly",
    ),
    Mistake(
        "no SecurityMiddleware",
        SETTINGS,
        '    "django.middleware.security.SecurityMiddleware",\n',
        "",
        HTTP.format(kind="as it is"),
        "SecurityMiddleware does that, first in MIDDLEWARE",
        ONLY_HTTP,
    ),
    Mistake(
        "a redirect to the port of http",
        SETTINGS,
        "SECURE_SSL_HOST = SITE\n",
        "",
        HTTP.format(kind="as it is"),
        "Django takes SECURE_SSL_HOST, the name and the port of https",
        ONLY_HTTP,
    ),
    Mistake(
        "a header that everybody is believed",
        SETTINGS,
        BELIEVED,
        'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")\n',
        HTTP.format(kind="forged"),
        "A client wrote X-Forwarded-Proto itself",
        ONLY_HTTP,
    ),
    Mistake(
        "a root that a client makes up",
        ASGI,
        '{**scope, "root_path": ""}',
        "scope",
        "handshake page is where it is whatever root a client claims (directly)",
        "Daphne believes the header Daphne-Root-Path",
        "whatever_root and directly",
    ),
    Mistake(
        "no look at the host",
        SETTINGS,
        'ALLOWED_HOSTS = [NAME, "localhost", "127.0.0.1", "[::1]"]',
        'ALLOWED_HOSTS = ["*"]',
        "handshake page for an unknown host is refused with 400 (directly)",
        "ALLOWED_HOSTS lists its own",
        "unknown_host and directly",
    ),
    Mistake(
        "an Origin of which only the name counts",
        ASGI,
        VALIDATOR,
        "__import__('channels.security.websocket').security.websocket"
        ".AllowedHostsOriginValidator(\n            "
        "AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),\n        ),\n",
        ORIGIN,
        "AllowedHostsOriginValidator compares names only",
        ONLY_ORIGIN,
    ),
    Mistake(
        "any Origin",
        SETTINGS,
        ORIGINS,
        'ORIGINS = ["*"]',
        ORIGIN,
        "an origin * lets everybody in",
        ONLY_ORIGIN,
    ),
    Mistake(
        "a session that travels over http",
        SETTINGS,
        COOKIES_ARE_SECURE,
        "CSRF_COOKIE_SECURE = True",
        COOKIES,
        "SESSION_COOKIE_SECURE",
        ONLY_COOKIES,
    ),
    Mistake(
        "a token that travels over http",
        SETTINGS,
        COOKIES_ARE_SECURE,
        "SESSION_COOKIE_SECURE = True",
        COOKIES,
        "CSRF_COOKIE_SECURE",
        ONLY_COOKIES,
    ),
    Mistake(
        "a token that scripts can read",
        SETTINGS,
        "CSRF_COOKIE_HTTPONLY = True\n",
        "",
        COOKIES,
        "CSRF_COOKIE_HTTPONLY",
        ONLY_COOKIES,
    ),
    Mistake(
        "no HSTS",
        SETTINGS,
        "SECURE_HSTS_SECONDS = 60  # It grows to a year, when all has worked for a "
        "while.\n",
        "",
        HSTS,
        "SECURE_HSTS_SECONDS",
        ONLY_HSTS,
    ),
    Mistake(
        "a page in anybody's frame",
        SETTINGS,
        '    "django.middleware.clickjacking.XFrameOptionsMiddleware",\n',
        "",
        HSTS.replace("HSTS", "frames"),
        "XFrameOptionsMiddleware",
        "frames and directly",
    ),
    Mistake(
        "no page after the login",
        SETTINGS,
        'LOGIN_REDIRECT_URL = "index"\n',
        "",
        "handshake page after the login is there (directly)",
        "LOGIN_REDIRECT_URL names another",
        "after_the_login_is and directly",
    ),
    Mistake(
        "nobody serves the files",
        ASGI,
        "ASGIStaticFilesHandler(get_asgi_application())",
        "get_asgi_application()",
        "handshake page has its files (directly)",
        "in ASGIStaticFilesHandler(…)",
        "has_its_files and directly",
    ),
    Mistake(
        "DEBUG in production",
        SETTINGS,
        "SECURE_SSL_REDIRECT = True",
        "DEBUG = SECURE_SSL_REDIRECT = True",
        "handshake page that is missing tells nothing of the project (directly)",
        "Remove DEBUG = True",
        "tells_nothing and directly",
    ),
    Mistake(
        "the key of startproject",
        SETTINGS,
        KEY_FROM_FILE,
        f'SECRET_KEY = "django-insecure-{"0123456789" * 5}"\n',
        DEPLOY,
        "Everybody can read this SECRET_KEY",
        ONLY_DEPLOY,
    ),
    Mistake(
        "HSTS without the subdomains",
        SETTINGS,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS = True\n",
        "",
        DEPLOY,
        "`manage.py check --deploy` finds what is missing",
        ONLY_DEPLOY,
    ),
    Mistake(
        "a good key in the source",
        SETTINGS,
        KEY_FROM_FILE,
        f'SECRET_KEY = "{"swordfish and others" * 3}"\n',
        "handshake secret key stands in no file of python",
        "Who reads the source has the key",
        "secret_key_stands",
    ),
    Mistake(
        "the key of the CA is kept",
        KEYS,
        CA,
        f'{CA}\n        write(folder / "ca.key", ca.private_key_pem.bytes())',
        "handshake keys do not include that of the CA",
        "write it nowhere",
        "not_include_that",
    ),
    Mistake(
        "a server that has the key of its CA",
        KEYS,
        SERVER_KEY,
        SERVER_KEY.replace("server", "ca"),
        "handshake keys do not include that of the CA",
        "give the server a key of its own",
        "not_include_that",
    ),
    Mistake(
        "a key for everybody to read",
        KEYS,
        WRITTEN,
        WRITTEN.replace("mode=0o600", ""),
        READ,
        "Others on this machine could read the secret",
        ONLY_READ,
    ),
    Mistake(
        "a secret for everybody to read",
        KEYS,
        KEY_FILE_IS_WRITTEN,
        "settings.KEY_FILE.write_text(get_random_secret_key())",
        READ,
        "Others on this machine could read the secret",
        ONLY_READ,
    ),
    Mistake(
        "no more names",
        KEYS,
        'parser.add_argument("--name", action="append", default=[])',
        "parser.set_defaults(name=[])",
        GIVEN,
        "each after a --name",
        "names_that_are_given",
    ),
    Mistake(
        "any name",
        KEYS,
        "re.fullmatch(",
        "re.search(",
        "handshake keys for a bad name are refused in words (two words)",
        "raise CommandError",
        "bad_name_are",
    ),
    # Through nginx.
    Mistake(
        "nginx.conf without a semicolon",
        NGINX,
        "server_tokens off;",
        "server_tokens off",
        NGINX_STARTS,
        "nginx does not start:",
        ONLY_NGINX,
    ),
    Mistake(
        "no X-Forwarded-Proto",
        NGINX,
        PROTO,
        "",
        NGINX_STARTS,
        "proxy_set_header X-Forwarded-Proto $scheme;",
        ONLY_NGINX,
    ),
    Mistake(
        "a proxy that is not believed",
        SETTINGS,
        BELIEVED,
        "",
        NGINX_STARTS,
        'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")',
        ONLY_NGINX,
    ),
    Mistake(
        "a Host without its port",
        NGINX,
        "proxy_set_header Host $http_host;",
        "proxy_set_header Host $host;",
        NGINX_STARTS,
        "proxy_set_header Host $http_host;",
        ONLY_NGINX,
    ),
    Mistake(
        "a Host that is left to nginx",
        NGINX,
        "            proxy_set_header Host $http_host;\n",
        "",
        NGINX_STARTS,
        "proxy_set_header Host $http_host;",
        ONLY_NGINX,
    ),
    Mistake(
        "no Upgrade",
        NGINX,
        UPGRADE,
        "",
        NGINX_STARTS,
        "proxy_set_header Upgrade $http_upgrade;",
        ONLY_NGINX,
    ),
    Mistake(
        "an old TLS for old clients",
        NGINX,
        PROTOCOLS + CIPHERS,
        "        ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\n"
        "        ssl_ciphers ALL:@SECLEVEL=0;\n",
        "handshake with an old TLS fails (through nginx)",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "with_an_old_tls and nginx",
    ),
    Mistake(
        "the ciphers of nginx",
        NGINX,
        CIPHERS,
        "",
        "handshake with TLS 1.2 and a cipher of its past fails (through nginx)",
        "ssl_ciphers with the ECDHE ciphers",
        "of_its_past and nginx",
    ),
    Mistake(
        "a redirect to whatever a client asked for",
        NGINX,
        "return 301 https://localhost:8443$request_uri;",
        "return 301 https://$host:8443$request_uri;",
        "handshake page over HTTP is redirected to no name but ours (through nginx)",
        "not $host",
        "no_name_but_ours and nginx",
    ),
    Mistake(
        "what a client claims is passed on",
        NGINX,
        PROTO,
        """            set $proto $scheme;
            if ($http_x_forwarded_proto) {
                set $proto $http_x_forwarded_proto;
            }
            proxy_set_header X-Forwarded-Proto $proto;
""",
        "handshake page over HTTPS is there whatever a client forges (through nginx)",
        "nginx passes on what a client claims",
        "whatever_a_client and nginx",
    ),
    Mistake(
        "files that nginx does not find",
        NGINX,
        STATIC,
        STATIC.replace("root collected;", "root static;"),
        "handshake page has its files (through nginx)",
        "from what collectstatic has gathered",
        "has_its_files and nginx",
    ),
    Mistake(
        "an impatient proxy",
        NGINX,
        "proxy_read_timeout 60s;",
        "proxy_read_timeout 4s;",
        "message after 8 idle seconds arrives (through nginx)",
        "proxy_read_timeout must be longer",
        "8_idle_seconds_arrives",
    ),
    Mistake(
        "one Daphne for all",
        NGINX,
        "        server 127.0.0.1:8002 max_fails=0;\n",
        "",
        ONE_OF_TWO,
        "`upstream` names both",
        "while_the_other",
    ),
]
