"""The keys as their file has them, and what is done with one that cannot be read."""

from contextlib import contextmanager

import pytest

from bpx.access.keyfile import KeyFile, load_keys
from bpx.access.keys import TRADING, Key, digest_of, write_keys
from bpx.errors import BadOption
from tests.runtime import ThreadRuntime
from tests.waiting import eventually

A, B = (Key(name, TRADING, digest_of(name)) for name in ("a", "b"))


@contextmanager
def followed(path):
    rings = []
    file = KeyFile(str(path), "", rings.append, runtime := ThreadRuntime())
    runtime.spawn(file.follow)
    try:
        yield rings
    finally:
        file.close()


def test_what_changes_in_the_file_counts_soon(tmp_path):
    path = tmp_path / "keys"
    path.write_text(write_keys([A]))
    with followed(path) as rings:
        assert rings[-1].find("a") == A
        path.write_text(write_keys([B, A]))
        eventually(lambda: rings[-1].find("b") == B)
        path.write_text(write_keys([B]))
        eventually(lambda: rings[-1].find("a") is None)


@pytest.mark.parametrize("text", [None, "", "nonsense\n", "é"])
def test_a_file_that_cannot_be_read_changes_nothing(tmp_path, caplog, text):
    path = tmp_path / "keys"
    path.write_text(write_keys([A]))
    with followed(path) as rings:
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        eventually(lambda: "the keys stay as they were" in caplog.text)
        assert rings[-1].find("a") == A
        path.write_text(write_keys([A, B]))
        eventually(lambda: rings[-1].find("b") == B)


@pytest.mark.parametrize("text", ["", "# nobody\n", "a data x\n"])
def test_who_wants_keys_and_has_none_does_not_start_with_open_doors(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(BadOption, match=r"--security\.keys-file"):
        load_keys(str(path), "")
    with pytest.raises(BadOption, match="No such file"):
        load_keys(str(tmp_path / "none"), "")
    with pytest.raises(BadOption, match=r"--security.keys: line 1"):
        load_keys("", "nonsense")


def test_the_keys_of_the_file_and_of_the_options_are_one():
    row = write_keys([A]).splitlines()[1]
    assert load_keys("", row).find("a") == A
