"""Excluded domains, and the organisation's own."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from postroom.actions.exclusions import (
    Domains,
    SetExcludedDomains,
    SetInternalDomains,
    list_domains,
    list_own_domains,
)
from postroom.cli.commands import Callback, Group, json_option, preview_option
from postroom.cli.installation import make_change, opened, operator
from postroom.cli.output import count, print_json, print_table, say

_DOMAINS = click.argument("domains", metavar="DOMAIN...", nargs=-1, required=True)


def _whose_option(callback: Callback) -> Callback:
    user = click.option("--user", metavar="EMAIL", help="The user's own list.")
    role = click.option("--role", metavar="NAME", help="The list in the e-mail preference of a role.")
    return role(user(callback))


@click.group(cls=Group, epilog="postroom domain exclude solicitors.example")
def domain() -> None:
    """Withhold mail by the domain of who takes part; a domain covers its subdomains."""


@domain.command("exclude", epilog="postroom domain exclude solicitors.example bank.example")
@_DOMAINS
@_whose_option
@preview_option
def exclude(domains: tuple[str, ...], role: str | None, user: str | None) -> None:
    """Withhold mail with these domains.

    Wherever one takes part, nobody but the owner of the mailbox sees the mail. The list is the whole
    organisation's, unless it is that of a role or of a user.
    """
    _require_at_most_one(role, user)
    change = SetExcludedDomains(role=role, user=user, add=domains)
    make_change(change, f"{_listed(domains)} on the list of {_whose(role, user)}.")


@domain.command("include", epilog="postroom domain include bank.example")
@_DOMAINS
@_whose_option
@preview_option
def include(domains: tuple[str, ...], role: str | None, user: str | None) -> None:
    """Take domains off a list of excluded ones."""
    _require_at_most_one(role, user)
    change = SetExcludedDomains(role=role, user=user, remove=domains)
    make_change(change, f"{_listed(domains)} not on the list of {_whose(role, user)}.")


@domain.command("own", epilog="postroom domain own example.com")
@_DOMAINS
@preview_option
def own(domains: tuple[str, ...]) -> None:
    """Name the organisation's own domains.

    A colleague in Cc never hides a customer's mail: an own domain that is excluded withholds only mail in which
    nobody else takes part.
    """
    make_change(SetInternalDomains(add=domains), f"{_listed(domains)} on the list of the organisation's own domains.")


@domain.command("disown", epilog="postroom domain disown example.com")
@_DOMAINS
@preview_option
def disown(domains: tuple[str, ...]) -> None:
    """Take domains off the list of own ones."""
    change = SetInternalDomains(remove=domains)
    make_change(change, f"{_listed(domains)} not on the list of the organisation's own domains.")


@domain.command("list", epilog="postroom domain list")
@click.option("--user", metavar="EMAIL", help="The list of one user instead.")
@json_option
def list_domains_command(user: str | None, as_json: bool) -> None:
    """List own and excluded domains.

    Which domains a user excludes is the user's affair: here it is only how many.
    """
    with opened() as installation:
        if user is not None:
            _print_own(list_own_domains(installation.database, user, by=operator()), as_json)
            return
        listed = list_domains(installation.database, by=operator())
    if as_json:
        print_json(asdict(listed))
    else:
        print_table(("List", "Domains"), _rows(listed))


def _print_own(domains: list[str], as_json: bool) -> None:
    if as_json:
        print_json(domains)
        return
    for each in domains:
        say(each)


def _rows(listed: Domains) -> Iterator[tuple[str, str]]:
    yield "the organisation's own", ", ".join(listed.internal) or "none"
    yield "excluded by the organisation", ", ".join(listed.organisation) or "none"
    for role, domains in listed.roles.items():
        yield f"excluded for the role {role}", ", ".join(domains)
    for user, number in listed.users.items():
        yield f"excluded by {user}", count(number, "domain")


def _require_at_most_one(role: str | None, user: str | None) -> None:
    if role is not None and user is not None:
        raise click.UsageError("name at most one of --role NAME and --user EMAIL")


def _listed(domains: tuple[str, ...]) -> str:
    return f"{', '.join(domains)} {'is' if len(domains) == 1 else 'are'}"


def _whose(role: str | None, user: str | None) -> str:
    owner = f"the role {role}" if role else user or "the organisation"
    return f"excluded domains of {owner}"
