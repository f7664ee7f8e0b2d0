"""What the doctor says about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "broken"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        topic: What was looked at: "python", "st-core", "backend OpenCL".
        status: "ok"; "note": absent or unusable, but nothing needs it; "broken": something that is
            installed cannot work.
        detail: What was found.
        remedy: The command or deed that mends it; empty where there is nothing to mend.
    """

    topic: str
    status: Status
    detail: str
    remedy: str = ""
