"""Where e-mails stand in a list."""

from postroom.core.emails import NEWEST, EmailPlace

LAST_SECOND = 253_402_300_799  # of the year 9999


def test_a_list_begins_before_every_email() -> None:
    assert EmailPlace(LAST_SECOND, b"\xff" * 32) < NEWEST


def test_emails_of_one_second_stand_by_their_keys() -> None:
    assert EmailPlace(0, b"\xff") < EmailPlace(1, b"\x00") < EmailPlace(1, b"\x00\x00") < EmailPlace(1, b"\x01")
