"""Which copies are one e-mail, and which ids tie a message to its thread."""

from dataclasses import replace
from typing import Any

import pytest

from postroom.core.matching import conversation_id, email_key, thread_ids
from postroom.core.model import Message, Participant, ParticipantRole

MESSAGE = Message(
    message_id="1@customer.example",
    sender="carol@customer.example",
    date=1_793_612_400,
    subject="Offer",
    participants=(Participant(ParticipantRole.FROM, "carol@customer.example", "Carol"),),
    body_digest=b"\x01" * 32,
    references=(),
    problems=(),
)


def key(copy_id: int = 1, **changes: Any) -> bytes:
    return email_key(replace(MESSAGE, **changes), copy_id)


class TestEmailKey:
    def test_copies_in_two_mailboxes_are_one_email(self) -> None:
        assert key(1) == key(2)

    @pytest.mark.parametrize(
        "change",
        [
            {"subject": "[list] Offer"},
            {"participants": ()},
            {"problems": ("Date: not a date",)},
            {"references": ("0@x",)},
        ],
    )
    def test_what_transport_and_lists_change_does_not_matter(self, change: dict[str, Any]) -> None:
        assert key(**change) == key()

    @pytest.mark.parametrize(
        "change",
        [
            {"message_id": "2@customer.example"},
            {"sender": "mallory@elsewhere.example"},
            {"sender": None},
            {"date": 1_793_612_401},
            {"date": None},
            {"body_digest": b"\x02" * 32},
        ],
        ids=str,
    )
    def test_a_message_id_alone_can_be_forged(self, change: dict[str, Any]) -> None:
        assert key(**change) != key()

    def test_without_a_message_id_nothing_groups(self) -> None:
        assert key(1, message_id=None) != key(2, message_id=None)
        assert key(1, message_id=None) == key(1, message_id=None)

    def test_an_id_that_looks_like_none_is_an_id(self) -> None:
        assert key(1, message_id="None") == key(2, message_id="None")
        assert key(1, message_id="None") != key(1, message_id=None)

    def test_nothing_moves_from_one_field_into_the_next(self) -> None:
        assert key(message_id="a', 'b", sender="c") != key(message_id="a", sender="b', 'c")


class TestThreadIds:
    def test_a_message_is_tied_by_its_own_id_and_by_what_it_answers(self) -> None:
        answer = replace(MESSAGE, references=("first@x", "second@x"))
        assert thread_ids(answer) == ("1@customer.example", "first@x", "second@x")

    def test_each_id_ties_once(self) -> None:
        answer = replace(MESSAGE, references=("first@x", "1@customer.example", "first@x"))
        assert thread_ids(answer) == ("1@customer.example", "first@x")

    def test_without_an_id_of_its_own_it_is_tied_by_what_it_answers(self) -> None:
        assert thread_ids(replace(MESSAGE, message_id=None, references=("first@x",))) == ("first@x",)
        assert thread_ids(replace(MESSAGE, message_id=None)) == ()


class TestConversation:
    def test_it_is_called_after_its_first_message(self) -> None:
        first = conversation_id(MESSAGE, 1)
        answer = replace(MESSAGE, message_id="2@customer.example", references=("1@customer.example", "x@a.example"))
        assert conversation_id(answer, 2) == first == conversation_id(MESSAGE, 3)
        assert conversation_id(replace(MESSAGE, message_id="3@customer.example"), 1) != first

    def test_what_has_no_name_is_one_by_itself(self) -> None:
        nameless = replace(MESSAGE, message_id=None)
        assert conversation_id(nameless, 1) != conversation_id(nameless, 2)

    def test_it_fits_the_clients_that_read_it_as_a_number(self) -> None:
        found = {conversation_id(replace(MESSAGE, message_id=f"{n}@customer.example"), 1) for n in range(200)}
        assert max(found) < 2**63
        assert min(found) >= 0
