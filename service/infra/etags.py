"""Strong entity tags made of a version, and the If-Match header (RFC 9110, 13.1.1)."""

import re

_TAG = re.compile(r'(W/)?"([^"]*)"')


def etag(version: int) -> str:
    return f'"{version}"'


def matches(if_match: str, version: int) -> bool:
    """Whether an If-Match header admits this version; weak tags never do."""
    if if_match.strip() == "*":
        return True
    return any(not weak and tag == str(version) for weak, tag in _TAG.findall(if_match))
