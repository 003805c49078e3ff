"""The store of a sweep: an SQLite file to which every point is written as soon as it is finished."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

from .. import checks
from . import fingerprint


class Store:
    """An open store; every statement is its own transaction, so that a kill at any moment leaves all earlier points."""

    def __init__(self, file: sqlite3.Connection):
        self._file = file

    def points(self) -> Iterable[tuple[int, str | None, bytes | None]]:
        """Read the stored points.

        Returns
        -------
        iterable of (int, str or None, bytes or None)
            As :func:`lib.core.sweep.results.evaluate` returns them.
        """
        return self._file.execute("SELECT number, layout, vector FROM point")

    def prepare(self) -> None:
        """Prepare for points to come: the write-ahead log makes a commit cheap (no fsync: 50 us, not 25 ms)."""
        self._file.execute("PRAGMA journal_mode = WAL")

    def add(self, point: tuple[int, str | None, bytes | None]) -> None:
        """Store one point.

        Parameters
        ----------
        point : (int, str or None, bytes or None)
            As :func:`lib.core.sweep.results.evaluate` returns it.
        """
        self._file.execute("INSERT INTO point VALUES (?, ?, ?)", point)


@contextlib.contextmanager
def open_store(
    path: str | os.PathLike[str], function: Callable[..., Any], axes: dict[str, NDArray[Any]]
) -> Iterator[Store]:
    """Open, and lock, the store of this sweep: a new one where there is none.

    Parameters
    ----------
    path : path
        The file.
    function : callable
        The sweep's function.
    axes : dict of str to ndarray
        The sweep's parameters and their values.

    Yields
    ------
    Store

    Raises
    ------
    ValueError
        If the store is that of another grid or another function.
    OSError
        If it cannot be read or written.
    """
    if not isinstance(path, (str, os.PathLike)):
        checks.refuse("store", path, "a path")
    path = os.path.abspath(path)
    manifest = {
        "grid": [[name, values.tolist()] for name, values in axes.items()],
        "function": fingerprint.digest(function),
        "parts": fingerprint.parts(function),
        "python": platform.python_version(),
    }
    file = None
    try:
        file = sqlite3.connect(path, timeout=1, isolation_level=None)
        # Locked by one process, the log needs no shared memory: network file systems serve as well.
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        file.execute("PRAGMA synchronous = NORMAL")
        if not file.execute("SELECT * FROM sqlite_master").fetchall():
            file.executescript(
                "BEGIN EXCLUSIVE; CREATE TABLE sweep (manifest TEXT);"
                "CREATE TABLE point (number INTEGER PRIMARY KEY, layout TEXT, vector BLOB);"
            )
            file.execute("INSERT INTO sweep VALUES (?)", [json.dumps(manifest)])
            file.execute("COMMIT")
        other = json.loads(file.execute("SELECT manifest FROM sweep").fetchone()[0])
        for key in ("grid", "function"):
            if other[key] != manifest[key]:
                raise ValueError(
                    f"store = {path!r} holds another sweep: its {key} was {fingerprint.short(other[key])}, now it is "
                    f"{fingerprint.short(manifest[key])}{_changes(key, other, manifest)}; give another path, or "
                    "delete the file to start again"
                )
        try:
            yield Store(file)
        finally:
            # Without its log the store is one file, readable where nothing can be written. A full disk may
            # forbid it: then the log stays, and the next sweep reads it.
            with contextlib.suppress(sqlite3.Error):
                file.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise OSError(f"store = {path!r} cannot be read or written ({error}); what it holds stays") from error
    finally:
        if file:
            file.close()


def _changes(key, was, now):
    """Words for what of the function differs, where the store knows it."""
    if key != "function" or "parts" not in was:
        return ""
    names = was["parts"].keys() | now["parts"].keys()
    words = ", ".join(sorted(name for name in names if was["parts"].get(name) != now["parts"].get(name)))
    words = f"; changed: {words}" if words else ""
    if was["python"] != now["python"]:
        words += f"; Python was {was['python']} and is {now['python']}, which compiles every function anew"
    return words
