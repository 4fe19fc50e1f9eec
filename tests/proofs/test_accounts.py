"""The shell that changes users behind a server's back: what it says when it fails."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.checker.accounts import Accounts
from tests.checker.servers.runserver import ServerError
from tests.proofs.runs import ROOT, copy_of, recorded_with

pytestmark = recorded_with(ROOT / "stage04_auth")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    project = copy_of(
        ROOT / "stage04_auth", tmp_path_factory.mktemp("stage") / "project"
    )
    with closing(Accounts(project, tmp_path_factory.mktemp("db"))) as accounts:
        yield accounts


def test_change_is_made_when_the_call_returns(accounts: Accounts) -> None:
    accounts.change("ana", "user.first_name = 'Anna'; user.save()")
    accounts.change("ana", "assert user.first_name == 'Anna'")
    # In another environment, another process looks into the same database.
    accounts.change("ana", "assert user.first_name == 'Anna'", OTHER="1")
    accounts.change("ana", "import os; assert os.environ['OTHER'] == '1'", OTHER="1")
    assert len(accounts.shells) == 2


def test_failure_is_told_with_the_traceback_and_the_next_change_works(
    accounts: Accounts,
) -> None:
    with pytest.raises(ServerError, match="shell` failed") as told:
        accounts.change("nobody", "user.delete()")
    assert "DoesNotExist" in told.value.printed
    # What a project prints, also without a newline, is no answer and hides none.
    accounts.change("ana", "assert user.is_active; print('Saved.', end=' ')")


def test_shell_that_ends_too_early_says_what_it_printed(accounts: Accounts) -> None:
    code = "print('farewell', flush=True); import os; os._exit(0)"
    for _ in range(2):  # And it stays so.
        with pytest.raises(ServerError, match="shell` ended"):
            accounts.run(code, OWN="1")
    with pytest.raises(ServerError) as told:
        accounts.run(code, NEW="1")
    assert "farewell" in told.value.printed


def test_shell_that_hangs_is_ended(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.run("pass", SLOW="1")
    monkeypatch.setattr("tests.checker.accounts.START", 0.5)
    with pytest.raises(ServerError, match="was ended"):
        accounts.run("import time; time.sleep(60)", SLOW="1")
