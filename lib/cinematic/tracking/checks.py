"""Checks of what a caller gave: the value itself, or a :class:`ParameterError` that says what was expected."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from .errors import ParameterError


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """``value`` when it is one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"expected {name} to be one of {', '.join(choices)}; got {value!r}")
    return value


def checked_number(name: str, value: Any, low: float, high: float, *, above: bool = False) -> float:
    """``value`` as a float when it is a number from ``low`` to ``high`` (``above``: and not ``low`` itself)."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high or (above and value == low):
        raise ParameterError(f"expected {name} {'above' if above else 'from'} {low:g} to {high:g}, got {value!r}")
    return float(value)


def checked_numbers(name: str, values: Any, count: int, low: float, high: float) -> tuple[float, ...]:
    """``values`` when they are ``count`` numbers from ``low`` to ``high``."""
    try:
        entries = tuple(values)
    except TypeError:
        entries = ()
    if isinstance(values, str) or len(entries) != count:
        raise ParameterError(f"expected {name} as {count} numbers from {low:g} to {high:g}, got {values!r}")
    return tuple(checked_number(f"each number of {name}", entry, low, high) for entry in entries)


def checked_pixel_aspect(value: Any) -> float:
    """``value`` when it may be the width of a pixel over its height."""
    return checked_number("pixel_aspect", value, 0.1, 10)


def checked_length(name: str, value: Any, *, least: int) -> int:
    """``value`` when it is whole px of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ParameterError(f"expected {name} as whole px of at least {least}, got {value!r}")
    return int(value)
