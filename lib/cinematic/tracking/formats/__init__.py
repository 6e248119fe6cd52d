"""Exchange formats: one module each, whose docstring is the format's grammar, and one registry.

>>> from cinematic.tracking import formats
>>> shot = formats.read("tracks.nk", size=(1920, 1080))
>>> formats.write(shot, "tracks.2dt").losses
"""

from __future__ import annotations

from .losses import Loss
from .reading import Shot, read
from .registry import FORMATS
from .writing import Written, write

__all__ = ["FORMATS", "Loss", "Shot", "Written", "read", "write"]
