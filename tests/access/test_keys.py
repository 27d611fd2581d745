"""Keys: made at random, kept as hashes, compared in constant time."""

import pytest

from bpx.access.keys import (
    PREFIX,
    TRADING,
    BadKeys,
    Key,
    Keyring,
    Scope,
    digest_of,
    make_key,
    read_keys,
    write_keys,
)

DIGEST = "a" * 64


def test_keys_are_long_and_never_the_same():
    keys = {make_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith(PREFIX) and len(key) >= len(PREFIX) + 43 for key in keys)


def test_a_key_is_found_by_itself_and_by_nothing_else():
    secrets = [make_key() for _ in range(3)]
    keys = [Key(f"bot-{n}", TRADING, digest_of(one)) for n, one in enumerate(secrets)]
    ring = Keyring(keys)
    assert [ring.find(one) for one in secrets] == keys
    for wrong in ("", "x", secrets[0][:-1], secrets[0] + "x", secrets[0].upper(), keys[0].digest):
        assert ring.find(wrong) is None


@pytest.mark.parametrize("wrong", ["é", "\udcff", "x" * 10**6, "\x00", "bpx_\n"])
def test_g7_whatever_is_shown_is_no_reason_to_fail(wrong):
    assert Keyring([Key("bot", TRADING, DIGEST)]).find(wrong) is None


def test_two_keys_of_one_name_are_valid_at_once():
    old, new = make_key(), make_key()
    ring = Keyring([Key("bot", TRADING, digest_of(old)), Key("bot", TRADING, digest_of(new))])
    assert [ring.find(key).name for key in (old, new)] == ["bot", "bot"]


def test_what_is_written_is_read():
    keys = [
        Key("bot-4", TRADING, digest_of("a")),
        Key("ops", frozenset({Scope.OPERATORS}), digest_of("b")),
    ]
    assert read_keys(write_keys(keys)) == keys


def test_comments_empty_lines_and_semicolons():
    text = f"# all\n\n a data {DIGEST} # the first\n;b signed,public {DIGEST}"
    assert [key.name for key in read_keys(text)] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        "a", "a data", f"a data {DIGEST} more", f"a nothing {DIGEST}", f"a data, {DIGEST}",
        "a data " + "A" * 64, "a data " + "a" * 63, f"../a data {DIGEST}",
        f"{'a' * 65} data {DIGEST}",
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused_by_its_line_and_not_repeated(line):
    with pytest.raises(BadKeys) as refused:
        read_keys(f"# first\n{line}\n")
    assert "line 2" in str(refused.value)
    assert DIGEST not in str(refused.value)
