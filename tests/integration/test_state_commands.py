"""`crossbook state`: a tape in a real MongoDB, mirrored and compared."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from framework.state import Delete, Update
from framework.state.mongo import MongoStore, connect
from framework.synthetic import write_demo_market
from tests.conformance.mongod import shared_uri

_SPEC = """\
name: tape
strategy: strategies.crossed_arbitrage:CrossedArbitrage
data:
  - table: demo
"""
_SIZES = ("--quotes", "1000", "--heartbeats", "700", "--batch", "300")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    write_demo_market(folder / "lake", rows=6_000, seed=2)
    (folder / "spec.yaml").write_text(_SPEC, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    name = f"crossbook_test_{uuid.uuid4().hex[:12]}"
    yield name
    with connect(shared_uri(), database=name) as store:
        store.remove()


@pytest.fixture
def live(database: str) -> Iterator[MongoStore]:
    with connect(shared_uri(), database=database) as store:
        yield store


def _state(folder: Path, database: str, command: str, *arguments: str) -> Result:
    return CliRunner(env={"MONGODB_URI": shared_uri()}).invoke(
        main,
        [
            *("state", command, str(folder / "spec.yaml"), "--lake", str(folder / "lake")),
            *("--database", database, "--json", *arguments),
        ],
    )


def _answer(result: Result) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture(scope="module")
def replayed(folder: Path, database: str) -> dict[str, Any]:
    done = _state(folder, database, "serve-replay", "--speed", "max", "--fresh", *_SIZES)
    assert done.exit_code == 0, done.output
    return _answer(done)


def test_a_tape_is_replayed_and_its_rate_told(replayed: dict[str, Any]) -> None:
    assert replayed["documents"]["quotes"] > 1_000
    assert set(replayed["documents"]) == {"quotes", "depth", "heartbeats"}
    assert replayed["documents_per_s"] > 0
    assert replayed["write_ms"]["p99"] >= replayed["write_ms"]["p50"] > 0
    assert replayed["late_ms"] is None


def test_a_mirror_finds_what_the_emulation_holds(
    folder: Path, database: str, replayed: dict[str, Any], tmp_path: Path
) -> None:
    done = _state(
        folder, database, "mirror", *_SIZES[:4], "--quiet", "100ms", "--out", str(tmp_path)
    )
    assert done.exit_code == 0, done.output
    answer = _answer(done)
    assert answer["equal"]
    sizes = {name: one["expected"] for name, one in answer["collections"].items()}
    depth = replayed["documents"]["depth"]
    assert sizes == {"quotes": 1_000, "depth": depth, "heartbeats": 700}
    assert pl.read_parquet(tmp_path / "quotes.parquet").height == 1_000
    assert pl.read_parquet(tmp_path / "depth.parquet").height == depth


def test_a_mirror_names_what_differs(
    folder: Path, database: str, replayed: dict[str, Any], live: MongoStore
) -> None:
    quotes = live.collection("quotes").find(limit=3)
    depth = live.collection("depth").find(limit=2)
    changed, removed = quotes[1]["_id"], depth[0]["_id"]
    live.collection("quotes").write([Update({"_id": changed}, {"$inc": {"bid_lots": 1}})])
    live.collection("depth").write([Delete({"_id": removed})])
    live.collection("depth").insert({**depth[0], "_id": "0|stranger"})
    done = _state(folder, database, "mirror", *_SIZES[:4], "--quiet", "100ms")
    assert done.exit_code == 1
    found = _answer(done)["collections"]
    assert found["quotes"]["different"] == [changed]
    assert found["depth"]["missing"] == [removed]
    assert found["depth"]["surplus"] == ["0|stranger"]
    assert not found["quotes"]["astray"]
    # As it was, for the other tests.
    live.collection("quotes").write([Update({"_id": changed}, {"$inc": {"bid_lots": -1}})])
    live.collection("depth").write([Delete({"_id": "0|stranger"})])
    live.collection("depth").insert(depth[0])


def test_a_tape_is_not_replayed_over_another(
    folder: Path, database: str, replayed: dict[str, Any]
) -> None:
    done = _state(folder, database, "serve-replay", "--speed", "max", *_SIZES)
    assert done.exit_code == 2
    answer = _answer(done)
    assert "must not hold the tape's documents before" in answer["error"]
    assert "--fresh" in answer["remedy"]


def test_a_scaled_replay_keeps_to_its_clock(folder: Path, database: str) -> None:
    spec = folder / "short.yaml"
    spec.write_text(f'{_SPEC}end: "2024-01-02T14:30:02"\n', encoding="utf-8")
    done = CliRunner(env={"MONGODB_URI": shared_uri()}).invoke(
        main,
        [
            *("state", "serve-replay", str(spec), "--lake", str(folder / "lake"), "--fresh"),
            *("--database", database, "--speed", "10", "--json", *_SIZES),
        ],
    )
    assert done.exit_code == 0, done.output
    answer = _answer(done)
    assert answer["seconds"] >= 0.15  # two seconds of tape, ten times faster
    assert answer["late_ms"] > 0


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (("--speed", "fast"), "a speed must be", "--speed 10"),
        (("--speed", "0"), "a speed must be", "--speed 10"),
        (("--batch", "5000", "--quotes", "10"), "must fit into", "--batch"),
        (("--heartbeat", "soon"), "a duration is", "100ms"),
        (("--uri", "mongodb://joe:hunter2@127.0.0.1:9/"), "must answer", "host and port"),
        (("--uri", "mongo.example"), "must be one of MongoDB's", "mongodb://"),
    ],
)
def test_mistakes_are_named(
    folder: Path, database: str, arguments: tuple[str, ...], message: str, remedy: str
) -> None:
    done = _state(folder, database, "serve-replay", *arguments)
    assert done.exit_code == 2
    answer = _answer(done)
    assert message in answer["error"]
    assert remedy in answer["remedy"]
    assert "hunter2" not in done.output


def test_without_the_driver_the_extra_is_named(
    folder: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = shared_uri()
    for name in [name for name in sys.modules if name.startswith("framework.state.mongo")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymongo", None)
    done = _state(folder, database, "mirror", "--uri", uri)
    assert done.exit_code == 2
    assert 'pip install "crossbook[state]"' in _answer(done)["remedy"]
