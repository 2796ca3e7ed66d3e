"""The catalog: what a file says, what its mistakes are called, and where they stand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from framework.catalog import CrossedPolicy, Layer, SequenceRule, load_catalog
from framework.core.errors import CatalogError

GOOD = """\
version: 1
venues:
  here:
    time_zone: "-05:00"
    sequence_rule: plain
    clock_offset: 1.5ms
    fees: {maker_bps: -0.1, taker_bps: 0.3}
    latency: {order_entry: 100us, response: 2ms, feed: 3ms}
    policies: {crossed: drop}
instruments:
  - {venue: here, symbol: "ON", tick: 0.1, lot: "0.00000001", asset: ON, currency: USD}
  - venue: here
    symbol: NO
    tick: 1e-5
    lot: 1000
    quote_size: 1000000
    fees: {taker_bps: 0}
    latency: {response: 0}
tables:
  bronze/ticks: {schema: bronze}
  silver/ticks_depth: {schema: depth, upstream: [bronze/ticks]}
  gold/ticks:
    schema: gold
    location: s3://bucket/ticks
    keys: [venue, symbol]
    upstream: [silver/ticks_depth]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(CatalogError) as caught:
        load_catalog(written(folder, text))
    return str(caught.value)


def test_instrument_takes_the_venues_costs(tmp_path: Path) -> None:
    instrument = load_catalog(written(tmp_path, GOOD)).instrument("here", "ON")
    assert instrument is not None
    assert (instrument.tick, instrument.lot) == (Decimal("0.1"), Decimal("0.00000001"))
    assert (instrument.maker_fee_bps, instrument.taker_fee_bps) == (Decimal("-0.1"), Decimal("0.3"))
    assert (instrument.order_entry_ns, instrument.response_ns) == (100_000, 2_000_000)
    assert not instrument.inferred


def test_instrument_overrides_even_with_zero(tmp_path: Path) -> None:
    instrument = load_catalog(written(tmp_path, GOOD)).instrument("here", "NO")
    assert instrument is not None
    assert (instrument.maker_fee_bps, instrument.taker_fee_bps) == (Decimal("-0.1"), Decimal(0))
    assert (instrument.order_entry_ns, instrument.response_ns) == (100_000, 0)
    assert (instrument.tick, instrument.quote_lots) == (Decimal("0.00001"), 1000)


def test_venue_has_clocks_rules_and_policies(tmp_path: Path) -> None:
    venue = load_catalog(written(tmp_path, GOOD)).venue("here")
    assert venue.known
    assert venue.name == "here"
    assert (venue.time_zone, venue.clock_offset_ns) == ("-05:00", 1_500_000)
    assert venue.sequence_rule is SequenceRule.PLAIN
    assert venue.latency.feed_ns == 3_000_000
    assert venue.policies.crossed is CrossedPolicy.DROP


def test_unknown_venue_and_instrument(tmp_path: Path) -> None:
    catalog = load_catalog(written(tmp_path, GOOD))
    assert catalog.instrument("here", "XYZ") is None
    venue = catalog.venue("elsewhere")
    assert (venue.name, venue.known, venue.clock_offset_ns) == ("elsewhere", False, 0)


def test_tables_and_their_lineage(tmp_path: Path) -> None:
    catalog = load_catalog(written(tmp_path, GOOD))
    table = catalog.table("ticks")
    assert (table.name, table.layer, table.location) == (
        "gold/ticks",
        Layer.GOLD,
        "s3://bucket/ticks",
    )
    assert catalog.table("bronze/ticks").location == "bronze/ticks"
    tree = catalog.lineage("ticks")
    assert tree.name == "gold/ticks"
    assert [source.name for source in tree.upstream] == ["silver/ticks_depth"]
    assert [source.name for source in tree.upstream[0].upstream] == ["bronze/ticks"]
    with pytest.raises(CatalogError, match="did you mean 'gold/ticks'"):
        catalog.table("gold/tick")


def test_empty_sections_and_entries_are_defaults(tmp_path: Path) -> None:
    text = "version: 1\nvenues:\n  here:\ninstruments:\ntables:\n"
    catalog = load_catalog(written(tmp_path, text))
    assert catalog.venue("here").known
    assert (catalog.instruments, dict(catalog.tables)) == ((), {})


def test_negative_offset_corrects_a_fast_clock(tmp_path: Path) -> None:
    text = GOOD.replace("1.5ms", "-1.5ms")
    assert load_catalog(written(tmp_path, text)).venue("here").clock_offset_ns == -1_500_000


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("version: 1", "version: 2", 1, "reads catalogs of version 1"),
        ("version: 1\n", "", 1, "'version' is missing"),
        ('"-05:00"', "Mars/Olympus", 4, "IANA time zone"),
        ("plain", "plane", 5, "sequence_rule"),
        ("1.5ms", "1.5", 6, "duration"),
        ("1.5ms", "fast", 6, "a number and one of ns, us"),
        ("maker_bps: -0.1", "maker_bps: lots", 7, "decimal number"),
        ("maker_bps: -0.1", "maker_bps: .nan", 7, "finite|decimal number"),
        ("maker_bps", "maker_bp", 7, "did you mean 'maker_bps'"),
        ("100us", "-100us", 8, "must not be negative"),
        ("crossed: drop", "crossed: hide", 9, "'keep', 'drop' or 'invalidate'"),
        ("tick: 0.1", "tick: 0", 11, "above zero"),
        ("tick: 0.1, ", "", 11, "'tick' is missing"),
        ('"0.00000001"', "-1", 11, "above zero"),
        ("- venue: here", "- venue: hier", 12, "must stand under venues"),
        ("symbol: NO", 'symbol: "ON"', 12, "stands twice"),
        ("tick: 1e-5", "tick: true", 14, "exact decimal"),
        ("quote_size: 1000000", "quote_size: 1500", 16, "multiple of the lot"),
        ("fees: {taker_bps: 0}", "fee: {taker_bps: 0}", 17, "did you mean 'fees'"),
        ("bronze/ticks: {", "copper/ticks: {", 20, "layer/dataset"),
        ("{schema: bronze}", "{schema: bronze, name: x}", 20, "key is its name"),
        ("{schema: bronze}", "{}", 20, "'schema' is missing"),
        ("[bronze/ticks]", "[bronze/tick]", 21, "did you mean 'bronze/ticks'"),
        ("[bronze/ticks]", "[gold/ticks]", 21, "made from itself"),
        ("s3://bucket", "ftp://bucket", 24, "s3://"),
        ("s3://bucket/ticks", "../outside", 24, "under the lake's root"),
    ],
)
def test_each_mistake_names_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    assert old in GOOD
    text = mistake(tmp_path, GOOD.replace(old, new, 1))
    assert f"catalog.yaml:{line}: " in text
    assert any(choice in text for choice in says.split("|"))
    assert "remedy" in text


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = mistake(tmp_path, GOOD.replace("tick: 0.1", "tick: 0").replace("1.5ms", "fast"))
    assert text.index("catalog.yaml:6: ") < text.index("catalog.yaml:11: ")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("version: 1\nversion: 1\n", 2, "stands twice, first on line 1"),
        ("version: 1\nvenues: {here: [\n", 3, "not YAML"),
        ("version: 1\n\tvenues: {}\n", 2, "not YAML"),
        ("- version\n", 1, "must be a mapping"),
        ("", 1, "must be a mapping"),
        ("version: 1\nvenues: &all {here: *all}\n", 2, "contains itself|undefined alias"),
        ("version: 1\n? [a, b]\n: 1\n", 2, "a key must be a word"),
        ("version: 1\nvenues: 3\n", 2, "venues"),
        ("version: 1\nvenues: {here: 3}\n", 2, "venues.here"),
        ("version: 1\ninstrument: []\n", 2, "did you mean 'instruments'"),
    ],
)
def test_malformed_files(tmp_path: Path, text: str, line: int, says: str) -> None:
    found = mistake(tmp_path, text)
    assert f"catalog.yaml:{line}: " in found
    assert any(choice in found for choice in says.split("|"))


def test_missing_file_and_undecodable_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"nowhere\.yaml: cannot read: No such file"):
        load_catalog(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"version: \xff\n")
    with pytest.raises(CatalogError, match=r"latin\.yaml: cannot read"):
        load_catalog(tmp_path / "latin.yaml")


def test_working_directory_comes_before_the_shipped_catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_catalog().venue("binance_spot").known
    (tmp_path / "data_catalog.yaml").write_text(GOOD, encoding="utf-8")
    catalog = load_catalog()
    assert catalog.venue("here").known
    assert not catalog.venue("binance_spot").known
