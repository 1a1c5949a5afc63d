from __future__ import annotations

from datetime import UTC, datetime

import pytest

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.articles import article, article_from_markdown


def test_front_matter_gives_title_url_date_and_metadata() -> None:
    document = article_from_markdown(
        "billing/refunds.md",
        "refunds",
        "---\nTitle: Refunds & credits\nurl: https://help.example/refunds\nupdated: 2026-01-02\n"
        "tags: [money, back]\naudience: home\n---\n\n# Refunds & credits\n\nWithin 14 days.\n",
    )
    assert document.title == "Refunds & credits"
    assert document.text == "Within 14 days."
    assert document.url == "https://help.example/refunds"
    assert document.updated_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert document.metadata == {"tags": "money, back", "audience": "home"}


def test_without_front_matter_the_heading_is_the_title() -> None:
    document = article_from_markdown(
        "a.md", "a", "# Refunds\n\nWithin 14 days.\n\n---\n\nA rule is no front matter."
    )
    assert (document.title, document.text) == (
        "Refunds",
        "Within 14 days.\n\n---\n\nA rule is no front matter.",
    )


def test_without_a_heading_the_name_is_the_title() -> None:
    assert article_from_markdown("a/my-bill.md", "my-bill", "Text.").title == "My bill"


def test_a_heading_other_than_the_title_stays_in_the_text() -> None:
    document = article("a.md", "a", "# Another\n\nText.", fields={"title": "One"}, url="https://x.example/")
    assert (document.title, document.text) == ("One", "# Another\n\nText.")
    assert document.url == "https://x.example/"


@pytest.mark.parametrize(
    "front",
    ["title: [unclosed", "when: 2026-02-31", "a: &a [*a]\nb: !!python/object:os.system x"],
)
def test_broken_front_matter_is_reported(front: str) -> None:
    with pytest.raises(CannotLoad, match="front matter"):
        article_from_markdown("a.md", "a", f"---\n{front}\n---\nText.")


def test_a_bomb_of_aliases_stays_small() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9))
    document = article_from_markdown("a.md", "a", f"---\nl0: &l0 [x, y]\n{levels}\n---\nText.")
    assert document.metadata == {"l0": "x, y"}
