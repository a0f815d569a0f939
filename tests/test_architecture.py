"""ARCHITECTURE.md is true: its code map lists the modules that there are, and each of its invariants is checked.

Every check is also shown a source that breaks its invariant, so that none can pass by looking at nothing.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "postroom"
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
CODE_MAP = PAGE.partition("\n## Code map\n")[2].partition("\n## ")[0]

Sources = Mapping[str, ast.Module]  # by name within the package: "core.sharing"


class Check(NamedTuple):
    """Finds what breaks an invariant; `broken` are modules of which each does."""

    breaches: Callable[[Sources], Iterator[str]]
    broken: dict[str, str]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


SOURCES: Sources = {module_name(path): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def folder(module: str) -> str:
    """Give the part of the package that a module belongs to: a folder, or a module beside them."""
    return module.partition(".")[0]


@cache  # each check asks about every module
def imports(tree: ast.Module) -> list[tuple[str, str]]:
    """Give (module, name) for everything that is imported; the name is empty for a whole module."""
    return list(_imports(tree))


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def own_imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for what is imported of the package: ("storage.schema", "users")."""
    for module, name in imports(tree):
        if module == "postroom":
            yield name, ""
        elif module.startswith("postroom."):
            yield module.removeprefix("postroom."), name


@cache
def calls(tree: ast.AST) -> list[str]:
    """Give the names of what is called, as it is written: `open`, `time.time`, `self._database.fetch_all`."""
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def callers(found: Sources, function: str) -> set[str]:
    """Give the modules that call a function or a method of that name."""
    return {module for module, tree in found.items() if any(_last(call) == function for call in calls(tree))}


def importers(found: Sources, library: str) -> set[str]:
    """Give the modules that import a library."""
    return {name for name, tree in found.items() if any(_first(module) == library for module, _ in imports(tree))}


def outside(found: Sources, part: str, libraries: set[str]) -> Iterator[str]:
    """Say where a library is imported outside the one folder that it belongs to."""
    for library in sorted(libraries):
        for module in importers(found, library):
            if folder(module) != part:
                yield f"{module} imports {library}"


def _first(dotted: str) -> str:
    return dotted.partition(".")[0]


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


PURE = {"collections", "dataclasses", "enum", "functools", "hashlib", "idna", "postroom", "re", "typing", "unicodedata"}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}


def core_is_pure(found: Sources) -> Iterator[str]:
    for module, tree in found.items():
        if folder(module) == "core":
            yield from (f"{module} imports {name}" for name, _ in imports(tree) if _first(name) not in PURE)
            yield from (f"{module} imports {name}" for name, _ in own_imports(tree) if folder(name) != "core")
            yield from (f"{module} calls {call}" for call in calls(tree) if call in IMPURE_CALLS)


MAY_IMPORT = {
    "__init__": set(),
    "actions": {"actions", "core", "demo", "mail", "storage"},
    "cli": {"actions", "cli", "config", "core", "http", "log", "mail", "storage", "wiring"},
    "config": {"storage"},
    "core": {"core"},
    "demo": {"core", "demo"},
    "http": {"actions", "config", "core", "http", "log", "storage", "wiring"},
    "log": set(),
    "mail": {"core", "mail"},
    "storage": {"core", "storage"},
    "wiring": {"config", "storage"},
}


def imports_point_one_way(found: Sources) -> Iterator[str]:
    for module, tree in found.items():
        for name, _ in own_imports(tree):
            if folder(name) not in MAY_IMPORT[folder(module)]:
                yield f"{module} imports {name}"
            if folder(module) == "cli" and folder(name) == "http" and module != "cli.serve":
                yield f"{module} imports {name}"


SQL = re.compile(
    r"\b(SELECT .*\bFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|(CREATE|ALTER|DROP) TABLE|PRAGMA )", re.DOTALL
)
SQL_LIBRARIES = {"alembic", "psycopg", "sqlalchemy", "sqlite3"}
HANDED_ON = ("sqlalchemy", "Connection")
SQL_EXCEPTIONS = {
    "actions": {HANDED_ON},
    "cli.installation": {("sqlalchemy.exc", name) for name in ("DatabaseError", "IntegrityError", "OperationalError")},
}


def sql_only_in_storage(found: Sources) -> Iterator[str]:
    for module, tree in found.items():
        if folder(module) == "storage":
            continue
        named = {(library, name) for library, name in imports(tree) if _first(library) in SQL_LIBRARIES}
        yield from (f"{module} imports {name}" for name in named - _sql_exceptions(module))
        yield from (f"{module} calls {call}" for call in calls(tree) if _last(call) in {"execute", "exec_driver_sql"})
        yield from (f"{module} holds {text!r}" for text in _strings(tree) if SQL.search(text))


def _sql_exceptions(module: str) -> set[tuple[str, str]]:
    return SQL_EXCEPTIONS.get(module, SQL_EXCEPTIONS.get(folder(module), set()))


def _strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def imap_only_in_mail(found: Sources) -> Iterator[str]:
    return outside(found, "mail", {"imapclient", "imaplib", "poplib", "smtplib", "ssl"})


def http_only_in_http(found: Sources) -> Iterator[str]:
    """But for the modules that ask other servers."""
    asking = {name: tree for name, tree in found.items() if name not in {"mail.autoconfig", "mail.oauth_client"}}
    return outside(asking, "http", {"falcon", "granian", "http", "httpx", "urllib", "wsgiref"})


LOOKING_UP = {"actions.server_lookup", "cli.mailboxes", "mail.service_records"}


def lookups_from_the_command_line(found: Sources) -> Iterator[str]:
    for module in callers(found, "find_servers") - {"cli.mailboxes"}:
        yield f"{module} looks servers up"
    for name in ("mail.autoconfig", "mail.service_records"):
        for module, tree in found.items():
            if name in dict(own_imports(tree)) and module not in LOOKING_UP:
                yield f"{module} imports {name}"


WORK_THROUGH_ACTIONS = {
    "http": {
        ("storage.database", "Database"),
        ("storage.secrets", "SecretBox"),
        ("storage.sharing_facts", "SharingFactsReader"),
    },
    "cli": {
        ("mail.archive", "ArchiveError"),
        ("mail.archive", "archive_size"),
        ("mail.autoconfig", "Services"),
        ("mail.server", "MailServerError"),
        ("storage.database", "DatabaseUrlError"),
        ("storage.database", "DiskFull"),
        ("storage.secrets", "SecretKeyError"),
    },
}


def http_and_cli_work_through_actions(found: Sources) -> Iterator[str]:
    for module, tree in found.items():
        for name, thing in own_imports(tree):
            allowed = WORK_THROUGH_ACTIONS.get(folder(module))
            if allowed is not None and folder(name) in {"mail", "storage"} and (name, thing) not in allowed:
                yield f"{module} imports {thing} of {name}"


def routes_in_one_place(found: Sources) -> Iterator[str]:
    yield from (f"{module} adds a route" for module in callers(found, "add_route") - {"http.app"})


def refusals_in_a_table(found: Sources) -> Iterator[str]:
    kinds = {
        node.name
        for tree in found.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "RequestRefused" in map(ast.unparse, node.bases)
    }
    yield from (f"{kind} is not in the table" for kind in kinds - _rows_of_problems(found["http.problems"]))


def _rows_of_problems(tree: ast.Module) -> set[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "PROBLEMS":
            assert isinstance(node.value, ast.Dict)
            return {ast.unparse(key) for key in node.value.keys if key is not None}
    pytest.fail("http/problems.py has no table PROBLEMS")


def law_is_one_function(found: Sources) -> Iterator[str]:
    yield from (
        f"{module} decides"
        for module in callers(found, "decide") - {"core.details", "actions.explain", "actions.preview"}
    )
    for module, tree in found.items():
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        if module != "core.sharing" and defined & {"decide", "effective_permission", "record_access"}:
            yield f"{module} defines the law again"


FACTS_OF_A_DECISION = ["kind", "viewer", "owner", "grounds", "organisation", "withheld"]


def decision_knows_no_email(found: Sources) -> Iterator[str]:
    for node in found["core.sharing"].body:
        if isinstance(node, ast.FunctionDef) and node.name == "decide":
            taken = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
            if taken != FACTS_OF_A_DECISION:
                yield f"decide takes {taken}"


COUNTED = {"associations", "record_mail"}
COUNT_READERS = {"storage.email_list", "storage.own_mail", "storage.sharing_facts", "storage.sightings"}
WRITING = {"delete", "insert", "update", "upsert"}


def counts_agree(found: Sources) -> Iterator[str]:
    """Only few modules know the two tables, and those that read them write nothing."""
    for module, tree in found.items():
        known = {name for source, name in own_imports(tree) if source == "storage.schema"} & COUNTED
        if known and module not in {"storage.associations", *COUNT_READERS}:
            yield f"{module} knows {known}"
        if module in COUNT_READERS:
            yield from (f"{module} imports {name}" for _, name in imports(tree) if name in WRITING)
        if any("record_mail" in text and SQL.search(text) for text in _strings(tree)):
            yield f"{module} holds SQL about the counts"


def what_is_gone_has_no_associations(found: Sources) -> Iterator[str]:
    """One module calls copies gone or there again, and in each case has their associations follow."""
    for module, tree in found.items():
        named = {word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords}
        if "gone_at" in named and module != "storage.places":
            yield f"{module} sets gone_at"
    for function in ("put_aside", "bring_back"):
        if callers(found, function) != {"storage.places"}:
            yield f"{function} is called in {callers(found, function)}"


def one_statement_reads_all(found: Sources) -> Iterator[str]:
    for name, users in {"fetch_all": {"storage.sharing_facts"}, "snapshot": {"actions.read_emails"}}.items():
        using = {module for module, tree in found.items() if name in _methods(tree)}
        if using != users:
            yield f"statements of an answer are run by {name} in {using}"
    reading = [call for call in calls(found["actions.read_sharing_details"]) if _last(call) in {"read", "write"}]
    if reading != ["reader.read"]:
        yield f"an answer reads by {reading}"


def _methods(tree: ast.Module) -> set[str]:
    """Give the names of what is looked up on a database."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if _last(ast.unparse(node.value)) in {"database", "_database"}}


MAKERS = {"Database": {"wiring", "actions.backup"}, "SecretBox": {"wiring"}, "create_engine": {"storage.database"}}


def wiring_joins(found: Sources) -> Iterator[str]:
    for made, makers in MAKERS.items():
        yield from (f"{module} makes a {made}" for module in callers(found, made) - makers)


def settings_from_one_place(found: Sources) -> Iterator[str]:
    for module, tree in found.items():
        attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if attributes & {"os.environ", "os.getenv"} and module not in {"config", "http.app", "http.server"}:
            yield f"{module} knows the environment"


CACHES = {"cache", "cached_property", "lru_cache"}
# Functions of values and of nothing else; and what verifies the certificates of mail servers, which no answer reads.
REMEMBERS_PURE_FUNCTIONS = {"core.scopes", "core.sharing", "mail.server", "storage.fact_columns"}
# Beside them these functions alone, which build statements and see no database.
BUILD_STATEMENTS = {
    "storage.email_list": {"_compiled"},
    "storage.sharing_facts": {"_compiled", "_pair_statement", "_viewers_statement"},
    "storage.visible_records": {"_seen"},
}


def nothing_is_cached(found: Sources) -> Iterator[str]:
    for module, tree in found.items():
        caches = {name for library, name in imports(tree) if library == "functools"} & CACHES
        if caches and module not in REMEMBERS_PURE_FUNCTIONS | BUILD_STATEMENTS.keys():
            yield f"{module} imports {caches}"
        if module in BUILD_STATEMENTS:
            yield from (f"{module} remembers {name}" for name in remembered(tree) - BUILD_STATEMENTS[module])
        if any(isinstance(node, ast.Global) for node in ast.walk(tree)):
            yield f"{module} changes what is global"
        yield from (f"{module} keeps {ast.unparse(node)}" for node in tree.body if _is_empty_container(node))


def remembered(tree: ast.Module) -> set[str]:
    """Give the functions that a cache decorates, and the name of a cache that is used in another way."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    decorated = {decorator: function.name for function in functions for decorator in function.decorator_list}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in CACHES]
    return {decorated.get(node, node.id) for node in names}


def _is_empty_container(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return value is not None and ast.unparse(value) in {"{}", "[]", "dict()", "list()", "set()"}


CLOCK = {"datetime.now", "datetime.today", "datetime.utcnow", "date.today"}


def clock_at_the_edge(found: Sources) -> Iterator[str]:
    for module, tree in found.items():
        if folder(module) not in {"http", "cli"}:
            yield from (f"{module} imports time" for name, _ in imports(tree) if name == "time")
            yield from (f"{module} calls {call}" for call in calls(tree) if any(call.endswith(c) for c in CLOCK))


OPENING = {f"actions.{name}" for name in ("mail_access", "mail_providers", "mailboxes", "rotate_key", "smtp_servers")}


def secrets_in_one_place(found: Sources) -> Iterator[str]:
    yield from (f"{m} knows a cipher" for m in importers(found, "cryptography") - {"storage.secrets"})
    for module, tree in found.items():
        named = {name for name in own_imports(tree) if name[0] == "storage.sealed"}
        if named and module not in OPENING:
            yield f"{module} opens a secret"
        if module != "storage.sealed" and any(call.endswith(("box.open", "box.seal")) for call in calls(tree)):
            yield f"{module} opens a secret, or seals one beside the lock"


READING = {"mail.parse", "mail.headers", "mail.body"}


def reading_raises_nothing(found: Sources) -> Iterator[str]:
    for module in READING:
        if any(isinstance(node, ast.Raise | ast.Assert) for node in ast.walk(found[module])):
            yield f"{module} raises"


CHECKS = {
    "the core is pure": Check(
        core_is_pure,
        {
            "core.later": "import time",
            "core.upwards": "from postroom.storage import people",
            "core.reading": "rules = open('rules.txt')",
        },
    ),
    "the law is one function": Check(
        law_is_one_function,
        {
            "http.shortcut": "allowed = sharing.decide(*facts).allowed",
            "storage.again": "def effective_permission(owner): ...",
        },
    ),
    "a decision knows no e-mail": Check(
        decision_knows_no_email,
        {"core.sharing": "def decide(kind, viewer, owner, grounds, organisation, *, email): ..."},
    ),
    "SQL stands only in storage": Check(
        sql_only_in_storage,
        {
            "actions.quick": "QUERY = 'SELECT id FROM users'",
            "actions.lookups": "from sqlalchemy import select",
            "cli.direct": "connection.execute(statement)",
            "http.lite": "import sqlite3",
        },
    ),
    "counts agree with associations by construction": Check(
        counts_agree,
        {
            "actions.fix": "from postroom.storage.schema import record_mail",
            "storage.sharing_facts": "from sqlalchemy import insert",
            "storage.repair": "text('DELETE FROM record_mail')",
        },
    ),
    "what is gone has no associations": Check(
        what_is_gone_has_no_associations,
        {
            "storage.mail": "update(copies).values(gone_at=now)",
            "actions.hide": "put_aside(connection, copy_ids)",
        },
    ),
    "one statement reads all facts of one answer": Check(
        one_statement_reads_all,
        {
            "storage.more_facts": "rows = database.fetch_all(statement, {})",
            "actions.later": "with database.snapshot() as snapshot: ...",
            "actions.read_sharing_details": "with database.read() as connection: ...",
        },
    ),
    "secrets are opened in one place": Check(
        secrets_in_one_place,
        {
            "cli.peek": "installation.box.open(sealed, '')",
            "actions.peek": "from postroom.storage.sealed import MAILBOX_PASSWORD",
            "actions.tokens": "from cryptography.fernet import Fernet",
        },
    ),
    "IMAP and POP3 are spoken only in mail": Check(imap_only_in_mail, {"actions.idle": "import imaplib"}),
    "reading a message raises nothing": Check(reading_raises_nothing, {"mail.parse": "raise ValueError"}),
    "servers are looked up from the command line alone": Check(
        lookups_from_the_command_line,
        {
            "http.lookup": "server_lookup.find_servers(address)",
            "actions.lookup": "from postroom.mail.autoconfig import ask_place",
        },
    ),
    "HTTP is spoken only in http": Check(http_only_in_http, {"cli.fetch": "from urllib.request import urlopen"}),
    "every route is listed in one place": Check(routes_in_one_place, {"http.extra": "api.add_route('/', resource)"}),
    "every refusal is one row of a table": Check(
        refusals_in_a_table, {"actions.new_errors": "class TooBusy(RequestRefused): ..."}
    ),
    "http and cli work through actions": Check(
        http_and_cli_work_through_actions,
        {
            "cli.direct": "from postroom.storage import people",
            "http.direct": "from postroom.mail.parse import parse_message",
        },
    ),
    "imports point one way": Check(
        imports_point_one_way,
        {
            "storage.up": "from postroom.actions import tokens",
            "cli.early": "from postroom.http.app import create_app",
            "wiring": "from postroom import actions",
        },
    ),
    "wiring joins the parts": Check(wiring_joins, {"cli.second": "database = Database(url)"}),
    "settings come from one place": Check(
        settings_from_one_place,
        {"mail.odd": "import os\nos.environ['DEBUG']", "core.odd": "import os\nos.getenv('DEBUG')"},
    ),
    "nothing is cached between requests": Check(
        nothing_is_cached,
        {
            "storage.fast": "_answers: dict[int, str] = {}",
            "http.fast": "from functools import cache",
            "storage.sharing_facts": "from functools import cache\n@cache\ndef read_pair_facts(): ...",
            "storage.email_list": "from functools import cache\npage = cache(EmailLists.page)",
            "actions.fast": "def read():\n    global last\n    last = 1",
        },
    ),
    "the clock is read at the edge": Check(
        clock_at_the_edge, {"actions.late": "datetime.now(UTC)", "storage.late": "from time import time"}
    ),
}
BROKEN = [(invariant, module) for invariant, check in CHECKS.items() for module in check.broken]


@pytest.mark.parametrize("invariant", CHECKS)
def test_invariant_holds(invariant: str) -> None:
    assert list(CHECKS[invariant].breaches(SOURCES)) == []


@pytest.mark.parametrize(("invariant", "module"), BROKEN)
def test_its_check_finds_a_module_that_breaks_it(invariant: str, module: str) -> None:
    breaches, broken = CHECKS[invariant]
    assert list(breaches({**SOURCES, module: ast.parse(broken[module])}))


def test_every_invariant_of_the_page_is_checked() -> None:
    stated = re.findall(r"\*\*Architecture Invariant: (.+?)\.\*\*", PAGE)
    assert stated == list(CHECKS)
    assert PAGE.count("Architecture Invariant") == len(stated)


def test_every_exception_is_needed() -> None:
    """An exception that nothing uses any more would let the next one in."""
    for part, names in SQL_EXCEPTIONS.items():
        named = {name for module, tree in SOURCES.items() if part in (module, folder(module)) for name in imports(tree)}
        assert names <= named, part
    for module, functions in BUILD_STATEMENTS.items():
        assert remembered(SOURCES[module]) == functions
    for part, names in WORK_THROUGH_ACTIONS.items():
        used = {name for module, tree in SOURCES.items() if folder(module) == part for name in own_imports(tree)}
        assert names <= used, part


def test_the_code_map_lists_the_modules_that_there_are() -> None:
    listed = re.findall(r"^- `([\w/]+\.py)`: \S", CODE_MAP, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if _says_more(path)}


def _says_more(path: Path) -> bool:
    """Say that a module is worth a line: the file of a package that only describes it is not."""
    return path.name != "__init__.py" or len(ast.parse(path.read_text()).body) > 1


def test_the_code_map_lists_the_folders_that_there_are() -> None:
    listed = re.findall(r"^### `src/postroom/([\w/]*)`", CODE_MAP, re.MULTILINE)
    assert {name.rstrip("/") for name in listed} == {
        path.parent.relative_to(PACKAGE).as_posix().removeprefix(".") for path in PACKAGE.rglob("*.py")
    }


def test_the_code_map_lists_what_is_beside_the_package() -> None:
    listed = re.findall(r"^- `(\w+)/`: \S", CODE_MAP, re.MULTILINE)
    ignored = {line.strip("/\n") for line in (ROOT / ".gitignore").read_text().splitlines()} | {"src"}
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert set(listed) == there - ignored


def test_modules_are_listed_under_their_folder() -> None:
    folder_of_section = ""
    for line in CODE_MAP.splitlines():
        if heading := re.match(r"### `src/postroom/([\w/]*)`", line):
            folder_of_section = heading[1]
        if listed := re.match(r"- `([\w/]+)\.py`", line):
            assert listed[1].rpartition("/")[0] == folder_of_section.rstrip("/"), line
