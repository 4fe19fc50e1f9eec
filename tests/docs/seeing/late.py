"""Ana says a word. Does Ben, in another room, wait for his own message meanwhile?"""

import argparse
import time

from websockets.sync.client import connect

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("server", help="for example ws://127.0.0.1:8000")
parser.add_argument("word", help="weather, search, or another one")
parser.add_argument("--seconds", type=float, default=0, help="say it again for so long")
options = parser.parse_args()
server, word = options.server, options.word


def join(room, name):
    client = connect(f"{server}/ws/rooms/{room}/?name={name}", proxy=None)
    connection = client.__enter__()
    connection.recv()  # The welcome.
    connection.recv()  # Their own join.
    return connection


ana, ben = join("kitchen", "ana"), join("garden", "ben")
end = time.monotonic() + options.seconds
pause = 0.1  # By then, the server is at it.
while True:
    ana.send(word)
    time.sleep(pause)
    begun = time.monotonic()
    ben.send('{"type": "message", "text": "Hello"}')
    ben.recv()
    has_waited = time.monotonic() - begun > 0.5
    if time.monotonic() >= end:
        break
    if not has_waited:
        pause = 0  # Then give the server much to do, for a profile.
print(f"{word}: Ben has waited {'for Ana' if has_waited else 'for nobody'}.")
