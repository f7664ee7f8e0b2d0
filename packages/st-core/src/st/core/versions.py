"""PEP 440, asked only when somebody really states a version."""

from __future__ import annotations

from functools import lru_cache

from st.core.errors import MetadataError


@lru_cache(maxsize=1024)
def satisfies(version: str, specifier: str) -> bool:
    """Whether a version is within a specifier; "" admits all.

    >>> satisfies("1.4", ">=1.2,<2")
    True

    Raises:
        MetadataError: When either is not PEP 440.
    """
    if not specifier:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(specifier, prereleases=True).contains(version)
    except InvalidSpecifier as error:
        raise MetadataError(f"{specifier!r} is not a version specifier like '>=1.2,<2'") from error
    except InvalidVersion as error:
        raise MetadataError(f"{version!r} is not a version like '1.2'") from error
