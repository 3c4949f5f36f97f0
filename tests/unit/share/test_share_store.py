"""Contents on disk: whole or absent."""

from pathlib import Path
from uuid import uuid4

import pytest
from share_web.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    made.prepare()
    return made


def test_an_upload_is_nowhere_until_it_is_kept(store: Store) -> None:
    file_id, incoming = uuid4(), store.receive()
    incoming.write(b"half")
    assert store.contents() == set()
    incoming.write(b" and half")
    store.keep(incoming, store.content_path(file_id))
    assert store.contents() == {file_id}
    assert store.content_path(file_id).read_bytes() == b"half and half"
    assert incoming.size_bytes == 13


def test_a_discarded_upload_leaves_nothing(store: Store) -> None:
    incoming = store.receive()
    incoming.write(b"half")
    incoming.discard()
    assert not list(store.incoming_dir.iterdir())


def test_a_start_forgets_uploads_that_a_crash_cut_and_keeps_the_rest(store: Store) -> None:
    kept, file_id = store.receive(), uuid4()
    store.keep(kept, store.content_path(file_id))
    cut = store.receive()
    cut.write(b"half")
    cut.file.close()
    Store(store.root).prepare()
    assert not list(store.incoming_dir.iterdir())
    assert store.contents() == {file_id}


def test_removing_takes_content_and_thumbnail_and_may_be_repeated(store: Store) -> None:
    file_id = uuid4()
    store.keep(store.receive(), store.content_path(file_id))
    store.keep(store.receive(), store.thumbnail_path(file_id))
    store.remove(file_id)
    store.remove(file_id)
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_the_probe_leaves_nothing_and_fails_without_its_directory(store: Store) -> None:
    store.probe()
    assert not list(store.incoming_dir.iterdir())
    store.incoming_dir.rmdir()
    with pytest.raises(OSError, match="incoming"):
        store.probe()
