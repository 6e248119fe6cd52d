"""The camera of a shot from its tracks."""

from .cameras import Cameras, ShotCameras
from .solution import Round, Solution
from .solver import solve_positions

__all__ = ["Cameras", "Round", "ShotCameras", "Solution", "solve_positions"]
