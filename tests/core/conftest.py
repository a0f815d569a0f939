"""Tests of the core."""

import pytest

from postroom.core import sharing


@pytest.fixture(autouse=True)
def nothing_decided_before() -> None:
    """Let each test run what it calls, and not get what another one has already found out."""
    for remembered in vars(sharing).values():
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()
