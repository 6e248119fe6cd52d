"""Text files read line by line: what is wrong is told with the line it is on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from ..errors import FormatError
from .base import FRAME_LIMIT, NUMBER_LIMIT


class Lines:
    """The lines of a UTF-8 text file, one after another, without their ends (LF or CRLF).

    Parameters
    ----------
    ends_with_newline
        Refuse a last line without an end. For formats without an end mark: such a line may be half of one.
    """

    def __init__(self, path: Path, *, ends_with_newline: bool = False) -> None:
        self.path = path
        self.number = 0  # of the line that came last, from 1
        self._strict = ends_with_newline

    def __enter__(self) -> Lines:
        self._file = self.path.open("rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._file)
        self.number += 1
        if self.number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if self._strict and not raw.endswith(b"\n"):
            self.fail("expected the last line to be whole, with a newline at its end: the file may be cut off")
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self.fail(f"expected UTF-8 text: {error.reason}")
        if "\0" in line:
            self.fail("expected text, got binary data")
        return line.rstrip("\r\n")

    def take(self, expected: str) -> str:
        """The next line; ``expected`` says what it should be when there is none."""
        line = next(self, None)
        if line is None:
            self.number += 1
            self.fail(f"expected {expected}, got the end of the file")
        return line

    def filled(self) -> Iterator[str]:
        """The lines that are not blank."""
        return (line for line in self if line.strip())

    def fail(self, reason: str, line: int | None = None) -> NoReturn:
        """Raise a :class:`FormatError` about the line that came last, or another one."""
        raise FormatError(f"{self.path}:{line or max(self.number, 1)}: {reason}")

    def decimal(self, text: str) -> float:
        """A number; neither NaN nor huge."""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not -NUMBER_LIMIT <= value <= NUMBER_LIMIT or "_" in text:
            self.fail(f"expected a number within {NUMBER_LIMIT:g}, got {shown(text)}")
        return value

    def whole(self, text: str, what: str = "a frame", low: int = -FRAME_LIMIT, high: int = FRAME_LIMIT) -> int:
        """A whole number within limits, which some tools write as ``12.00``."""
        value = high + 1
        try:
            if "." not in text:
                value = int(text)
            elif (number := float(text)).is_integer():
                value = int(number)
        except (ValueError, OverflowError):
            self.fail(f"expected {what} as a whole number, got {shown(text)}")
        if not low <= value <= high or "_" in text:
            self.fail(f"expected {what} as a whole number from {low} to {high}, got {shown(text)}")
        return value

    def count(self, text: str, what: str) -> int:
        """How many of something follow."""
        return self.whole(text, f"the number of {what}", 0)

    def fields(self, line: str, least: int, most: int, what: str) -> list[str]:
        """The words of a line, as many as there must be."""
        words = line.split()
        if not least <= len(words) <= most:
            self.fail(f"expected {what}, got {shown(line)}")
        return words


def shown(text: str) -> str:
    """What came, short enough for an error of one line."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def read_json(path: Path) -> Any:
    """A JSON document.

    Raises
    ------
    FormatError
        It is none; with the line.
    """
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}:{error.lineno}: expected JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise FormatError(f"{path}:{line}: expected JSON as UTF-8 text: {error.reason}") from error
    except (RecursionError, ValueError) as error:  # nested without end; a number of thousands of digits
        raise FormatError(f"{path}:1: expected JSON: {error}") from error


def looks_like_counted_points(head: bytes, before_rows: int, columns: int) -> bool:
    """Whether a file begins with a count, a name, numbers in lines of their own, and a row of so many numbers."""
    lines = head.decode("utf-8", "replace").splitlines()
    if len(lines) <= before_rows:
        return False
    numbers = [lines[0], *lines[2:before_rows], *lines[before_rows].split()]
    return len(lines[before_rows].split()) == columns and all(_is_number(word) for word in numbers)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
