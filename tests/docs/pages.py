"""
Read a page: its blocks, and the acts that its transcripts are cut into.

An act begins with a comment below a heading, which is its name, and lasts until the
next one. (A second act below one heading says its name: `act "Its name": from …`.) The
comment says what the act starts from, in the reader's copy of the stage
(`work/stage03_groups`) and beside it:

    ### Keep a silent connection

    <!-- act: from the work so far; running: Redis, Server; prompt: ana -->

- `from a clone`: there is no copy yet.
- `from the work so far`: the copy is the stage before, and all is in it that earlier
  acts of this kind write: their typed blocks, and their commands that only make files.
- `from the finished stage`: the copy is our stage.
- `running`: in these terminals runs what earlier blocks started there last.
- `prompt`: what earlier blocks have given these names. Names that the act uses without
  having made them need not be listed.

A terminal also has the folder and the variables of its earlier blocks. A page without
such a comment is one act, from a clone.
"""

import ast
import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.docs.repository import ROOT
from tests.proofs.records import Proof

CLONE, SO_FAR, FINISHED = "a clone", "the work so far", "the finished stage"

FENCE = re.compile(r"( *)(`{3,}) *(\w+)(.*)")
TITLE = re.compile(r'title="([^"]*)"')
HEADING = re.compile(r"#+ (.+)")
HIDDEN = re.compile(r"<!-- run: (.*)")  # What a reader does with mouse and editor.
INCLUDE = re.compile(r'\s*\[\[ include\("([^"]+)"(?:, "([^"]+)")?\) \]\]')
VARIES = re.compile(r"<!-- varies: (.*?) -->")  # A page's own additions to VARYING.
ACT = re.compile(
    rf'<!-- act(?: "([^"]+)")?: from ({CLONE}|{SO_FAR}|{FINISHED})'
    r"(?:; running: ([^;]+))?(?:; prompt: ([^;]+))? -->"
)

WHOLE = f"<!-- act: from {CLONE} -->"  # What a page is that is not cut.

# Commands that later acts need: what a terminal remembers, and what makes files.
REMEMBERED = re.compile(r"(export|unset|source) ")
PREPARED = re.compile(
    r"(cd|export|unset|source|cp|mkdir|mv|rm) |"
    r"python3 manage\.py (migrate|make_keys|loaddata)\b"
)


class CannotRun(Exception):  # noqa: N818  # It reads as the sentence that it holds.
    """A transcript that is not written as one, or a command that does not end."""


@dataclass(frozen=True)
class Block:
    """
    A fenced block. `line` is the number, from 1, of the line that opens it.

    The languages "heading", "act", "hidden" and "include" stand for lines of a page
    that are no blocks. The title of an "include" is a path, its line is an object.
    """

    line: int
    indent: str
    language: str
    title: str
    lines: list[str]

    @property
    def is_transcript(self) -> bool:
        """Tell whether this is what a terminal or a prompt shows."""
        return self.language in {"console", "pycon"}

    @property
    def is_played(self) -> bool:
        """Tell whether the tests do what this block says, whatever they start from."""
        return self.is_transcript or self.is_typed or self.language == "hidden"

    @property
    def is_typed(self) -> bool:
        """Tell whether a reader types this into a file."""
        return self.language not in {"console", "include"} and self.title.startswith(
            "work/"
        )


@dataclass
class Step:
    """What somebody types, line by line and without the prompts, and what comes."""

    typed: list[str]
    source: str
    expected: list[str]


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, and what else the tests act on, in order."""
    lines = iter(enumerate(markdown.splitlines(), start=1))
    for number, line in lines:
        if heading := HEADING.fullmatch(line):
            yield Block(number, "", "heading", "", [heading[1].replace("`", "")])
        elif line.startswith("<!-- act"):
            yield Block(number, "", "act", "", [line])
        elif hidden := HIDDEN.fullmatch(line):
            yield Block(number, "", "hidden", "", [hidden[1].removesuffix(" -->")])
        elif include := INCLUDE.fullmatch(line):
            path, name = include.groups()
            yield Block(number, "", "include", path, [name] if name else [])
        if not (fence := FENCE.fullmatch(line)):
            continue
        indent, ticks, language, rest = fence.groups()
        title = TITLE.search(rest)
        body = []
        for _, inside in lines:
            if inside.strip() == ticks:
                break
            body.append(inside.removeprefix(indent).rstrip())
        yield Block(number, indent, language, title[1] if title else "", body)


def steps(block: Block) -> list[Step]:
    """Divide a block at its prompts. Output above the first is a step of its own."""
    prompts = {"console": ("$ ", "> "), "pycon": (">>> ", "...")}
    prompt, continuation = prompts[block.language]
    found = [Step([], "", [])]
    for line in block.lines:
        latest = found[-1]
        if line.startswith(prompt) or line == "^C":
            found.append(Step([line], line.removeprefix(prompt), []))
        elif line.startswith(continuation) and latest.typed and not latest.expected:
            latest.typed.append(line)
            latest.source += "\n" + line.removeprefix(continuation).removeprefix(" ")
        else:
            latest.expected.append(line)
    return found if found[0].expected else found[1:]


@dataclass(frozen=True)
class Act(Proof):
    """
    A part of a page that is played by itself.

    `blocks` are what is played, `earlier` are the acts before. `varies` are the
    patterns that the page adds to VARYING.
    """

    page: Path
    blocks: tuple[Block, ...]
    earlier: tuple["Act", ...]
    start: str
    running: tuple[str, ...]
    prompt: tuple[str, ...]
    varies: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.name}"

    @property
    def stage(self) -> str:
        """Return the folder of the page's stage, such as "stage03_groups"."""
        return stages().get(self.page.stem[:2], "")

    @property
    def copied(self) -> str:
        """Return the folder that the reader's copy is made of, or nothing."""
        if self.start == FINISHED:
            return self.stage
        return before(self.stage) if self.start == SO_FAR else ""

    def is_same_work(self, later: "Act") -> bool:
        """Tell whether what this act writes into files is there in a later one."""
        return self.start == later.start == SO_FAR

    def commands(self, title: str) -> list[str]:
        """Return what is typed in a terminal."""
        return [
            step.source
            for block in self.blocks
            if block.language == "console" and block.title == title
            for step in steps(block)
        ]

    def prepared(self) -> list[Block | str]:
        """Return what is done before, in the shell of the untitled blocks."""
        found: list[Block | str] = []
        for act in self.earlier:
            if not act.is_same_work(self):
                found += remembered(act.commands(""))
                continue
            for block in act.blocks:
                if block.is_typed or block.language == "include":
                    found.append(block)
                elif block.language == "console" and not block.title:
                    sources = [step.source for step in steps(block)]
                    found += filter(PREPARED.match, sources)
        return found

    def remembered(self, title: str) -> list[str]:
        """Return what brings a terminal to where the earlier acts have left it."""
        return remembered(
            [each for act in self.earlier for each in act.commands(title)]
        )

    def started(self, title: str) -> Step:
        """Return the step that started what runs in a terminal."""
        for act in reversed(self.earlier):
            for block in reversed(act.blocks):
                if block.language == "console" and block.title == title:
                    step = steps(block)[-1]
                    if step.typed and step.source != "^C":
                        return step
        raise CannotRun(f"{self}: no earlier block starts anything in {title}.")

    def known(self) -> list[str]:
        """Return the earlier statements that the Python prompt of this act needs."""
        earlier = list(statements(self.earlier))
        missing = [name for name in self.prompt if not latest(earlier, name)]
        if missing:
            raise CannotRun(f"{self}: no earlier block makes {', '.join(missing)}.")
        made: set[str] = set()
        wanted = [(name, len(earlier)) for name in self.prompt]
        for source in statements([self]):
            wanted += [(name, len(earlier)) for name in uses(source) - made]
            made |= makes(source)
        needed: set[int] = set()
        while wanted:
            name, end = wanted.pop()
            for number in latest(earlier[:end], name):
                if number not in needed:
                    needed.add(number)
                    wanted += [(each, number) for each in uses(earlier[number])]
        return [earlier[number] for number in sorted(needed)]

    def script(self) -> dict:
        """Return all that is done and expected, as it is on the page."""
        titles = [*self.running, *(each.title for each in self.blocks)]
        return {
            "copied": self.copied,
            "prepared": [
                each if isinstance(each, str) else [each.title, each.lines]
                for each in self.prepared()
            ],
            "remembered": {title: self.remembered(title) for title in titles if title},
            "running": [
                [title, self.started(title).source, self.started(title).expected]
                for title in self.running
            ],
            "known": self.known(),
            "played": [[each.language, each.title, each.lines] for each in self.blocks],
            "varies": self.varies,
        }


def remembered(commands: list[str]) -> list[str]:
    """Return what brings a new terminal to where these commands have left theirs."""
    folder, found = ".", []
    for command in commands:
        if into := re.fullmatch(r"cd (\S+)", command):
            folder = posixpath.normpath(posixpath.join(folder, into[1]))
        elif REMEMBERED.match(command):
            found.append(command)
    return found + ([f"cd {folder}"] if folder != "." else [])


def latest(sources: list[str], name: str) -> list[int]:
    """Return which statement gave a name its value last, and changed it since."""
    changed = []
    for number in range(len(sources) - 1, -1, -1):
        if name in makes(sources[number]):
            return [number, *changed]
        if re.match(rf"{name}\.\w+ = ", sources[number]):
            changed.append(number)
    return []


def statements(acts: Iterable[Act]) -> Iterator[str]:
    """Yield what acts type at the prompt of Python."""
    for act in acts:
        for block in act.blocks:
            if block.language == "pycon":
                yield from (step.source for step in steps(block))


def makes(source: str) -> set[str]:
    """Return the names that a statement at the prompt gives a value for good."""
    [statement, *_] = ast.parse(source).body
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {each.asname or each.name for each in names}
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            found = (each for target in targets for each in ast.walk(target))
            return {
                each.id
                for each in found
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
    return set()


def uses(source: str) -> set[str]:
    """Return the names that a statement takes from before."""
    [statement, *_] = ast.parse(source).body
    if isinstance(statement, ast.Assign):
        # Its targets may be named like what they are made of.
        looked_at = [statement.value]
        looked_at += [e for e in statement.targets if isinstance(e, ast.Attribute)]
    else:
        looked_at = [statement]
    nodes = [node for each in looked_at for node in ast.walk(each)]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return {name.id for name in names} - own


def acts(page: Path) -> list[Act]:
    """
    Cut a page into its acts.

    Raises CannotRun for an act that is written wrongly, and for a block that would
    belong to none.
    """
    markdown = page.read_text(encoding="utf-8")
    heading = ""
    parts: list[tuple[str, Block | None, list[Block]]] = [("all", None, [])]
    for block in blocks(markdown):
        if block.language == "heading":
            heading = block.lines[0]
        elif block.language == "act":
            parts.append((heading, block, []))
        else:
            parts[-1][2].append(block)
    if len(parts) > 1:
        for block in parts.pop(0)[2]:
            if block.is_played:
                raise CannotRun(f"{page}:{block.line}: this belongs to no act.")
    elif not any(block.is_transcript for block in parts[0][2]):
        return []
    found: list[Act] = []
    for heading, comment, played in parts:
        line, text = (comment.line, comment.lines[0]) if comment else (1, WHOLE)
        if not (start := ACT.fullmatch(text)):
            raise CannotRun(f"{page}:{line}: this is not how an act begins.")
        if not any(block.is_transcript for block in played):
            raise CannotRun(f"{page}:{line}: nothing is run in this act.")
        named, files, *lists = start.groups()
        name = named or heading
        if any(name == each.name for each in found):
            raise CannotRun(f"{page}:{line}: two acts are called {name!r}.")
        running, prompt = (tuple(each.split(", ")) if each else () for each in lists)
        varies = tuple(VARIES.findall(markdown))
        act = Act(
            f"acts/{page.stem}",
            name,
            (),
            page,
            # An include is typed only by who builds the stage, block by block.
            tuple(
                block
                for block in played
                if block.is_played or (block.language, files) == ("include", SO_FAR)
            ),
            tuple(found),
            files,
            running,
            prompt,
            varies,
        )
        found.append(replace(act, depends=depends(act)))
    return found


def depends(act: Act) -> tuple[Path | str, ...]:
    """Return what decides how an act ends."""
    words = json.dumps(act.script(), ensure_ascii=False)
    here = Path(__file__).parent
    names = ("console.py", "editor.py", "pages.py", "pycon.py", "repository.py")
    found = [*(here / name for name in names), ROOT / "requirements.txt"]
    found += [ROOT / name for name in re.findall(r"stage0\d_[a-z]+", words)]
    copied = r"tests/(?:start|attacker|docs/(?:article|testing))|docs/teach"
    found += [ROOT / name for name in re.findall(copied, words)]
    if '"include"' in words or any(not isinstance(e, str) for e in act.prepared()):
        names = ("objects.py", "repository.py")  # What finds the pieces of a stage.
        found += [ROOT / "docs/shown" / name for name in names]
    if "learn.py" in words:
        names = ("addresses", "packages", "serve", "serves_on", "system", "work")
        found.append(ROOT / "learn.py")
        found.append(ROOT / "tests/checker/asked/learn_asks.py")
        found += [ROOT / f"tests/checker/{name}.py" for name in names]
    for verb, digit in re.findall(r"learn\.py (\w+) (\d)", words):
        stage = stages().get(f"0{digit}", "")
        if stage and verb in {"run", "start"}:
            found.append(ROOT / (stage if verb == "run" else before(stage)))
    checked = re.findall(r"learn\.py check (\d)|tests/test_stage0(\d)", words)
    if checked:
        last = max("".join(each) for each in checked)
        tests = ROOT.glob("tests/test_stage0?_*.py")
        found += [each for each in tests if each.name[len("test_stage0")] <= last]
        found += [ROOT / "tests/conftest.py", ROOT / "pyproject.toml"]
        found.append(ROOT / "tests/checker")
    if re.search(r"check \d.* --exercise", words):
        found.append(ROOT / "tests/exercises")
    if "tests.checker" in words:
        found.append(ROOT / "tests/checker")
    return (*sorted({each for each in found if each.exists()}), words)


def stages() -> dict[str, str]:
    """Return the folders of the stages, by the two digits of their pages."""
    return {path.name[5:7]: path.name for path in ROOT.glob("stage*_*")}


def before(stage: str) -> str:
    """Return the folder that a stage begins as."""
    return stages().get(f"{int(stage[5:7]) - 1:02}", "tests/start")
