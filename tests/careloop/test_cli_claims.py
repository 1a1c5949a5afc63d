"""``careloop claims`` over articles of which one is out of date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.careloop.test_cli import Careloop, careloop, data_dir

__all__ = ["careloop", "data_dir"]  # fixtures

ARTICLE = "# Prices\n\nOur plans are fast. Fibre 300 costs £31 a month. Delivery is guaranteed.\n"


@pytest.fixture
def ingested(careloop: Careloop, tmp_path: Path) -> Careloop:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "prices.md").write_text(ARTICLE, encoding="utf-8")
    (folder / "right.md").write_text("# Right\n\nFibre 100 costs £29 a month.\n", encoding="utf-8")
    assert careloop("ingest", str(folder)).exit_code == 0
    return careloop


def test_each_contradiction_is_told_with_article_and_offset(ingested: Careloop) -> None:
    result = ingested("claims", "check", "--on", "2026-05-01", "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert found["place"] == "prices.md"
    assert (found["kind"], found["said"]) == ("wrong_number", "£31")
    assert found["sentence"] == "Fibre 300 costs £31 a month."
    table = ingested("claims", "check", "--on", "2026-05-01")
    assert table.exit_code == 1
    assert "2 articles and the data of signals: 1 contradictions." in table.stdout
    linted = json.loads(ingested("knowledge", "lint", "--json").stdout)
    assert [one["places"][0]["key"] for one in linted if one["kind"] == "not_approved"] == ["prices.md"]


def test_what_ships_keeps_to_its_claims(careloop: Careloop) -> None:
    result = careloop("claims", "check", "--data-only")
    assert (result.exit_code, result.stdout) == (
        0,
        "0 articles and the data of signals: 0 contradictions.\n",
    )


def test_a_sequence_that_promises_is_found(careloop: Careloop, tmp_path: Path) -> None:
    file = tmp_path / "nurture.yaml"
    file.write_text(
        "cap: {at_once: 1, enrolments: 2, within_days: 90}\n"
        "sequences:\n"
        "  - name: win back\n"
        "    target: mailchimp\n"
        "    journey: Win back\n"
        "    when: {fact: kind, equals: renewal}\n"
        "    days: 30\n"
        "    leave_on: [won]\n"
        "    steps: [{after_days: 0, says: The best price is guaranteed.}]\n",
        encoding="utf-8",
    )
    result = careloop("claims", "check", "--data-only", "--json", CARELOOP_SIGNALS__NURTURE=str(file))
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert (found["place"], found["said"]) == ("nurture: step 1 of win back", "guaranteed")


def test_another_company_has_no_claims_until_it_names_a_file(careloop: Careloop) -> None:
    result = careloop("claims", "check", CARELOOP_BOT__COMPANY="Acme")
    assert result.exit_code == 0
    assert "CARELOOP_CLAIMS" in result.stdout


def test_claims_that_cannot_be_used_are_one_line(careloop: Careloop, tmp_path: Path) -> None:
    file = tmp_path / "claims.yaml"
    file.write_text("brand: B\nproducts: 3\n", encoding="utf-8")
    result = careloop("claims", "check", CARELOOP_CLAIMS=str(file))
    assert result.exit_code == 2
    assert "products" in result.stderr
