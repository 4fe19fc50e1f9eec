"""
Look at a server that runs, from outside: what `learn.py doctor URL` hands over to.

    python -m tests.checker.doctor http://127.0.0.1:8000/

It knocks as a browser does: at the port, with TLS or without, at the page and its
files, at the WebSocket that the page's script asks for. It says what it saw, a line for
each step, and last what is wrong, from `catalogue/`. Of a room it takes one of its own,
so that nobody who is in one is disturbed, and it sends one message, which it shows.

`visit.py` has the order of the steps. `address.py` reads what was typed, `reach.py`
finds who listens, `certificates.py` looks at TLS, `pages.py` at pages, `script.py`
reads what a script asks for, `script_says.py` judges it, `sockets.py` looks for the
WebSocket, `handshake.py` knocks there, `refusals.py` says why nobody is let in, and
`talk.py` speaks.
"""
