"""Printing the settings that are in force, and what they come to for one user."""

from collections.abc import Iterator
from dataclasses import asdict

from postroom.actions.read_settings import GivenPermission, Settings, SharingOfUser
from postroom.cli.explain import print_steps
from postroom.cli.output import print_table, say_item
from postroom.cli.words import in_words
from postroom.core.model import Permission, UserStatus

_EVERYONE = "everyone"


def print_settings(settings: Settings) -> None:
    """Print every setting, from the organisation's to those of modules."""
    print_table(("Where", "What is set"), _rows(settings))


def print_sharing(effective: SharingOfUser) -> None:
    """Print the permission that holds for a user's mail, its steps and its audience."""
    status = "" if effective.status == UserStatus.ACTIVE else f" ({effective.status})"
    say_item(f"{effective.user}{status}: {effective.permission}")
    print_steps(effective.steps)
    if effective.permission != Permission.PRIVATE:
        say_item(f"Audience: {_audience(effective.settings)}", "  - ")


def settings_as_json(settings: Settings) -> dict[str, object]:
    """Give every setting as JSON has it."""
    return {
        "default": settings.default._asdict(),
        "crm_access": settings.crm_access,
        "roles": [
            {"role": each.role, **each.given._asdict(), "excluded_domains": each.excluded_domains}
            for each in settings.roles
        ],
        "users": [
            {"user": each.user, "assigned": _as_json(each.assigned), "chosen": _as_json(each.chosen)}
            for each in settings.users
        ],
        "modules": [
            {"module": each.api_name, "access": "public" if each.is_public else "private"} for each in settings.modules
        ],
    }


def sharing_as_json(effective: SharingOfUser) -> dict[str, object]:
    """Give what holds for one user as JSON has it."""
    return asdict(effective) | {"settings": [given._asdict() for given in effective.settings]}


def _rows(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "the organisation", f"default: {_given(settings.default)}"
    yield "mail sent from the CRM", f"access: {settings.crm_access}"
    for role in settings.roles:
        excluded = f"; excluded domains: {', '.join(role.excluded_domains)}" if role.excluded_domains else ""
        yield f"role {role.role}", f"e-mail preference: {_given(role.given)}{excluded}"
    for user in settings.users:
        for name, given in (("assigned", user.assigned), ("own choice", user.chosen)):
            if given is not None:
                yield user.user, f"{name}: {_given(given)}"
    for title, is_public in (("modules that everyone sees", True), ("all other modules", False)):
        yield title, ", ".join(each.api_name for each in settings.modules if each.is_public == is_public) or "none"


def _given(given: GivenPermission) -> str:
    return in_words(given._asdict())


def _as_json(given: GivenPermission | None) -> dict[str, object] | None:
    return None if given is None else given._asdict()


def _audience(settings: list[GivenPermission]) -> str:
    """Say who is in the audience of each setting."""
    narrowed = [in_words(given.audience) for given in settings if given.audience != _EVERYONE]
    return f"{', and of these: '.join(narrowed)}; always the superiors" if narrowed else _EVERYONE
