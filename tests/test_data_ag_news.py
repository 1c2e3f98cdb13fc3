"""AG's News from a folder, or downloaded."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rnnsweep.data import prepare
from rnnsweep.data.config import DataConfig
from rnnsweep.data.sources.ag_news import CHECKSUMS, download
from rnnsweep.errors import UserError

TRAIN = "".join(f'"{n % 4 + 1}","Title {n}","Some story \\ number {n}, ""quoted"""\n' for n in range(80))
TEST = "".join(f'"{n % 4 + 1}","Last title {n}","Last story {n}"\n' for n in range(8))
FILES = {"train.csv": TRAIN.encode(), "test.csv": TEST.encode()}
SUMS = {name: "md5:" + hashlib.md5(content).hexdigest() for name, content in FILES.items()}


@pytest.fixture
def folder(tmp_path) -> Path:
    place = tmp_path / "ag_news"
    place.mkdir()
    for name, content in FILES.items():
        (place / name).write_bytes(content)
    return place


class Mirror(ThreadingHTTPServer):
    """A server of the two files; `fault` says what goes wrong with train.csv."""

    fault: str | None = None
    asked: list[str]


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        self.server.asked.append(name)
        content, fault = FILES[name], self.server.fault if name == "train.csv" else None
        if fault == "error":
            self.send_error(500)
            return
        if fault == "other bytes":
            content = content.replace(b"story", b"STORY")
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "truncated" else content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror(("127.0.0.1", 0), Answer)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def url(server: Mirror) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/ag_news_csv"


def config(**settings) -> DataConfig:
    return DataConfig(
        corpus="ag_news", **{key: str(v) if isinstance(v, Path) else v for key, v in settings.items()}
    )


def test_a_folder_is_read_with_its_own_test_part(folder, tmp_path):
    corpus = prepare(config(dir=folder), tmp_path / "cache")
    assert corpus.labels == ("World", "Sports", "Business", "Sci/Tech")
    assert corpus.sizes == {"train": 72, "validation": 8, "test": 8}
    assert corpus.texts("test")[1] == "Last title 1 Last story 1"
    assert corpus.test().targets_N.tolist() == [0, 1, 2, 3] * 2
    assert any('"quoted"' in text for text in corpus.texts("train"))


def test_titles_alone_can_be_read(folder, tmp_path):
    assert prepare(config(dir=folder, text=["title"]), tmp_path / "cache").texts("test")[0] == "Last title 0"
    turned = prepare(config(dir=folder, text=["description", "title"]), tmp_path / "cache")
    assert turned.texts("test")[0] == "Last story 0 Last title 0"


def test_a_part_of_the_training_rows_is_another_digest(folder, tmp_path):
    whole = prepare(config(dir=folder), tmp_path / "cache")
    (folder / "train.csv").write_bytes(b"".join(FILES["train.csv"].splitlines(keepends=True)[:40]))
    part = prepare(config(dir=folder), tmp_path / "cache")
    assert part.digest != whole.digest
    assert part.sizes == {"train": 36, "validation": 4, "test": 8}
    assert part.part_digests["test"] == whole.part_digests["test"]


def test_the_files_are_downloaded_once(mirror, tmp_path):
    for _ in range(2):
        files = download(tmp_path / "files", url=url(mirror), checksums=SUMS)
    assert {name: path.read_bytes() for name, path in files.items()} == FILES
    assert sorted(mirror.asked) == ["test.csv", "train.csv"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_mirrors_folder_may_end_in_a_slash(mirror, tmp_path, slash):
    assert download(tmp_path, url=url(mirror) + slash, checksums=SUMS)["train.csv"].is_file()


@pytest.mark.parametrize("fault", ["error", "other bytes", "truncated"])
def test_a_bad_transfer_leaves_nothing_and_says_what_to_do(mirror, tmp_path, fault):
    mirror.fault = fault
    with pytest.raises(UserError, match="cannot download http://127.0.0.1.*train.csv") as caught:
        download(tmp_path / "files", url=url(mirror), checksums=SUMS)
    assert "data.dir=PATH" in str(caught.value)
    assert str(caught.value).count("\n") == 1
    assert [path.name for path in (tmp_path / "files").iterdir() if path.suffix != ".lock"] == []
    mirror.fault = None
    assert download(tmp_path / "files", url=url(mirror), checksums=SUMS)["train.csv"].is_file()


def test_a_mirror_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(UserError, match="cannot download .*data.dir=PATH|Try again"):
        download(tmp_path, url="http://127.0.0.1:9/", checksums=SUMS)


def test_a_mirror_of_other_rows_is_refused_by_the_checksums(mirror, tmp_path):
    with pytest.raises(UserError, match="does not match the known hash"):
        prepare(config(url=url(mirror)), tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*.csv")) == []


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UserError) as caught:
        prepare(config(dir=tmp_path / "no"), tmp_path / "cache")
    assert str(caught.value) == (
        f"data.dir='{tmp_path / 'no'}': no such folder; it must hold train.csv and test.csv"
    )


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_a_folder_that_lacks_a_file_is_refused(folder, tmp_path, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"has no {name}; it must hold train.csv and test.csv"):
        prepare(config(dir=folder), tmp_path / "cache")


@pytest.mark.parametrize(
    "row", ['"5","a","b"', '"x","a","b"', '"1","a"', '"1","a","b","c"', "Class,Title,Description"]
)
def test_a_row_that_is_not_class_title_description_is_refused_with_its_line(folder, tmp_path, row):
    (folder / "test.csv").write_text(TEST + row + "\n")
    with pytest.raises(UserError, match=r"test.csv, line 9: not class \(1 to 4\), title, description"):
        prepare(config(dir=folder), tmp_path / "cache")


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_an_empty_file_is_refused(folder, tmp_path, name):
    (folder / name).write_text("")
    with pytest.raises(UserError, match=f"{name}: the file is empty"):
        prepare(config(dir=folder), tmp_path / "cache")


def test_rows_of_one_class_are_refused(folder, tmp_path):
    (folder / "train.csv").write_text('"1","a","b"\n"1","c","d"\n')
    with pytest.raises(UserError, match="train.csv: all rows are of class 1; two or more are needed"):
        prepare(config(dir=folder), tmp_path / "cache")


def test_a_wrongly_encoded_file_is_refused(folder, tmp_path):
    (folder / "train.csv").write_bytes('"1","Fußball","b"\n'.encode("latin-1"))
    with pytest.raises(UserError, match="train.csv: not UTF-8"):
        prepare(config(dir=folder), tmp_path / "cache")


def test_a_column_that_there_is_not_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match=r"data.text='titel' is not one of .*Did you mean 'title'\?"):
        prepare(config(dir=folder, text="titel"), tmp_path / "cache")


def test_the_real_rows_are_whole(ag_news, cache):
    content = (ag_news / "test.csv").read_bytes()
    assert "md5:" + hashlib.md5(content).hexdigest() == CHECKSUMS["test.csv"]
    corpus = prepare(config(dir=ag_news, vocabulary=95_000), cache)
    assert corpus.sizes["test"] == 7600
    assert corpus.sizes["train"] + corpus.sizes["validation"] >= 65_580
    assert corpus.test().targets_N.size == 7600
    assert corpus.train.ids.max() < len(corpus.vocabulary)
