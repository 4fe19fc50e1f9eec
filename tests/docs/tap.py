"""
Carry connections to a server, and note all that passes: who said what, when, in bytes.

It reads what it carries as whoever sits in the middle can: heads of HTTP, frames of
RFC 6455, records of TLS. It changes nothing.
"""

import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

Event = dict[str, Any]  # What can be written as JSON.

END_OF_HEAD = b"\r\n\r\n"
CHUNK = 65_536  # Bytes that are read at once.
LOOK = 0.05  # Seconds until it looks whether it shall stop.
SHOWN = 600  # Bytes of a record that are kept: what is sealed tells nobody anything.

CLIENT_HELLO = 1  # The first byte of TLS's first message (RFC 8446, section 4).
SERVER_NAME = 0  # The number of its extension (RFC 6066, section 3).
HOST = 0  # The kind of a name in it.

# SO_LINGER on, for zero seconds: closing then sends RST, not FIN.
AT_ONCE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Stream:
    """What one side of a connection says: `feed()` gives the events that are whole."""

    def __init__(self, *, is_tls: bool) -> None:
        self.is_tls = is_tls
        self.has_frames = False  # After its head, if that agrees on WebSocket.
        self.waiting = b""

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take what has come, and yield what is complete by now."""
        self.waiting += data
        while self.waiting and (found := self.first()):
            event, length = found
            self.waiting = self.waiting[length:]
            yield event

    def first(self) -> tuple[Event, int] | None:
        """Return the first event, and its length, if all of it is there."""
        if self.is_tls:
            return first_record(self.waiting)
        if self.has_frames:
            return first_frame(self.waiting)
        found = first_head(self.waiting)
        if found:
            # A client may speak once it has asked, though no client of ours does.
            first, *headers = map(str.lower, found[0]["head"])
            is_answer = first.startswith("http/")
            agrees = " 101 " in first if is_answer else "upgrade: websocket" in headers
            self.has_frames = agrees
        return found


def first_head(data: bytes) -> tuple[Event, int] | None:
    """Read the head of a request or an answer, with the body that it announces."""
    head, end, body = data.partition(END_OF_HEAD)
    if not end:
        return None
    lines = head.decode("latin-1").split("\r\n")
    announced = [
        int(line.partition(":")[2])
        for line in lines
        if line.lower().startswith("content-length:")
    ]
    length = sum(announced)
    if len(body) < length:
        return None
    size = len(head) + len(end) + length
    return {"kind": "http", "head": lines, "body": length, "size": size}, size


def first_frame(data: bytes) -> tuple[Event, int] | None:
    """Read a frame (RFC 6455, section 5.2)."""
    if len(data) < 2:
        return None
    first, second = data[:2]
    length, start = second & 0x7F, 2
    if length >= 126:  # The length is in the next two or eight bytes.
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start])
    key = data[start : start + 4] if second & 0x80 else b""
    start += len(key)
    payload = data[start : start + length]
    if len(data) < start + length:
        return None
    if key:
        mask = key * (length // 4 + 1)
        payload = bytes(a ^ b for a, b in zip(payload, mask, strict=False))
    event = {
        "kind": "frame",
        "fin": first >> 7,
        "rsv": first >> 4 & 7,
        "opcode": first & 15,
        "masked": second >> 7,
        "length": length,
        "key": key.hex(" "),
        "hex": data[: start + length].hex(" "),
        "size": start + length,
    }
    if event["opcode"] == 8 and length >= 2:
        event["code"] = int.from_bytes(payload[:2])
        event["reason"] = payload[2:].decode()
    elif event["opcode"] == 1:
        event["text"] = payload.decode()
    return event, start + length


def first_record(data: bytes) -> tuple[Event, int] | None:
    """Read a record of TLS (RFC 8446, section 5.1)."""
    if len(data) < 5:
        return None
    size = 5 + int.from_bytes(data[3:5])
    if len(data) < size:
        return None
    record = data[:size]
    event = {
        "kind": "tls",
        "type": record[0],
        "size": size,
        "hex": record[:SHOWN].hex(" "),
    }
    if record[0] == 22 and record[5] == CLIENT_HELLO:
        event["server_name"] = name_in(record)
    return event, size


def name_in(hello: bytes) -> str:
    """Return the name that a ClientHello asks for, which no key hides."""
    at = 5 + 4 + 2 + 32  # The record's head and the message's, the version, the random.
    for width in (1, 2, 1):  # The session's id, the ciphers, the compressions.
        at += width + int.from_bytes(hello[at : at + width])
    at += 2  # The length of all extensions.
    while at < len(hello):
        kind, length = struct.unpack_from("!HH", hello, at)
        body = hello[at + 4 : at + 4 + length]
        if kind == SERVER_NAME and body[2] == HOST:
            return body[5:].decode()
        at += 4 + length
    return ""


class Connection:
    """One connection through the tap: two sockets, and what each side says."""

    def __init__(self, number: int, name: str, ends: tuple, *, is_tls: bool) -> None:
        self.number = number
        self.name = name
        self.client, self.server = ends
        self.streams = {end: Stream(is_tls=is_tls) for end in ends}
        self.is_noted: bool | None = True if is_tls else None  # Until its first line.
        self.open = set(ends)

    def other(self, end: socket.socket) -> socket.socket:
        """Return the socket at the other side."""
        return self.server if end is self.client else self.client

    def between(self, source: socket.socket) -> dict[str, str]:
        """Say who speaks to whom."""
        both = [self.name, "server"]
        speaker, listener = both if source is self.client else both[::-1]
        return {"from": speaker, "to": listener}


class Tap:
    """
    Carries connections to a port of 127.0.0.1, in one thread, until the block ends.

    `events` are what it has noted, in the order in which it passed. Of a browser it
    notes what begins with one of `asked`, and not the rest of a page.
    """

    def __init__(self, port: int, *asked: bytes, is_tls: bool = False) -> None:
        self.port = port
        self.asked = asked or (b"",)
        self.is_tls = is_tls
        self.events: list[Event] = []
        self.begun = time.monotonic()
        self.wall = time.time() - self.begun  # What makes its times those of a page.
        self.doors: dict[str, socket.socket] = {}
        self.ends: list[socket.socket] = []
        self.number = 0
        self.is_open = True
        self.selector = selectors.DefaultSelector()
        self.thread = Thread(target=self.run, daemon=True)

    def __enter__(self) -> "Tap":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.is_open = False
        self.thread.join()
        self.selector.close()
        for each in (*self.doors.values(), *self.ends):
            each.close()

    def door(self, name: str) -> int:
        """Return the port at which whoever comes is known by this name."""
        if name not in self.doors:
            listener = socket.create_server(("127.0.0.1", 0))
            self.doors[name] = listener
            self.selector.register(listener, selectors.EVENT_READ, name)
        return self.doors[name].getsockname()[1]

    def now(self) -> float:
        """Return the seconds since the tap was opened."""
        return time.monotonic() - self.begun

    def note(self, **event: Any) -> None:
        """Write down what has happened just now."""
        self.events.append({"at": round(self.now(), 5), **event})

    def run(self) -> None:
        """Carry what comes, until the tap is closed."""
        while self.is_open:
            for key, _mask in self.selector.select(LOOK):
                if isinstance(key.data, str):
                    self.let_in(key.fileobj, key.data)
                else:
                    self.carry(key.data, key.fileobj)

    def let_in(self, listener: socket.socket, name: str) -> None:
        """Take a connection, and open its other half."""
        client, _address = listener.accept()
        ends = (client, socket.create_connection(("127.0.0.1", self.port)))
        self.ends += ends
        connection = Connection(0, name, ends, is_tls=self.is_tls)
        for end in ends:
            # What comes in two pieces must not wait for each other.
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(end, selectors.EVENT_READ, connection)

    def carry(self, connection: Connection, source: socket.socket) -> None:
        """Note what has come from one side, and pass it on."""
        target = connection.other(source)
        try:
            data = source.recv(CHUNK)
        except ConnectionResetError:
            self.end(connection, source, "reset")
            for end in (source, target):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                self.forget(connection, end)
            return
        if data:
            self.listen(connection, source, data)
            with suppress(OSError):  # It has hung up: so nobody hears this.
                target.sendall(data)
            return
        self.end(connection, source, "end")
        connection.open.discard(source)
        self.selector.unregister(source)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        if not connection.open:
            source.close()
            target.close()

    def forget(self, connection: Connection, end: socket.socket) -> None:
        """Close one half of a connection."""
        if end in connection.open:
            connection.open.discard(end)
            self.selector.unregister(end)
        end.close()

    def listen(
        self, connection: Connection, source: socket.socket, data: bytes
    ) -> None:
        """Note what has been said, if it belongs to the story."""
        if connection.is_noted is None:
            connection.is_noted = data.startswith(self.asked)
        if not connection.is_noted:
            return
        if not connection.number:
            self.number += 1
            connection.number = self.number
        for event in connection.streams[source].feed(data):
            about = connection.between(source)
            self.note(connection=connection.number, **about, **event)

    def end(self, connection: Connection, source: socket.socket, how: str) -> None:
        """
        Note that one side has hung up first, and how.

        That is a matter of chance after an ordinary request, and after TLS's own end.
        """
        asks = connection.streams[connection.client].has_frames
        if connection.is_noted and asks and len(connection.open) == 2:
            about = connection.between(source)
            self.note(connection=connection.number, **about, kind="tcp", how=how)
