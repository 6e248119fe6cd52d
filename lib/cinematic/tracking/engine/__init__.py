"""Our own point tracker: KLT prediction, then alignment with an anchored reference pattern. No Blender needed.

The rooms, in the order in which a frame passes through them: :mod:`.pyramid` (a frame made ready), :mod:`.detection`
(where to track), :mod:`.flow` (a first guess), :mod:`.alignment` (the exact place; :mod:`.motion_models` says what a
pattern may do, :mod:`.sampling` reads between pixels), :mod:`.forward_backward` (would it come back?),
:mod:`.tracker` (the state of all tracks). Coordinates are pixels ``(x, y)``, y down, (0, 0) the CENTRE of the
top-left pixel.

Examples
--------
>>> import numpy as np
>>> from cinematic.tracking.engine import Seeds, detect, track
>>> texture = np.kron(np.random.default_rng(0).random((20, 24)), np.ones((6, 6))).astype(np.float32)
>>> frames = [(1, texture[:100, :120]), (2, texture[3:103, 2:122])]
>>> features = detect(frames[0][1], max_features=5)
>>> for markers in track(frames, Seeds(1, features.positions)):
...     print(markers.frame, markers.tracked.sum(), np.abs(markers.position - features.positions).max(0).round(1))
1 5 [0. 0.]
2 5 [2. 3.]
"""

from .detection import corner_strength, detect
from .pyramid import Pyramid, build_pyramid
from .tracker import Tracker, track
from .types import AUTO, MOTION_MODELS, PATTERN_MATCHES, Features, FrameMarkers, LostReason, Seeds, TrackOptions
from .warm import needs_compile, warm

__all__ = [
    "AUTO",
    "MOTION_MODELS",
    "PATTERN_MATCHES",
    "Features",
    "FrameMarkers",
    "LostReason",
    "Pyramid",
    "Seeds",
    "TrackOptions",
    "Tracker",
    "build_pyramid",
    "corner_strength",
    "detect",
    "needs_compile",
    "track",
    "warm",
]
