"""What holds for all tests: nobody's own settings and stores are read, or written to."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_stores_of_whoever_runs_the_tests(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        yield
