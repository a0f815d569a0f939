"""Mailboxes."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from postroom.actions.aliases import add_aliases, list_aliases, remove_aliases
from postroom.actions.errors import InvalidInput
from postroom.actions.found_servers import connect_found
from postroom.actions.mail_access import Granted, accept_access, ask_for_access
from postroom.actions.mailbox_folders import (
    FolderChoices,
    choice_in_words,
    choose_folders,
    folder_as_json,
    list_folders,
)
from postroom.actions.mailbox_status import MailboxStatus, ask_for_pass, read_status, read_statuses, set_paused
from postroom.actions.mailboxes import (
    NewMailbox,
    add_mailbox,
    connect_mailbox,
    disconnect_mailbox,
    login_name,
    renew_login,
    require_room,
)
from postroom.actions.organisation import time_zone_of
from postroom.actions.server_lookup import find_servers
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.actions.times import with_offset
from postroom.cli.commands import Group, json_option
from postroom.cli.installation import opened, operator
from postroom.cli.mailbox_words import HEADINGS, facts_of, row_of, server_of
from postroom.cli.mailbox_words import as_json as status_as_json
from postroom.cli.output import count, print_entries, print_json, say
from postroom.cli.secret_input import read_secret
from postroom.cli.text import printable
from postroom.cli.words import in_calendar
from postroom.core.model import Folder, Mailbox, MailboxState, Security
from postroom.mail.autoconfig import Services
from postroom.wiring import Installation

_LONGEST_CERTIFICATES = 1_000_000  # bytes: more than all authorities of a system have


def _read_certificates(_ctx: click.Context, _option: click.Parameter, path: Path | None) -> str | None:
    """Give the text of a file, in which whatever is not ASCII is no certificate."""
    if path is None:
        return None
    with path.open("rb") as file:
        return file.read(_LONGEST_CERTIFICATES).decode("ascii", "replace")


ca_option = click.option(
    "--ca-file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_read_certificates,
    help="The certificates (PEM) of the server's own authority, where it has one.",
)


oauth_option = click.option(
    "--oauth", metavar="PROVIDER", help="Let the user allow access at a provider, in place of a password."
)


@click.group(cls=Group, epilog="postroom mailbox list")
def mailbox() -> None:
    """Manage the users' mail accounts; a user has one at a time."""


@mailbox.command(
    "add",
    epilog="postroom mailbox add alice@example.com --protocol imap --host imap.example.com "
    "--password-stdin < password.txt",
)
@click.argument("user_email")
@click.option(
    "--protocol", type=click.Choice(["imap", "pop"]), help="Without one, the server is looked up by the address."
)
@click.option("--address", help="The mailbox's address, where it is not the user's own.")
@click.option(
    "--host", help="The mail server; with a protocol and without a host the mailbox is fed by 'postroom import mail'."
)
@click.option("--port", type=int, help="Where it is not the usual one.")
@click.option(
    "--security",
    type=click.Choice([each.value for each in Security]),
    help="How the connection is protected, where it is not tls.",
)
@click.option("--username", help="Where it is not the address.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@oauth_option
@ca_option
@click.option("--no-try", is_flag=True, help="Do not log in first; for a server that is not there yet.")
@click.option("--yes", is_flag=True, help="Use what was looked up, even if it is in another domain.")
@click.option("--autoconfig-url", multiple=True, metavar="URL", help="Look there for the server's settings instead.")
@click.option("--resolver", metavar="ADDRESS[#PORT]", help="Ask this DNS server in place of the system's.")
@json_option
def add_mailbox_command(
    user_email: str,
    protocol: str | None,
    address: str | None,
    host: str | None,
    port: int | None,
    security: str | None,
    username: str | None,
    password_stdin: bool,
    oauth: str | None,
    ca_file: str | None,
    no_try: bool,
    yes: bool,
    autoconfig_url: tuple[str, ...],
    resolver: str | None,
    as_json: bool,
) -> None:
    """Connect a mailbox to a user, if its server lets us in. Its password is stored encrypted."""
    of_server = {"host": host, "port": port, "security": security}
    of_lookup = {"yes": yes or None, "autoconfig-url": autoconfig_url or None, "resolver": resolver}
    _check_together(protocol, of_server, of_lookup, has_login=password_stdin or oauth is not None)
    connect, found = add_mailbox if no_try else connect_mailbox, None
    with opened() as installation:
        require_room(installation.database, user_email, address, by=operator())
        if protocol is None:
            found = find_servers(address or user_email, autoconfig_url, resolver)
            _agree(found, yes=yes)
            protocol, host, port, security, login = found.incoming
            username = username or login
        password = read_secret("password") if password_stdin else None
        granted = None if oauth is None else _allowed(installation, oauth, username or address or user_email)
        protection = Security(security or Security.TLS)
        new = NewMailbox(protocol, address, host, port, protection, username, password, ca_file, granted)
        database, box, by, now = installation.database, installation.box, operator(), int(time.time())
        if found is None:
            added, unsent = connect(database, box, user_email, new, by=by, now=now), None
        else:
            smtp = _smtp(found, ca_file)
            added, unsent = connect_found(database, box, user_email, new, smtp, by=by, now=now, is_tried=not no_try)
    if unsent is not None:
        said = f"Mail cannot be sent yet: {unsent} 'postroom mailbox smtp {added.address}' names another server."
        click.echo(printable(said), err=True)
    if as_json:
        print_json(_as_json(added, user_email, 0))
    else:
        say(f"Connected {added.address} ({added.protocol}, {server_of(added)}) to {user_email}.")


def _smtp(found: Services, ca_file: str | None) -> NewSmtpServer | None:
    outgoing = found.outgoing
    if outgoing is None:
        return None
    return NewSmtpServer(outgoing.host, outgoing.port, outgoing.security, ca_certificates=ca_file)


def _check_together(
    protocol: str | None, of_server: Mapping[str, object], of_lookup: Mapping[str, object], *, has_login: bool
) -> None:
    """Raise UsageError where a server is both given and to be looked up, or looked up without a login for it."""
    joint, misplaced = ("with", of_server) if protocol is None else ("without", of_lookup)
    for name, value in misplaced.items():
        if value is not None:
            raise click.UsageError(f"--{name} goes {joint} --protocol")
    if protocol is None and not has_login:
        raise click.UsageError("give --password-stdin or --oauth, or --protocol for a mailbox that is fed by import")


def _agree(found: Services, *, yes: bool) -> None:
    """Say what was found; what nobody vouches for is used only if the person agrees (RFC 6186, section 6)."""
    services = " and ".join(str(each) for each in (found.incoming, found.outgoing) if each is not None)
    click.echo(printable(f"Found {services} by {found.source}."), err=True)
    if not found.needs_consent or yes:
        return
    question = "This is another domain, and nobody vouches for the answer. Send the password there?"
    if not (sys.stdin.isatty() and click.confirm(question, err=True)):
        raise InvalidInput(
            "DNS names a server of another domain, and nobody vouches for the answer: give --yes where it is right, or"
            " --protocol and --host"
        )


@mailbox.command("list", epilog="postroom mailbox list --json")
@json_option
def list_mailboxes_command(as_json: bool) -> None:
    """List the mailboxes, also those that were disconnected, and how it stands with each."""
    now = int(time.time())
    with opened() as installation:
        listed = read_statuses(installation.database, by=operator())
        zone = time_zone_of(installation.database)
    if as_json:
        print_json([status_as_json(each, now, zone) for each in listed])
    else:
        print_entries(HEADINGS, [row_of(each, now, zone) for each in listed], "There is no mailbox.")


@mailbox.command("status", epilog="postroom mailbox status alice@example.com")
@click.argument("address", required=False)
@json_option
def status_command(address: str | None, as_json: bool) -> None:
    """Say how it stands with reading a mailbox, or each that is connected; 'list' has a line for each."""
    now = int(time.time())
    with opened() as installation:
        if address is None:
            listed = [each for each in read_statuses(installation.database, by=operator()) if _is_connected(each)]
        else:
            listed = [read_status(installation.database, address, by=operator())]
        zone = time_zone_of(installation.database)
    if as_json:
        shown = [status_as_json(each, now, zone) for each in listed]
        print_json(shown if address is None else shown[0])
        return
    for number, status in enumerate(listed):
        if number:
            say("")
        for name, value in facts_of(status, now, zone):
            say(f"{name}: {value}")
    if not listed:
        say("There is no connected mailbox.")


def _is_connected(status: MailboxStatus) -> bool:
    return status.mailbox.state != MailboxState.DISCONNECTED


@mailbox.command("pause", epilog="postroom mailbox pause alice@example.com")
@click.argument("address")
def pause_command(address: str) -> None:
    """Stop reading a mailbox until it is resumed; its mail stays."""
    with opened() as installation:
        status = set_paused(installation.database, address, paused=True, by=operator(), now=int(time.time()))
    say(f"{status.mailbox.address} is paused; 'postroom mailbox resume' ends that.")


@mailbox.command("resume", epilog="postroom mailbox resume alice@example.com")
@click.argument("address")
def resume_command(address: str) -> None:
    """Read a mailbox again that was paused."""
    with opened() as installation:
        status = set_paused(installation.database, address, paused=False, by=operator(), now=int(time.time()))
    say(f"{status.mailbox.address} will be read by the next worker that has time.")


@mailbox.command("sync-now", epilog="postroom mailbox sync-now alice@example.com")
@click.argument("address")
def sync_now_command(address: str) -> None:
    """Let a running worker read a mailbox at once, whatever it waits for; 'postroom sync' reads it here."""
    with opened() as installation:
        status = ask_for_pass(installation.database, address, by=operator(), now=int(time.time()))
    say(f"{status.mailbox.address} will be read by the next worker that has time.")


@mailbox.command("folders", epilog="postroom mailbox folders alice@example.com --leave Newsletters")
@click.argument("address")
@click.option("--read", multiple=True, metavar="FOLDER", help="Read this folder, whatever its use.")
@click.option("--leave", multiple=True, metavar="FOLDER", help="Leave this folder out; its mail is in no view.")
@click.option("--by-use", multiple=True, metavar="FOLDER", help="Take a choice back.")
@json_option
def folders_command(
    address: str, read: tuple[str, ...], leave: tuple[str, ...], by_use: tuple[str, ...], as_json: bool
) -> None:
    """List the folders of a mailbox and how far each was read, or choose which are read by the next pass."""
    with opened() as installation:
        database, time_zone = installation.database, time_zone_of(installation.database)
        if choices := [*read, *leave, *by_use]:
            chosen = FolderChoices(read, leave, by_use)
            choose_folders(database, address, chosen, by=operator(), now=int(time.time()))
        listed = list_folders(database, address, by=operator())
    if as_json:
        print_json([folder_as_json(each, lambda at: with_offset(at, time_zone)) for each in listed])
        return
    if choices:
        say(f"{count(len(choices), 'folder')} chosen; the next pass over {address} follows.")
    print_entries(
        ("Folder", "State", "Messages", "Compared", "Choice", "Error"),
        [_folder_row(each, time_zone) for each in listed],
        "No folder is known yet: the first pass finds them.",
    )


@mailbox.command("disconnect", epilog="postroom mailbox disconnect alice@example.com")
@click.argument("address")
def disconnect_mailbox_command(address: str) -> None:
    """Disconnect a mailbox; its mail stays, and who sees it stays the same."""
    with opened() as installation:
        disconnected = disconnect_mailbox(installation.database, address, by=operator(), now=int(time.time()))
    say(f"{disconnected.address} is disconnected; its mail stays.")


@mailbox.command("smtp", epilog="postroom mailbox smtp alice@example.com --host smtp.example.com --security starttls")
@click.argument("address")
@click.option("--host", required=True, help="The server through which the mailbox sends.")
@click.option("--port", type=int, help="Where it is not the usual one.")
@click.option(
    "--security",
    type=click.Choice([each.value for each in Security]),
    default=Security.TLS.value,
    show_default=True,
    help="How the connection is protected.",
)
@click.option("--username", help="Where it is another login than the mailbox's own.")
@click.option("--password-stdin", is_flag=True, help="Read the password of that login from standard input.")
@ca_option
def smtp_command(
    address: str,
    host: str,
    port: int | None,
    security: str,
    username: str | None,
    password_stdin: bool,
    ca_file: str | None,
) -> None:
    """Set through which server a mailbox sends. A password is stored encrypted."""
    password = read_secret("password") if password_stdin else None
    new = NewSmtpServer(host, port, Security(security), username, password, ca_file)
    with opened() as installation:
        server = set_mailbox_smtp(installation.database, installation.box, address, new)
    say(f"{address} sends through {server.host}:{server.port} ({server.security}).")


@mailbox.command("login", epilog="postroom mailbox login alice@example.com --oauth google")
@click.argument("address")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@oauth_option
def login_command(address: str, password_stdin: bool, oauth: str | None) -> None:
    """Give a connected mailbox another password or other access, if its server lets us in with it."""
    if password_stdin == (oauth is not None):
        raise click.UsageError("give either --password-stdin or --oauth")
    with opened() as installation:
        secret = (
            read_secret("password")
            if oauth is None
            else _allowed(installation, oauth, login_name(installation.database, address))
        )
        renewed = renew_login(
            installation.database, installation.box, address, secret, by=operator(), now=int(time.time())
        )
    say(f"The server of {renewed.address} lets us in.")


def _allowed(installation: Installation, provider: str, username: str) -> Granted:
    """Let a person allow access in a browser, and paste the address to which that leads."""
    asked = ask_for_access(installation.database, installation.box, provider, username)
    click.echo("Open this address in a browser, allow access, and paste the address to which that leads:", err=True)
    click.echo(asked.authorization.url, err=True)
    return accept_access(asked, read_secret("address"), now=int(time.time()))


@mailbox.group("alias", cls=Group, epilog="postroom mailbox alias list alice@example.com")
def alias() -> None:
    """Manage further addresses of a mailbox, from which its owner may send."""


@alias.command("add", epilog="postroom mailbox alias add alice@example.com sales@example.com")
@click.argument("address")
@click.argument("further", nargs=-1, required=True)
def add_alias_command(address: str, further: tuple[str, ...]) -> None:
    """Say that further addresses are those of a mailbox, too."""
    with opened() as installation:
        aliases = add_aliases(installation.database, address, further, by=operator(), now=int(time.time()))
    say(f"Further addresses of {address}: {', '.join(aliases)}.")


@alias.command("remove", epilog="postroom mailbox alias remove alice@example.com sales@example.com")
@click.argument("address")
@click.argument("further", nargs=-1, required=True)
def remove_alias_command(address: str, further: tuple[str, ...]) -> None:
    """Take further addresses from a mailbox, each of which it must have."""
    with opened() as installation:
        aliases = remove_aliases(installation.database, address, further, by=operator(), now=int(time.time()))
    say(f"Further addresses of {address}: {', '.join(aliases) or 'none'}.")


@alias.command("list", epilog="postroom mailbox alias list alice@example.com")
@click.argument("address")
@json_option
def list_aliases_command(address: str, as_json: bool) -> None:
    """List the further addresses of a mailbox."""
    with opened() as installation:
        aliases = list_aliases(installation.database, address, by=operator())
    if as_json:
        print_json(aliases)
        return
    for each in aliases:
        say(each)


def _folder_row(each: Folder, time_zone: ZoneInfo) -> tuple[str, ...]:
    compared = "" if each.reconciled_at is None else in_calendar(each.reconciled_at, time_zone)
    messages = "" if each.messages is None else str(each.messages)
    return each.name, each.state, messages, compared, choice_in_words(each.is_read), each.error or ""


def _as_json(each: Mailbox, user_email: str, copies: int) -> dict[str, object]:
    return {
        "id": str(each.id),
        "address": each.address,
        "user": user_email,
        "protocol": each.protocol,
        "host": each.host,
        "port": each.port,
        "security": each.security,
        "username": each.username,
        "state": each.state,
        "copies": copies,
    }
