"""Who may read the settings: administrators all but which domains a user excludes, Alice her own, Bob none of hers."""

from typing import NamedTuple

import pytest

from postroom.actions.actor import Actor
from postroom.actions.errors import NotAllowed
from postroom.actions.exclusions import SetExcludedDomains, list_domains, list_own_domains
from postroom.actions.read_settings import read_settings, sharing_of
from postroom.core.model import User
from tests.team import Team, email_of

ALICE = email_of("Alice")


class Office(NamedTuple):
    """A team in which Alice excludes a domain and opened her mail, and who asks about it."""

    team: Team
    alice: Actor
    bob: Actor
    dora: Actor  # an administrator


@pytest.fixture
def office(team: Team) -> Office:
    alice, bob = team.user("Alice"), team.user("Bob")
    dora = team.user("Dora", profile="Administrator")
    team.make(SetExcludedDomains(("club.example",), user=ALICE))
    team.permission("Alice", "public")
    return Office(team, acting(alice), acting(bob), acting(dora))


def acting(user: User) -> Actor:
    return Actor(user.id, is_administrator=user.profile == "Administrator", channel="token")


def test_all_settings_are_for_administrators(office: Office) -> None:
    settings = read_settings(office.team.database, by=office.dora)
    assert [(each.user, each.chosen) for each in settings.users] == [(ALICE, ("public", "everyone"))]
    for somebody in (office.alice, office.bob):
        with pytest.raises(NotAllowed, match="only an administrator"):
            read_settings(office.team.database, by=somebody)


def test_what_holds_for_alice_is_for_her_and_administrators(office: Office) -> None:
    for somebody in (office.alice, office.dora):
        assert sharing_of(office.team.database, ALICE, by=somebody).permission == "public"
    with pytest.raises(NotAllowed, match="only the user or an administrator"):
        sharing_of(office.team.database, ALICE, by=office.bob)


def test_which_domains_alice_excludes_is_for_her_alone(office: Office) -> None:
    assert list_own_domains(office.team.database, ALICE, by=office.alice) == ["club.example"]
    for somebody in (office.bob, office.dora):
        with pytest.raises(NotAllowed, match="only the user"):
            list_own_domains(office.team.database, ALICE, by=somebody)


def test_how_many_they_are_is_for_administrators(office: Office) -> None:
    assert list_domains(office.team.database, by=office.dora).users == {ALICE: 1}
    for somebody in (office.alice, office.bob):
        with pytest.raises(NotAllowed, match="only an administrator"):
            list_domains(office.team.database, by=somebody)
