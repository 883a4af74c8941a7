"""The generated pages say what the source says."""

from evenhand import docs


def test_the_generated_pages_are_up_to_date():
    assert docs.stale(docs.pages()) == [], "run `make docs` and commit what it wrote"


def test_every_setting_is_described():
    page = docs.pages()["configuration.md"]

    assert "| None |" not in page
    assert "`EVENHAND_DATABASE_URL` | text, secret | none |" in page
    assert "`EVENHAND_GRACE_S` | whole number, at least 0, at most 600 | `30` |" in page
