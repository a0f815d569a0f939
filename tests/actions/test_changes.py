"""Several things in one transaction, each for itself."""

from sqlalchemy import text

from postroom.actions.changes import Transaction, each_for_itself
from postroom.actions.errors import NotAllowed
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team


def test_what_is_refused_takes_back_its_own_and_nothing_of_the_others(team: Team) -> None:
    def add(transaction: Transaction, name: str) -> str:
        domain = {"domain": f"{name}.example"}
        transaction.connection.execute(text("INSERT INTO internal_domains VALUES (:domain)"), domain)
        if name == "b":
            raise NotAllowed("not b")
        return name

    works = [lambda transaction, name=name: add(transaction, name) for name in "abc"]
    with team.database.write() as connection:
        first, refused, last = each_for_itself(Transaction(connection, OPERATOR, NOW), works)
    assert (first, str(refused), last) == ("a", "not b", "c")
    assert sorted(contents(team.database)["internal_domains"]) == [("a.example",), ("c.example",)]
