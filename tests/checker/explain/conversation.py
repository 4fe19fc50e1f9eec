"""The handshake succeeds, and the conversation goes wrong, in any stage."""

from tests.checker.explain.diagnosis import ANY, Diagnosis

DIAGNOSES = [
    Diagnosis(
        "consumers that live on",
        ANY,
        "What has served a client must end when the client has left: after ten seconds "
        "Daphne kills it, with a warning. If websocket_disconnect() is your own, it "
        "must call super().websocket_disconnect() or raise StopConsumer(). Write "
        "disconnect(self, code) instead, and Channels does it.",
        is_sure=True,
    ),
    Diagnosis(
        "shared prefix",
        ANY,
        'Give the layer a name of its own: "prefix": BASE_DIR.name in its CONFIG.',
        is_sure=True,
    ),
    Diagnosis(
        "silence",
        ANY,
        "The server speaks first. When connect() has accepted, it sends the welcome.",
        check="takes_the|makes_a_guest|server_comes_first",
    ),
    Diagnosis(
        "silence",
        ANY,
        "The two servers share no group. With REDIS_URL set, the channel layer of both "
        "must be Redis, and the same database of it, with the same prefix.",
        check="two_servers",
    ),
    Diagnosis(
        "lost",
        ANY,
        "A channel layer keeps 100 events that wait, and drops what is more without a "
        'word. Write "capacity": 10_000 in the CONFIG of the layer.',
        check="20_speakers",
    ),
    Diagnosis(
        "silence",
        ANY,
        "The command said that it sent, and nobody heard. A process of its own reaches "
        "the room through Redis only, and group_send() needs async_to_sync() there.",
        check="announce",
    ),
    Diagnosis(
        "silence",
        ANY,
        "Nobody is told that a client has left. disconnect() takes it out of the "
        "group, then sends the leave.",
        check="test_close",
    ),
    Diagnosis(
        "silence",
        ANY,
        "This message got no answer. Every message gets one: a bad one gets an error.",
        check="message_that_",
    ),
    Diagnosis(
        "silence",
        ANY,
        "Nothing was sent to this client. Is the method called receive, spelt so? "
        "Does it send to this client, and not to another one? One consumer object "
        "for all clients, Consumer() in place of Consumer.as_asgi(), answers the "
        "wrong one.",
        check="stage01",
    ),
    Diagnosis(
        "silence",
        ANY,
        "This client did not hear its own join. connect() awaits "
        "group_add(group, self.channel_name), and then group_send() to the same group.",
        check="test_handshake",
    ),
    Diagnosis(
        "silence",
        ANY,
        "Nothing was sent to this client. Is the method called receive, spelt so? Does "
        "it stand in the class that the route names? In a JSON consumer of Channels it "
        "is called receive_json, and a receive() of your own must call "
        "super().receive().",
    ),
    Diagnosis(
        r".+[._]message for \w+",
        ANY,
        "The event itself was sent. Its type is for Channels: send the message that "
        "the event carries.",
    ),
    Diagnosis(
        "leave for message",
        ANY,
        "Nobody had joined, and a leave was told. Channels calls disconnect() after a "
        "refusal, too: remember who has joined.",
        check="refused_is_told_to_nobody",
    ),
    Diagnosis(
        "error for message",
        ANY,
        "An error went to the whole room. Answer with send(), not with group_send().",
        check="sender_only",
    ),
    Diagnosis(
        r"(join|leave|message) for \w+|another (name|text)",
        ANY,
        "A client heard another room. The name of a group must hold the name of the "
        "room: a constant reaches everybody.",
        check="stays_in_its_room",
    ),
    Diagnosis(
        "another text|message for join",
        ANY,
        "Somebody heard a message twice, or in another order. group_send() reaches the "
        "sender too: a send() beside it is one too many.",
        check="test_stage0[3-5].*(order|everyone|half)",
    ),
    Diagnosis(
        r"close \d+",
        # Not in what leads to an error of redis-py.
        r"\A(?![\s\S]*redis\.exceptions)[\s\S]*TimeoutError *\n",
        "A deadline ended a connection that was open. It is for the handshake only. "
        "Lift it with the first answer: deadline.reschedule(None).",
        check="8_idle_seconds",
    ),
    Diagnosis(
        r"close \d+",
        ANY,
        "The layer waits 5 seconds for news, and redis-py 8 gives up after as long. "
        'Write "hosts": [{{"address": …, "socket_timeout": 8}}].',
        check="8_idle_seconds",
    ),
    Diagnosis(
        "",
        ANY,
        "Who has left is still in the group. disconnect() must await "
        "group_discard(group, self.channel_name), with the group of group_add().",
        check="leaves_nothing_in_redis",
    ),
    Diagnosis(
        "no JSON",
        ANY,
        "A binary frame was not answered with an error. For binary, text_data is None "
        "and bytes_data is not: look at that first.",
        check=r"message_that_is_bad.*bytes\]",
    ),
    Diagnosis(
        "no JSON",
        ANY,
        "Each message is one JSON object in a text frame: json.dumps() of a dict, "
        "once. Done twice, or done for send_json(), which does it itself, it makes a "
        "string.",
    ),
    Diagnosis(
        r"\w+ for welcome|no (room|name)",
        ANY,
        "The first message must be the welcome, with all its keys: "
        '{{"type": "welcome", "room": …, "name": …}}.',
        check="takes_the|makes_a_guest",
    ),
    Diagnosis(
        "another name",
        ANY,
        "The name is not taken from the query string. parse_qs() makes a dict of lists "
        'of a decoded query string: parse_qs(query).get("name", ["guest"])[0]. From '
        'bytes it makes bytes, and "name" is none of its keys.',
        check=r"takes_the_name.*(alone|second)",
    ),
    Diagnosis(
        "another name",
        ANY,
        "The name is still percent-encoded, or cut at the wrong place. parse_qs() "
        "splits first and decodes then: %C2%A1 is ¡, %26 is &, and + is a space.",
        check="takes_the_name",
    ),
    Diagnosis(
        "another name",
        ANY,
        'Who gives no name is called "guest".',
        check="makes_a_guest",
    ),
    Diagnosis(
        "another room",
        ANY,
        "The room is not the one in the path. Take it from "
        'self.scope["url_route"]["kwargs"], for each connection anew.',
    ),
    Diagnosis(
        "another (name|text)|welcome for message",
        ANY,
        "A message went to a client that did not ask. Send to self only: a list of all "
        "consumers in the module reaches everybody, in every room.",
        check="sender_only",
    ),
    Diagnosis(
        "error for message",
        ANY,
        "A text of 2,000 characters was called bad. Compare its length with <=, and "
        "count characters, not bytes.",
        check=r"answered_with_room_name_and_text.*(long|wide)",
    ),
    Diagnosis(
        "error for message",
        ANY,
        "A good message was called bad. Compare what was sent with what receive() "
        'looks for: {{"type": "message", "text": …}}.',
    ),
    Diagnosis(
        "(None|message) for (message|error)|no (room|name|text|code)",
        ANY,
        "A key of the answer is missing or wrong. Good messages are answered with "
        '{{"type": "message", "room": …, "name": …, "text": …}}, bad ones with '
        '{{"type": "error", "code": …, "detail": …}}.',
        check="room_name_and_text|in_order|sender_only|words",
    ),
    Diagnosis(
        "message for error",
        ANY,
        "A text that is too long was taken. Compare len(text) with 2,000, and answer "
        "with the error too-long.",
        check="2001",
    ),
    Diagnosis(
        "message for error|another code",
        ANY,
        "A binary frame was taken for a text. Answer it with the error binary, "
        "whatever is in it.",
        check="bytes",
    ),
    Diagnosis(
        "message for error",
        ANY,
        'The type was not looked at. Only {{"type": "message"}} is a message.',
        check="untyped|unknown|list for type",
    ),
    Diagnosis(
        "message for error",
        ANY,
        "The text was not looked at. It is a string, isinstance(text, str), and not an "
        "empty one.",
    ),
    Diagnosis(
        "another code|no code|None for error",
        ANY,
        "An error has one of four codes: bad-json for what is not JSON, bad-message "
        "for other JSON than a message, too-long, and binary. The whole of it is "
        '{{"type": "error", "code": …, "detail": …}}.',
    ),
    Diagnosis(
        "another message",
        ANY,
        "The contract wants exactly what was sent: no greeting, nothing added, "
        "nothing changed, text as text and bytes as bytes, in the order sent.",
    ),
    Diagnosis(
        r"close 10(00|05)",
        ANY,
        "The server closed first. The contract leaves the close to the client, even "
        "after a bad message: do not call self.close() here.",
    ),
    Diagnosis(
        r"close 1011",
        ANY,
        "1011 is the server's word for an exception in its own code. Its terminal "
        "shows the traceback.",
    ),
    Diagnosis(
        r"close 1006",
        ANY,
        "The server dropped the connection. Daphne does so with messages over 1 MiB "
        "and with frames that break the protocol.",
    ),
]
