"""`st new`: a plugin package of one's own, made from templates."""

from st.cli.new.command import new
from st.cli.new.package import KINDS, PackageName, create

__all__ = ["KINDS", "PackageName", "create", "new"]
