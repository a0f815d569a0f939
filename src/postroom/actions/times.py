"""Times as JSON has them, in the organisation's time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_NO_TIME = timedelta(0)
_MINUTE = timedelta(minutes=1)


def with_offset(seconds: int, time_zone: ZoneInfo) -> str:
    """Give a time (epoch seconds) in the form of RFC 3339; in UTC where the zone cannot tell it in that form."""
    moment = datetime.fromtimestamp(seconds, UTC)
    try:
        there = moment.astimezone(time_zone)
    except OverflowError:  # a mail may claim the last day of the year 9999
        return moment.isoformat()
    has_whole_minutes = (there.utcoffset() or _NO_TIME) % _MINUTE == _NO_TIME  # not so before standard time
    return (there if has_whole_minutes else moment).isoformat()
