"""`fk.utils.get_file` beside Keras's: the same places and contents; nothing outside, nothing half, no network."""

import hashlib
import io
import pathlib
import tarfile
import urllib.error
import urllib.request
import zipfile

import pytest

import fkeras as fk

from ..real_keras import keras_world

keras = pytest.importorskip("keras")


def archive(path, members, kind):
    """An archive with `{name: text}` in it."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as file:
            for name, text in members.items():
                file.writestr(name, text)
    else:
        with tarfile.open(path, f"w:{kind}") as file:
            for name, text in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                file.addfile(info, io.BytesIO(text.encode()))
    return f"file://{path}"


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in pathlib.Path(folder).rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", ""])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"extract": True},
        {"fname": "pets", "extract": True},
        {"fname": "pets.tar.gz", "extract": True, "cache_subdir": "other"},
        {"fname": "pets.zip"},
        {"fname": "pets", "untar": True},
    ],
    ids=lambda a: "-".join(a) or "plain",
)
def test_files_come_to_the_places_of_keras(tmp_path, kind, arguments):
    if "untar" in arguments and kind == "zip":
        pytest.skip("no tar")
    origin = archive(tmp_path / "source", {"a/b.txt": "b", "c.txt": "c"}, kind)
    origin = pathlib.Path(tmp_path / "source").rename(tmp_path / "animals.bin").as_uri()
    digest = hashlib.sha256((tmp_path / "animals.bin").read_bytes()).hexdigest()
    for module, place in ((fk, "ours"), (keras, "theirs")):
        (tmp_path / place).mkdir()
        with keras_world():
            found = module.utils.get_file(origin=origin, cache_dir=str(tmp_path / place), file_hash=digest, **arguments)
        arguments = {**arguments}
        if module is fk:
            ours = pathlib.Path(found).relative_to(tmp_path / place)
        else:
            assert ours == pathlib.Path(found).relative_to(tmp_path / place)
    assert tree(tmp_path / "ours") == tree(tmp_path / "theirs") != {}


def test_what_is_in_the_cache_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    source = tmp_path / "words.txt"
    source.write_text("first")
    digest = hashlib.md5(b"second").hexdigest()
    path = pathlib.Path(fk.utils.get_file(origin=str(source)))  # a path of this machine
    assert path == tmp_path / "home" / "datasets" / "words.txt"
    source.write_text("second")
    fk.utils.get_file(origin=source.as_uri())
    assert path.read_text() == "first"
    with pytest.warns(UserWarning, match=rf"another digest, and is fetched again[\s\S]*{digest.upper()}"):
        fk.utils.get_file("words.txt", source.as_uri(), md5_hash=digest.upper())
    assert path.read_text() == "second"
    source.write_text("third")
    with pytest.raises(ValueError, match="is not what was published"):
        fk.utils.get_file("words.txt", source.as_uri(), file_hash=digest, force_download=True)
    assert path.read_text() == "second", "what was there stays"
    fk.utils.get_file("words.txt", source.as_uri(), force_download=True)
    assert path.read_text() == "third"
    assert [p.name for p in path.parent.iterdir()] == ["words.txt"]


def test_what_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    class Broken(io.BytesIO):
        def __init__(self):
            super().__init__(b"half")
            self.headers = {"Content-Length": "100"}

    monkeypatch.setattr(urllib.request, "urlopen", lambda url: Broken())
    with pytest.raises(OSError, match=r"could not be read[\s\S]*4 of 100 bytes"):
        fk.utils.get_file(origin="https://example.com/a.txt?x=1", cache_dir=tmp_path)

    def fails(url):
        raise urllib.error.HTTPError(url, 404, "Not Found", {}, None)

    monkeypatch.setattr(urllib.request, "urlopen", fails)
    with pytest.raises(OSError, match=r"https://example.com/a.txt could not be read[\s\S]*404 Not Found"):
        fk.utils.get_file(origin="https://example.com/a.txt", cache_dir=tmp_path)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "needs an origin"),
        ({"origin": "example.com/a.txt"}, "An origin is an address"),
        ({"origin": "https://example.com/"}, "has no name"),
        ({"origin": "https://example.com/a", "fname": "b/c"}, "is a name, and no path"),
        ({"origin": "https://example.com/a", "hash_algorithm": "sha1"}, "hash_algorithm is one of"),
        ({"origin": "https://example.com/a", "extract": True, "archive_format": "rar"}, "archive_format is one of"),
    ],
)
def test_arguments_that_are_refused(tmp_path, arguments, says):
    with pytest.raises(ValueError, match=says):
        fk.utils.get_file(cache_dir=tmp_path, **arguments)
    assert tree(tmp_path) == {}


def linked(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def device(name):
    info = tarfile.TarInfo(name)
    info.type = tarfile.CHRTYPE
    return info


UNSAFE = {
    "up": [tarfile.TarInfo("../out.txt")],
    "up-inside": [tarfile.TarInfo("a/../../out.txt")],
    "absolute": [tarfile.TarInfo("/out.txt")],
    "device": [device("tty")],
    "link-out": [linked("a", "../..", tarfile.SYMTYPE)],
    "link-absolute": [linked("a", "/etc", tarfile.SYMTYPE)],
    "hard-link-out": [linked("a", "../secret", tarfile.LNKTYPE)],
    "through-a-link": [linked("a", ".", tarfile.SYMTYPE), tarfile.TarInfo("a/out.txt")],
    "link-through-a-link": [linked("d/a", "../e/f", tarfile.SYMTYPE), linked("b", "d/a/../../..", tarfile.SYMTYPE)],
}


@pytest.mark.parametrize("members", UNSAFE.values(), ids=UNSAFE)
def test_an_archive_that_leaves_its_folder_is_refused_whole(tmp_path, members):
    (tmp_path / "secret").write_text("s")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for member in [tarfile.TarInfo("good.txt"), *members]:
            file.addfile(member)
    with pytest.raises(ValueError, match=rf"is not unpacked[\s\S]*{members[-1].name}"):
        fk.utils.get_file("pets", f"file://{tmp_path}/a.tar", extract=True, cache_dir=tmp_path / "cache")
    assert [p.name for p in (tmp_path / "cache" / "datasets").iterdir()] == ["pets_archive"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar", "cache", "secret"]


def test_links_inside_and_files_that_were_there_stay(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        info = tarfile.TarInfo("a/new.txt")
        info.size = 1
        file.addfile(info, io.BytesIO(b"n"))
        file.addfile(linked("a/link.txt", "new.txt", tarfile.SYMTYPE))
    for _ in range(2):
        folder = pathlib.Path(fk.utils.get_file("pets", f"{tmp_path}/a.tar", extract=True, cache_dir=tmp_path))
        assert (folder / "a" / "link.txt").read_text() == "n"
        (folder / "a" / "mine.txt").write_text("m")
    assert sorted(p.name for p in (folder / "a").iterdir()) == ["link.txt", "mine.txt", "new.txt"]


def test_zips_and_other_files_that_are_refused(tmp_path, monkeypatch):
    origin = archive(tmp_path / "a.zip", {"ok.txt": "", "../out.txt": "x"}, "zip")
    with pytest.raises(ValueError, match=r"is not unpacked[\s\S]*'../out.txt', a file"):
        fk.utils.get_file("pets", origin, extract=True, cache_dir=tmp_path)
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(ValueError, match="no archive of 'tar' or 'zip'"):
        fk.utils.get_file("page", f"{tmp_path}/page.zip", extract=True, cache_dir=tmp_path)
    archive(tmp_path / "cut.tar.gz", {"a": "".join(map(str, range(9999)))}, "gz")
    content = (tmp_path / "cut.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="is not unpacked"):
        fk.utils.get_file("cut", tmp_path / "cut.tar.gz", extract=True, cache_dir=tmp_path)
    monkeypatch.setattr("fkeras.utils._unpacking._SMALL", 1000)
    with zipfile.ZipFile(tmp_path / "large.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(1 << 20))
    with pytest.raises(ValueError, match=r"more than [0-9,]+ bytes"):
        fk.utils.get_file("large", f"{tmp_path}/large.zip", extract=True, cache_dir=tmp_path)
    assert not (tmp_path / "out.txt").exists()
