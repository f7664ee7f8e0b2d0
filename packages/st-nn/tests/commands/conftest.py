"""How a command is run here: by click's runner, with a registry that knows st-nn alone."""

from collections.abc import Callable

import pytest
from click import Command
from click.testing import CliRunner, Result

from st.core import Registry

Run = Callable[..., Result]


@pytest.fixture
def run_command() -> Run:
    """Give a function that runs a command with arguments; errors come as `result.exception`."""

    def run(command: Command, *arguments: str) -> Result:
        with Registry(environ={}, allow=["st-nn"]) as registry:
            registry.discover()
            with registry.as_global():
                return CliRunner().invoke(command, arguments)

    return run
