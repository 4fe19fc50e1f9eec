"""
The benchmarks: `python -m tests.bench echo`, from the root of the checkout.

One module each, with a `measure(rounds, seconds)` that returns the rows of its table,
the `ROUNDS` and `SECONDS` that it takes unless told otherwise, and an entry in
`BENCHMARKS` of `__main__.py`. None of them is a test: speed is told as
a ratio of servers that were measured in turn, on whatever machine this is.
"""
