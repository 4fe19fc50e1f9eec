"""
The workbench reads frames as RFC 6455 does, and our server did what it tells.
"""

import hashlib
import inspect
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import daphne.server
import pytest
from autobahn.twisted.websocket import WebSocketServerFactory
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Locator, Page, expect
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader
from websockets.utils import accept_key

from docs.shown import repository, workbench
from tests.docs import experiments
from tests.docs.experiments import EXPERIMENTS, FILE, frame, record_all
from tests.docs.visits import Watched
from tests.proofs.records import Proof, Recorded
from tests.proofs.runs import CHECKER, HARNESS, ROOT

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3.
HELLO = "81 85 37 fa 21 3d 7f 9f 4d 51 58"  # Section 5.7, masked.


# What the scripts know, without the page


@pytest.fixture
def scripts(quick_chromium: Watched, sites: dict[str, Path]) -> Iterator[Page]:
    """A page with nothing in it but the two scripts that know no page."""
    page = quick_chromium.new_page()
    page.goto((sites["parts"] / "workbench.html").as_uri())
    yield page
    page.close()


def judge(scripts: Page, sent: list[bytes], sender: str = "client") -> list[dict]:
    """Return what the scripts say of bytes, whose long numbers become strings."""
    return json.loads(
        scripts.evaluate(
            """([many, sender]) => JSON.stringify(
              many.map((hex) => workbench.judge(workbench.parseHex(hex).bytes, sender)),
              (key, value) => typeof value === "bigint" ? Number(value)
                : value instanceof Uint8Array ? workbench.hex(value) : value)""",
            [[each.hex() for each in sent], sender],
        )
    )


def test_sha_1_is_that_of_hashlib(scripts: Page) -> None:
    dice = random.Random(6455)  # noqa: S311  # No secret.
    messages = [dice.randbytes(size) for size in (*range(130), 1000, 70_000)]
    hashes = scripts.evaluate(
        """(many) => many.map((hex) => workbench.hex(workbench.sha1(
          workbench.parseHex(hex).bytes)).replaceAll(" ", ""))""",
        [message.hex() for message in messages],
    )
    expected = [
        hashlib.sha1(message, usedforsecurity=False).hexdigest() for message in messages
    ]
    assert hashes == expected


def test_accept_is_that_of_the_library(scripts: Page) -> None:
    keys = [KEY, "x", "not a key", "Zm91cg==", "ключ"]
    found = scripts.evaluate("(keys) => keys.map(workbench.accept)", keys)
    assert found[0]["accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert [each["accept"] for each in found[:4]] == [*map(accept_key, keys[:4])]
    assert [bool(each["wrong"]) for each in found] == [False, True, True, True, True]


def some_frames(number: int) -> Iterator[tuple[Frame, bool]]:
    """Yield frames of all kinds and sizes, and whether each is masked."""
    dice = random.Random(5)  # noqa: S311  # No secret.
    sizes = (0, 1, 5, 124, 125, 126, 127, 255, 256, 1000, 65_535, 65_536)
    for turn in range(number):
        opcode = dice.choice(list(Opcode))
        size = dice.randrange(200)
        if turn < len(sizes):
            opcode, size = Opcode.BINARY, sizes[turn]
        if opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            size = min(size, 125)
        bits = (dice.random() < 0.5 for _ in "1234")
        fin, rsv1, rsv2, rsv3 = bits
        payload = dice.randbytes(size)
        fin = fin or opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
        yield Frame(opcode, payload, fin, rsv1, rsv2, rsv3), dice.random() < 0.5


class AnyBits:
    """Stands for an extension that allows all reserved bits."""

    def encode(self, frame: Frame) -> Frame:
        """Return it as it is."""
        return frame

    decode = encode


def test_frames_of_the_library_are_read(scripts: Page) -> None:
    many = list(some_frames(300))
    # The library checks reserved bits, so it writes none. Here they are set after it.
    sent = []
    for each, is_masked in many:
        plain = Frame(each.opcode, each.data, each.fin)
        head, *rest = plain.serialize(mask=is_masked)
        rsv = each.rsv1 << 6 | each.rsv2 << 5 | each.rsv3 << 4
        sent.append(bytes([head | rsv, *rest]))
    for (each, is_masked), told in zip(many, judge(scripts, sent), strict=True):
        [read] = told["frames"]
        assert read["opcode"] == each.opcode
        assert read["fin"] == each.fin
        assert read["rsv"] == each.rsv1 << 2 | each.rsv2 << 1 | each.rsv3
        assert read["masked"] == is_masked
        assert read["length"] == len(each.data)
        assert read["missing"] == 0
        assert bytes.fromhex(read["payload"]) == each.data


def test_frames_are_written_as_the_library_reads_them(scripts: Page) -> None:
    many = [
        (Frame(each.opcode, each.data, each.fin), is_masked)
        for each, is_masked in some_frames(300)
    ]
    written = scripts.evaluate(
        """(many) => many.map(({ hex, ...frame }) => workbench.hex(
          workbench.write({ ...frame, payload: workbench.parseHex(hex).bytes })))""",
        [
            {
                "fin": each.fin,
                "opcode": int(each.opcode),
                "mask": [1, 200, 3, 255] if is_masked else None,
                "hex": each.data.hex(),
            }
            for each, is_masked in many
        ],
    )
    for (each, is_masked), text in zip(many, written, strict=True):
        sent = bytes.fromhex(text)
        assert parse(sent, is_masked=is_masked) == each
        # The library reads a length that is not the shortest, but writes none.
        assert len(sent) == len(each.serialize(mask=is_masked))


def parse(sent: bytes, *, is_masked: bool) -> Frame:
    """Read one frame with the library, which must use up all bytes."""
    reader = StreamReader()
    reader.feed_data(sent)
    reader.feed_eof()
    parsing = Frame.parse(reader.read_exact, mask=is_masked)
    with pytest.raises(StopIteration) as end:
        next(parsing)
    assert next(reader.at_eof(), True) is not False
    return end.value.value


def test_utf_8_ends_where_python_says(scripts: Page) -> None:
    dice = random.Random(8)  # noqa: S311  # No secret.
    pieces = [
        *("a", "é", "€", "🎉", "\ufeff", "\0", "\U0010ffff"),
        *("\ud800", "\udfff"),  # Halves of UTF-16 are no characters.
    ]
    leads = [bytes([lead, *rest]) for lead in range(0x80, 256) for rest in ([], [0x80])]
    texts = [b"", *leads]
    texts += [bytes([lead, 0x8F, 0xBF, 0xBF]) for lead in range(0xC0, 256)]
    texts += [bytes([lead, 0x9F, 0xBF, 0xBF]) for lead in range(0xC0, 256)]
    texts += [bytes([lead, 0xA0, 0x80, 0x80]) for lead in range(0xC0, 256)]
    for _ in range(1500):
        text = "".join(dice.choices(pieces, k=4)).encode("utf-8", "surrogatepass")
        cut = text[: dice.randrange(len(text) + 1)]
        texts += [text, cut, cut + dice.randbytes(2)]
    expected = []
    for text in texts:
        try:
            text.decode()
        except UnicodeDecodeError as error:
            is_cut = error.reason == "unexpected end of data"
            expected.append({"at": error.start, "isCut": is_cut})
        else:
            expected.append(None)
    found = scripts.evaluate(
        "(many) => many.map((hex) => workbench.badUtf8(workbench.parseHex(hex).bytes))",
        [text.hex() for text in texts],
    )
    assert found == expected


def test_any_bytes_are_read_to_their_end(scripts: Page) -> None:
    dice = random.Random(1)  # noqa: S311  # No secret.
    many = [dice.randbytes(dice.randrange(40)) for _ in range(500)]
    many += [frame(b"Hello")[:size] for size in range(11)]
    for sent, told in zip(many, judge(scripts, many), strict=True):
        at = 0
        for each in told["frames"]:
            assert each["start"] == at
            assert each["end"] > at
            at = each["end"]
        assert at == len(sent)


MIB = experiments.MIB
CONT, TEXT, CLOSE, PING = 0, 1, 8, 9
# By the sender: bytes, and the kinds of what is said about them, with the section.
JUDGED = {
    "client": [
        (frame(b"Hello"), []),
        (frame(b"Hello", mask=b""), ["unmasked 5.1"]),
        (frame(b"Hello", rsv=0b010), ["reserved-bit 5.2"]),
        (frame(b"Hello", 0x3), ["opcode 5.2"]),
        (frame(b"Hello", 0xF), ["opcode 5.2"]),
        (frame(b"x" * 125, PING), []),
        (frame(b"x" * 126, PING), ["control-too-long 5.5"]),
        (frame(b"x", PING, fin=False), ["control-in-pieces 5.5"]),
        (frame(b"\xff"), ["utf-8 8.1"]),
        (frame(b"\xff", 0x2), []),
        (frame(b"\xc3", fin=False) + frame(b"\xa9", CONT), []),
        (frame(b"\xc3", fin=False), ["open 5.4"]),
        (frame(b"\xc3", fin=False) + frame(b"a", CONT), ["utf-8 8.1"]),
        (frame(b"\xc3", fin=False) + frame(b"", CONT), ["utf-8 8.1"]),
        (frame(b"a", CONT), ["sequence 5.4"]),
        (frame(b"a", fin=False) + frame(b"b"), ["sequence 5.4"]),
        (frame(b"a", fin=False) + frame(b"b", PING) + frame(b"c", CONT), []),
        (frame(b"", CLOSE), []),
        (frame(b"\x03", CLOSE), ["half-a-code 5.5.1"]),
        (frame(b"\x03\xe8", CLOSE), []),
        (frame(b"\x03\xe8\xff", CLOSE), ["utf-8 5.5.1"]),
        (frame(b"\x03\xe8", CLOSE) + frame(b"a"), ["after-close 5.5.1"]),
        (frame(b"Hello")[:-1], ["cut 5.2"]),
        (frame(b"Hello")[:1], ["cut 5.2"]),
        (frame(b"", length=MIB), ["cut 5.2"]),
        (frame(b"", length=MIB + 1), ["too-much 10.4", "cut 5.2"]),
        (bytes.fromhex("82 fe 00 7d 00 00 00 00") + bytes(125), ["length 5.2"]),
        (bytes.fromhex("82 fe 00 7e 00 00 00 00") + bytes(126), []),
        (bytes.fromhex("82 ff 00 00 00 00 00 00 ff ff 00 00 00 00"), ["length 5.2"]),
        (bytes.fromhex("82 ff 80 00 00 00 00 00 00 00 00 00 00 00"), ["length 5.2"]),
        *(
            (frame(code.to_bytes(2, "big"), CLOSE), [f"code {section}"])
            for code, section in [
                *((code, "7.4.1") for code in (1004, 1005, 1006, 1015)),
                *((code, "7.4.2") for code in (0, 999, 1016, 2999, 5000, 65_535)),
            ]
        ),
        *(
            (frame(code.to_bytes(2, "big"), CLOSE), [])
            for code in (1000, 1003, 1007, 1014, 3000, 3999, 4000, 4999)
        ),
    ],
    "server": [
        (frame(b"Hello", mask=b""), []),
        (frame(b"Hello"), ["masked 5.1"]),
    ],
}


@pytest.mark.parametrize("sender", JUDGED)
def test_what_breaks_a_rule_is_told_with_its_section(
    scripts: Page, sender: str
) -> None:
    judged = judge(scripts, [sent for sent, _ in JUDGED[sender]], sender)
    for (sent, kinds), told in zip(JUDGED[sender], judged, strict=True):
        said = [f"{each['kind']} {each['section']}" for each in told["remarks"]]
        # Of heads alone, that the payload is missing is not what is tried.
        if kinds == ["length 5.2"]:
            said = [each for each in said if each not in ("cut 5.2", "too-much 10.4")]
        assert said == kinds, sent[:20].hex(" ")


def test_sentences_name_the_place(scripts: Page) -> None:
    [bad, cut, head] = judge(
        scripts, [frame(b"caf\xe9 au lait"), frame(b"Hello")[:-3], frame(b"Hello")[:1]]
    )
    assert "no UTF-8 from byte 4 (e9) on" in bad["remarks"][0]["words"]
    assert "3 of 5 bytes of payload are missing" in cut["remarks"][0]["words"]
    assert "1 byte of it is missing, at least" in head["remarks"][0]["words"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("81 0g", "“g”, character 5, is no hexadecimal digit"),
        ("81 🎉", "“🎉”, character 4, is no hexadecimal digit"),
        ("81 5", "“5” has an odd number of digits"),
        ("81 05 48", "These are 3 bytes. The workbench takes 2 at most."),
    ],
)
def test_what_are_no_bytes_is_told(scripts: Page, typed: str, sentence: str) -> None:
    error = scripts.evaluate("(typed) => workbench.parseHex(typed, 2).error", typed)
    assert sentence in error


@pytest.mark.parametrize(
    "typed", ["8105", "81 05", "0x81 0x05", "81:05", r"\x81\x05", " 81,\n05 "]
)
def test_bytes_can_be_written_in_many_ways(scripts: Page, typed: str) -> None:
    script = "(typed) => workbench.hex(workbench.parseHex(typed).bytes)"
    assert scripts.evaluate(script, typed) == "81 05"


# On the page


@pytest.fixture
def bench(sites: dict[str, Path], tab: Page) -> Page:
    """The workbench, opened from its file."""
    tab.goto((sites["mkdocs"] / "workbench.html").as_uri())
    return tab


def said(bench: Page) -> str:
    """Return what is said about the bytes."""
    return " ".join(bench.locator("#wb-remarks").inner_text().split())


def arrived(bench: Page) -> list[str]:
    """Return the messages that the bytes make."""
    return bench.locator("#wb-messages li").all_inner_texts()


def flip(bench: Page, bit: int) -> None:
    """Flip a bit of the frame that is shown. The first of its bits is number 0."""
    bench.locator(f"#wb-bits [data-bit='{bit}']").click()


FIN, MASK, LAST_OF_THE_LENGTH = 0, 8, 15


def bytes_on(bench: Page) -> str:
    """Return the bytes on the page."""
    return bench.get_by_label("Bytes, in hexadecimal").input_value()


# RFC 6455, section 5.7, as it writes them, and what each is.
EXAMPLES = [
    ("0x81 0x05 0x48 0x65 0x6c 0x6c 0x6f", "server", ["text"], "5 bytes: “Hello”"),
    (
        "0x81 0x85 0x37 0xfa 0x21 0x3d 0x7f 0x9f 0x4d 0x51 0x58",
        "client",
        ["text"],
        "5 bytes: “Hello”",
    ),
    (
        "0x01 0x03 0x48 0x65 0x6c 0x80 0x02 0x6c 0x6f",
        "server",
        ["text", "continuation"],
        "5 bytes, from frames 1, 2: “Hello”",
    ),
    ("0x89 0x05 0x48 0x65 0x6c 0x6c 0x6f", "server", ["ping"], ""),
    (
        "0x8a 0x85 0x37 0xfa 0x21 0x3d 0x7f 0x9f 0x4d 0x51 0x58",
        "client",
        ["pong"],
        "",
    ),
    ("0x82 0x7E 0x0100" + " 00" * 256, "server", ["binary"], "256 bytes: 00 00"),
    (
        "0x82 0x7F 0x0000000000010000" + " 00" * 65_536,
        "server",
        ["binary"],
        "65,536 bytes: 00 00",
    ),
]


def test_examples_of_rfc_6455_are_read(bench: Page) -> None:
    for typed, sender, kinds, message in EXAMPLES:
        bench.get_by_label(f"the {sender}").check()
        bench.get_by_label("Bytes, in hexadecimal").fill(typed)
        assert said(bench) in (
            "Right. This frame keeps the rules.",
            "Right. These frames keep the rules.",
        )
        for place, kind in enumerate(kinds):
            if len(kinds) > 1:
                bench.locator("#wb-frames button").nth(place).click()
            opcode = bench.locator("#wb-fields tr", has_text="opcode")
            expect(opcode).to_contain_text(kind)
        [told] = arrived(bench)
        assert message in told if message else told == "No whole message."
        # What is long is shown in short.
        assert bench.locator(".wb-columns li").count() <= 25
    assert "and 65,512 bytes more" in bench.locator("#wb-payload").inner_text()
    # The field that was typed into is as it was typed.
    assert bytes_on(bench) == EXAMPLES[-1][0]


def test_examples_can_be_loaded(bench: Page) -> None:
    for place, (typed, sender, _kinds, message) in enumerate(EXAMPLES):
        bench.get_by_label("Example").select_option(index=[1, 0, 2, 3, 4, 5, 6][place])
        bench.get_by_role("button", name="Load", exact=True).click()
        expect(bench.get_by_label(f"the {sender}")).to_be_checked()
        assert bytes_on(bench).split() == re.findall(
            "..", typed.lower().replace("0x", "").replace(" ", "")
        )
        assert message in arrived(bench)[0]


def test_key_is_answered_step_by_step(bench: Page) -> None:
    field = bench.get_by_label("Sec-WebSocket-Key", exact=True)
    assert field.input_value() == KEY
    value = bench.locator("#accept-value")
    for key in ("AAAAAAAAAAAAAAAAAAAAAA==", KEY):
        field.fill(key)
        expect(value).to_have_text(accept_key(key))
        expect(bench.locator("#accept-given")).to_have_text(key)
        expect(bench.locator("#accept-wrong")).to_be_empty()
    expect(value).to_have_text("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    expect(bench.locator("#accept-hash")).to_have_text(
        "b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea"
    )
    field.fill("Zm91cg==")
    expect(bench.locator("#accept-wrong")).to_contain_text("This is Base64 of 4 bytes.")
    field.fill("no!")
    expect(bench.locator("#accept-wrong")).to_contain_text("This is not Base64")
    # It is computed all the same, as the server would.
    expect(value).to_have_text(accept_key("no!"))
    bench.get_by_role("button", name="A new random key").click()
    expect(bench.locator("#accept-wrong")).to_be_empty()
    expect(value).to_have_text(accept_key(field.input_value()))


def test_what_the_page_proposes_to_try_happens(bench: Page) -> None:
    assert bytes_on(bench) == HELLO
    flip(bench, FIN)
    assert bytes_on(bench).startswith("01 85")
    assert "The message is not finished." in said(bench)
    flip(bench, FIN)
    assert bytes_on(bench) == HELLO

    flip(bench, LAST_OF_THE_LENGTH)
    assert bench.locator("#wb-frames button").count() == 2
    assert "A text message of 4 bytes: “Hell”" in arrived(bench)
    assert "Frame 2: The frame ends in the middle of its head" in said(bench)
    flip(bench, LAST_OF_THE_LENGTH)

    flip(bench, MASK)
    assert "a client must mask every frame" in said(bench).lower()
    assert bench.locator(".wb-columns li").nth(1).inner_text().split()[0] == "37"
    flip(bench, MASK)

    bench.get_by_role("button", name="Split into two pieces").click()
    bench.get_by_role("button", name="Add a ping behind it").click()
    names = bench.locator("#wb-frames button").all_inner_texts()
    assert [name.split(" · ")[1].split(",")[0] for name in names] == [
        "text",
        "ping",
        "continuation",
    ]
    assert arrived(bench) == ["A text message of 5 bytes, from frames 1, 3: “Hello”"]
    assert said(bench) == "Right. These frames keep the rules."

    bench.get_by_role("button", name="Load", exact=True).click()
    payload = bench.get_by_label("Payload", exact=True)
    payload.fill("né")
    bench.get_by_label("hexadecimal", exact=True).check()
    assert payload.input_value() == "6e c3 a9"
    payload.fill("6e c3")
    assert "The text ends in the middle of a character" in said(bench)


def test_controls_build_a_frame(bench: Page) -> None:
    bench.get_by_label("Opcode", exact=True).select_option("2")
    bench.get_by_label("FIN", exact=True).uncheck()
    bench.get_by_label("RSV2", exact=True).check()
    assert bytes_on(bench).startswith("22 85 37")
    assert "RSV2 must be 0" in said(bench)
    bench.get_by_label("RSV2", exact=True).uncheck()
    bench.get_by_label("FIN", exact=True).check()
    bench.get_by_label("Masking key", exact=True).fill("00000000")
    assert bytes_on(bench) == "82 85 00 00 00 00 48 65 6c 6c 6f"
    bench.get_by_label("Masked", exact=True).uncheck()
    assert bytes_on(bench) == "82 05 48 65 6c 6c 6f"
    bench.get_by_label("Length in", exact=True).select_option("64")
    assert bytes_on(bench) == "82 7f 00 00 00 00 00 00 00 05 48 65 6c 6c 6f"
    assert "the shortest form must be used" in said(bench)
    bench.get_by_label("Length in", exact=True).select_option("7")
    bench.get_by_label("Payload", exact=True).fill("x" * 126)
    assert bytes_on(bench).startswith("82 7e 00 7e 78")
    bench.get_by_role("button", name="Remove it").click()
    assert bytes_on(bench) == ""
    assert said(bench) == "No bytes, no frame."


def stops(bench: Page, field: Locator, typed: str, words: str, what: str) -> None:
    """What is typed is told and kept, and nothing stands there of what was before."""
    field.fill(typed)
    name = field.get_attribute("name")
    expect(bench.locator(f"#wb-{name}-error")).to_contain_text(words)
    assert field.input_value() == typed
    expect(field).to_have_attribute("aria-invalid", "true")
    assert said(bench) == f"Nothing to judge until the {what} can be read."
    expect(bench.locator(".wb-result:visible")).to_have_count(0)


def test_wrong_input_is_told_and_what_was_shown_goes(bench: Page) -> None:
    field = bench.get_by_label("Bytes, in hexadecimal")
    for typed, words in [
        ("81 8", "“8” has an odd number of digits"),
        ("81 zz", "“z”, character 4, is no hexadecimal digit"),
        ("00" * 70_001, "These are 70,001 bytes. The workbench takes 70,000 at most."),
    ]:
        stops(bench, field, typed, words, "bytes")
        expect(bench.locator("#wb-controls")).to_be_hidden()
    bench.get_by_label("the server").check()
    assert said(bench).startswith("Nothing to judge")
    bench.get_by_label("the client").check()
    field.fill("")
    assert said(bench) == "No bytes, no frame."
    assert arrived(bench) == ["No whole message."]
    field.fill(HELLO[:-3])  # It ends too early: that has a verdict, and no message.
    assert "1 of 5 bytes of payload is missing" in said(bench)
    assert arrived(bench) == ["No whole message."]
    field.fill(HELLO)
    expect(bench.locator("#wb-hex-error")).to_be_empty()
    assert arrived(bench) == ["A text message of 5 bytes: “Hello”"]


def test_wrong_parts_of_a_frame_are_told_and_what_was_shown_goes(bench: Page) -> None:
    key = bench.get_by_label("Masking key", exact=True)
    for typed, words in [
        ("01 02", "A masking key has 4 bytes. This has 2."),
        ("", "A masking key has 4 bytes. This has 0."),
        ("01 02 03 04 05", "A masking key has 4 bytes. This has 5."),
        ("01 02 03 x", "“x”, character 10, is no hexadecimal digit"),
    ]:
        stops(bench, key, typed, words, "masking key")
        assert bytes_on(bench) == HELLO
    key.fill("37 fa 21 3d")
    assert said(bench) == "Right. This frame keeps the rules."
    bench.get_by_label("hexadecimal", exact=True).check()
    payload = bench.get_by_label("Payload", exact=True)
    stops(bench, payload, "48 6", "“6” has an odd number of digits", "payload")
    stops(bench, payload, "00" * 70_000, "That would be 70,014 bytes", "payload")
    # Whoever gives up loads another frame.
    bench.get_by_role("button", name="Load", exact=True).click()
    assert arrived(bench) == ["A text message of 5 bytes: “Hello”"]
    expect(bench.locator("#wb-payload-error")).to_be_empty()


def test_button_that_can_do_nothing_says_so_and_leaves_the_frame(bench: Page) -> None:
    bench.get_by_label("Bytes, in hexadecimal").fill(
        "82 7f 00 00 00 00 00 01 11 66" + "00" * 69_990
    )
    bench.get_by_label("the server").check()
    bench.get_by_role("button", name="Add a ping behind it").click()
    expect(bench.locator("#wb-payload-error")).to_contain_text(
        "That would be 70,008 bytes"
    )
    assert said(bench) == "Right. This frame keeps the rules."


def test_many_frames_are_listed_in_short(bench: Page) -> None:
    # A text that comes byte by byte, and pieces without a payload.
    pieces = ["01 01 c3", "00 01 a9", *["00 01 61"] * 5_000, *["00 00"] * 1_000]
    bench.get_by_label("the server").check()
    bench.get_by_label("Bytes, in hexadecimal").fill(" ".join(pieces))
    assert bench.locator("#wb-frames button").count() == 24
    expect(bench.locator("#wb-frames")).to_contain_text("… and 5,978 frames more")
    assert "The message is not finished" in said(bench)
    bench.get_by_label("Bytes, in hexadecimal").fill(" ".join([*pieces, "80 00"]))
    [message] = arrived(bench)
    assert message.startswith("A text message of 5,002 bytes, from frames 1, 2, 3, ")
    assert message.endswith("… and 5,979 frames more: “é" + "a" * 59 + "…”")


def test_keyboard_alone_flips_bits(bench: Page) -> None:
    bench.get_by_label("Bytes, in hexadecimal").focus()
    press = bench.keyboard.press
    focused = bench.locator(":focus")
    press("Tab")
    expect(focused).to_have_attribute("aria-label", "FIN, bit 1 of byte 1")
    press("ArrowRight")
    expect(focused).to_have_attribute("aria-label", "RSV1, bit 2 of byte 1")
    press("Space")
    expect(focused).to_have_attribute("aria-pressed", "true")
    expect(focused).to_have_attribute("aria-label", "RSV1, bit 2 of byte 1")
    assert "RSV1 must be 0" in said(bench)
    press("ArrowDown")
    expect(focused).to_have_attribute("aria-label", "length, 7 bits, bit 2 of byte 2")
    press("ArrowLeft")
    press("Enter")
    assert "a client must mask" in said(bench).lower()
    press("End")
    expect(focused).to_have_attribute("aria-label", "length, 7 bits, bit 8 of byte 2")
    press("Home")
    # One press leaves the bits, whatever their number.
    press("Tab")
    expect(bench.locator("#wb-bits :focus")).to_have_count(0)
    # What has the focus can be seen.
    press("Shift+Tab")
    assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"


def test_experiments_open_in_the_workbench(bench: Page) -> None:
    recordings = {each["name"]: each for each in recorded_in_the_file()}
    for block in bench.locator(".experiment").all():
        each = recordings[block.get_attribute("data-name")]
        block.get_by_role("button", name="Open in the workbench").click()
        expect(bench.locator("#wb-title")).to_be_focused()
        assert bytes_on(bench) == each["sent"]
        server = bench.locator("#wb-server")
        expect(server).to_contain_text("really did with these bytes")
        expect(server).to_contain_text(each["outcome"])
        # Another frame of this kind is known by what is wrong with it.
        bench.get_by_label("Bytes, in hexadecimal").press_sequentially(" ")
        assert re.search(r"\d+ · ", server.inner_text())
    expect(bench.locator(".experiment")).to_have_count(len(recordings))


def test_frames_like_an_experiment_are_known(bench: Page) -> None:
    server = bench.locator("#wb-server")
    link = server.get_by_role("link")
    for sent, heading in [
        (frame(b"Bye"), "A good frame"),
        (frame(b"Bye", mask=b""), "Not masked"),
        (frame(b"Bye", rsv=1), "A reserved bit"),
        (frame(b"\xff"), "A text that is no UTF-8"),
        (frame(b"B", fin=False) + frame(b"ye", CONT), "A message in pieces"),
        (frame(b"x" * 200, 0xA), "A ping that is too long"),
        (frame(b"", CLOSE, fin=False), "A control frame in pieces"),
        (frame(b"\x10", CLOSE), "Half a close"),
        (frame((1006).to_bytes(2, "big"), CLOSE), "A code that must not be sent"),
        (frame(b"", length=1 << 40), "A message that is too big"),
    ]:
        bench.get_by_label("Bytes, in hexadecimal").fill(sent.hex())
        expect(server).to_contain_text("with bytes of this kind")
        expect(link).to_contain_text(heading)
    link.click()
    expect(bench.locator("#experiment-too-much")).to_be_in_viewport()
    bench.get_by_label("Bytes, in hexadecimal").fill(frame(b"", 3).hex())
    expect(server).to_have_text("None of the ten experiments below is of this kind.")
    bench.get_by_label("the server").check()
    expect(server).to_be_hidden()


def test_bytes_have_an_address(bench: Page) -> None:
    bench.get_by_label("Bytes, in hexadecimal").fill("8902 4869")
    bench.get_by_label("the server").check()
    bench.get_by_role("link", name="Link to these bytes").click()
    address = bench.url
    assert address.endswith("#bytes=89024869&from=server")
    bench.goto("about:blank")
    bench.goto(address)
    assert bytes_on(bench) == "89 02 48 69"
    expect(bench.get_by_label("the server")).to_be_checked()
    # One that was cut on its way says so.
    bench.goto(address.replace("89024869", "8902486"))
    expect(bench.locator("#wb-hex-error")).to_contain_text("an odd number of digits")
    assert said(bench) == "Nothing to judge until the bytes can be read."


# It would load the stylesheets again, which no page may from a file.
AXE = """(rules) => axe.run("article", {
  resultTypes: ["violations"], preload: false, ...(rules && { runOnly: rules }) })"""


@pytest.mark.parametrize(
    ("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])]
)
def test_everybody_can_read_it(
    bench: Page, scheme: str, rules: list[str] | None
) -> None:
    bench.emulate_media(color_scheme=scheme)
    bench.get_by_label("Bytes, in hexadecimal").fill("b1 85 01")
    bench.get_by_label("Bytes, in hexadecimal").fill("b1 85 01 8")
    for width, height in ((1280, 640), (400, 800)):
        bench.set_viewport_size({"width": width, "height": height})
        assert bench.evaluate("document.documentElement.scrollWidth") <= width
    bench.evaluate(AXE_SCRIPT)
    found = bench.evaluate(AXE, rules)["violations"]
    assert not [(each["id"], each["nodes"][0]["html"]) for each in found]


def test_page_says_its_content_without_javascript(
    sites: dict[str, Path], quick_chromium: Watched
) -> None:
    context = quick_chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((sites["zensical"] / "workbench.html").as_uri())
    expect(page.get_by_text("this page needs JavaScript")).to_be_visible()
    expect(page.locator("#wb-tool")).to_be_hidden()
    expect(page.locator("#accept-value")).to_have_text(accept_key(KEY))
    expect(page.locator(".experiment .outcome")).to_have_count(len(EXPERIMENTS))
    expect(page.get_by_role("button", name="Open in the workbench")).to_have_count(0)
    context.close()


def test_page_works_as_zensical_builds_it(sites: dict[str, Path], tab: Page) -> None:
    tab.goto((sites["zensical"] / "workbench.html").as_uri())
    assert said(tab) == "Right. This frame keeps the rules."


# The experiments


def recorded_in_the_file() -> list[dict]:
    """Return the recordings that the page shows."""
    return json.loads(FILE.read_text(encoding="utf-8"))["experiments"]


PROOF = Proof(
    "experiments",
    "all",
    (
        ROOT / "stage01_echo",
        Path(experiments.__file__),
        *CHECKER,
        *HARNESS,
    ),
)


@pytest.mark.parametrize("proof", [PROOF], ids=str)
def test_our_server_still_does_what_was_recorded(
    proof: Proof, tmp_path: Path, recorded: Recorded
) -> None:
    seen = recorded(
        proof, lambda: {"all": experiments.without_times(record_all(tmp_path))}
    )
    now, file = seen["all"], experiments.without_times(recorded_in_the_file())
    words = "This renews it: python -m tests.docs.experiments --write"
    for old, new in zip(file, now, strict=True):
        assert old == new, f"{FILE.name} tells {old['name']} differently. {words}"


def test_what_the_page_says_of_all_experiments_is_so() -> None:
    recordings = recorded_in_the_file()
    assert [each["name"] for each in recordings] == [each.name for each in EXPERIMENTS]
    right = {"text", "pieces"}
    for each in recordings:
        if each["name"] in right:
            assert each["outcome"].endswith("and the connection stays open.")
            assert each["websockets"] == each["outcome"]
        else:
            end = "The server cuts the TCP connection off (RST)"
            assert each["outcome"] == f"{end}, and sends no close frame."
            code = {"bad-utf-8": 1007, "too-much": 1009}.get(each["name"], 1002)
            assert f"a close frame (code {code}, “" in each["websockets"]
        assert each["printed"] == [
            f"WebSocket {word}" for word in ("HANDSHAKING", "CONNECT", "DISCONNECT")
        ]
    text, *_others, pieces, _, in_pieces, _, _, too_much = recordings[0:]
    assert [len(bytes.fromhex(line["hex"])) for line in text["lines"][:2]] == [11, 7]
    assert text["lines"][-1]["who"] == "server"
    assert text["lines"][1]["hex"] == recordings[1]["sent"]
    echo = [line for line in pieces["lines"] if "“Hello”" in line["words"]]
    assert [line["words"] for line in echo] == ["text, FIN, 5 bytes: “Hello”"]
    # Of the ping in pieces, only the first one has found the connection open.
    assert [line["who"] for line in in_pieces["lines"]] == ["client", "server"]
    assert len(EXPERIMENTS[6].steps) == 2
    assert len(bytes.fromhex(too_much["sent"])) == 14


def test_autobahn_has_a_switch_that_lets_it_say_why() -> None:
    assert WebSocketServerFactory("ws://localhost").failByDrop
    assert "failByDrop" not in inspect.getsource(daphne.server)


def test_a_second_experiment_of_this_name_is_not_made_up() -> None:
    with pytest.raises(repository.CannotShow, match="no experiment named nothing"):
        workbench.experiment("nothing")


def test_all_experiments_stand_in_a_table() -> None:
    rows = workbench.experiments().splitlines()[2:]
    assert len(rows) == len(EXPERIMENTS)
    ends = "| answers, stays open | answers, stays open |"
    assert rows[0] == f"| [A good frame](#experiment-text) {ends}"
    assert rows[1].endswith(" | cuts TCP off | close 1002, “incorrect masking” |")


def test_long_frames_are_told_in_short() -> None:
    told = workbench.experiment("long-ping")
    assert " … and 110 more</code>" in told
    assert told.count("<li") == 2
    assert 'class="client"><b>client →</b> <span>ping, FIN, masked, 126 bytes' in told


def test_words_of_the_recorder_are_those_of_the_frames() -> None:
    for sent, words in [
        (frame(b"", CLOSE, mask=b""), "close, FIN, 0 bytes"),
        (frame(b"\x03\xe8bye", CLOSE), "close, FIN, masked, 5 bytes: code 1000, “bye”"),
        (frame(b"a", rsv=0b101, fin=False), "text, more to come, RSV1, RSV3, masked"),
        (frame(b"\0", 0x2, mask=b""), "binary, FIN, 1 byte: 00"),
    ]:
        assert experiments.describe(sent).startswith(words)


def test_recorder_takes_down_silence_and_halves_of_frames() -> None:
    def come(*chunks: bytes | Exception) -> list[dict]:
        coming = iter(chunks)

        def recv(_size: int) -> bytes:
            chunk = next(coming)
            if isinstance(chunk, Exception):
                raise chunk
            return chunk

        recorder = experiments.Recorder(
            SimpleNamespace(settimeout=lambda _seconds: None, recv=recv)
        )
        recorder.read()
        return [(line["who"], line["words"]) for line in recorder.lines]

    assert come(TimeoutError()) == [("nobody", "nothing more for 3 seconds")]
    assert come(b"\x81", b"\x01a") == [("server", "text, FIN, 1 byte: “a”")]
    assert come(b"\x81\x05He", b"") == [
        ("server", "part of a frame"),
        ("server", "ends the TCP connection in order (FIN)"),
    ]
