"""The documentation is true: what there is is described, what is described is there, and the examples work."""

import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from postroom import config
from postroom.cli.main import main, postroom
from postroom.core.addresses import MAX_ADDRESS_LENGTH
from postroom.core.sharing import Ground, Reason, Rule
from postroom.core.words import sentence
from postroom.http import app, oauth, problems
from postroom.http.problems import Problem
from postroom.mail import body, headers, parse

ROOT = Path(__file__).parents[1]
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")))
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
API, SHARING, OPERATING = (ROOT / "docs" / name for name in ("api.md", "sharing.md", "operating.md"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

# The sample of the API's page, with the brace that is missing there.
SAMPLE = """
{"__emails_sharing_details": {
    "available_types": [
        "emails_sent_from_crm",
        "all_contacts_emails",
        "all_imap_shared_users",
        "all_emails"
    ],
    "share_from_users": [
        {
            "id": "412463000001213019",
            "name": "Will Grandon",
            "_type": "pop"
        },
        {
            "id": "412463000000867017",
            "name": "boyle",
            "_type": "imap"
        }
    ]
}
}
"""


class Block(NamedTuple):
    """A fenced block: its language, the file that it shows if it shows one, and its text."""

    language: str
    file: str
    text: str


def blocks(page: Path, language: str) -> list[Block]:
    fenced = re.findall(r"^```(\w+) ?([\w.]*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in map(Block._make, fenced) if block.language == language]


def prose(page: Path) -> str:
    """Give a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def rows(page: Path) -> list[str]:
    return [line for line in page.read_text().splitlines() if line.startswith("| ")]


def leaves(command: click.Command = postroom, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, with its words: "user add"."""
    if not isinstance(command, click.Group):
        yield " ".join(words), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*words, name))


def makefile_targets() -> list[str]:
    return re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


COMMANDS = dict(leaves())
METHODS = {"get", "put", "post", "delete"}
ERRORS = [value for value in (*vars(problems).values(), *problems.PROBLEMS.values()) if isinstance(value, Problem)]


class TestWhatThereIsIsDescribed:
    @pytest.mark.parametrize("words", COMMANDS)
    def test_every_command_with_its_arguments_and_options(self, words: str) -> None:
        (row,) = [row for row in rows(OPERATING) if re.match(rf"\| `postroom {words}[ `]", row)]
        own = COMMANDS[words].params
        arguments = [
            each.make_metavar(click.Context(COMMANDS[words])) for each in own if isinstance(each, click.Argument)
        ]
        assert row.startswith(f"| `{' '.join(('postroom', words, *arguments))}` |")
        assert re.findall(r"`(--[\w-]+)`", row.split("|")[2]) == [
            each.opts[0] for each in own if isinstance(each, click.Option) and not each.hidden
        ]

    def test_every_environment_variable(self) -> None:
        known = {
            value for module in (config, app) for name, value in vars(module).items() if name.endswith("_VARIABLE")
        }
        described = {row.split("`")[1] for row in rows(OPERATING) if row.startswith("| `POSTROOM_")}
        assert described == known
        assert "`SSL_CERT_FILE`" in OPERATING.read_text()

    def test_every_error_of_the_own_api(self) -> None:
        for status, code in problems.REFUSALS.values():
            assert any(row.startswith(f"| {status} | `{code}` |") for row in rows(API)), code

    def test_every_refusal_of_the_token_endpoint(self) -> None:
        for word, status in oauth.REFUSALS.items():
            assert any(row.startswith(f"| {status} | `{word}` |") for row in rows(API)), word

    def test_every_request_of_the_own_api(self) -> None:
        described = json.loads((ROOT / "src/postroom/http/openapi.json").read_text())["paths"]
        asked = [(path, method) for path, methods in described.items() for method in methods if method in METHODS]
        for path, method in asked:
            if path.startswith("/postroom/v1"):
                row = f"| `{method.upper()} {path.removeprefix('/postroom/v1')}` |"
                assert any(line.startswith(row) for line in rows(API)), row

    @pytest.mark.parametrize("problem", ERRORS, ids=lambda problem: problem.code)
    def test_every_error(self, problem: Problem) -> None:
        details = ", ".join(f"`{name}`: {value}" for name, value in problem.details.items())
        (row,) = [row for row in rows(API) if f"`{problem.code}`" in row and problem.message in row]
        told = [cell.strip() for cell in row.split("|")[1:5]]
        assert told == [str(problem.status), f"`{problem.code}`", problem.message, details]

    def test_every_sentence_of_an_explanation(self) -> None:
        listed = re.findall(r"^- (.*)$", SHARING.read_text().partition("These are all the sentences.")[2], re.MULTILINE)
        assert sorted(listed) == sorted(sentence(Reason(rule, "…")) for rule in (*Ground, *Rule))

    @pytest.mark.parametrize(
        "limit",
        [
            f"{parse.MAX_MESSAGE_BYTES >> 20} MiB",
            f"{headers.MAX_HEADER_BYTES >> 10} KiB",
            f"{headers.MAX_FIELD_BYTES >> 10} KiB",
            f"{parse.MAX_ADDRESSES}",
            f"{parse.MAX_SUBJECT_LENGTH} characters",
            f"{parse.MAX_NAME_LENGTH} characters",
            f"{body.MAX_PARTS}",
            f"{body.MAX_DEPTH}",
            f"{body.MAX_TEXT_BYTES >> 20} MiB",
            f"{MAX_ADDRESS_LENGTH} characters",
        ],
    )
    def test_every_limit_on_mail(self, limit: str) -> None:
        assert any(row.endswith(f"| {limit} |") for row in rows(OPERATING))

    def test_every_target_of_the_makefile(self) -> None:
        assert set(re.findall(r"`make (\w+)`", CONTRIBUTING.read_text())) == set(makefile_targets())


class TestWhatIsDescribedIsThere:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
    def test_links_lead_to_a_file_and_a_heading(self, page: Path) -> None:
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            path, _, heading = link.partition("#")
            if not path.startswith(("http://", "https://")):
                target = page.parent / path if path else page
                assert target.exists(), link
                assert not heading or heading in anchors(target), link

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
    def test_make_commands_are_targets(self, page: Path) -> None:
        named = re.findall(r"(?:`|^ {4})make (\w+)", page.read_text(), re.MULTILINE)
        assert set(named) <= set(makefile_targets())

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
    def test_commands_are_commands(self, page: Path) -> None:
        for words in re.findall(r"(?:`|^ {4}|^\$ )postroom((?: [a-z]+(?:-[a-z]+)*)+)", page.read_text(), re.MULTILINE):
            assert any(f"{words.strip()} ".startswith(f"{command} ") for command in COMMANDS), words

    @pytest.mark.parametrize("page", [README, API])
    def test_the_sample_is_the_one_of_the_page(self, page: Path) -> None:
        assert json.loads(blocks(page, "json")[0].text) == json.loads(SAMPLE)

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
    def test_json_is_json_and_python_is_python(self, page: Path) -> None:
        for block in blocks(page, "json"):
            json.loads(block.text)
        for block in blocks(page, "python"):
            compile(block.text, page.name, "exec")

    @pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
    def test_decisions_have_one_form(self, page: Path) -> None:
        title, *parts = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
        assert title.startswith(f"{page.stem[:4]}: ")
        assert parts == ["Context", "Decision", "Consequences", "Alternatives"]

    def test_decisions_are_numbered_without_a_gap(self) -> None:
        assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))

    def test_the_readme_is_short(self) -> None:
        assert len(README.read_text().splitlines()) < 120


def anchors(page: Path) -> set[str]:
    """Give what links to a page may name behind #: its headings, as repositories show them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


class Shell:
    """Somebody who types what a page says, in a folder with the files that it shows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def save(self, page: Path) -> None:
        for block in (*blocks(page, "csv"), *blocks(page, "eml")):
            Path(block.file).write_text(block.text)

    def type(self, line: str) -> str:
        """Run a command, which must succeed; give what it printed. A password is typed where one is asked for."""
        program, *arguments = shlex.split(line)
        assert program == "postroom", line
        with io.TextIOWrapper(io.BytesIO(b"secret\n")) as keyboard, self._monkeypatch.context() as patch:
            patch.setattr("sys.stdin", keyboard)
            code = main(arguments)
        out, err = self._capsys.readouterr()
        assert (code, err) == (0, ""), line
        return out


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(config.DATA_DIR_VARIABLE, str(tmp_path / "data"))
    monkeypatch.delenv(config.DATABASE_URL_VARIABLE, raising=False)
    return Shell(monkeypatch, capsys)


class TestExamples:
    def test_first_steps_of_the_readme(self, shell: Shell) -> None:
        shell.save(README)
        (block,) = blocks(README, "sh")
        lines = [line for line in block.text.splitlines() if line and not line.startswith("#")]
        typed = [line for line in lines if not re.match(r"\. |make|curl|postroom (serve|sync)", line)]
        no_server = (f"{line} --no-try" if " --host " in line else line for line in typed)  # imap.example.com is none
        printed = {line.split()[1]: shell.type(line) for line in no_server}
        assert len(typed) == len(lines) - 3
        assert "May see mail in the owner's mailbox" in printed["explain"]
        assert printed["token"].startswith("postroom_")

    def test_explanations_of_the_law(self, shell: Shell) -> None:
        """Each example goes on where the one before it stopped, and prints what stands below it."""
        shell.save(SHARING)
        shown = 0
        for command, expected in steps("".join(block.text for block in blocks(SHARING, "console"))):
            printed = undated(without_who_changes(shell.type(command)))
            assert undated(expected) in printed, command
            shown += bool(expected)
        assert shown == len(re.findall(r"^\$ postroom explain", SHARING.read_text(), re.MULTILINE)) > 10

    @pytest.mark.parametrize("page", [README, API, SHARING, OPERATING], ids=lambda page: page.name)
    def test_commands_in_the_text_are_understood(self, page: Path) -> None:
        for line in re.findall(r"^ {4}(postroom [a-z].*)$|`(postroom [^`]* --[^`]*)`", page.read_text(), re.MULTILINE):
            words = shlex.split("".join(line))[1:]
            name = next(name for name in COMMANDS if words[: len(name.split())] == name.split())
            COMMANDS[name].make_context(name, words[len(name.split()) :])


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console and what it prints there."""
    for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = step.partition("\n")
        yield command, printed


def without_who_changes(text: str) -> str:
    """Leave out who can change what a step read: the page says it beside each rule."""
    return re.sub(r"^    Changed by .*\n", "", text, flags=re.MULTILINE)


def undated(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d", "(a day)", text)
