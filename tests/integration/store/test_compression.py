"""Compressed records: every byte comes back, with the dictionary of the store that they were written with."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from factories import ORG, Clock, make_record, wire_record
from ringback.ledger import SqlLedger
from ringback.records.decode import Record
from ringback.store import Store
from ringback.store.compression import RecordCodec, train_dictionary
from ringback.store.schema import dictionaries, records

FIRST, SECOND = train_dictionary(1), train_dictionary(2)
CODEC = RecordCodec({1: FIRST})


@given(st.binary(max_size=5000) | st.text().map(str.encode))
def test_every_byte_comes_back(content: bytes) -> None:
    """Whatever was compressed comes back byte for byte, be it a record or not."""
    assert CODEC.decompress(CODEC.compress(content)) == content


def test_the_dictionary_makes_records_small() -> None:
    """A record takes less than half of what it takes without the dictionary."""
    record = wire_record()
    assert len(CODEC.compress(record)) < len(zstandard.ZstdCompressor(level=3).compress(record)) / 2


def test_training_gives_the_same_dictionary_again() -> None:
    """Two processes that make a new store at once train the same dictionary, and its id is the one asked for."""
    assert train_dictionary(1) == FIRST != SECOND
    assert zstandard.ZstdCompressionDict(SECOND).dict_id() == 2


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), max_size=20))
def test_two_dictionaries_at_once(contents: list[tuple[bool, bytes]]) -> None:
    """A codec that knows two dictionaries writes with the newer one and reads what was written with either."""
    newer = RecordCodec({1: FIRST, 2: SECOND})
    for old, content in contents:
        compressed = (CODEC if old else newer).compress(content)
        assert zstandard.get_frame_parameters(compressed).dict_id == (1 if old else 2)
        assert newer.decompress(compressed) == content


def stored_dictionaries(store: Store) -> dict[int, bytes]:
    """The dictionaries that are in a store."""
    with store.read() as connection:
        return {row.id: row.content for row in connection.execute(select(dictionaries))}


def test_the_dictionary_is_in_the_store(tmp_path: Path) -> None:
    """Records can be read with what is in the store alone, whatever a later version would train."""
    store = Store.open(tmp_path)
    SqlLedger(store, Clock()).append([make_record("r")])
    with store.read() as connection:
        compressed = connection.execute(select(records.c.raw)).scalar_one()
    assert compressed != wire_record("r")
    assert RecordCodec(stored_dictionaries(store)).decompress(compressed) == wire_record("r")
    store.close()


def test_an_old_store_keeps_its_dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of ringback that trains another dictionary goes on with the one that the store has."""
    store = Store.open(tmp_path)
    SqlLedger(store, Clock()).append([make_record("old")])
    before = stored_dictionaries(store)
    store.close()
    monkeypatch.setattr("ringback.store.store.train_dictionary", lambda _: SECOND)
    store = Store.open(tmp_path)
    assert stored_dictionaries(store) == before
    assert [stored.record for stored in SqlLedger(store, Clock()).after(ORG, 0, 10)] == [make_record("old")]
    store.close()


def test_a_second_dictionary_in_a_store(tmp_path: Path) -> None:
    """A store that got a newer dictionary writes with it, and still reads what it had."""
    store = Store.open(tmp_path)
    SqlLedger(store, Clock()).append([make_record("old")])
    with store.write() as connection:
        connection.execute(insert(dictionaries).values(id=2, content=SECOND))
    store.close()
    store = Store.open(tmp_path)
    ledger = SqlLedger(store, Clock())
    ledger.append([make_record("new")])
    with store.read() as connection:
        stored = connection.execute(select(records.c.raw).order_by(records.c.sequence)).scalars().all()
    assert [zstandard.get_frame_parameters(raw).dict_id for raw in stored] == [1, 2]
    assert [stored.record for stored in ledger.after(ORG, 0, 10)] == [make_record("old"), make_record("new")]
    store.close()


def test_each_thread_has_its_own_codec(tmp_path: Path) -> None:
    """Threads do not share a codec, because zstd's contexts cannot be; one thread keeps the one it has."""
    store = Store.open(tmp_path)
    mine = store.codec
    others: list[RecordCodec] = []
    thread = threading.Thread(target=lambda: others.append(store.codec))
    thread.start()
    thread.join()
    assert store.codec is mine
    assert others[0] is not mine
    store.close()


def test_records_are_compressed_whatever_they_hold(tmp_path: Path) -> None:
    """Bytes that are not text are stored and read like any others."""
    raw = bytes(range(256)) * 3
    store = Store.open(tmp_path)
    ledger = SqlLedger(store, Clock())
    ledger.append([Record(ORG, "r", raw, 1, 1, "", 0)])
    assert [stored.record.raw for stored in ledger.after(ORG, 0, 1)] == [raw]
    store.close()
