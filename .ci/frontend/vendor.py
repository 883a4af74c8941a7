"""Copy the served front-end files out of ``node_modules`` into the console and the terminal, and make its words.

Run after ``npm ci --prefix .ci/frontend``. Only what a browser asks for is copied, with its licence;
a second run writes nothing. Files that are no longer wanted are removed, so that the folders hold
exactly what this list names.
"""

import sys
from pathlib import Path

import pinyin

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
WORDS = "terminal_client/core/words"
TARGETS = ("server/kit/console/static/vendor", "terminal_client/ui/static/vendor")

_SANS = "@fontsource/ibm-plex-sans"
_MONO = "@fontsource/ibm-plex-mono"
WANTED: dict[str, str] = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "fonts/ibm-plex-sans.LICENSE.txt": f"{_SANS}/LICENSE",
    "fonts/ibm-plex-mono.LICENSE.txt": f"{_MONO}/LICENSE",
    **{
        f"fonts/ibm-plex-sans-{part}-{weight}.woff2": (f"{_SANS}/files/ibm-plex-sans-{part}-{weight}-normal.woff2")
        for part in ("latin", "latin-ext")
        for weight in (400, 500, 600)
    },
    **{
        f"fonts/ibm-plex-mono-latin-{weight}.woff2": (f"{_MONO}/files/ibm-plex-mono-latin-{weight}-normal.woff2")
        for weight in (400, 500)
    },
}


def copy_into(folder: Path) -> int:
    """Make ``folder`` hold exactly the wanted files; return how many were written or removed."""
    changes = 0
    for name, source in WANTED.items():
        content = (MODULES / source).read_bytes()
        target = folder / name
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        changes += 1
    for found in folder.rglob("*"):
        if found.is_file() and found.relative_to(folder).as_posix() not in WANTED:
            found.unlink()
            changes += 1
    return changes


def main() -> int:
    """Copy into both interfaces of the checkout; exit 1 with one line where the packages are missing."""
    absent = [source for source in (*WANTED.values(), pinyin.SOURCE) if not (MODULES / source).is_file()]
    if absent:
        sys.stderr.write(f"vendor: {absent[0]} is not in {MODULES}; run `npm ci --prefix .ci/frontend` first\n")
        return 1
    checkout = HERE.parent.parent
    for target in TARGETS:
        changes = copy_into(checkout / target)
        sys.stdout.write(f"{target}: {f'{changes} files updated' if changes else 'up to date'}\n")
    changes = pinyin.write(MODULES, checkout / WORDS)
    sys.stdout.write(f"{WORDS}: {f'{changes} files updated' if changes else 'up to date'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
