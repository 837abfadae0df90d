"""What compilation made, kept for the next start: databases and derived forms, each under a fingerprint.

The cache is a folder of the user (`AIGUARD_CACHE` names another one, `AIGUARD_CACHE=off` switches it off). Some of it
is native data, so it is only read from a folder that nobody else may write to, and only where its own digest agrees.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

_MAGIC: Final = b"aiguard-cache-1\n"
_DIGEST: Final = 32


def folder() -> Path | None:
    """Return where compiled forms are kept, or None where the cache is off or not safe to use."""
    named = os.environ.get("AIGUARD_CACHE", "")
    if named.lower() == "off":
        return None
    base = Path(named) if named else _user_cache() / "aiguard"
    with suppress(OSError):
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        return base if _private(base) else None
    return None


def _user_cache() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home()))
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _private(base: Path) -> bool:
    if os.name == "nt":
        return True
    about = base.stat()
    return about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def read(name: str) -> bytes | None:
    """Return what was kept under a name, or None where there is nothing whole."""
    base = folder()
    if base is None:
        return None
    try:
        blob = (base / name).read_bytes()
    except OSError:
        return None
    body = blob[len(_MAGIC) + _DIGEST :]
    if blob[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != blob[len(_MAGIC) : len(_MAGIC) + _DIGEST]:
        return None
    return body


def write(name: str, body: bytes) -> None:
    """Keep something under a name. A full disk only costs the cache."""
    base = folder()
    if base is None:
        return
    # Written beside and renamed, so that another process never reads half a file.
    with suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=base)
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(body).digest() + body)
        os.replace(temporary, base / name)
