"""How many examples a property is given."""

import os

from hypothesis import HealthCheck, settings

_MANY = os.environ.get("POSTROOM_MANY_EXAMPLES") == "1"
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def examples(few: int, **options: int) -> settings:
    """Give so many examples with a real database, or forty times as many where POSTROOM_MANY_EXAMPLES=1."""
    return settings(max_examples=few * (40 if _MANY else 1), deadline=None, suppress_health_check=_SLOW, **options)
