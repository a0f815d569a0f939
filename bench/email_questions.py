"""What is asked about the e-mails of one record: its first page, one far behind it, and one e-mail."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

from bench.load import Question
from bench.processes import Server

FIRST_PAGE, FAR_PAGE, ONE_EMAIL = "e-mails: page 1", "e-mails: page 1,000", "one e-mail"
_FAR = 1_000  # pages; of a shorter list its last page
_VIEWERS = 4


def choose_email_questions(server: Server, of_record: list[Question]) -> dict[str, list[Question]]:
    """Choose them for a few of those who ask about a record, whose pages the server itself names."""
    asked: dict[str, list[Question]] = {FIRST_PAGE: [], FAR_PAGE: [], ONE_EMAIL: []}
    connection = HTTPConnection("127.0.0.1", server.port)
    for question in _who_see_most(connection, of_record):
        first = Question(question.token, question.path.replace("__emails_sharing_details", "Emails"))
        *_, last = _walk(connection, first)
        asked[FIRST_PAGE].append(first)
        asked[FAR_PAGE].append(last)
        asked[ONE_EMAIL] += [
            Question(first.token, f"{first.path}/{email['message_id']}") for email in _ask(connection, first)["Emails"]
        ]
    connection.close()
    return asked


def _who_see_most(connection: HTTPConnection, questions: list[Question]) -> list[Question]:
    def sharing(question: Question) -> int:
        details = _ask(connection, question)["__emails_sharing_details"]
        return len(details["share_from_users"])

    return sorted(questions, key=sharing, reverse=True)[:_VIEWERS]


def _walk(connection: HTTPConnection, first: Question) -> Iterator[Question]:
    question = first
    for _ in range(_FAR):
        yield question
        index = _ask(connection, question)["info"]["next_index"]
        if index is None:
            return
        question = Question(first.token, f"{first.path}?index={index}")


def _ask(connection: HTTPConnection, question: Question) -> Any:  # noqa: ANN401 (JSON)
    connection.request("GET", question.path, headers={"Authorization": f"Bearer {question.token}"})
    return json.loads(connection.getresponse().read())
