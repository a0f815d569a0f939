"""The scopes of the own API: what a token may be used for there."""

import pytest

from postroom.core.scopes import OWN_SCOPES, Family, Operation, in_words, may_use, parse_scopes, with_spaces


def test_the_own_scopes() -> None:
    assert OWN_SCOPES == (
        "Postroom.audit.READ",
        "Postroom.audit.ALL",
        "Postroom.settings.READ",
        "Postroom.settings.UPDATE",
        "Postroom.settings.ALL",
        "Postroom.sharing.READ",
        "Postroom.sharing.UPDATE",
        "Postroom.sharing.ALL",
    )


@pytest.mark.parametrize("scope", [*OWN_SCOPES, "ZohoCRM.modules.ALL", "ZohoCRM.modules.leads.READ"])
def test_known_scopes(scope: str) -> None:
    assert parse_scopes(f"{scope}, {scope}") == (scope,)


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "Postroom.settings",
        "Postroom.settings.WRITE",
        "Postroom.settings.read",
        "postroom.settings.READ",
        "Postroom.audit.UPDATE",
        "Postroom.everything.READ",
        "Postroom.ALL",
        "ZohoCRM.READ",
        "Other.settings.READ",
    ],
)
def test_unknown_scopes(scope: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        parse_scopes(f"ZohoCRM.modules.ALL,{scope}")


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("operation", Operation)
def test_each_scope_opens_what_it_names(family: Family, operation: Operation) -> None:
    opening = {scope for scope in OWN_SCOPES if may_use(f"ZohoCRM.modules.ALL,{scope}", family, operation)}
    assert opening == {f"Postroom.{family}.{operation}", f"Postroom.{family}.ALL"} & set(OWN_SCOPES)


def test_those_of_zoho_open_nothing() -> None:
    held = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.audit.READ"
    assert not any(may_use(held, family, operation) for family in Family for operation in Operation)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("ZohoCRM.modules.ALL", "read and change modules of the CRM"),
        ("ZohoCRM.modules.emails.READ", "read modules.emails of the CRM"),
        ("ZohoCRM.settings.CREATE", "add settings of the CRM"),
        ("Postroom.sharing.UPDATE", "change sharing of Postroom itself"),
    ],
)
def test_a_scope_in_words(scope: str, words: str) -> None:
    assert in_words(scope) == words


@pytest.mark.parametrize("operation", ["ALL", "CREATE", "DELETE", "READ", "UPDATE", "WRITE"])
def test_every_operation_has_words(operation: str) -> None:
    (scope,) = parse_scopes(f"ZohoCRM.modules.{operation}")
    assert in_words(scope).endswith(" modules of the CRM")


@pytest.mark.parametrize("text", ["a,b", "a b", "a, b", " a  b,", "a,,b"])
def test_scopes_with_spaces(text: str) -> None:
    assert with_spaces(text) == "a b"
