"""What the page is made of: its files under one version, so that a page never mixes those of two."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from contract.texts import LANGUAGES
from server import __version__
from server.kit.console.templating import static
from server.tablet.words import spoken

STATIC = Path(__file__).parent / "static"
MEDIA = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}
APART = ("shell.html", "worker.js")
FONTS = tuple(
    f"vendor/fonts/ibm-plex-sans-{letters}-{weight}.woff2"
    for letters in ("latin", "latin-ext")
    for weight in (400, 600)
)


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    body: bytes
    media_type: str


@cache
def files() -> dict[str, File]:
    """Return the files by name: scripts, the look, and the words of each language."""
    found = {
        path.name: File(path.read_bytes(), MEDIA[path.suffix])
        for path in sorted(STATIC.iterdir())
        if path.name not in APART
    }
    for language in LANGUAGES:
        words = json.dumps(spoken(language), ensure_ascii=False).encode()
        found[f"texts-{language}.json"] = File(words, MEDIA[".json"])
    found["fonts.css"] = File(_fonts().encode(), MEDIA[".css"])
    return found


def _fonts() -> str:
    """Return where the letters of the look come from; Chinese is in every tablet."""
    addresses = {name: static(name) for name in FONTS}
    return "\n".join(
        f'@font-face {{ font-family: "Plex"; font-weight: {name.split("-")[-1][:3]}; font-display: swap; '
        f'src: url("{address}") format("woff2");{_LETTERS if "-ext-" in name else ""} }}'
        for name, address in addresses.items()
    )


_LETTERS = " unicode-range: U+0100-02BA, U+02BD-02C5, U+1E00-1E9F, U+1EF2-1EFF, U+20A0-20AB, U+20AD-20C0;"


@cache
def version() -> str:
    """Return the name of this state of the files and of what stands around them."""
    whole = hashlib.sha256()
    for name, file in files().items():
        whole.update(name.encode() + file.body)
    for name in APART:
        whole.update((STATIC / name).read_bytes())
    return f"{__version__}-{whole.hexdigest()[:12]}"


def address(name: str) -> str:
    """Return where a file is found."""
    return f"/tablet/files/{version()}/{name}"


@cache
def shell() -> str:
    """Return the page; all that is on it comes from its scripts."""
    sorry = {language: spoken(language)["words"]["no_script"] for language in LANGUAGES}
    return Template((STATIC / "shell.html").read_text("utf-8")).substitute(files=address("").rstrip("/"), **sorry)


@cache
def worker() -> str:
    """Return the program that lets the page open without a network: which files are kept, and how."""
    kept = [*(address(name) for name in files()), *(static(name) for name in FONTS), "/tablet/manifest.webmanifest"]
    head = f"const VERSION = {json.dumps(version())}, ASSETS = {json.dumps(kept)};\n"
    return head + (STATIC / "worker.js").read_text("utf-8")
