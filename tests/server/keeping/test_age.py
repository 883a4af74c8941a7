"""The encrypted file: what was written comes back; what is not what was written does not."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from server.keeping import age_keys
from server.keeping.age import CHUNK_BYTES, TAG_BYTES, Opened, Passphrase, SealedFileError, Sealer

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
WORDS = Passphrase("four words of a person", work_factor=4)
SEALED_BYTES = CHUNK_BYTES + TAG_BYTES
# Written by rage (another program of the age format), with a stanza of a kind that nobody knows.
OTHERS_SECRET = "AGE-SECRET-KEY-1CRJE73DJHAR69TJGHGUYRAPN3YFR03THVH5PVZEFK5QQSRVV4P5QEU8SG7"
OTHERS_PUBLIC = "age1ttvwgnzj8cftsl7hl96yghx3mc4rkqwdrwmc5xelkfraptzzpsesu2t0nm"
OTHERS_FILE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBxUHllWlNWV29zT1haam1RNDJLMWhPSkVrMEs3SnN1K0JNVUtXQWVzdWdVCjBqbjZvTGhQ"
    "MkdIZ3R1b2xNNDA0RlB6d0pPSTRKWFBrdmQvSkZXRUJrNFkKLT4gby1ncmVhc2UKclh6OUVEREFvZlZFMEwvaHJ5WHI2a0ZIUUVRWgotLS0geENX"
    "T291Q01KYUhJSkVqcU1Qd3Y3d1hmamNYWEZYQTZhZERIWVNObWJGMAorcRbIh8kx8imvIYprLCL0m6TKh7WCUYAQM3c/7fcMyzbhYq+ABU/bhxpF"
    "4VO8vCyOgHxDREpVMW0cPQ=="
)


def sealed(data: bytes, to: list[X25519PrivateKey] | Passphrase) -> bytes:
    sink = io.BytesIO()
    sealer = Sealer(sink, to if isinstance(to, Passphrase) else [key.public_key() for key in to])
    for at in range(0, len(data), 10_000):
        sealer.write(data[at : at + 10_000])
    sealer.finish()
    return sink.getvalue()


def opened(file: bytes, keys: list[X25519PrivateKey] | Passphrase) -> bytes:
    return Opened(io.BytesIO(file), keys).read()


def blocks(file: bytes) -> tuple[bytes, list[bytes]]:
    """Return what stands before the blocks, and the blocks."""
    start = file.index(b"\n--- ") + 1
    start = file.index(b"\n", start) + 1 + 16
    return file[:start], [file[at : at + SEALED_BYTES] for at in range(start, len(file), SEALED_BYTES)]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 200_000])
def test_what_was_sealed_comes_back(size: int):
    data = bytes(number % 251 for number in range(size))
    assert opened(sealed(data, [KEY]), [X25519PrivateKey.generate(), KEY]) == data


def test_each_of_several_keys_opens_a_file():
    other = X25519PrivateKey.generate()
    file = sealed(b"data", [KEY, other])
    assert opened(file, [KEY]) == opened(file, [other]) == b"data"


def test_a_passphrase_opens_what_it_sealed_and_no_other_does():
    file = sealed(b"data", WORDS)
    assert opened(file, WORDS) == b"data"
    with pytest.raises(SealedFileError, match="the passphrase does not open this file"):
        opened(file, Passphrase("five words of another person"))


def test_a_file_of_another_program_opens(tmp_path: Path):
    keys = tmp_path / "keys"
    keys.write_text(f"# made elsewhere\n{OTHERS_SECRET}\n")
    assert opened(OTHERS_FILE, age_keys.identities(keys)) == b"what a rage program sealed\n"
    assert [age_keys.written_public(key) for key in age_keys.recipients(keys)] == [OTHERS_PUBLIC]


def test_another_key_opens_nothing():
    with pytest.raises(SealedFileError, match="the key does not open this file"):
        opened(sealed(b"data", [KEY]), [X25519PrivateKey.generate()])


def test_it_says_what_the_file_opens_by():
    with pytest.raises(SealedFileError, match="opens by a key"):
        opened(sealed(b"data", [KEY]), WORDS)
    with pytest.raises(SealedFileError, match="opens by a passphrase"):
        opened(sealed(b"data", WORDS), [KEY])


DATA = bytes(number % 253 for number in range(3 * CHUNK_BYTES + 500))
FILE = sealed(DATA, [KEY])


@given(st.integers(0, len(FILE) * 8 - 1))
@settings(deadline=None, max_examples=60)
def test_a_flipped_bit_is_found_wherever_it_is(bit: int):
    changed = bytearray(FILE)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealedFileError):
        opened(bytes(changed), [KEY])


@given(st.integers(0, len(FILE) - 1))
@settings(deadline=None, max_examples=60)
def test_a_cut_file_is_found_wherever_it_ends(length: int):
    with pytest.raises(SealedFileError):
        opened(FILE[:length], [KEY])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda found: found[:1] + found[2:], id="dropped"),
        pytest.param(lambda found: [found[1], found[0], *found[2:]], id="swapped"),
        pytest.param(lambda found: [*found[:2], found[1], *found[2:]], id="doubled"),
        pytest.param(lambda found: found[:-1], id="last one dropped"),
        pytest.param(lambda found: [*found, found[-1]], id="last one doubled"),
        pytest.param(lambda found: [*found, b"more"], id="something behind"),
    ],
)
def test_blocks_that_were_moved_are_found(change: Callable[[list[bytes]], list[bytes]]):
    head, found = blocks(FILE)
    assert b"".join([head, *found]) == FILE
    with pytest.raises(SealedFileError, match="damaged or cut"):
        opened(b"".join([head, *change(found)]), [KEY])


def test_a_block_of_another_file_under_the_same_key_is_found():
    head, found = blocks(FILE)
    _, others = blocks(sealed(DATA, [KEY]))
    with pytest.raises(SealedFileError, match="block 2"):
        opened(b"".join([head, found[0], others[1], *found[2:]]), [KEY])


def test_what_is_no_such_file_is_refused_at_once():
    for file in (b"", b"PGDMP", b"age-encryption.org/v2\n"):
        with pytest.raises(SealedFileError, match="this is no backup"):
            opened(file, [KEY])


def test_a_file_cannot_ask_for_hours_of_stretching():
    file = sealed(b"data", WORDS).replace(b" 4\n", b" 40\n")
    with pytest.raises(SealedFileError, match=r"2\^40"):
        opened(file, WORDS)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (OTHERS_PUBLIC[:-1] + "q", "check letters"),
        (OTHERS_PUBLIC[:-3], "check letters"),
        ("age1Ttvw", "capitals"),
        ("ssh-ed25519 aaaa", "does not begin with age1"),
    ],
)
def test_a_line_that_is_no_key_is_named(tmp_path: Path, line: str, why: str):
    keys = tmp_path / "keys"
    keys.write_text(f"\n{line}\n")
    with pytest.raises(age_keys.KeyRefusedError, match=f"line 2: .*{why}"):
        age_keys.recipients(keys)


def test_a_file_without_a_key_is_refused(tmp_path: Path):
    keys = tmp_path / "keys"
    keys.write_text("# nothing yet\n")
    with pytest.raises(age_keys.KeyRefusedError, match="holds no key"):
        age_keys.identities(keys)
