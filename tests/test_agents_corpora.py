"""Corpora of nodes: what a node lacks is carried there once; what differs there is refused with the node."""

import random
import re
import time
from dataclasses import replace

import agent_programs
import pytest
from agents_in_memory import MemoryTransport, rooms
from test_agents import until
from test_trial import Line, rows, task  # noqa: F401

from rnnsweep.data import DataConfig, carried, corpora, prepare
from rnnsweep.data.word_vectors import files, places
from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher
from rnnsweep.launchers.agents import corpora as of_agents, pieces
from rnnsweep.launchers.agents.controller.launcher import AgentLauncher
from rnnsweep.launchers.agents.messages import Lacks
from rnnsweep.launchers.agents.store import Store
from rnnsweep.trial import Ended, run_trial


def write_rows(path, *, words="ab", count=60):
    draw = random.Random(3)
    lines = [f"{words[n % 2]}{draw.randrange(9)} row{n},{('x', 'y')[n % 2]}" for n in range(count)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return path


@pytest.fixture
def machines(tmp_path, monkeypatch):
    """Two caches, as two machines have; call with the name of the one that is used from now on."""
    before = dict(corpora.expected)
    corpora.expected.clear()

    def use(name):
        monkeypatch.setenv("RNNSWEEP_CACHE", str(tmp_path / f"cache-{name}"))

    use("here")
    yield use
    corpora.expected.clear()
    corpora.expected.update(before)


def test_a_carried_corpus_is_read_where_its_files_are_not(machines, tmp_path):
    path = write_rows(tmp_path / "rows.csv")
    config = DataConfig(corpus="files", train=str(path))
    here = prepare(config)
    files = carried.files_of(config, here.digest)
    machines("there")
    assert not carried.lacks(config, here.digest)
    path.unlink()
    assert carried.lacks(config, here.digest)
    (tmp_path / "came").mkdir()
    for name, file in files.items():
        (tmp_path / "came" / name).write_bytes(file.read_bytes())
    with pytest.raises(UserError, match="and another one came"):
        carried.install(tmp_path / "came", "0" * 64)
    carried.install(tmp_path / "came", here.digest)
    assert not carried.lacks(config, here.digest)
    with pytest.raises(UserError, match="no such file"):  # nobody said that it is the right one
        prepare(config)
    carried.expect({config.source: here.digest})
    there = prepare(config)
    assert (there.digest, there.part_digests, there.vocabulary) == (
        here.digest,
        here.part_digests,
        here.vocabulary,
    )
    assert there.train.ids.tolist() == here.train.ids.tolist()
    assert there.texts("test") == here.texts("test")


def test_carried_word_vectors_are_read_where_their_file_is_not(machines, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("a1 1 2 3 4\nb1 5 6 7 8\n")
    table = write_rows(tmp_path / "rows.csv")
    config = DataConfig(corpus="files", train=str(table), vectors=str(path))
    digest, here = places.vectors_digest(str(path)), files.corpus_vectors(config, prepare(config), width=4)
    (source,) = carried.files_of(config, digest, vectors=True).values()
    (tmp_path / "came").mkdir()
    (tmp_path / "came" / places.VECTORS_FILE).write_bytes(source.read_bytes())
    machines("there")
    assert not carried.lacks(config, digest, vectors=True)
    path.unlink()
    assert carried.lacks(config, digest, vectors=True)
    with pytest.raises(UserError, match="^a file of word vectors with the digest 0{8} was asked for"):
        carried.install(tmp_path / "came", "0" * 64)
    carried.install(tmp_path / "came", digest)
    assert not carried.lacks(config, digest, vectors=True)
    with pytest.raises(UserError, match="no such file"):  # nobody said that it is the right one
        files.corpus_vectors(config, prepare(config), width=4)
    carried.expect({str(path): digest})
    there = files.corpus_vectors(config, prepare(config), width=4)
    assert there.vectors_VE.tolist() == here.vectors_VE.tolist()
    assert there.found_V.sum() > 0


def test_word_vectors_that_changed_here_are_neither_carried_nor_read(machines, tmp_path):
    (path := tmp_path / "vectors.txt").write_text("a1 1 2 3 4\n")
    one = task(tmp_path, write_rows(tmp_path / "rows.csv"), f"data.vectors={path}")
    one = replace(one, corpora={str(path): places.vectors_digest(str(path))})
    path.write_text("a1 1 2 3 5\n")
    why = f"data.vectors='{path}': the file changed while the sweep ran: its digest is "
    with pytest.raises(UserError, match=f"^{re.escape(why)}"):
        carried.files_of(one.run.data, one.corpora[str(path)], vectors=True)
    outcome = run_trial(one, Line())
    assert outcome.cause == "broken corpus"
    assert outcome.reason.startswith(why)


def test_a_corpus_that_changed_here_is_not_carried(machines, tmp_path):
    config = DataConfig(corpus="files", train=str(write_rows(tmp_path / "rows.csv")))
    digest = prepare(config).digest
    write_rows(tmp_path / "rows.csv", words="cd")
    with pytest.raises(UserError, match="^the corpus changed while the sweep ran: its digest is"):
        carried.files_of(config, digest)


@pytest.mark.parametrize("size", [0, 5, 8, 9])
def test_a_file_is_sent_in_pieces_of_which_the_very_last_says_so(tmp_path, monkeypatch, size):
    monkeypatch.setattr(pieces, "PIECE", 4)
    (tmp_path / "file").write_bytes(bytes(range(size)))
    parts = list(pieces.read_pieces(tmp_path / "file"))
    assert b"".join(data for data, _ in parts) == bytes(range(size))
    assert [is_last for _, is_last in parts] == [False] * (len(parts) - 1) + [True]


@pytest.mark.parametrize("has_locker", [False, True])
def test_what_a_node_asks_for_comes_whole_in_pieces_or_through_the_locker(
    machines, tmp_path, monkeypatch, has_locker
):
    monkeypatch.setattr(pieces, "PIECE", 4)
    (vectors := tmp_path / "vectors.txt").write_text("a1 1 2 3 4\nb1 5 6 7 8\n")
    table = write_rows(tmp_path / "rows.csv")
    one = task(tmp_path, table, f"data.vectors={vectors}")
    digests = {
        one.run.data.source: prepare(one.run.data).digest,
        str(vectors): places.vectors_digest(str(vectors)),
    }
    store = Store(str(tmp_path / "locker")) if has_locker else None
    sender, asked = of_agents.CorpusSender(store), []
    sent = {}
    for name, of_vectors in ((one.run.data.source, False), (str(vectors), True)):
        lacks = Lacks(one.run.data, digests[name], vectors=of_vectors)
        sent[lacks.digest] = [each for each in sender.send(lacks, uses_locker=has_locker) if each is not None]
    table.unlink()
    vectors.unlink()
    machines("there")
    (root := tmp_path / "node").mkdir()
    node = of_agents.NodeCorpora(root, asked.append, lambda: None)
    there = replace(one, corpora=digests)
    end = time.monotonic() + 20
    while len(asked) < 2:
        assert not node.is_ready(there)
        assert time.monotonic() < end
    for lacks in asked:
        for each in sent[lacks.digest]:
            node.take(each, store)
    while not node.is_ready(there):
        assert time.monotonic() < end
    node.close()
    carried.expect(digests)
    assert prepare(one.run.data).digest == digests[one.run.data.source]
    assert files.corpus_vectors(one.run.data, prepare(one.run.data), width=4).found_V.sum() == 2
    assert len(asked) == 2  # each once
    assert list(root.iterdir()) == []
    sender.close()
    if store is not None:
        store.close()
    assert [path for path in (tmp_path / "locker").rglob("*") if path.is_file()] == []


@pytest.fixture
def far(machines, tmp_path, monkeypatch):
    """Make a launcher over one agent whose trials have a cache of their own; closed at the end."""
    made = []

    def make(place=None):
        def launcher(settings):
            machines("there")
            return LocalLauncher(settings.slots, entry=agent_programs.trains)

        transport = MemoryTransport(rooms(2), launcher)
        made.append(AgentLauncher(transport, machine="lab", locker=place))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.slow
@pytest.mark.parametrize("has_locker", [False, True])
def test_a_node_without_the_data_trains_on_what_is_carried_there(
    machines,
    far,
    tmp_path,
    rows,  # noqa: F811
    monkeypatch,
    has_locker,
):
    path = tmp_path / "rows.csv"
    path.write_bytes(rows.read_bytes())
    (tmp_path / "one").mkdir()
    (vectors := tmp_path / "vectors.txt").write_text("apple 1 2 3 4\niron 5 6 7 8\n")
    one = task(tmp_path / "one", path, f"data.vectors={vectors}")
    digest, of_vectors = prepare(one.run.data).digest, places.vectors_digest(str(vectors))
    digests = {one.run.data.source: digest, str(vectors): of_vectors}
    one = replace(one, corpora=digests, tags={"cache": str(tmp_path / "cache-here")})
    here = LocalLauncher(1, entry=agent_programs.trains)
    here.start(one, here.slots[0])
    (expected,) = ends(here, 1)
    here.close()
    of_rows = carried.files_of(one.run.data, digest)
    path.unlink()  # the node's and the controller's machine are one: the controller still has what it read
    moved = {places.VECTORS_FILE: vectors.rename(tmp_path / "moved.txt")}
    monkeypatch.setattr(carried, "files_of", lambda config, digest, *, vectors: moved if vectors else of_rows)
    launcher = far(str(tmp_path / "locker") if has_locker else None)
    one = replace(one, tags={"cache": str(tmp_path / "cache-there")})
    for name in "ab":
        other = replace(one, key=f"toy.1.{name}", name=name, folder=one.folder.with_name(name))
        launcher.start(other, launcher.slots[0])
    for outcome in ends(launcher, 2):
        assert outcome.reason is None
        assert (outcome.state, outcome.scores["validation"]) == ("complete", expected.scores["validation"])
    assert [
        path.name for path in (tmp_path / "cache-there" / "corpora").glob("carried-*") if path.is_dir()
    ] == [corpora.carried_folder(digest, tmp_path).name]
    came = tmp_path / "cache-there" / "vectors" / f"carried-{of_vectors[:32]}" / places.VECTORS_FILE
    assert came.read_bytes() == moved[places.VECTORS_FILE].read_bytes()
    launcher.close()
    assert [path for path in (tmp_path / "locker").rglob("*") if path.is_file()] == []


def ends(launcher, count):
    events = until(launcher, lambda events: sum(isinstance(e, Ended) for e in events) == count, seconds=120)
    return [event.outcome for event in events if isinstance(event, Ended)]


@pytest.mark.slow
def test_a_node_whose_data_differ_is_refused_in_one_line(machines, far, tmp_path, rows):  # noqa: F811
    path = tmp_path / "rows.csv"
    path.write_bytes(rows.read_bytes())
    one = task(tmp_path, path)
    one = replace(one, corpora={one.run.data.source: "0" * 64}, tags={"cache": str(tmp_path / "cache-there")})
    launcher = far()
    launcher.start(one, launcher.slots[0])
    with pytest.raises(UserError) as refused:
        ends(launcher, 1)
    assert str(refused.value).startswith("machine lab: node ")
    assert "the corpus rows differs there: its digest is " in str(refused.value)
    assert "and 00000000 here; put the same data there, or take them away" in str(refused.value)


@pytest.mark.slow
def test_a_node_whose_word_vectors_differ_is_refused_in_one_line(machines, far, tmp_path, rows):  # noqa: F811
    (vectors := tmp_path / "vectors.txt").write_text("apple 1 2 3 4\n")
    one = task(tmp_path, rows, f"data.vectors={vectors}")
    one = replace(one, corpora={str(vectors): "0" * 64}, tags={"cache": str(tmp_path / "cache-there")})
    launcher = far()
    launcher.start(one, launcher.slots[0])
    with pytest.raises(UserError) as refused:
        ends(launcher, 1)
    assert str(refused.value).startswith("machine lab: node ")
    assert f"data.vectors='{vectors}': the file differs there: its digest is " in str(refused.value)
    assert "put the same file there, or take it away: then it is carried there" in str(refused.value)


@pytest.mark.slow
def test_a_training_of_two_processes_reads_in_both_what_was_carried(machines, tmp_path, rows):  # noqa: F811
    path = tmp_path / "rows.csv"
    path.write_bytes(rows.read_bytes())
    (vectors := tmp_path / "vectors.txt").write_text("apple 1 2 3 4\niron 5 6 7 8\n")
    one = task(tmp_path, path, f"data.vectors={vectors}", "trainer.devices=2")
    digests = {
        one.run.data.source: prepare(one.run.data).digest,
        str(vectors): places.vectors_digest(str(vectors)),
    }
    (came := tmp_path / "came").mkdir()
    (came / places.VECTORS_FILE).write_bytes(vectors.read_bytes())
    of_rows = carried.files_of(one.run.data, digests[one.run.data.source])
    machines("there")
    carried.install(came, digests[str(vectors)])
    (came / places.VECTORS_FILE).unlink()
    for name, file in of_rows.items():
        (came / name).write_bytes(file.read_bytes())
    carried.install(came, digests[one.run.data.source])
    path.unlink()
    vectors.unlink()
    outcome = run_trial(replace(one, corpora=digests, attempt=1, devices=2), Line())
    assert (outcome.state, outcome.reason) == ("complete", None)
