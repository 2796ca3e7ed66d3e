"""What goes wrong with a real MongoDB: kills, a full disk, wrong passwords, URIs and versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from framework.replay import GoldStream, open_streams
from framework.state import Collection, Operation, WatchOptions
from framework.state.desk import DeskLayout, set_up
from framework.state.errors import (
    AccessError,
    FullError,
    HistoryLostError,
    StateError,
    UnavailableError,
    VersionError,
)
from framework.state.feed import IssuedWrite, issued_writes, store_rows
from framework.state.mongo import MongoStore, connect
from framework.state.mongo.connect import check_version
from framework.state.mongo.replay import serve_replay
from framework.synthetic import write_demo_market
from tests.conformance.mongod import Mongod, shared_uri

_KILLS = 3
_COLLECTIONS = ("quotes", "depth", "heartbeats")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Mongod]:
    server = Mongod(tmp_path / "mongod")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    lake = tmp_path_factory.mktemp("lake")
    write_demo_market(lake, rows=12_000, seed=2)
    return open_streams(lake, "demo")


class Consumer(threading.Thread):
    """Follows a collection until it is told to stop, dying and resuming now and then."""

    def __init__(self, store: MongoStore, name: str) -> None:
        super().__init__(daemon=True)
        self._collection = store.collection(name)
        self._inserts = frozenset({Operation.INSERT})
        self._stream = self._collection.watch(WatchOptions(operations=self._inserts))
        self.ids: list[object] = []
        self.stopping = threading.Event()
        self.error: StateError | None = None

    def run(self) -> None:
        try:
            while True:
                event = self._stream.poll()
                if event is None:
                    if self.stopping.is_set():
                        return
                    continue
                assert event.document_key is not None
                self.ids.append(event.document_key["_id"])
                if len(self.ids) % 997 == 0:
                    options = WatchOptions(operations=self._inserts, resume_after=event.token)
                    self._stream.close()
                    self._stream = self._collection.watch(options)
        except StateError as error:
            self.error = error


@pytest.mark.parametrize(
    "driver_patience_s", [60.0, 0.2], ids=["the driver waits", "the driver gives up"]
)
def test_no_event_is_lost_or_repeated_when_the_server_is_killed(
    server: Mongod,
    market: list[GoldStream],
    driver_patience_s: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.start()
    instruments = [stream.instrument for stream in market]
    tape = list(issued_writes(store_rows(market), instruments))
    acknowledged = 0

    def note(documents: int, _: int) -> None:
        nonlocal acknowledged
        acknowledged = documents

    def kill_now_and_then() -> None:
        for kill in range(1, _KILLS + 1):
            while acknowledged < kill * len(tape) // (_KILLS + 1):
                time.sleep(0.002)
            server.kill()
            time.sleep(0.3)
            server.start()

    with (
        connect(server.uri, database="desk", patience_s=driver_patience_s) as store,
        connect(server.uri, database="desk", patience_s=60) as reading,
    ):
        set_up(store, DeskLayout(quotes=1_000, heartbeats=2_000))
        consumers = {name: Consumer(reading, name) for name in _COLLECTIONS}
        for consumer in consumers.values():
            consumer.start()
        killer = threading.Thread(target=kill_now_and_then, daemon=True)
        killer.start()
        report = serve_replay(store, tape, speed=None, batch=50, patience_s=60, on_progress=note)
        killer.join()
        for consumer in consumers.values():
            consumer.stopping.set()
            consumer.join(timeout=60)
            assert consumer.error is None
        wanted = {
            name: [one.document_id() for _, one in tape if one.collection == name]
            for name in _COLLECTIONS
        }
        for name, consumer in consumers.items():
            repeated = [key for key, count in Counter(consumer.ids).items() if count > 1]
            lost = set(wanted[name]) - set(consumer.ids)
            assert (len(lost), len(repeated)) == (0, 0)
            assert consumer.ids == wanted[name]
        assert report.documents == {name: len(ids) for name, ids in wanted.items()}
        assert report.lost_answers > 0 or driver_patience_s > 1
        assert [d["_id"] for d in store.collection("quotes").find()] == wanted["quotes"][-1_000:]
        assert [d["_id"] for d in store.collection("depth").find()] == sorted(wanted["depth"])
    with capsys.disabled():
        print(
            f"\n{_KILLS} kills: {len(tape)} documents in {report.seconds:.1f} s, "
            f"{report.lost_answers} answers lost, {report.resent} documents sent again"
        )


def test_a_replay_waits_for_a_server_that_hangs(server: Mongod, market: list[GoldStream]) -> None:
    server.start()
    instruments = [stream.instrument for stream in market]
    tape = list(issued_writes(store_rows(market), instruments))
    taken = acknowledged = 0
    batch = 20

    def tape_as_taken() -> Iterator[IssuedWrite]:
        nonlocal taken
        for one in tape:
            taken += 1
            yield one

    def note(documents: int, _: int) -> None:
        nonlocal acknowledged
        acknowledged = documents

    ahead: list[int] = []
    acknowledged_then: list[int] = []

    def hang() -> None:
        while acknowledged < 500:
            time.sleep(0.002)
        server.pause()
        time.sleep(0.5)
        ahead.append(taken)
        time.sleep(0.5)
        ahead.append(taken)
        acknowledged_then.append(acknowledged)
        server.go_on()

    with connect(server.uri, database="desk", patience_s=60) as store:
        set_up(store)
        hanging = threading.Thread(target=hang, daemon=True)
        hanging.start()
        report = serve_replay(store, tape_as_taken(), speed=None, batch=batch, on_progress=note)
        hanging.join()
        assert ahead[0] == ahead[1] < len(tape)
        # Each collection has a batch under way, four that wait, one at the door and one open.
        assert ahead[0] - acknowledged_then[0] <= len(_COLLECTIONS) * 8 * batch
        assert sum(report.documents.values()) == len(tape)
        assert len(store.collection("depth").find()) == report.documents["depth"]


def test_a_stream_outlives_a_kill_between_polls(server: Mongod) -> None:
    server.start()
    with connect(server.uri, database="desk", patience_s=60) as store:
        items = store.collection("items")
        stream = items.watch()
        items.insert({"_id": 1}, {"_id": 2})
        first = stream.poll()
        server.kill()
        server.start()
        items.insert({"_id": 3})
        seen = [first, stream.poll(), stream.poll()]
        assert [event and event.document_key for event in seen] == [
            {"_id": 1},
            {"_id": 2},
            {"_id": 3},
        ]


def test_a_server_that_stays_away_is_named_and_can_come_back(server: Mongod) -> None:
    server.start()
    with connect(server.uri, database="desk", patience_s=1) as store:
        items = store.collection("items")
        items.insert({"_id": 1})
        stream = items.watch()
        server.kill()
        with pytest.raises(UnavailableError, match=f"127.0.0.1:{server.port}"):
            items.insert({"_id": 2})
        with pytest.raises(UnavailableError, match="must answer"):
            stream.poll()
        server.start()
        items.insert({"_id": 3})
        event = stream.poll()
        assert event is not None
        assert event.document_key == {"_id": 3}


def _fill(items: Collection) -> None:
    for written in range(1_000):
        items.insert({"_id": written, "noise": os.urandom(500_000).hex()})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Mongod]:
    """A server on a disk of 160 MB where one can be mounted, else with files of at most 40 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    short_log = ["--wiredTigerEngineConfigString", "log=(file_max=2MB)"]
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and not subprocess.run(mount, capture_output=True).returncode
    if not mounted and shutil.which("prlimit") is None:
        pytest.skip("no small disk: neither a tmpfs can be mounted nor is there prlimit")
    server = Mongod(folder, short_log, () if mounted else ("prlimit", f"--fsize={40 * 2**20}"))
    yield server
    server.kill()
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named(small_disk: Mongod) -> None:
    small_disk.start()
    with connect(small_disk.uri, database="desk", patience_s=2) as store:
        items = store.collection("items")
        with pytest.raises((UnavailableError, FullError)) as refusal:
            _fill(items)
        assert "full disk" in refusal.value.remedy or "free space" in refusal.value.remedy
        assert small_disk.has_ended() or isinstance(refusal.value, FullError)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A server that can be told to refuse commands."""
    server = Mongod(tmp_path_factory.mktemp("failing"), ["--setParameter", "enableTestCommands=1"])
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize(
    ("command", "code", "kind", "remedy"),
    [
        ("insert", 14031, FullError, "free space"),
        ("insert", 13, AccessError, "roles"),
        ("aggregate", 286, HistoryLostError, "larger oplog"),
    ],
)
def test_what_the_server_reports_is_named(
    failing: Mongod, command: str, code: int, kind: type[StateError], remedy: str
) -> None:
    with connect(failing.uri, database="desk") as store, MongoClient(failing.uri) as admin:
        data = {"failCommands": [command], "errorCode": code}
        admin.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=data)
        items = store.collection("items")
        calls = {"insert": lambda: items.insert({"_id": code}), "aggregate": items.watch}
        with pytest.raises(kind, match="refused") as refusal:
            calls[command]()
        assert remedy in refusal.value.remedy
        assert refusal.value.code == code


def test_wrong_passwords_are_refused_and_never_shown(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("crossbook" * 10, encoding="utf-8")
    key.chmod(0o400)
    server = Mongod(tmp_path, ["--keyFile", str(key)])
    server.start()
    try:
        with MongoClient(f"mongodb://127.0.0.1:{server.port}/?directConnection=true") as client:
            roles = [{"role": "root", "db": "admin"}]
            client.admin.command("createUser", "quant", pwd="right-secret", roles=roles)
        place = f"127.0.0.1:{server.port}/desk?replicaSet=rs0&authSource=admin"
        with connect(f"mongodb://quant:right-secret@{place}") as store:
            store.collection("items").insert({"_id": 1})
        for uri in (f"mongodb://quant:wrong-secret@{place}", f"mongodb://{place}"):
            with pytest.raises(AccessError) as refusal:
                connect(uri)
            assert "user, password" in refusal.value.remedy
            chain = [refusal.value, refusal.value.__cause__]
            assert not any("secret" in f"{one!r} {one}" for one in chain)
    finally:
        server.kill()


@pytest.mark.parametrize(
    "uri",
    [
        "localhost:27017",
        "mongodb://",
        "mongodb://joe:p%zz@127.0.0.1/",
        "mongodb://joe:hunter2@127.0.0.1:notaport/",
        "postgres://joe:hunter2@127.0.0.1/desk",
    ],
)
def test_a_malformed_uri_is_named_without_its_password(uri: str) -> None:
    with pytest.raises(AccessError) as refusal:
        connect(uri, timeout_s=1)
    assert "mongodb://user@host" in refusal.value.remedy
    assert "hunter2" not in str(refusal.value)


def test_nothing_listening_is_named_without_the_password() -> None:
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9") as refusal:
        connect("mongodb://joe:hunter2@127.0.0.1:9/?replicaSet=rs0", timeout_s=0.5)
    assert "correct host and port" in refusal.value.remedy
    assert "hunter2" not in str(refusal.value)


def test_a_server_that_is_no_replica_set_is_refused(server: Mongod) -> None:
    server.start(replica_set=False)
    with pytest.raises(VersionError, match="must be a replica set") as refusal:
        connect(f"mongodb://127.0.0.1:{server.port}/")
    assert "--replSet" in refusal.value.remedy


def test_a_server_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("3.6.23", "4.4.29", "5.0.31"):
        with pytest.raises(VersionError, match=f"6.0 or newer, it is {version}") as refusal:
            check_version(version, "mongodb://db")
        assert "upgrade" in refusal.value.remedy
    check_version("6.0.5", "mongodb://db")
    check_version("10.1.0", "mongodb://db")
    monkeypatch.setattr(MongoClient, "server_info", lambda _: {"version": "5.0.31"})
    with pytest.raises(VersionError, match=r"it is 5\.0\.31"):
        connect(shared_uri())
