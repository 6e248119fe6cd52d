"""What can go wrong, as types.

Every error of this package is a :class:`TrackingError`; each is also the builtin that a caller who knows
nothing of this package would expect to catch.
"""

from __future__ import annotations


class TrackingError(Exception):
    """Root of every error that this package raises on purpose."""


class ParameterError(TrackingError, ValueError):
    """An argument is not what the call expects; nothing was changed."""


class BackendUnavailable(TrackingError, RuntimeError):
    """A call needs Blender, and there is none, it cannot be loaded, or it is too old for this."""


class FootageError(TrackingError, OSError):
    """Footage is missing, unreadable, incomplete, or no footage at all."""

    def __str__(self) -> str:
        # OSError's own __str__ is only about errno; ours is one plain sentence.
        return " ".join(str(argument) for argument in self.args)


class FormatError(TrackingError, ValueError):
    """A file's or a dict's content does not follow its format."""
