"""Every message of an archive comes out, and what cannot be read is named."""

import mailbox
import os
import pwd
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from postroom.mail import archive
from postroom.mail.archive import ArchivedMessage, ArchiveError, archive_size, read_archive

ENVELOPE = b"From alice@acme.example Fri Nov 13 10:00:00 2026\n"


def mail(subject: str) -> bytes:
    return f"From: alice@acme.example\nSubject: {subject}\n\nHello\n".encode()


def found(path: Path) -> dict[str, bytes | None]:
    return {message.source: message.raw for message in read_archive(path)}


def mbox(path: Path, *messages: bytes) -> Path:
    path.write_bytes(b"".join(ENVELOPE + message + b"\n" for message in messages))
    return path


def test_an_mbox_gives_its_messages_byte_for_byte(tmp_path):
    path = mbox(tmp_path / "inbox.mbox", mail("one"), mail("two"))
    assert found(path) == {"inbox.mbox message 1": mail("one"), "inbox.mbox message 2": mail("two")}


def test_an_mbox_that_the_standard_library_wrote_is_read_alike(tmp_path):
    with_library = mailbox.mbox(tmp_path / "box")
    for number in range(3):
        with_library.add(mail(f"{number}\n\nFrom me to you\n"))
    with_library.close()
    with_library = mailbox.mbox(tmp_path / "box")
    expected = [with_library.get_bytes(key) for key in with_library.iterkeys()]
    with_library.close()
    assert list(found(tmp_path / "box").values()) == expected


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(ENVELOPE + mail("one") + ENVELOPE + mail("two"), id="no empty line between"),
        pytest.param(b"From nobody\n" + mail("one") + b"\nFrom \n" + mail("two"), id="no date"),
        pytest.param((ENVELOPE + mail("one") + b"\n" + ENVELOPE + mail("two")).replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(
            ENVELOPE + mail("one") + b"\nFrom where I stand\nall is well\n\n" + ENVELOPE + mail("two"), id="text"
        ),
        pytest.param(ENVELOPE + mail("one") + b"\n" + ENVELOPE + mail("two").rstrip(b"\n"), id="no end of line"),
    ],
)
def test_an_mbox_of_two_messages_whatever_its_writer_did(tmp_path, content):
    (tmp_path / "box").write_bytes(content)
    subjects = [(raw or b"").split(b"\n")[1].strip() for raw in found(tmp_path / "box").values()]
    assert subjects == [b"Subject: one", b"Subject: two"]


def test_a_maildir_with_its_subfolders(tmp_path):
    inbox = mailbox.Maildir(tmp_path / "Maildir")
    inbox.add(mail("new"))
    read = mailbox.MaildirMessage(mail("read"))
    read.set_subdir("cur")
    inbox.add(read)
    inbox.add_folder("Sent").add(mail("sent"))
    (tmp_path / "Maildir" / "tmp" / "half").write_bytes(b"From: half")
    (tmp_path / "Maildir" / "dovecot-uidlist").write_bytes(b"3 V1")
    assert sorted(found(tmp_path / "Maildir").values()) == [mail("new"), mail("read"), mail("sent")]
    assert any("Maildir/.Sent/new/" in source for source in found(tmp_path / "Maildir"))


def test_a_folder_of_everything(tmp_path):
    export = tmp_path / "export"
    (export / "2026" / "11").mkdir(parents=True)
    (export / "2026" / "11" / "a.eml").write_bytes(mail("a"))
    (export / "b.EML").write_bytes(b"")
    mbox(export / "Archive", mail("c"))
    mailbox.Maildir(export / "box").add(mail("d"))
    sources = found(export)
    assert sources["export/2026/11/a.eml"] == mail("a")
    assert sources["export/b.EML"] == b""
    assert sources["export/Archive message 1"] == mail("c")
    assert mail("d") in sources.values()
    assert len(sources) == 4


def test_one_eml_file(tmp_path):
    (tmp_path / "a.eml").write_bytes(b"\x00 not even mail")
    assert list(read_archive(tmp_path / "a.eml")) == [ArchivedMessage(b"\x00 not even mail", "a.eml", 15, None)]


def test_an_empty_mbox_holds_nothing(tmp_path):
    (tmp_path / "Drafts").write_bytes(b"")
    assert found(tmp_path / "Drafts") == {}


def test_what_is_no_mail_in_a_folder_is_named(tmp_path):
    (tmp_path / "a.eml").write_bytes(mail("a"))
    (tmp_path / "notes.txt").write_text("Notes")
    (tmp_path / ".DS_Store").write_text("")
    os.mkfifo(tmp_path / "pipe.eml")
    (tmp_path / "gone.eml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path)
    problems = {m.source.split("/")[1]: m.problem for m in read_archive(tmp_path) if m.raw is None}
    assert problems == {
        "gone.eml": "cannot be read: No such file or directory",
        "notes.txt": "not a mail file, neither mbox nor .eml",
        "pipe.eml": "not a regular file",
    }


def test_a_file_that_vanishes_meanwhile_is_named_and_the_rest_is_read(tmp_path):
    for name in ("a.eml", "b.eml", "c.eml"):
        (tmp_path / name).write_bytes(mail(name))
    messages = read_archive(tmp_path)
    first = next(messages)
    (tmp_path / "b.eml").unlink()
    assert [first.problem, *(m.problem for m in messages)] == [None, "cannot be read: No such file or directory", None]


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may read everything, so root is not who reads meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_named():
    with TemporaryDirectory() as name:  # tmp_path is closed to others
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "a.eml").write_bytes(mail("a"))
        (folder / "b.eml").write_bytes(mail("b"))
        (folder / "b.eml").chmod(0)
        (folder / "closed").mkdir(mode=0)
        with ordinary_user():
            problems = {m.source.rpartition("/")[2]: m.problem for m in read_archive(folder)}
        (folder / "closed").chmod(0o700)
    denied = "cannot be read: Permission denied"
    assert problems == {"a.eml": None, "b.eml": denied, "closed": denied}


@pytest.mark.parametrize("name", ["missing", "empty", "notes.txt"])
def test_what_is_no_archive_is_refused_with_what_was_expected(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("Notes")
    with pytest.raises(ArchiveError, match=r"expected an mbox file, a Maildir, a folder of \.eml files or one \.eml"):
        read_archive(tmp_path / name)


def test_progress_ends_at_the_size_of_the_archive(tmp_path):
    mbox(tmp_path / "box", mail("one"), mail("two"))
    (tmp_path / "a.eml").write_bytes(mail("three"))
    assert sum(message.size for message in read_archive(tmp_path)) == archive_size(tmp_path)
    assert archive_size(tmp_path) == (tmp_path / "box").stat().st_size + (tmp_path / "a.eml").stat().st_size


def test_a_message_beyond_the_limit_is_cut_and_the_next_one_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MESSAGE_BYTES", 1000)
    mbox(tmp_path / "box", mail("large") + b"x" * 200_000 + b"\n", mail("small"))
    large, small = read_archive(tmp_path / "box")
    assert (len(large.raw or b""), large.size > 200_000) == (1001, True)
    assert small.raw == mail("small")


def test_an_mbox_is_never_held_in_memory(tmp_path):
    message = mail("large") + (b"x" * 5000 + b"\n") * 20
    path = mbox(tmp_path / "box", *[message] * 100)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_archive(path)) == 100
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 10
