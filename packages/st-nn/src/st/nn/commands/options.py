"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

plugin_option = click.option(
    "--plugin",
    "plugins",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Load a plugin from a Python file first; may be given several times.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
set_option = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Another value than the file's: --set optimizer.lr=0.01; may be given several times.",
)
