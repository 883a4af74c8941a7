"""Real pictures of a wanted kind and size, drawn for tests."""

import io
import random
from hashlib import sha256

from PIL import Image

from contract.photos import Photo


def picture(kind: str = "JPEG", *, width: int = 320, height: int = 240, seed: int = 1) -> bytes:
    """Return a picture that compresses badly, as a photo does."""
    noise = random.Random(seed).randbytes((width // 8) * (height // 8) * 3)  # noqa: S311 - no secret
    coarse = Image.frombytes("RGB", (width // 8, height // 8), noise)
    held = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(held, kind)
    return held.getvalue()


def named(content: bytes) -> Photo:
    """Return the photo as a message names it."""
    return Photo(sha256=sha256(content).hexdigest(), size_bytes=len(content))
