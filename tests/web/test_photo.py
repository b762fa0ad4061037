"""What a camera writes into a picture beside it is gone before anybody keeps it; the picture is the same."""

from __future__ import annotations

import zlib

import pytest

from fieldsync.web.field.content.photo import media_type_of, without_metadata


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


WHERE = b"Exif\0\0GPSLatitude 53.8"
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\x34\xff\x00\x56\xff\xd9"
JPEG = (
    b"\xff\xd8" + segment(0xE0, b"JFIF\0") + segment(0xE1, WHERE) + segment(0xFE, b"made by") + segment(0xDB, b"q" * 65)
)


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0" * 13)
PIXELS = chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("taken", "kept"),
    [
        (JPEG + SCAN, b"\xff\xd8" + segment(0xE0, b"JFIF\0") + segment(0xDB, b"q" * 65) + SCAN),
        (JPEG + SCAN + WHERE, b"\xff\xd8" + segment(0xE0, b"JFIF\0") + segment(0xDB, b"q" * 65) + SCAN),
        (PNG + chunk(b"eXIf", WHERE) + chunk(b"tEXt", b"Author\0me") + PIXELS, PNG + PIXELS),
        (b"%PDF-1.4 text", b"%PDF-1.4 text"),
    ],
)
def test_the_picture_stays_and_what_is_told_beside_it_goes(taken: bytes, kept: bytes) -> None:
    assert without_metadata(taken) == kept
    assert media_type_of(kept) == media_type_of(taken)


@pytest.mark.parametrize("body", [b"", b"<svg onload=x>", JPEG, PNG, b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPxx", b"MZ\x90"])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="picture"):
        without_metadata(body)
