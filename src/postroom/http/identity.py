"""Who calls, and which version of the API: what every request under /crm says in the same way."""

import falcon

from postroom.http.problems import NotAuthenticated, VersionUnsupported

VERSIONS = frozenset({"v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8"})
_SCHEMES = frozenset({"zoho-oauthtoken", "bearer"})


def check_version(version: str) -> None:
    """Raise VersionUnsupported for a version that Zoho CRM does not have, or that is older than e-mail sharing."""
    if version not in VERSIONS:
        raise VersionUnsupported


def bearer_token(request: falcon.Request) -> str:
    """Give the token of `Authorization: Zoho-oauthtoken TOKEN` or `Bearer TOKEN` (RFC 6750, section 2.1).

    Raises NotAuthenticated where the header is missing, empty or of another scheme.
    """
    scheme, _, token = (request.auth or "").strip().partition(" ")
    token = token.strip()
    if not token or scheme.lower() not in _SCHEMES:
        raise NotAuthenticated
    return token
