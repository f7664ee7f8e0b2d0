"""Make the pictures of the README from a real run.

    python tools/pictures.py [train] [report]

`train` runs the main job in a pseudo-terminal and writes what a person would see on the screen to
docs/images/train.svg. `report` trains docs/examples/digits_cnn.toml and lets Chromium (Debian
package `chromium`) photograph its report for docs/images/report.png and report-dark.png. Both run
by default.
"""

import argparse
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from fcntl import ioctl
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
COLUMNS, ROWS = 116, 120
SIZE_OF_REPORT = (1100, 2180)
COMMAND = ("st", "train", "docs/examples/digits.toml")
DARK = ("--blink-settings=preferredColorScheme=0",)
REPORTED = ("st", "train", "docs/examples/digits_cnn.toml")


def run_in_terminal(command: tuple[str, ...], directory: Path) -> pyte.Screen:
    """Run `command` in `directory` on a terminal of its own; give the screen it leaves.

    Raises:
        SystemExit: the command failed; with what it wrote.
    """
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }
    process = subprocess.Popen(
        command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    while chunk := read_chunk(ours):
        stream.feed(chunk)
    os.close(ours)
    if process.wait():
        raise SystemExit(f"{' '.join(command)} failed:\n{screen_text(screen).plain}")
    return screen


def read_chunk(descriptor: int) -> bytes:
    """Give the next bytes from a terminal, none when its last writer has gone."""
    select.select([descriptor], [], [])
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux reports the closed other side of a pseudo-terminal as an error
        return b""


def screen_text(screen: pyte.Screen) -> Text:
    """Give what stands on `screen` with its colours, without the empty lines below."""
    text = Text()
    n_lines = max(number for number, line in enumerate(screen.display, 1) if line.strip())
    for row in range(n_lines):
        line = Text()
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            style = Style(
                color=rich_colour(cell.fg),
                bgcolor=rich_colour(cell.bg),
                bold=cell.bold,
                italic=cell.italics,
                underline=cell.underscore,
                reverse=cell.reverse,
            )
            line.append(cell.data, style)
        line.rstrip()
        text.append(line).append("\n")
    return text


def rich_colour(name: str) -> str | None:
    """Translate a colour of pyte: a name, `brightNAME`, or six hexadecimal digits."""
    if name == "default":
        return None
    if re.fullmatch(r"[0-9a-f]{6}", name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")


def picture_of_run(directory: Path) -> None:
    """Run the main job in `directory`; write docs/images/train.svg."""
    screen = run_in_terminal(COMMAND, directory)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(
            record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        console.print(Text(f"$ {' '.join(COMMAND)}", "bold"))
        console.print(screen_text(screen), end="", soft_wrap=True)
    svg = console.export_svg(title="SpiralTorch for Python", unique_id="train")
    # The fonts of the reader's machine will do; nothing is fetched from elsewhere.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    write_beside_and_rename(IMAGES / "train.svg", svg.encode())


def picture_of_report(directory: Path) -> None:
    """Train a convolutional network in `directory`; write docs/images/report{,-dark}.png."""
    run_in_terminal(REPORTED, directory)
    report = next(directory.glob("runs/digits_cnn-*/**/report.html"))
    for name, options in (("report", ()), ("report-dark", DARK)):
        taken = directory / f"{name}.png"
        photograph(report, taken, SIZE_OF_REPORT, options)
        write_beside_and_rename(IMAGES / taken.name, taken.read_bytes())


def photograph(
    page: Path, picture: Path, size: tuple[int, int], options: tuple[str, ...] = ()
) -> None:
    """Write a PNG of the file `page` as headless Chromium shows it, offline."""
    width, height = size
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                "chromium",
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
                *options,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                f"--screenshot={picture}",
                page.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def write_beside_and_rename(target: Path, content: bytes) -> None:
    """Replace `target` by `content`; a reader sees the old file or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.new")
    beside.write_bytes(content)
    beside.replace(target)


def main() -> None:
    """Make the pictures asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="*", default=["train", "report"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        shutil.copytree(ROOT / "docs" / "examples", directory / "docs" / "examples")
        if "train" in arguments.pictures:
            picture_of_run(directory)
        if "report" in arguments.pictures:
            picture_of_report(directory)


if __name__ == "__main__":
    main()
