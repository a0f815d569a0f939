"""Who asks for what: users and records drawn at random, kept where the user may see the record."""

import os
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

from falcon.testing import TestClient
from sqlalchemy import select

from bench.load import Question
from bench.organisation import Size, token_of
from bench.refreshing import choose_refresh_question
from postroom.actions.errors import RecordInvalid
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.http.app import create_api
from postroom.storage.database import Database
from postroom.storage.schema import modules, records
from postroom.storage.secrets import SecretBox
from postroom.storage.sharing_facts import SharingFactsReader

LISTED = 100_000  # e-mails of the Lead whose lists are measured
_SEED = 3


class Questions(NamedTuple):
    """What is asked: of records of every kind, and of each Lead of a special number of e-mails.

    The e-mails of the Lead of that name are listed, and a client refreshes its token.
    """

    of_all: list[Question]
    of_special: dict[str, list[Question]]
    listed: str
    refresh: Question
    typical_body: str


class _Chooser:
    """Finds users who may see a record by asking what any caller asks: the law is nowhere else."""

    def __init__(self, database: Database, size: Size) -> None:
        self._reader = SharingFactsReader(database)
        self._tokens = [token_of(number) for number in range(size.users)]
        self._random = Random(_SEED)

    def one(self, module: str, record_id: int) -> list[Question]:
        """Give one user's question about a record, or none: now and then the record's one viewer is not drawn."""
        for token in self._random.sample(self._tokens, len(self._tokens) // 2):
            if self._sees(token, module, record_id):
                return [_question(token, module, record_id)]
        return []

    def all(self, module: str, record_id: int) -> list[Question]:
        """Give the question of every user who may see a record."""
        seeing = (token for token in self._tokens if self._sees(token, module, record_id))
        return [_question(token, module, record_id) for token in seeing]

    def _sees(self, token: str, module: str, record_id: int) -> bool:
        try:
            read_sharing_details(self._reader, token, module, str(record_id), now=int(time.time()))
        except RecordInvalid:
            return False
        return True


def choose_questions(database: Database, size: Size, count: int) -> Questions:
    """Choose about `count` questions about records drawn at random, and those about the special Leads."""
    chooser, named = _Chooser(database, size), _records(database)
    drawn = Random(_SEED).sample(named, count)
    of_all = [question for module, record_id in drawn for question in chooser.one(module, record_id)]
    special = dict(zip(size.lead_names(), named, strict=False))
    of_special = {name: chooser.all(*record) for name, record in special.items()}
    listed = size.lead_names()[size.place_of(LISTED)]
    return Questions(of_all, of_special, listed, choose_refresh_question(database), _typical_body(database, of_all))


def _records(database: Database) -> list[tuple[str, int]]:
    named = select(modules.c.api_name, records.c.id).join(records, records.c.module_id == modules.c.id)
    with database.read() as connection:
        return [(row.api_name, row.id) for row in connection.execute(named.order_by(records.c.id))]


def _question(token: str, module: str, record_id: int) -> Question:
    return Question(token, f"/crm/v8/{module}/{record_id}/__emails_sharing_details")


def _typical_body(database: Database, questions: list[Question]) -> str:
    """Give the answer of median length."""
    client = TestClient(create_api(database, SecretBox(Path(os.devnull))))
    answers = [
        client.simulate_get(question.path, headers={"Authorization": f"Bearer {question.token}"}).text
        for question in questions
    ]
    return sorted(answers, key=len)[len(answers) // 2]
