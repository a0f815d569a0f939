"""Every rule in words: a whole sentence, its own, with the value that the rule read."""

import re
from collections.abc import Iterator

import click
import pytest

from postroom.cli.main import postroom
from postroom.core.sharing import Ground, Reason, Rule
from postroom.core.words import SENTENCES, changed_by, sentence
from tests.core.facts import every_reason

ALL = [*Ground, *Rule]


@pytest.mark.parametrize("rule", ALL)
def test_every_rule_and_every_ground_is_a_sentence(rule: Ground | Rule) -> None:
    assert re.fullmatch(r"[A-Z][^{}]+\.", sentence(Reason(rule, "2026-11-03")))


def test_no_two_say_the_same() -> None:
    assert len({sentence(Reason(rule)) for rule in ALL}) == len(ALL)


@pytest.mark.parametrize("reason", sorted(every_reason(), key=str), ids=str)
def test_what_the_rule_read_is_said_and_nothing_else(reason: Reason) -> None:
    said = sentence(reason)
    assert "None" not in said
    assert reason.value is None or str(reason.value) in said


def test_a_value_is_never_taken_for_a_place_to_fill_in() -> None:
    assert "{value}{0}" in sentence(Reason(Rule.UNKNOWN_KIND, "{value}{0}"))


def test_no_rule_is_forgotten() -> None:
    assert set(SENTENCES) == set(ALL)


CHANGEABLE = [rule for rule in ALL if changed_by(Reason(rule))]
# What nobody can change: whose the mail is, and what no setting says.
UNCHANGEABLE = {
    Ground.OWNS_RECORD,
    Ground.ADMINISTRATOR,
    Rule.OWN_MAIL,
    Rule.MAIL_IS_PRIVATE,
    Rule.MAIL_IS_PUBLIC,
    Rule.SENT_BY_VIEWER,
    *(rule for rule in Rule if rule.startswith("unknown_")),
}


class TestChangedBy:
    def test_every_rule_that_read_a_setting_says_who_can_change_it(self) -> None:
        assert set(ALL) - set(CHANGEABLE) == UNCHANGEABLE

    @pytest.mark.parametrize("rule", CHANGEABLE)
    def test_it_names_who_and_commands_that_there_are(self, rule: Ground | Rule) -> None:
        said = changed_by(Reason(rule))
        assert said.startswith(("an administrator, ", "the owner, ", "the record's owner or an administrator, ", "who"))
        named = list(_named_commands(said))
        assert named
        assert [words for words in named if not _is_there(words)] == []


def _named_commands(said: str) -> Iterator[list[str]]:
    """Give the words of each command that is named; of a second one only the end is."""
    for first, second in re.findall(r"'(postroom [^']+)'(?: and '([^']+)')?", said):
        words = first.split()[1:]
        yield words
        if second:
            before = [word for word in words if not word.startswith("--")][:-1]
            yield [*before, *second.split()]


def _is_there(words: list[str]) -> bool:
    command: click.Command | None = postroom
    for word in (word for word in words if not word.startswith("--")):
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    options = {name for parameter in command.params for name in parameter.opts}
    return {word for word in words if word.startswith("--")} <= options
