"""The sub-commands of `st`: who offers them, one sentence on each, the code only when one runs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter

import click

from st.core import Registry, StError
from st.core.discovery import entry_points
from st.core.isolation import attempt

GROUP = "st.commands"
"""The entry-point group of sub-commands, and the contribution point of their help sentences."""

OUR_DISTRIBUTION = "st-cli"

OURS = {
    "plugins": ("st.cli.plugins:plugins", "List the plugins that are installed, importing none."),
    "doctor": ("st.cli.doctor:doctor", "Check the installation and say what mends it."),
    "new": ("st.cli.new:new", "Start a plugin package of your own, with tests."),
}
"""The commands of this distribution: no other can take their names."""


class CommandLoadError(StError, ImportError):
    """A sub-command is installed but its code cannot be imported."""


@dataclass(frozen=True)
class Subcommand:
    """A command that can be run: `target` is the `module:attribute` of its click command."""

    name: str
    target: str
    distribution: str

    def load(self) -> click.Command:
        """Import the command.

        Raises:
            CommandLoadError: The import fails, or what it gives is no click command.
        """
        loaded: list[object] = []
        failure: BaseException | None
        try:
            failure = attempt(lambda: loaded.append(_import(self.target)))
        except SystemExit as exit_at_import:
            failure = exit_at_import
        if failure is not None:
            raise CommandLoadError(
                f"the command {self.name!r} of {self.distribution} cannot be imported: "
                f"{type(failure).__name__}: {failure}"
            ) from failure
        (command,) = loaded
        if not isinstance(command, click.Command):
            raise CommandLoadError(
                f"the command {self.name!r} of {self.distribution} is no click command but "
                f"{command!r} ({self.target})"
            )
        return command


def subcommands() -> dict[str, Subcommand]:
    """Return every sub-command by name, importing none; names are in alphabetical order.

    Of two distributions that offer the same name, the first in the alphabet has it.
    """
    found = {name: Subcommand(name, at, OUR_DISTRIBUTION) for name, (at, _) in OURS.items()}
    for offer in offers():
        found.setdefault(offer.name, offer)
    return dict(sorted(found.items()))


def offers() -> list[Subcommand]:
    """Return what other distributions offer, in the order in which they get a contested name."""
    return [
        Subcommand(point.name, point.target, point.distribution.name)
        for point in entry_points(GROUP)
    ]


def help_sentences(commands: dict[str, Subcommand]) -> dict[str, str]:
    """Return one sentence for each of `commands`, from the manifests of their distributions."""
    ours = {(OUR_DISTRIBUTION, name): sentence for name, (_, sentence) in OURS.items()}
    with Registry() as registry:
        registry.discover()
        theirs = {
            (contribution.distribution, name): str(sentence)
            for contribution in registry.contributions(GROUP)
            for name, sentence in contribution.table.items()
        }
    sentences = {**theirs, **ours}
    return {
        name: sentences.get((command.distribution, name), f"Comes with {command.distribution}.")
        for name, command in commands.items()
    }


def _import(target: str) -> object:
    module, _, attribute = target.partition(":")
    return attrgetter(attribute.strip())(import_module(module.strip()))
