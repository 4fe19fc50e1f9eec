"""Ana says a word. Does Ben, in another room, wait for his own message meanwhile?"""

import sys
import time

from websockets.sync.client import connect

server, word = sys.argv[1:]


def join(room, name):
    client = connect(f"{server}/ws/rooms/{room}/?name={name}", proxy=None)
    connection = client.__enter__()
    connection.recv()  # The welcome.
    connection.recv()  # Their own join.
    return connection


ana, ben = join("kitchen", "ana"), join("garden", "ben")
ana.send(word)
time.sleep(0.1)  # By now, the server is at it.
begun = time.monotonic()
ben.send('{"type": "message", "text": "Hello"}')
ben.recv()
has_waited = time.monotonic() - begun > 0.5
print(f"{word}: Ben has waited {'for Ana' if has_waited else 'for nobody'}.")
