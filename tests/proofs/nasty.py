"""What a nasty hand-in does: pieces of code, by the words for it."""

from tests.checker.system import ROOT

# Added to settings.py, so it runs at each start of the server.
AT_START = {
    "hangs at start": "import time\ntime.sleep(10**6)\n",
    "raises": "raise RuntimeError('no')\n",
    "exits": "raise SystemExit(0)\n",
    "prints without end": "while True: print('again and again ' * 100)\n",
    "prints in the background": (
        "import threading\n"
        "def talk():\n"
        "    while True: print('again and again ' * 100, flush=True)\n"
        "threading.Thread(target=talk, daemon=True).start()\n"
    ),
    "forks without end": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
    ),
    "starts threads without end": (
        "import threading, time\n"
        "while True:\n"
        "    try: threading.Thread(target=time.sleep, args=[10**6]).start()\n"
        "    except RuntimeError: time.sleep(0.1)\n"
    ),
    "fills the disk": (
        "import os\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    with open(os.path.join(os.environ['TMPDIR'], f'fill{n}'), 'wb') as f:\n"
        "        f.write(bytes(4_000_000))\n"
    ),
    "writes one large file": (
        "with open('large', 'wb') as f:\n    while True: f.write(bytes(1_000_000))\n"
    ),
    "makes files without end": (
        "import os\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    open(os.path.join(os.environ['TMPDIR'], f'empty{n}'), 'wb').close()\n"
    ),
    "fills the memory": (
        "import time\nkept = []\nwhile True: kept.append(b'x' * 50_000_000)\n"
    ),
    "fills the memory with many": (
        "import os, time\n"
        "for _ in range(30):\n"
        "    if os.fork() == 0:\n"
        "        kept = b'x' * 400_000_000\n"
        "        time.sleep(10**6)\n"
        "time.sleep(10**6)\n"
    ),
    "leaves a server behind": (
        "import os, signal, socket, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):\n"
        "            signal.signal(n, signal.SIG_IGN)\n"
        "        os.closerange(0, 100)\n"
        "        os.chdir('/')\n"
        "        with socket.socket() as s:\n"
        "            s.bind(('127.0.0.1', 0)); s.listen()\n"
        "            time.sleep(10**6)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    ),
    "leaves a nameless daemon": (
        "import os, sys\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.closerange(0, 100)\n"
        "        os.chdir('/')\n"
        "        os.execve('/bin/sleep', ['nameless', '86421'], {})\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    ),
    "kills its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
    "stops its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\n",
    "deletes its own files": (
        "import pathlib, shutil\n"
        "shutil.rmtree(pathlib.Path(__file__).parent.parent, ignore_errors=True)\n"
    ),
    "recursion": "def f(): return f()\nf()\n",
    "dies": "import ctypes\nctypes.string_at(0)\n",
    "reads its input": "input()\n",
}

# Only where a sandbox holds them: whoever runs this would lose every program.
ONLY_INSIDE = {
    "calls somebody outside": (
        "import socket\n"
        "try: socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
        "except OSError as error: raise RuntimeError(f'no network: {error}')\n"
    ),
    "kills all it may": (
        "import os, signal\n"
        "for who in (1, -1):\n"
        "    try: os.kill(who, signal.SIGKILL)\n"
        "    except OSError: pass\n"
    ),
    "kills parent after parent": (
        "import os, signal\n"
        "for pid in sorted(map(int, filter(str.isdecimal, os.listdir('/proc')))):\n"
        "    if pid != os.getpid():\n"
        "        try: os.kill(pid, signal.SIGKILL)\n"
        "        except OSError: pass\n"
    ),
    "writes into the course": (
        f"with open({str(ROOT / 'stage01_echo' / 'INTRUDER')!r}, 'w') as f:\n"
        f"    f.write('I was here')\n"
    ),
    "writes into the checks": (
        f"with open({str(ROOT / 'tests' / 'conftest.py')!r}, 'a') as f:\n"
        f"    f.write('')\n"
    ),
    "mounts": (
        "import subprocess\n"
        "subprocess.run(['mount', '-o', 'remount,rw', '/'], check=True)\n"
    ),
}

# Instead of the consumer's answer.
ANSWER = "await self.send(text_data=text_data, bytes_data=bytes_data)"
IN_ANSWERS = {
    "needs ten minutes": f"import asyncio; await asyncio.sleep(600); {ANSWER}",
    "hangs when asked": "import time; time.sleep(10**6)",
    "prints when asked": "while True: print('again ' * 1000)",
    "forks when asked": "import os\n        while True: os.fork()",
    "says nothing": "return",
    "answers without end": f"while True: {ANSWER}",
}
LANGUAGES = {
    "in JavaScript": {"package.json": "{}", "index.js": "console.log(1)\n"},
    "in Java": {"src/Main.java": "class Main {}\n"},
    "a report only": {"report.docx": "PK"},
    "FastAPI": {"main.py": "app = 1\n"},
    "another manage.py": {"manage.py": "print('hello')\n"},
    "an empty manage.py": {"manage.py": ""},
    "no Python": {"manage.py": "this is ( no Python\n"},
}
# Names as they come from a learning platform, or from a joker.
NAMES = (
    "Müller, Änne",
    "two\nlines",
    "\"quoted\" and 'quoted'",
    "a|b|c",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "![](http:evil.example)",
    "# heading",
    "100%s{x}$HOME`id`",
    "\x1b[31mred",
    "Ωmega ☃ 🦄",
    " leading space",
    "trailing space ",
    "x" * 200,
)
