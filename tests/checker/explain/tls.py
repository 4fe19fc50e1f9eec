"""Mistakes that come with TLS, with cookies for https, and with a proxy: stage 5."""

from tests.checker.explain.diagnosis import ANY, Diagnosis

DIAGNOSES = [
    # The keys, and the server that shows them.
    Diagnosis(
        "no start",
        r"Unknown command: 'make_keys'",
        "The checks make keys with `manage.py make_keys`: there is no such command. It "
        "is the file chat/management/commands/make_keys.py, and Django looks there if "
        '"chat" is in INSTALLED_APPS.',
    ),
    Diagnosis(
        "no start",
        r"values in the CSRF_TRUSTED_ORIGINS setting must start with a scheme",
        "An entry of CSRF_TRUSTED_ORIGINS begins with https://. Where the proxy passes "
        "the Host on, with its port, you need none of them. Daphne would not have "
        "said so: it runs no `manage.py check`.",
    ),
    Diagnosis(
        "no start",
        r"You're using the staticfiles app without having set the STATIC_ROOT",
        "`manage.py collectstatic` gathers the files for nginx in STATIC_ROOT. "
        "settings.py lacks it.",
    ),
    Diagnosis(
        "no start",
        r"No such file or directory: b?'(?P<file>keys/[^']*)'",
        "There is no {file} when the server starts, or the server looks in another "
        "folder. `manage.py make_keys` makes keys/server.key and keys/server.pem, and "
        "daphne starts in the folder of the project.",
    ),
    Diagnosis(
        "no start",
        r"Enter PEM pass phrase|bad decrypt|problems getting password|"
        r"bad password read",
        "The key of the server is encrypted, and nobody is there to type a password. "
        "Write it with NoEncryption(), into a file that only you may read.",
    ),
    Diagnosis(
        "no start",
        r"private keys do not match",
        "The key is not the one of this certificate. keys/server.key and "
        "keys/server.pem are made together.",
    ),
    Diagnosis(
        "no start",
        r"\[emerg\] (?:\d+#\d+: )?(?P<what>.*?)(?: in \S*nginx\.conf:(?P<line>\d+))?\n",
        "nginx does not start: {what}. Mostly a semicolon or a brace is missing, at "
        "the end of the line before.",
    ),
    Diagnosis(
        "TLS: certificate has expired",
        ANY,
        "The certificate is no longer valid, or was never. make_keys gives it 90 days "
        "at most, from now on: not_after lies in the future.",
    ),
    Diagnosis(
        "TLS: certificate is not yet valid",
        ANY,
        "The certificate is not valid yet. Let not_before be an hour ago, in UTC: "
        "clocks differ.",
    ),
    Diagnosis(
        "TLS: ((Hostname|IP address) mismatch|Empty Subject Alternative).*",
        ANY,
        "The certificate does not hold the name in the URL. Clients look at its "
        "subjectAltName only, and there at localhost as a DNSName, at 127.0.0.1 and "
        "::1 as an IPAddress: trustme's issue_cert() writes each name that it is given "
        "so, and common_name elsewhere.",
    ),
    Diagnosis(
        "(?i)TLS: .*(extension|key (identifier|usage)|basic constraints|invalid ca).*",
        ANY,
        "The certificates are not as RFC 5280 wants them, and Python 3.13 insists on "
        "that. A CA has BasicConstraints(ca=True), critical, and KeyUsage with "
        "key_cert_sign. All have a SubjectKeyIdentifier, and what it signs has an "
        "AuthorityKeyIdentifier. trustme writes them.",
    ),
    Diagnosis(
        "TLS: .*(self.signed|issuer certificate|signature failure).*",
        ANY,
        "The CA in keys/ca.pem has not signed this certificate. Both come from the "
        "same CA in the same run of make_keys: its cert_pem, and what its issue_cert() "
        "has made.",
        check="test_stage05",
    ),
    Diagnosis(
        "",
        ANY,
        "The certificate is made for weeks, not for ever, and with a small key: "
        "90 days at most, from not_before to not_after, and an EC key. trustme makes "
        "one if you leave its key_type alone.",
        check="test_stage05.*90_days",
    ),
    Diagnosis(
        "TLS",
        ANY,
        "nginx takes what nobody should speak any more. Write `ssl_protocols TLSv1.2 "
        "TLSv1.3;`, and ssl_ciphers with the ECDHE ciphers of GCM and CHACHA20 only.",
        check="test_stage05.*(old_tls|of_its_past).*nginx",
    ),
    Diagnosis(
        "TLS",
        ANY,
        "The server takes an old TLS. Daphne leaves that to OpenSSL. "
        "deploy/openssl.cnf needs `MinProtocol = TLSv1.3`, in the section that "
        "openssl_conf, ssl_conf and system_default lead to. OpenSSL says nothing when "
        "OPENSSL_CONF names a file that does not exist.",
        check="test_stage05.*tls",
    ),
    # What make_keys writes.
    Diagnosis(
        "",
        ANY,
        "Others on this machine could read the secret. Create its file with "
        "path.touch(mode=0o600), and write then: write_bytes() alone makes a file for "
        "everybody.",
        check="read_by_their_owner",
    ),
    Diagnosis(
        "",
        ANY,
        "Whoever has the key of a CA can be every site, for those who trust it. Let it "
        "sign once, write it nowhere, and give the server a key of its own.",
        check="not_include_that_of_the_ca",
    ),
    Diagnosis(
        "",
        ANY,
        "make_keys takes more names, each after a --name: "
        'parser.add_argument("--name", action="append", default=[]). All go into the '
        "subjectAltName.",
        check="names_that_are_given",
    ),
    Diagnosis(
        "",
        ANY,
        "What is no name of a machine makes a certificate that no client takes. Look "
        "at it before anything is written, and raise CommandError.",
        check="bad_name_are_refused",
    ),
    # Settings.
    Diagnosis(
        r"check --deploy: security\.W009",
        ANY,
        "Everybody can read this SECRET_KEY, or guess it: it signs the sessions. Let "
        "make_keys write get_random_secret_key() into a file that Git ignores.",
    ),
    Diagnosis(
        r"check --deploy: .*",
        ANY,
        "`manage.py check --deploy` finds what is missing in settings.py, and says so "
        "above, with the name of the setting.",
    ),
    Diagnosis(
        "",
        ANY,
        "Who reads the source has the key that signs the sessions. Let make_keys write "
        "it into a file that Git ignores, and settings.py read it there.",
        check="secret_key_stands",
    ),
    Diagnosis(
        r"http \d+",
        ANY,
        "A client wrote X-Forwarded-Proto itself, and was believed. Set "
        "SECURE_PROXY_SSL_HEADER only behind a proxy that writes this header: "
        'if os.environ.get("BEHIND_PROXY").',
        check="redirected_to_https.*forged",
    ),
    Diagnosis(
        r"http \d+",
        ANY,
        "Nobody who comes over http is sent to https. SecurityMiddleware does that, "
        "first in MIDDLEWARE, if SECURE_SSL_REDIRECT is True.",
        check="redirected_to_https",
    ),
    Diagnosis(
        "another Location",
        ANY,
        "The redirect leads to the port of http, or to none. SECURE_SSL_HOST is the "
        "name and the port of https: localhost:8443.",
        check="redirected_to_https",
    ),
    Diagnosis(
        "another Location",
        ANY,
        "nginx redirects to whatever name a client asked for, and somebody else may "
        "have written it there. In nginx.conf, write the name of the site into the "
        "redirect, and not $host.",
        check="to_no_name_but_ours",
    ),
    Diagnosis(
        "another root",
        ANY,
        "Daphne believes the header Daphne-Root-Path of any client, and Django puts it "
        "before each address. Empty it before Django, in asgi.py: await "
        'application({{**scope, "root_path": ""}}, receive, send).',
    ),
    Diagnosis(
        "redirects",
        ANY,
        "Each page leads to itself. Django does not see that the client came over "
        "https: nginx must write `proxy_set_header X-Forwarded-Proto $scheme;`, and "
        "settings.py believe it, with SECURE_PROXY_SSL_HEADER = "
        '("HTTP_X_FORWARDED_PROTO", "https").',
        check="test_stage05",
    ),
    Diagnosis(
        "",
        ANY,
        "nginx passes on what a client claims about itself. Write "
        "`proxy_set_header X-Forwarded-Proto $scheme;`: that is what nginx has seen.",
        check="whatever_a_client_forges.*nginx",
    ),
    Diagnosis(
        "",
        ANY,
        "The site answers to any name. ALLOWED_HOSTS lists its own, and "
        "CommonMiddleware in MIDDLEWARE looks at them.",
        check="unknown_host",
    ),
    Diagnosis(
        "",
        ANY,
        "A cookie can be read on the way, or by a script. SESSION_COOKIE_SECURE, "
        "CSRF_COOKIE_SECURE and CSRF_COOKIE_HTTPONLY are all True.",
        check="cookies_are_secure",
    ),
    Diagnosis(
        "",
        ANY,
        "A browser is not told to come over https only. SecurityMiddleware does, with "
        "SECURE_HSTS_SECONDS and SECURE_HSTS_INCLUDE_SUBDOMAINS.",
        check="careful_site.*HSTS",
    ),
    Diagnosis(
        "",
        ANY,
        "A header is missing. SecurityMiddleware writes nosniff, and "
        "XFrameOptionsMiddleware X-Frame-Options.",
        check="careful_site",
    ),
    Diagnosis(
        "",
        ANY,
        "Who logs in is led to a page that is not there, as Django does unless "
        "LOGIN_REDIRECT_URL names another.",
        check="after_the_login_is_there",
    ),
    Diagnosis(
        "",
        ANY,
        "Nobody serves the files of the page. nginx does, with `location /static/`, "
        "from what collectstatic has gathered in STATIC_ROOT.",
        check="page_has_its_files.*nginx",
    ),
    Diagnosis(
        "",
        ANY,
        "Nobody serves the files of the page: runserver did, and Daphne does not. Wrap "
        "Django's application in ASGIStaticFilesHandler(…), in asgi.py.",
        check="page_has_its_files",
    ),
    Diagnosis(
        "",
        ANY,
        "Whoever asks for a wrong address sees the insides of the project. Remove "
        "DEBUG = True.",
        check="tells_nothing_of_the_project",
    ),
    # The handshake.
    Diagnosis(
        "not refused",
        ANY,
        "A page with our name, but another scheme or port, is not ours. "
        "AllowedHostsOriginValidator compares names only, and an origin * lets "
        "everybody in. Take OriginValidator(…, settings.ORIGINS), with https://, name "
        "and port in each.",
        check="another_scheme_or_port",
    ),
    Diagnosis(
        ANY,
        r"Forbidden \(Origin checking failed|Invalid HTTP_HOST header: '\w+'",
        "Django hears of another host than the browser does. In nginx.conf write "
        "`proxy_set_header Host $http_host;`. $host has no port, and without this line "
        "nginx gives the name of the upstream.",
        check="nginx",
    ),
    Diagnosis(
        "HTTP 404",
        r"Not Found: /ws/",
        "An ordinary request came through nginx. It needs three lines: "
        "`proxy_http_version 1.1;`, `proxy_set_header Upgrade $http_upgrade;` and "
        "`proxy_set_header Connection $connection_upgrade;`.",
        check="nginx",
    ),
    Diagnosis(
        ANY,
        r"KeyError: 'scheme'",
        "Daphne tells a consumer no scheme. Who may speak is said by the Origin, with "
        "its https://, and asgi.py has looked at that already.",
    ),
    Diagnosis(
        "HTTP 403",
        ANY,
        "Everybody is refused, also who comes from a page of ours. An origin in "
        "ORIGINS is what the browser sends: https://localhost:8443. Without a port it "
        "means 443.",
        check="test_stage05.*each_name",
    ),
    # The time after.
    Diagnosis(
        "close 1006",
        ANY,
        "nginx hangs up when nothing was said for a while. Daphne pings every 20 "
        "seconds: proxy_read_timeout must be longer, and 60s is.",
        check="8_idle_seconds_arrives",
    ),
    Diagnosis(
        "another share",
        ANY,
        "A proxy shares out between several servers. In nginx.conf, `upstream` names "
        "both, 127.0.0.1:8001 and 127.0.0.1:8002, and says least_conn.",
    ),
]
