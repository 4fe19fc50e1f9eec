"""`learn.py test`: everything, which is proved by tests/proofs."""

from collections.abc import Callable

import pytest

from tests.front_door.checkout import Checkout, told


@pytest.mark.parametrize(
    "words",
    [[], ["--live"], ["-k", "a or b", "tests/docs", "--live", "--", "test", "--", "x"]],
)
def test_test_hands_over_the_words_as_they_came(
    handed_over: Callable[..., tuple], words: list[str]
) -> None:
    handed, variables, everything = handed_over("test", *words)
    assert handed == ["tests.proofs", *words]
    assert variables == {}
    assert everything


def test_test_ends_with_the_exit_code_of_the_proofs(checkout: Checkout) -> None:
    result = checkout.learn("test", "--live", "-k", "a or b", EXIT="3")
    assert result.returncode == 3
    assert told(result)["program"] == "proofs"
    assert told(result)["words"] == ["--live", "-k", "a or b"]
    assert told(result)["folder"] == str(checkout.root)


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
def test_ctrl_c_ends_the_proofs_and_passes_their_exit_code_on(
    checkout: Checkout,
) -> None:
    running = checkout.start("test", HANG="1")
    running.told()
    running.interrupt()
    assert running.end() == 5
    assert "Traceback" not in running.printed
