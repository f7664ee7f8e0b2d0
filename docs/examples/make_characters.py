"""Make characters.txt, the text of characters.toml, from the source of Python's own library.

Run once: ``python docs/examples/make_characters.py``. The text is that of the Python that runs
this and depends on nothing but its version: every module of the standard library in plain ASCII,
without tests, tables and games, in the order of a checksum of its name, so that the end of the
text, which is held out, is of all kinds. It is not kept here; the licence of Python covers it.
"""

import hashlib
import platform
import sysconfig
from pathlib import Path

TARGET = Path(__file__).with_name("characters.txt")
LEFT_OUT = {"encodings", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "turtledemo"}
OF_THIS_MACHINE = ("site-packages", "_sysconfigdata", "config-", "sitecustomize", "usercustomize")


def main() -> None:
    """Write the file and print what it holds."""
    library = Path(sysconfig.get_paths()["stdlib"])
    names = [path.relative_to(library) for path in library.rglob("*.py")]
    names = [
        name
        for name in names
        if not LEFT_OUT & set(name.parts) and not name.parts[0].startswith(OF_THIS_MACHINE)
    ]
    names.sort(key=lambda name: hashlib.sha256(name.as_posix().encode()).digest())
    files = [data for name in names if (data := (library / name).read_bytes()).isascii()]
    text = b"".join(files).replace(b"\r\n", b"\n")
    TARGET.write_bytes(text)
    print(
        f"{TARGET}: {len(text):,} characters of {len(files)} modules of Python "
        f"{platform.python_version()}, sha256 {hashlib.sha256(text).hexdigest()}"
    )


if __name__ == "__main__":
    main()
