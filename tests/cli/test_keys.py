"""`bpx keys`."""

import json
import stat

import pytest

from bpx.access.keys import Scope, read_keys
from bpx.cli.keys import main


@pytest.fixture
def path(tmp_path, monkeypatch):
    file = tmp_path / "keys"
    monkeypatch.setenv("BPX_SECURITY_KEYS_FILE", str(file))
    return file


def created(capsys, *more):
    assert main(["create", *more]) == 0
    return capsys.readouterr().out.strip()


def test_a_key_is_told_once_and_only_its_hash_is_kept(path, capsys):
    key = created(capsys, "bot-4")
    assert key.startswith("bpx_")
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (row,) = read_keys(path.read_text())
    assert (row.name, row.scopes) == ("bot-4", {Scope.DATA, Scope.PUBLIC, Scope.SIGNED})
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "bot-4" in listed
    assert key not in listed
    assert row.digest not in listed


def test_two_of_one_name_and_then_the_newer_alone(path, capsys):
    created(capsys, "bot")
    created(capsys, "other")
    newer = created(capsys, "bot")
    assert main(["revoke", "bot", "--older"]) == 0
    rows = read_keys(path.read_text())
    assert [row.name for row in rows] == ["other", "bot"]
    assert main(["revoke", "bot"]) == 0
    assert [row.name for row in read_keys(path.read_text())] == ["other"]
    assert newer


def test_scripts_are_told_in_json(path, capsys):
    told = json.loads(created(capsys, "ops", "--scopes", "operators,data", "--json"))
    assert (told["name"], told["scopes"]) == ("ops", ["data", "operators"])
    assert main(["list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["scopes"] == "data,operators"


def test_the_mode_of_a_file_that_others_are_to_read_stays(path, capsys):
    created(capsys, "a")
    path.chmod(0o640)
    created(capsys, "b")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "argv",
    [
        ["create"], ["create", "a b"], ["create", "a", "--scopes", "all"], ["revoke", "nobody"],
        ["create", "a", "--file", "/nowhere/keys"],
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line(path, capsys, argv):
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert not path.exists()


def test_without_a_file_it_asks_which(monkeypatch, capsys):
    monkeypatch.delenv("BPX_SECURITY_KEYS_FILE", raising=False)
    assert main(["list"]) == 2
    assert "--file" in capsys.readouterr().err


def test_a_file_that_is_none_of_ours_is_left_as_it_is(path, capsys):
    path.write_text("something else\n")
    assert main(["create", "a"]) == 2
    assert path.read_text() == "something else\n"
