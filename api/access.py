"""Who may ask: keys, their scopes, and how often each may ask."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request, Security, params
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.exceptions import HTTPException

from api import limits
from api.keys import Key, Scope, digest_of
from api.limits import Bucket

_BEARER: Final = HTTPBearer(
    auto_error=False, scheme_name="key", description="made by `cityhum api key new`"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets requests in.

    Parameters
    ----------
    keys : callable
        The keys of now, by digest.
    clock : callable
        Steady, s.
    """

    keys: Callable[[], Mapping[str, Key]]
    clock: Callable[[], float]
    _buckets: dict[str, Bucket] = field(default_factory=dict, init=False)

    def knows(self, key: Key) -> bool:
        """Whether a key still holds, as it was."""
        return self.keys().get(key.sha256) == key

    def admit(self, secret: str, scope: str) -> Key:
        """Return the key of a secret, if it may ask for this, now.

        Raises
        ------
        HTTPException
            401, 403 or 429.
        """
        key = self.keys().get(digest_of(secret))
        if key is None:
            raise _unknown("this key is not known here")
        if scope not in key.scopes:
            raise HTTPException(403, f"key {key.name} has no scope {scope}")
        bucket = self._buckets.get(key.sha256) or limits.full(key.per_minute, self.clock())
        self._buckets[key.sha256], wait_s = limits.taken(bucket, key.per_minute, self.clock())
        if wait_s:
            raise HTTPException(
                429,
                f"key {key.name} may ask {key.per_minute} times a minute",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        return key


async def _admitted(
    request: Request,
    scopes: SecurityScopes,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Key:
    if given is None:
        raise _unknown("a key is needed: Authorization: Bearer cityhum_...")
    gate: Gate = request.app.state.services.gate
    return gate.admit(given.credentials, scopes.scopes[0])


def key_with(scope: Scope) -> params.Security:
    """Dependency on a key with a scope."""
    dependency: params.Security = Security(_admitted, scopes=[scope])
    return dependency


def _unknown(why: str) -> HTTPException:
    return HTTPException(401, why, {"WWW-Authenticate": "Bearer"})
