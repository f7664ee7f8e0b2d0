"""Who may ask the live page for what: one decision for each request, before anything is read.

The address is the machine's own unless somebody exposes it on purpose. A request must be a GET
for one of the known routes, name exactly the host that the server has (so no other name that
leads here works, which keeps web pages elsewhere out), and carry the token that was printed.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from st.core import StError

__all__ = ["ExposedError", "Guard", "checked_host"]

TOKEN_BYTES = 24


class ExposedError(StError, ValueError):
    """An address that others can reach was asked for without saying so."""


def checked_host(host: str, *, is_exposed: bool) -> str:
    """Return the address to listen on.

    Raises:
        ExposedError: It is not this machine's own and `is_exposed` is False, or it stands for
            every address, for which no exact check of the host is possible.
    """
    name = "127.0.0.1" if host == "localhost" else host
    try:
        address = ipaddress.ip_address(name)
    except ValueError as error:
        raise ExposedError(f"host {host!r} is no address; give one such as 127.0.0.1") from error
    if address.is_unspecified:
        raise ExposedError(f"host {host} stands for every address of this machine; name the one")
    if not address.is_loopback and not is_exposed:
        raise ExposedError(
            f"host {host} can be reached from other machines; add --expose if that is intended"
        )
    return str(address)


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides about requests.

    Attributes:
        authorities: What the Host header may be, `address:port`.
        routes: The paths there are.
        token: The secret a request must carry, as `?token=` or as a bearer token.
    """

    authorities: frozenset[str]
    routes: Collection[str]
    token: str

    @classmethod
    def of(cls, host: str, port: int, routes: Collection[str]) -> Guard:
        """Return a guard with a new random token."""
        shown = f"[{host}]" if ":" in host else host
        names = {f"{shown}:{port}"}
        if ipaddress.ip_address(host).is_loopback:
            names.add(f"localhost:{port}")
        return cls(frozenset(names), routes, secrets.token_urlsafe(TOKEN_BYTES))

    def refusal(self, method: str, target: str, host: str, authorization: str) -> int:
        """Return the status that refuses a request, 0 for one that is let in."""
        if host not in self.authorities:
            return 421
        if method != "GET":
            return 405
        parts = urlsplit(target)
        given = parse_qs(parts.query).get("token", [""])[-1]
        scheme, _, bearer = authorization.partition(" ")
        if scheme.lower() == "bearer" and bearer:
            given = bearer.strip()
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            return 401
        return 0 if parts.path in self.routes else 404
