"""What commands print: tables for people, JSON for programs; plain text where colour is unwelcome.

rich is imported here and nowhere else, when something is printed: `st --help` goes without.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

UNLIMITED = 10_000
"""Columns of a stdout that is no terminal: a reader of pipes and files wants whole lines."""


def print_json(value: Any) -> None:
    """Print `value` as indented JSON; what JSON does not know is printed as text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, has_titles: bool = True
) -> None:
    """Print aligned columns, under their titles or without; cells are text, never markup."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold", show_header=has_titles)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*row)
    # Standard output is None where it was closed before Python began.
    is_terminal = bool(sys.stdout and sys.stdout.isatty())
    console = Console(
        width=None if is_terminal else UNLIMITED,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip(), color=is_terminal)
