"""checkpoint=: folders, files, names and addresses, each to one file."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from posereg.errors import UserError
from posereg.models import cards
from posereg.models.cards import Card
from posereg.models.resolve import checkpoint_file

CONTENT = b"a model" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder with the model `body`, as if it came with posereg."""
    folder = tmp_path / "shipped" / "body"
    folder.mkdir(parents=True)
    cards.write_card(Card(folder, "body", "body.safetensors", DIGEST))
    (folder / "body.safetensors").write_bytes(CONTENT)
    monkeypatch.setattr(cards, "SHIPPED", folder.parent)
    return folder


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A web server on this machine with one model; the address, and how often it was asked."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "body.safetensors").write_bytes(CONTENT)
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *args):
            asked.append(self.path)

        def log_message(self, *args):
            pass

    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "cache"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def test_a_file_is_itself(tmp_path):
    (tmp_path / "a.ckpt").touch()
    assert checkpoint_file(tmp_path / "a.ckpt") == tmp_path / "a.ckpt"


def test_a_runs_folder_is_its_last_checkpoint(tmp_path):
    for name in ("last.ckpt", "last-1.ckpt", "best.ckpt"):
        (tmp_path / name).touch()
    assert checkpoint_file(str(tmp_path)) == tmp_path / "last.ckpt"


def test_a_models_folder_and_a_shipped_name_are_the_weights(shipped):
    assert checkpoint_file(shipped) == checkpoint_file("body") == shipped / "body.safetensors"


def test_what_is_on_disk_goes_before_a_shipped_name(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "body").write_bytes(b"mine")
    assert checkpoint_file("body").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("boby", "no such file: boby, and no model of that name comes with posereg, did you mean 'body'"),
        (".", r"is no run's folder \(no last\.ckpt\)"),
    ],
)
def test_what_is_nothing_is_named(shipped, tmp_path, monkeypatch, name, message):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    with pytest.raises(UserError, match=message):
        checkpoint_file(name)


def test_an_address_is_fetched_once_and_checked(served):
    address, asked = served
    url = f"{address}/body.safetensors#sha256={DIGEST.upper()}"
    first = checkpoint_file(url)
    assert first.read_bytes() == CONTENT
    assert first.name == "body.safetensors"
    assert checkpoint_file(url) == first
    assert asked == ["/body.safetensors"]
    first.write_bytes(b"damaged")
    assert checkpoint_file(url).read_bytes() == CONTENT
    assert len(asked) == 2


def test_other_content_than_the_digest_says_is_refused_and_not_kept(served, tmp_path):
    address, _ = served
    with pytest.raises(UserError, match="has another SHA-256"):
        checkpoint_file(f"{address}/body.safetensors#sha256={'0' * 64}")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("end", ["", "#", "#sha256=12", "#md5=" + "0" * 64])
def test_an_address_without_a_digest_is_refused(served, end):
    address, asked = served
    with pytest.raises(UserError, match="put the file's SHA-256 behind it"):
        checkpoint_file(f"{address}/body.safetensors{end}")
    assert not asked


def test_an_address_that_leads_nowhere_is_named(served):
    address, _ = served
    with pytest.raises(UserError, match=r"none\.ckpt could not be downloaded"):
        checkpoint_file(f"{address}/none.ckpt#sha256={DIGEST}")
