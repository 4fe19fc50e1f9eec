"""
Linux only: what a process that `unshare` has started still has to shut off.

Its file system becomes read-only, but for one that lies in memory; its devices are the
harmless ones; its only network is loopback; and what it starts has no capabilities.
Standard library only: it is the first that runs in there.
"""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)

# From linux/mount.h, linux/prctl.h, linux/sockios.h. 442 is the same on all machines.
MOUNT_SETATTR, AT_RECURSIVE, AT_FDCWD = 442, 0x8000, -100
READ_ONLY, NO_SUID, NO_DEVICES = 1, 2, 4
MS_BIND, MS_MOVE = 4096, 8192
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 24, 38, 47
PR_SET_CHILD_SUBREAPER, CLEAR_ALL = 36, 4
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

DEVICES = ("null", "zero", "full", "random", "urandom")
LINKS = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}

# What root keeps. nginx changes its user; an owner's rights are no danger where all is
# read-only. CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, BIND_SERVICE.
KEPT = {0, 1, 3, 4, 5, 6, 7, 10}
CAPABILITIES = 64


class MountAttr(ctypes.Structure):
    """The struct mount_attr of mount_setattr(2)."""

    _fields_ = [
        (name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")
    ]


def check(result: int, what: str) -> None:
    """Raise OSError if a call of the C library has failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(
    source: str | Path, target: Path, kind: str = "", flags: int = 0, data: str = ""
) -> None:
    """Call mount(2)."""
    words = (os.fsencode(each) for each in (source, target, kind))
    check(LIBC.mount(*words, flags, data.encode()), f"mount {target}")


def set_mount(path: Path, *, add: int = 0, clear: int = 0, below: int = 0) -> None:
    """Change what may be done in a mounted file system, and in those `below` it."""
    attr = MountAttr(add, clear, 0, 0)
    words = (AT_FDCWD, os.fsencode(path), below, ctypes.byref(attr))
    result = LIBC.syscall(MOUNT_SETATTR, *words, ctypes.sizeof(attr))
    check(result, f"mount_setattr {path}")


def loopback() -> None:
    """Bring up the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        request = struct.pack("16sh14x", b"lo", flags[1] | IFF_UP)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


def devices(folder: Path, size: int) -> None:
    """Put another /dev in place, made in an empty folder."""
    mount("tmpfs", folder, "tmpfs", data=f"size={size},nr_inodes=1000,mode=755")
    for name in DEVICES:
        (folder / name).touch()
        mount(Path("/dev", name), folder / name, flags=MS_BIND)
        set_mount(folder / name, clear=NO_DEVICES | READ_ONLY)
    for name, target in LINKS.items():
        (folder / name).symlink_to(f"/proc/self/{target}")
    (folder / "shm").mkdir(mode=0o777)
    mount(folder, Path("/dev"), flags=MS_MOVE)


def shut_off(
    source: Path,
    results: Path,
    scratch: Path,
    place: Path,
    disk: int,
    files: int,
    hidden: Sequence[str],
) -> None:
    """
    Leave nothing to write but `place`, for so many `files` and bytes (`disk`).

    A copy of `source` is in there afterwards, and the results. `hidden` folders look
    empty. Raises OSError where this system cannot do it.
    """
    loopback()
    room = scratch / "room"
    set_mount(Path("/"), add=READ_ONLY | NO_SUID | NO_DEVICES, below=AT_RECURSIVE)
    mount("tmpfs", room, "tmpfs", data=f"size={disk},nr_inodes={files},mode=755")
    (room / "home").mkdir()
    shutil.copytree(source, room / "submission")
    (room / "results").touch()
    mount(results, room / "results", flags=MS_BIND)
    set_mount(room / "results", clear=READ_ONLY)
    devices(scratch / "dev", disk // 4)
    for folder in map(Path, hidden):
        mount("tmpfs", folder, "tmpfs", data="size=4k,nr_inodes=2,mode=755")
        set_mount(folder, add=READ_ONLY)
    if place != room:
        mount(room, place, flags=MS_MOVE)


def give_up_rights() -> None:
    """See to it that what is started from here on has no special rights."""
    LIBC.prctl(PR_CAP_AMBIENT, CLEAR_ALL, 0, 0, 0)
    for number in range(CAPABILITIES):
        if number not in KEPT:
            LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # Fails for what is not there.
    check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def adopt_orphans(*, is_wanted: bool = True) -> None:
    """Become the parent of all that is left behind by what we start, or no longer."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, int(is_wanted), 0, 0, 0)
