"""Links between the documents lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for top in ("docs", "bench", "data", "config") for path in (ROOT / top).glob("**/*.md"))])


def anchors(text):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path, text):
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        leads_to = (path.parent / file) if file else path
        if not leads_to.exists() or (anchor and anchor not in anchors(leads_to.read_text())):
            found.append(target)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    assert broken(path, path.read_text()) == []


def test_all_documents_are_in_the_list_of_them():
    listed = (ROOT / "docs/README.md").read_text()
    missing = [path.name for path in (ROOT / "docs").glob("**/*.md") if path.name != "README.md" and f"{path.name})" not in listed]
    assert missing == []


def test_a_broken_link_is_found():
    readme = ROOT / "docs/README.md"
    assert broken(readme, "[a](security.md) [b](none.md) [c](security.md#nothing) [d](https://example.org/x)") == ["none.md", "security.md#nothing"]
