"""Mailbox passwords at rest: sealed for one mailbox, with a key in a file that only this account reads."""

import base64
import stat
import string
from pathlib import Path

import pytest

from postroom.storage.secrets import SecretBox, SecretKeyError
from tests.storage.conftest import at_once

PASSWORD = "correct horse, Größe 🐎"
CONTEXT = "mailbox 1"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "secret.key"


@pytest.fixture
def box(key_file: Path) -> SecretBox:
    return SecretBox(key_file)


class TestSecret:
    @pytest.mark.parametrize("secret", [PASSWORD, "", " ", "\x00", "x" * 10_000])
    def test_it_opens_as_it_was_sealed(self, box: SecretBox, secret: str) -> None:
        assert box.open(box.seal(secret, CONTEXT), CONTEXT) == secret

    def test_it_opens_after_a_restart(self, box: SecretBox, key_file: Path) -> None:
        assert SecretBox(key_file).open(box.seal(PASSWORD, CONTEXT), CONTEXT) == PASSWORD

    def test_it_cannot_be_read_nor_recognised(self, box: SecretBox) -> None:
        first, second = box.seal(PASSWORD, CONTEXT), box.seal(PASSWORD, CONTEXT)
        assert PASSWORD.encode() not in first
        assert first != second

    @pytest.mark.parametrize("context", ["mailbox 2", "mailbox 1 ", ""])
    def test_it_opens_for_nobody_else(self, box: SecretBox, context: str) -> None:
        with pytest.raises(SecretKeyError, match="is not the key"):
            box.open(box.seal(PASSWORD, CONTEXT), context)

    def test_it_opens_with_no_other_key(self, box: SecretBox, tmp_path: Path) -> None:
        other = SecretBox(tmp_path / "other.key")
        other.seal("", CONTEXT)
        with pytest.raises(SecretKeyError, match=r"other\.key is not the key"):
            other.open(box.seal(PASSWORD, CONTEXT), CONTEXT)

    def test_no_byte_of_it_can_be_changed(self, box: SecretBox) -> None:
        sealed = box.seal("secret", CONTEXT)
        for place in range(len(sealed)):
            changed = bytearray(sealed)
            changed[place] ^= 1
            with pytest.raises(SecretKeyError):
                box.open(bytes(changed), CONTEXT)

    @pytest.mark.parametrize("length", [0, 1, 7, 12, 20])
    def test_what_was_cut_off_does_not_open(self, box: SecretBox, length: int) -> None:
        sealed = box.seal(PASSWORD, CONTEXT)
        with pytest.raises(SecretKeyError):
            box.open(sealed[:length], CONTEXT)


class TestKey:
    def test_only_this_account_reads_it(self, box: SecretBox, key_file: Path) -> None:
        box.seal(PASSWORD, CONTEXT)
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        assert [path.name for path in key_file.parent.iterdir()] == ["secret.key"]

    def test_it_is_made_once_and_at_random(self, box: SecretBox, key_file: Path, tmp_path: Path) -> None:
        box.seal(PASSWORD, CONTEXT)
        key = key_file.read_text()
        box.seal(PASSWORD, CONTEXT)
        SecretBox(tmp_path / "other.key").seal(PASSWORD, CONTEXT)
        assert key_file.read_text() == key
        assert len(bytes.fromhex(key)) == 32
        assert (tmp_path / "other.key").read_text() != key

    def test_one_that_is_missing_is_named_and_not_made_anew(self, box: SecretBox, key_file: Path) -> None:
        sealed = box.seal(PASSWORD, CONTEXT)
        key_file.unlink()
        with pytest.raises(SecretKeyError, match=r"cannot be read from .*secret\.key"):
            box.open(sealed, CONTEXT)
        assert not key_file.exists()

    @pytest.mark.parametrize("content", ["", "not hexadecimal", "00", "00" * 31, "00" * 33, "Größe"])
    def test_one_that_is_damaged_is_named_and_left_alone(self, box: SecretBox, key_file: Path, content: str) -> None:
        sealed = box.seal(PASSWORD, CONTEXT)
        key_file.write_text(content)
        with pytest.raises(SecretKeyError, match=r"secret\.key"):
            box.open(sealed, CONTEXT)
        with pytest.raises(SecretKeyError, match=r"secret\.key"):
            box.seal(PASSWORD, CONTEXT)
        assert key_file.read_text() == content

    def test_an_editors_line_break_does_no_harm(self, box: SecretBox, key_file: Path) -> None:
        sealed = box.seal(PASSWORD, CONTEXT)
        key_file.write_text(f"{key_file.read_text()}\r\n")
        assert box.open(sealed, CONTEXT) == PASSWORD

    def test_several_that_seal_the_first_secret_make_one(self, key_file: Path) -> None:
        for _ in range(20):
            sealed = at_once(*[lambda: SecretBox(key_file).seal(PASSWORD, CONTEXT)] * 8)
            assert {SecretBox(key_file).open(one, CONTEXT) for one in sealed} == {PASSWORD}
            key_file.unlink()


class TestWrapped:
    """What callers get and give back."""

    @pytest.mark.parametrize("content", [b"", b"x", b"place \x00", b"y" * 1000])
    def test_it_comes_back_as_it_was(self, box: SecretBox, content: bytes) -> None:
        text = box.wrap(content, CONTEXT)
        assert box.unwrap(text, CONTEXT) == content
        assert set(text) <= set(string.ascii_letters + string.digits + "-_")

    def test_it_says_nothing_and_never_the_same(self, box: SecretBox) -> None:
        texts = {box.wrap(b"place", CONTEXT) for _ in range(10)}
        assert len(texts) == 10
        assert not any(b"place" in base64.urlsafe_b64decode(text + "==") for text in texts)

    def test_it_comes_back_for_its_context_alone(self, box: SecretBox) -> None:
        assert box.unwrap(box.wrap(b"place", CONTEXT), "another") is None

    def test_it_comes_back_with_no_other_key(self, box: SecretBox, tmp_path: Path) -> None:
        assert SecretBox(tmp_path / "other.key").unwrap(box.wrap(b"place", CONTEXT), CONTEXT) is None

    @pytest.mark.parametrize("text", ["", "A", "AAAA", "ä", "=", "A" * 1000, "\x00", "+/+/"])
    def test_what_was_not_wrapped_is_nothing(self, box: SecretBox, text: str) -> None:
        assert box.unwrap(text, CONTEXT) is None

    def test_a_password_is_not_what_callers_get(self, box: SecretBox) -> None:
        """Each has a key of its own: neither can be taken for the other."""
        sealed = base64.urlsafe_b64encode(box.seal("secret", CONTEXT)).decode().rstrip("=")
        assert box.unwrap(sealed, CONTEXT) is None
        wrapped = box.wrap(b"secret", CONTEXT)
        with pytest.raises(SecretKeyError):
            box.open(base64.urlsafe_b64decode(wrapped + "=" * (-len(wrapped) % 4)), CONTEXT)
