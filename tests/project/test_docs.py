"""The generated pages say what the source says."""

import re
import subprocess
from pathlib import Path

import pytest

from evenhand import docs

CHECKOUT = Path(__file__).parents[2]


def test_the_generated_pages_are_up_to_date():
    assert docs.stale(docs.pages()) == [], "run `make docs` and commit what it wrote"


@pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="what is kept is asked of git, and this is no clone")
def test_nothing_lies_beside_what_the_layout_names():
    kept = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    layout = (CHECKOUT / "README.md").read_text(encoding="utf-8").partition("## Layout")[2].partition("## ")[0]
    files = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "pyproject.toml"}
    seen = {path.partition("/")[0] for path in kept.splitlines() if not path.startswith(".")}

    assert seen == files | set(re.findall(r"^(\w+)/ ", layout, re.MULTILINE))


def test_every_setting_is_described():
    page = docs.pages()["configuration.md"]

    assert "| None |" not in page
    assert "`EVENHAND_DATABASE_URL` | text, secret | none |" in page
    assert "`EVENHAND_GRACE_S` | whole number, at least 0, at most 600 | `30` |" in page


def test_every_link_inside_the_repository_leads_somewhere():
    pages = [CHECKOUT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
    pages += (CHECKOUT / "docs").rglob("*.md")
    links = [
        (page, link)
        for page in pages
        if page.is_file()
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in link and not link.startswith("mailto:")
    ]

    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_every_decision_stands_in_the_list():
    folder = CHECKOUT / "docs/adr"
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))

    assert listed == sorted(path.name for path in folder.glob("0*.md"))
