"""Settings and times as people read them."""

from zoneinfo import ZoneInfo

from postroom.actions.times import with_offset


def in_words(value: object) -> str:
    """Give the value of a setting, as the audit and the lists of settings have it."""
    match value:
        case None | []:
            return "none"
        case list():
            return ", ".join(map(in_words, value))
        case {"permission": permission, "audience": audience}:
            return f"{permission} for {in_words(audience)}"
        case {"role": role, "and_subordinates": below}:
            return f"role {role}{' and those below' if below else ''}"
        case dict():
            return ", ".join(f"{name} {in_words(each)}" for name, each in value.items())
    return str(value)


def in_calendar(seconds: int, time_zone: ZoneInfo) -> str:
    """Give a time (epoch seconds) as the organisation's clocks show it, to the minute."""
    return with_offset(seconds, time_zone)[: len("2026-11-03T10:20")].replace("T", " ")
