"""
The benchmarks: `python -m tests.bench`, from the root of the checkout.

One module for each word, with an entry in `BENCHMARKS` of `__main__.py`. Of each,
`measure(scope, record)` adds what it sees to the record, `result(record)` makes the
table of it, and `servers(scope)` and `seconds(scope)` tell beforehand how long that
takes on a quiet machine. WHOLE and QUICK are the scopes. What a module calls LARGEST
is measured after all others, if there is time. `rows.py` has the servers, `load.py` and
`fanout.py` the clients, `spread.py` the medians and the ratios, `clock.py` the time.

A run may take so long and no longer, on any machine. So `in_turn` has as many rounds as
fit into a benchmark's share of the time, and what is not measured costs little: servers
are forked, rooms fill four at a time, servers end before their clients leave, and
the databases of sessions are copies of one.

None of them is a test: speed is told as a ratio of servers that were measured in turn,
on whatever machine this is. Where there are two cores, the server has one and the load
the other. CPU time stands beside speed, since a busy machine changes it least. Still,
neighbours on the same core make all of it dearer: ratios of one round outlive that.
"""
