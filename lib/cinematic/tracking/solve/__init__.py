"""The camera of a shot from its tracks."""

from .cameras import Cameras
from .solution import Round, Solution
from .solver import solve_positions

__all__ = ["Cameras", "Round", "Solution", "solve_positions"]
