"""The Daphnes of a stage, with settings that say which Redis they use."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.checker.servers.runserver import INSIDE_SERVER
from tests.checker.servers.tls import BackendServer

SETTINGS = Path(__file__).with_name("settings")


def in_turn(
    variants: Mapping[str, tuple], folder: Path, measure: Callable[..., Any]
) -> dict[str, Any]:
    """Measure each variant in a folder of its own, one after the other."""
    found = {}
    for number, (name, variant) in enumerate(variants.items()):
        place = folder / str(number)
        place.mkdir()
        found[name] = measure(place, *variant)
    return found


def daphne(
    project: Path, log: Path, settings: str | None = None, **environment: str
) -> BackendServer:
    """Return a Daphne of a project that has not started, with settings of ours."""
    path = f"{INSIDE_SERVER}{os.pathsep}{SETTINGS}"
    module = {"DJANGO_SETTINGS_MODULE": settings} if settings else {}
    return BackendServer(
        project, log, environment={"PYTHONPATH": path, **module, **environment}
    )


@contextmanager
def daphnes(
    count: int, project: Path, folder: Path, settings: str, **environment: str
) -> Iterator[list[BackendServer]]:
    """Run so many Daphnes of a project."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                daphne(project, folder / f"daphne-{each}.log", settings, **environment)
            )
            for each in range(count)
        ]
