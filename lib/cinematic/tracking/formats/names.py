"""Names of tracks that a format can hold: the nearest to what was asked for, and no two the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_BLENDER_BYTES = 59
"""Blender has room for 63 bytes of UTF-8, four of which may become ``.001``."""


def _any_text(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8") or "track"


def _one_line(name: str) -> str:
    return _UNPRINTABLE.sub("_", name).strip() or "track"


def in_quotes(name: str) -> str:
    """A text for between double quotes that cannot be escaped."""
    return _one_line(name.replace('"', "'"))


def _one_word(name: str) -> str:
    word = "_".join(_one_line(name).split())
    return f"_{word}" if word.startswith("#") else word


def _camel_case(name: str) -> str:
    words = [word for word in re.split(r"[\s_]+", _one_line(name)) if word]
    if len(words) < 2 and words == [name]:
        return name
    return "".join(word[0].upper() + word[1:] for word in words) or "track"


def _fitted(names: Sequence[str], fit: Callable[[str], str], others: Collection[str] = ()) -> list[str]:
    """Each name as ``fit`` makes it; the second of a name gets ``.001`` behind it, and so on; none of ``others``."""
    wanted = [fit(name) for name in names]
    taken = {*wanted, *others}
    seen = dict.fromkeys(others, 0)
    result = []
    for name in wanted:
        if name not in seen:
            seen[name] = 0
            result.append(name)
            continue
        free = name
        while free in taken:
            seen[name] += 1
            free = f"{name}.{seen[name]:03d}"
        taken.add(free)
        result.append(free)
    return result


def _blender_name(name: str) -> str:
    return _any_text(name.replace("\0", "_")).encode()[:_BLENDER_BYTES].decode("utf-8", "ignore")


def texts(names: Sequence[str]) -> list[str]:
    """Everything that UTF-8 can hold."""
    return _fitted(names, _any_text)


def lines(names: Sequence[str]) -> list[str]:
    """Lines of their own: no control characters, no blanks at the ends."""
    return _fitted(names, _one_line)


def quoted(names: Sequence[str]) -> list[str]:
    """Between double quotes that cannot be escaped: single quotes instead."""
    return _fitted(names, in_quotes)


def words(names: Sequence[str]) -> list[str]:
    """No blanks, and no beginning that makes a comment of it."""
    return _fitted(names, _one_word)


def camel_case(names: Sequence[str]) -> list[str]:
    """Words without underscores."""
    return _fitted(names, _camel_case)


def for_blender(names: Sequence[str], others: Collection[str] = ()) -> list[str]:
    """As long as Blender's names may be, and none of the names that are there already."""
    return _fitted(names, _blender_name, others)
