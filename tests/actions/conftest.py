"""The demo, created once."""

from collections.abc import Iterator

import pytest

from tests.actions.installed_demo import Installed


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Give the complete demo; tests leave it as it is."""
    installed = Installed(tmp_path_factory.mktemp("demo"))
    assert installed.create()
    yield installed
    installed.database.close()
