"""Every path on which the product says who sees which mail says the same, and what the reference model says.

The paths are a table. A function of postroom.actions that reads mail and is not in it fails a test.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from postroom import actions, storage
from postroom.actions.explain import explain
from postroom.actions.organisation import SetUserStatus
from postroom.actions.preview import preview
from postroom.actions.viewers import RecordWithViewers, viewers_on_all_records, viewers_on_record
from postroom.actions.withhold import email_id, list_own_emails
from postroom.core.model import UserStatus
from postroom.http.app import methods, routes
from tests import reference_model
from tests.asking import answered, email_reader, emails_by_key, is_read, listed, reference_of
from tests.properties import examples
from tests.reference_model import Answer, Record, User, World
from tests.team import NOW, OPERATOR, Team
from tests.test_docs import COMMANDS
from tests.worlds import NAMES, Organisation, build_anew, copy_row, email_address, organisations

Facts = set[tuple[object, ...]]
ALL = 10_000  # more than there can be


class ReadPath(NamedTuple):
    """The functions that answer, what they say one viewer sees, and what the reference model says."""

    functions: frozenset[str]
    said: Callable[[Team, World, User], Facts]
    expected: Callable[[World, User], Facts]


# Get Email Shared Details


def details_said(team: Team, world: World, viewer: User) -> Facts:
    return {(record.id, each) for record in _records(world) for each in _flat(answered(team, viewer, record))}


def details_expected(world: World, viewer: User) -> Facts:
    answers = {record.id: reference_model.answer(world, viewer, record) for record in _records(world)}
    return {(record_id, each) for record_id, answer in answers.items() for each in _flat(answer)}


def _flat(answer: Answer) -> list[str]:
    if isinstance(answer, str):
        return [answer]
    types, users = answer
    return [*types, *(name for _, name, _ in users)]


# The lists of e-mails


def lists_said(team: Team, world: World, viewer: User) -> Facts:
    reader, named = email_reader(team), emails_by_key(team, world)
    found: Facts = set()
    for record, (view, owner) in product(_records(world), reference_model.lists(world)):
        emails = listed(reader, named, viewer, record, view, world.users.get(owner or ""))
        found |= {(record.id, view, owner, email) for email in ([emails] if isinstance(emails, str) else emails)}
    return found


def lists_expected(world: World, viewer: User) -> Facts:
    found: Facts = set()
    for record, (view, owner) in product(_records(world), reference_model.lists(world)):
        answer = reference_model.answer(world, viewer, record)
        emails = (
            {answer} if isinstance(answer, str) else reference_model.emails_list(world, viewer, record, view, owner)
        )
        found |= {(record.id, view, owner, email) for email in emails}
    return found


# One e-mail by itself, of all that there are


def one_email_said(team: Team, world: World, viewer: User) -> Facts:
    reader, named = email_reader(team), emails_by_key(team, world)
    return {
        (record.id, email)
        for record, (key, email) in product(_records(world), named.items())
        if is_read(reader, viewer, record, key)
    }


def one_email_expected(world: World, viewer: User) -> Facts:
    return {
        (record.id, email)
        for record in _records(world)
        for email in reference_model.emails_list(world, viewer, record, "all_emails")
    }


# Explain, for mail in general


def explain_said(team: Team, world: World, viewer: User) -> Facts:
    found: Facts = set()
    for owner, record in _pairs(world):
        people = (email_address(viewer), email_address(owner))
        said = explain(team.database, *people, reference_of(record), by=OPERATOR)
        found |= {(owner.name, record.id, kind) for kind in _kinds((said.sees_mailbox, said.sees_crm))}
    return found


def explain_expected(world: World, viewer: User) -> Facts:
    return {
        (owner.name, record.id, kind)
        for owner, record in _pairs(world)
        for kind in _kinds(reference_model.sees(world, viewer, owner, record))
    }


def _kinds(seen: tuple[bool, bool]) -> list[str]:
    return [kind for kind, is_seen in zip(("mailbox", "crm"), seen, strict=True) if is_seen]


# Explain, for one e-mail: each copy of it, wherever it reaches the record


def explain_email_said(team: Team, world: World, viewer: User) -> Facts:
    found: Counter[tuple[object, ...]] = Counter()
    for (owner, email), key in _email_keys(team, world).items():
        for record in _records_of(world, owner, email):
            people = (email_address(viewer), email_address(world.users[owner]))
            said = explain(team.database, *people, reference_of(record), by=OPERATOR, email=key)
            for answer in said.answers:
                found[record.id, email, answer.record, "CRM" in answer.about, answer.allowed] += 1
    return set(found.items())


def explain_email_expected(world: World, viewer: User) -> Facts:
    found: Counter[tuple[object, ...]] = Counter()
    for record in _records(world):
        for place in _places(world, record):
            for index in reference_model.copies_on(world, place):
                email, is_crm = reference_model.email_of(world, index), world.copies[index].kind == "crm"
                allowed = reference_model.sees_copy(world, viewer, index, place)
                found[record.id, email, reference_of(place), is_crm, allowed] += 1
    return set(found.items())


def _email_keys(team: Team, world: World) -> dict[tuple[str, reference_model.Email], str]:
    """Give the id of each e-mail of each owner, once."""
    with team.database.read() as connection:
        return {
            (copy.owner, reference_model.email_of(world, index)): email_id(copy_row(connection, index).email_key)
            for index, copy in enumerate(world.copies)
        }


def _records_of(world: World, owner: str, email: reference_model.Email) -> list[Record]:
    """Give the records that an owner's e-mail reaches: to ask about others as well would take long."""
    indexes = {
        i for i, copy in enumerate(world.copies) if (copy.owner, reference_model.email_of(world, i)) == (owner, email)
    }
    return [
        record
        for record in _records(world)
        if any(indexes.intersection(reference_model.copies_on(world, place)) for place in _places(world, record))
    ]


def _places(world: World, record: Record) -> list[Record]:
    gathers = record.module not in ("Leads", "Contacts")
    return [record, *(reference_model.linked_contacts(world, record) if gathers else [])]


# The reverse


def viewers_said(team: Team, world: World, viewer: User) -> Facts:
    asked = ((owner, reference_of(record)) for owner, record in _pairs(world))
    reverse = {owner: [] for owner in world.users}
    for owner, reference in asked:
        reverse[owner.name].append(viewers_on_record(team.database, email_address(owner), reference, by=OPERATOR))
    return {(owner, *fact) for owner, records in reverse.items() for fact in _with_viewer(records, viewer)}


def viewers_expected(world: World, viewer: User) -> Facts:
    return {
        (owner.name, reference_of(record), kind)
        for owner, record in _pairs(world)
        for kind in _kinds(reference_model.viewers(world, owner, record).get(viewer.name, (False, False)))
    }


def _with_viewer(records: list[RecordWithViewers], viewer: User) -> Iterator[tuple[str, str]]:
    for record in records:
        for colleague in record.viewers:
            if colleague.email == email_address(viewer):
                yield from ((record.record, kind) for kind in _kinds((bool(colleague.mailbox), bool(colleague.crm))))


# The reverse on all records, in pages of two: mail that comes through a Contact is on the Contact


def all_viewers_said(team: Team, world: World, viewer: User) -> Facts:
    return {
        (owner.name, *fact)
        for owner in world.users.values()
        for fact in _with_viewer(list(_all_pages(team, owner)), viewer)
    }


def _all_pages(team: Team, owner: User) -> Iterator[RecordWithViewers]:
    after: int | None = 0
    while after is not None:
        page = viewers_on_all_records(team.database, email_address(owner), by=OPERATOR, limit=2, after=after)
        yield from page.records
        after = page.next_after


def all_viewers_expected(world: World, viewer: User) -> Facts:
    return {
        (world.copies[index].owner, reference_of(record), "crm" if world.copies[index].kind == "crm" else "mailbox")
        for record in _records(world)
        for index in reference_model.copies_on(world, record)
        if world.copies[index].owner != viewer.name and reference_model.sees_copy(world, viewer, index, record)
    }


# Preview: were the viewer disabled, everything that the viewer sees of others' mail would be closed


def preview_said(team: Team, _world: World, viewer: User) -> Facts:
    disabled = SetUserStatus(email_address(viewer), UserStatus.INACTIVE)
    if viewer.status == UserStatus.DELETED:
        return set()
    said = preview(team.database, disabled, OPERATOR, now=NOW, limit=ALL).differences
    return {(each.owner, each.record, each.closed) for each in said if each.viewer == disabled.user}


def preview_expected(world: World, viewer: User) -> Facts:
    sights = [sight for sight in reference_model.visible(world) if sight.viewer == viewer.name]
    places = Counter((email_address(world.users[sight.owner]), sight.record) for sight in sights)
    return {(owner, reference_of(world.records[record]), count) for (owner, record), count in places.items()}


# The own mail, of all and on each record, with what of it nobody else could see


def own_mail_said(team: Team, world: World, viewer: User) -> Facts:
    emails = {key: email for (owner, email), key in _email_keys(team, world).items() if owner == viewer.name}
    found: Facts = set()
    for reference in (None, *map(reference_of, _records(world))):
        listed = list_own_emails(team.database, email_address(viewer), reference, by=OPERATOR, limit=ALL)
        found |= {(reference, emails[email_id(each.email_key)], each.withheld) for each in listed}
    return found


def own_mail_expected(world: World, viewer: User) -> Facts:
    """An e-mail is withheld where every copy of it is: as long as one is not, somebody may see the e-mail."""
    places: dict[str | None, list[int]] = {None: list(range(len(world.copies)))}
    places |= {reference_of(record): reference_model.copies_on(world, record) for record in _records(world)}
    found: Facts = set()
    for reference, indexes in places.items():
        own = [index for index in indexes if world.copies[index].owner == viewer.name]
        shareable = {reference_model.email_of(world, i) for i in own if not reference_model.is_withheld(world, i)}
        emails = {reference_model.email_of(world, index) for index in own}
        found |= {(reference, email, email not in shareable) for email in emails}
    return found


def _records(world: World) -> list[Record]:
    return list(world.records.values())


def _pairs(world: World) -> Iterator[tuple[User, Record]]:
    return product(world.users.values(), world.records.values())


PATHS = {
    "sharing details": ReadPath(
        frozenset({"read_sharing_details.read_sharing_details"}), details_said, details_expected
    ),
    "e-mails": ReadPath(
        frozenset({"read_emails.EmailReader.open_record", "read_emails.OpenRecord.list_emails"}),
        lists_said,
        lists_expected,
    ),
    "one e-mail": ReadPath(
        frozenset(f"read_emails.{name}" for name in ("OpenRecord.read_email", "ReadEmail.content", "ReadEmail.files")),
        one_email_said,
        one_email_expected,
    ),
    "explain": ReadPath(frozenset({"explain.explain"}), explain_said, explain_expected),
    "explain an e-mail": ReadPath(frozenset({"explain.explain"}), explain_email_said, explain_email_expected),
    "viewers": ReadPath(frozenset({"viewers.viewers_on_record"}), viewers_said, viewers_expected),
    "viewers on all records": ReadPath(
        frozenset({"viewers.viewers_on_all_records"}), all_viewers_said, all_viewers_expected
    ),
    "preview": ReadPath(frozenset({"preview.preview"}), preview_said, preview_expected),
    "own mail": ReadPath(frozenset({"withhold.list_own_emails"}), own_mail_said, own_mail_expected),
}

# Public functions of modules that read mail, which say nothing about who sees it.
NOT_READ_PATHS = {
    "associate_email.associate_email": "files the caller's own copy, and gives its id",
    "associate_email.find_own_email": "says where the caller's own copy is filed",
    "associate_email.link_to_deal": "files an e-mail that the caller names",
    "associate_email.unlink_from_deals": "takes that back",
    "dead_letters.list_dead_letters": "names what could not be stored, to its owner and to administrators",
    "dead_letters.replay_dead_letter": "says whether a message could be stored",
    "dead_letters.replay_dead_letters": "says how many messages could be stored",
    "dead_letters.show_dead_letter": "gives a message that is on no record, to its owner",
    "explain.steps_in_words": "puts a decision into words",
    "read_emails.OpenRecord.viewer_id": "says who asks",
    "read_sharing_details.admitted": "says whether the caller may ask",
    "send_mail.address": "checks an address",
    "send_mail.one_line": "checks a text",
    "send_mail.parse_email": "reads an id",
    "send_mail.people": "checks addresses",
    "send_mail.person": "checks an address",
    "send_mail.require_deal": "says whether the caller sees a record",
    "send_mail.require_record": "says whether the caller sees a record",
    "send_mail.send_mail": "says what became of the caller's own message",
    "send_mail.text": "checks a text",
    "store_mail.batches": "groups messages that are not stored yet",
    "store_mail.file_message": "stores a message",
    "store_mail.keep_unread": "says that nothing came of a message",
    "store_mail.read_messages": "reads messages that are not stored yet",
    "store_mail.store_batch": "says how many messages were stored",
    "store_mail.store_messages": "says how many messages were stored",
    "visible_emails.answerable_copy": "says whether an e-mail that the caller names may be answered",
    "visible_emails.seen_copies": "says what a caller may do with an e-mail that the caller names",
    "visible_records.get_record_for": "gives a record that the actor sees, without its mail",
    "visible_records.may_see": "says whether the actor sees a record",
    "worker_metrics.WorkerMetrics.passed": "counts a pass",
    "worker_metrics.WorkerMetrics.stored": "counts messages that a pass stored",
    "withhold.email_id": "writes an id",
    "withhold.parse_email_id": "reads an id",
}


class TestEveryPath:
    @given(drawn=organisations(), name=st.sampled_from(NAMES))
    @examples(8)
    def test_says_what_the_reference_model_says(self, erasable_team: Team, drawn: Organisation, name: str) -> None:
        build_anew(erasable_team.database, drawn)
        viewer = drawn.world.users[name]
        for title, path in PATHS.items():
            assert path.said(erasable_team, drawn.world, viewer) == path.expected(drawn.world, viewer), title


# Storage that knows copies, their associations or their counts. What reads them for an answer is named here; what
# only brings mail in, or keeps the tables, says nothing to anybody about who sees what.
MAIL_TABLES = {
    "associations",
    "attached_files",
    "attachments",
    "copies",
    "copy_participants",
    "dead_letters",
    "raw_messages",
    "record_mail",
}
READS_MAIL = {"dead_letters", "email_copies", "email_list", "own_mail", "raw_messages", "sharing_facts", "sightings"}
KEEPS_MAIL = {
    "associations": "associates copies with records, and counts them",
    "backups": "copies whole tables",
    "mail": "stores copies",
    "mailboxes": "counts the copies of a mailbox, for whoever administers it",
    "places": "moves copies, and takes those that are gone out of the tables that answers read",
    "threads": "ties copies together",
    "withholding": "marks copies",
}


def _modules(package: Path) -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text()) for path in package.glob("*.py")}


def _imports_of(tree: ast.Module, package: str) -> set[str]:
    """Give what is imported of a package or a module: `own_mail`, or `sharing_facts.Token`."""
    found = [
        (node.module, alias.name) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    dotted = {f"{module}.{name}" for module, name in found}
    return {name.removeprefix(f"{package}.") for name in dotted if name.startswith(f"{package}.")}


def _reads_mail(tree: ast.Module) -> bool:
    imported = _imports_of(tree, "postroom.storage") - {"sharing_facts.Token"}
    return any(name.partition(".")[0] in READS_MAIL for name in imported)


def _knows_mail(tree: ast.Module) -> bool:
    """Say whether a module of storage knows tables with mail: by name, all of them, or in a text."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    in_text = any(
        table in text for table in MAIL_TABLES for text in texts if text.lstrip().upper().startswith("SELECT")
    )
    all_of_them = "schema" in _imports_of(tree, "postroom.storage")
    return in_text or all_of_them or bool(_imports_of(tree, "postroom.storage.schema") & (MAIL_TABLES | {"metadata"}))


def _functions(tree: ast.Module) -> set[str]:
    """Give the public functions and methods of a module; `apply` is a change's, which says nothing."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    methods_found = [(f"{owner.name}.", node) for owner in classes for node in owner.body]
    found = [*(("", node) for node in tree.body), *methods_found]
    return {
        f"{prefix}{node.name}"
        for prefix, node in found
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name != "apply"
    }


# What answers over HTTP, and every command: with the path of the table on which it reads mail, or with what it says.
ANSWERING_ROUTES = {
    ("GET", "/crm/{version}/{module_api_name}/{record_id}/__emails_sharing_details"): "sharing details",
    ("GET", "/crm/{version}/{module_api_name}/{record_id}/Emails"): "e-mails",
    ("GET", "/crm/{version}/{module_api_name}/{record_id}/Emails/{message_id}"): "one e-mail",
    ("GET", "/crm/{version}/{module_api_name}/{record_id}/Emails/actions/download_attachments"): "one e-mail",
    ("GET", "/postroom/v1/explain"): "explain",
    ("GET", "/postroom/v1/viewers"): "viewers",
    ("POST", "/postroom/v1/preview"): "preview",
    ("GET", "/postroom/v1/me/emails"): "own mail",
}
ROUTES_WITHOUT_MAIL = {
    ("GET", "/openapi.json"): "the description of the API",
    ("GET", "/postroom/v1/organisation"): "settings",
    ("GET", "/postroom/v1/modules"): "modules",
    ("GET", "/postroom/v1/roles"): "roles",
    ("POST", "/postroom/v1/roles"): "the role that was added",
    ("GET", "/postroom/v1/users"): "users",
    ("POST", "/postroom/v1/users"): "the user who was added",
    ("GET", "/postroom/v1/me"): "the caller's settings",
    ("GET", "/postroom/v1/me/excluded_domains"): "the caller's excluded domains",
    ("GET", "/postroom/v1/audit"): "changes",
    ("GET", "/postroom/v1/clients"): "clients of OAuth 2",
    ("POST", "/postroom/v1/clients"): "the client that was added",
    ("GET", "/postroom/v1/mailboxes"): "mailboxes, and how much is in each",
    ("POST", "/postroom/v1/mailboxes"): "the mailbox that was connected",
    ("GET", "/postroom/v1/mailboxes/{mailbox}/aliases"): "further addresses of a mailbox",
    ("GET", "/postroom/v1/mailboxes/{mailbox}/sync"): "how it stands with reading a mailbox",
    ("GET", "/postroom/v1/me/mailbox/sync"): "how it stands with reading one's own mailbox",
    ("POST", "/postroom/v1/mailboxes/{mailbox}/sync"): "that a mailbox will be read",
    ("POST", "/postroom/v1/me/mailbox/sync"): "that one's own mailbox will be read",
    ("GET", "/postroom/v1/mailboxes/{mailbox}/folders"): "folders of a mailbox, and how much is in each",
    ("GET", "/postroom/v1/me/mailbox/folders"): "folders of one's own mailbox, and how much is in each",
    ("GET", "/postroom/v1/mail_providers"): "how mailboxes are reached",
    ("POST", "/postroom/v1/mail_providers"): "the provider that was added",
    ("POST", "/postroom/v1/mail_providers/{provider}/authorization"): "where to allow access to a mailbox",
    ("GET", "/postroom/v1/me/mail_providers"): "names of providers",
    ("POST", "/postroom/v1/me/mail_providers/{provider}/authorization"): "where to allow access to one's own mailbox",
    ("GET", "/postroom/v1/me/mailbox"): "the caller's mailbox",
    ("POST", "/postroom/v1/me/mailbox"): "the mailbox that was connected",
    ("GET", "/postroom/v1/me/grants"): "what the caller consented to",
    ("GET", "/oauth/v2/auth"): "the consent page",
    ("POST", "/oauth/v2/auth"): "whether the user consented",
    ("POST", "/oauth/v2/token"): "tokens",
    ("POST", "/oauth/v2/token/revoke"): "that a token is revoked",
    ("GET", "/crm/{version}/users"): "users",
    ("GET", "/crm/{version}/users/{user_id}"): "a user",
    ("GET", "/crm/{version}/org"): "the organisation",
    ("GET", "/crm/{version}/settings/roles"): "roles",
    ("GET", "/crm/{version}/settings/roles/{role_id}"): "a role",
    ("GET", "/crm/{version}/settings/profiles"): "profiles",
    ("GET", "/crm/{version}/settings/profiles/{profile_id}"): "a profile",
    ("GET", "/crm/{version}/settings/modules"): "modules",
    ("GET", "/crm/{version}/settings/modules/{module_api_name}"): "a module",
    ("GET", "/crm/{version}/settings/fields"): "fields",
    ("GET", "/crm/{version}/settings/recycle_bin"): "records in the recycle bin",
    ("GET", "/crm/{version}/{module_api_name}"): "records",
    ("GET", "/crm/{version}/{module_api_name}/search"): "records",
    ("GET", "/crm/{version}/{module_api_name}/{record_id}"): "a record",
    ("GET", "/crm/{version}/{module_api_name}/{record_id}/actions/share"): "whom a record is shared with",
    ("GET", "/crm/{version}/settings/emails/actions/from_addresses"): "the caller's own addresses",
    ("GET", "/crm/{version}/actions/email_available"): "whether the caller filed an own e-mail",
    ("GET", "/crm/{version}/{module_api_name}/{record_id}/__email_drafts"): "the caller's own drafts",
    ("POST", "/crm/{version}/{module_api_name}/{record_id}/__email_drafts"): "which drafts were written",
    ("GET", "/crm/{version}/{module_api_name}/{record_id}/__email_drafts/{draft_id}"): "the caller's own draft",
    ("POST", "/crm/{version}/files"): "which files were uploaded",
    ("POST", "/crm/{version}/{module_api_name}/{record_id}/actions/send_mail"): "that a message was sent",
    ("POST", "/crm/{version}/{module_api_name}/{record_id}/actions/associate_email"): "that an e-mail was filed",
    ("POST", "/crm/{version}/{module_api_name}/{record_id}/Emails/actions/link_record"): "which e-mails were linked",
    (
        "POST",
        "/crm/{version}/{module_api_name}/{record_id}/Emails/{message_id}/actions/link_record",
    ): "that an e-mail was linked",
    ("POST", "/crm/{version}/users"): "the user who was added",
    ("POST", "/crm/{version}/settings/recycle_bin/actions/restore"): "which records were restored",
    ("POST", "/crm/{version}/settings/recycle_bin/{record_id}/actions/restore"): "that a record was restored",
    ("POST", "/crm/{version}/{module_api_name}"): "which records were created",
    ("POST", "/crm/{version}/{module_api_name}/{record_id}/actions/share"): "with whom a record was shared",
    (
        "POST",
        "/crm/{version}/{module_api_name}/{record_id}/actions/share_emails",
    ): "whether the caller shares now",
    (
        "POST",
        "/crm/{version}/{module_api_name}/{record_id}/actions/unshare_emails",
    ): "whether the caller shares now",
    ("POST", "/crm/{version}/{module_api_name}/actions/share_emails"): "where the caller shares now",
    ("POST", "/crm/{version}/{module_api_name}/actions/unshare_emails"): "where the caller shares now",
}
READING_COMMANDS = {"explain": "explain", "viewers": "viewers", "mail list": "own mail"}
COMMANDS_WITHOUT_MAIL = {
    "setting up": "init, demo, serve, backup, restore",
    "the team": "role add, role list, user add, user delete, user disable, user enable, user list, user move",
    "modules and records": "module add, module list, record delete, record restore, record share, record unshare",
    "settings, or what --preview says of them": "sharing list, sharing of, sharing set, share, unshare",
    "domains": "domain disown, domain exclude, domain include, domain list, domain own",
    "one own e-mail or conversation": "mail release, mail withhold",
    "whose addresses are whose": "mailbox alias add, mailbox alias list, mailbox alias remove",
    "what comes in, and how much": (
        "mailbox add, mailbox disconnect, mailbox folders, mailbox list, import mail, import records, sync"
    ),
    "whether it comes in": "mailbox pause, mailbox resume, mailbox status, mailbox sync-now, worker",
    "what could not be stored, and is on no record": "deadletter list, deadletter replay, deadletter show",
    "how mailboxes are reached": "mailbox login, provider add, provider list, provider remove, provider secret",
    "through what mail goes out, and what became of it": "mailbox smtp, outbox cancel, outbox list, outbox send",
    "tokens, keys and changes": "token create, token revoke, secrets rotate, audit",
    "clients, and how users prove who they are": (
        "client add, client delete, client grant-code, client list, user password"
    ),
}


class TestTheTableIsComplete:
    """Found by what is answered at all, and by what a module imports, since it cannot read mail without."""

    def test_lists_every_route_that_answers(self, team: Team) -> None:
        answering = {
            (method, path)
            for path, resource in routes(team.database, team.box)
            for method in methods(resource)
            if method not in {"PUT", "DELETE"}
        }
        assert answering == ANSWERING_ROUTES.keys() | ROUTES_WITHOUT_MAIL.keys()
        assert set(ANSWERING_ROUTES.values()) <= PATHS.keys()

    def test_lists_every_command(self) -> None:
        others = {words for listed in COMMANDS_WITHOUT_MAIL.values() for words in listed.split(", ")}
        assert COMMANDS.keys() == READING_COMMANDS.keys() | others
        assert set(READING_COMMANDS.values()) <= PATHS.keys()

    def test_lists_every_function_that_reads_mail(self) -> None:
        modules = _modules(Path(actions.__path__[0]))
        reading = {name: tree for name, tree in modules.items() if _reads_mail(tree)}
        found = {f"{name}.{function}" for name, tree in reading.items() for function in _functions(tree)}
        listed = frozenset[str]().union(*(path.functions for path in PATHS.values()))
        assert found == listed | NOT_READ_PATHS.keys()

    def test_no_module_uses_what_is_private_to_another(self) -> None:
        """Or a function could read mail by one that is in no table."""
        imported = {
            f"{module}: {name}"
            for module, tree in _modules(Path(actions.__path__[0])).items()
            for name in _imports_of(tree, "postroom")
            if name.rpartition(".")[2].startswith("_")
        }
        assert imported == set()

    def test_knows_every_storage_module_that_reads_mail(self) -> None:
        modules = _modules(Path(storage.__path__[0]))
        knowing = {name for name, tree in modules.items() if name != "schema" and _knows_mail(tree)}
        assert knowing == READS_MAIL | KEEPS_MAIL.keys()
