"""Every rule in words: a whole sentence, its own, with the value that the rule read."""

import re

import pytest

from postroom.core.sharing import Ground, Reason, Rule
from postroom.core.words import sentence
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
