"""What a picture is, read from its header: of real ones, of ones that were cut, of anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import picture

from contract.photos import MOST_SIDE_PX, Picture, measure

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@pytest.mark.parametrize("kind", TYPES)
def test_type_and_size_are_read_from_the_bytes_and_not_from_what_is_said(kind: str):
    assert measure(picture(kind, width=328, height=240)) == Picture(TYPES[kind], 328, 240)


def test_a_lossless_webp_and_one_with_a_wide_header_are_read_too():
    lossless = b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f" + ((99) | (49 << 14)).to_bytes(4, "little")
    assert measure(lossless) == Picture("image/webp", 100, 50)
    wide = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\x63\x00\x00" + b"\x31\x00\x00"
    assert measure(wide) == Picture("image/webp", 100, 50)


@pytest.mark.parametrize("kind", TYPES)
def test_a_picture_that_is_cut_in_its_header_is_none(kind: str):
    whole = picture(kind)
    assert measure(whole[:20]) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"%PDF-1.7", b"<html>", b"\xff\xd8\xff", b"MZ"],
)
def test_what_is_no_photo_is_none(content: bytes):
    assert measure(content) is None


def test_a_picture_that_would_fill_a_memory_does_not_fit():
    assert Picture("image/png", MOST_SIDE_PX, 1).fits
    assert not Picture("image/png", MOST_SIDE_PX + 1, 1).fits
    assert not Picture("image/png", 0, 1).fits


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBPVP8 ", b"RIFF....WEBPVP8L"]),
    st.binary(max_size=200),
)
def test_no_bytes_make_it_stumble(head: bytes, rest: bytes):
    found = measure(head + rest)
    assert found is None or found.media_type in TYPES.values()
