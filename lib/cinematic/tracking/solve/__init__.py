"""The camera of a shot from its tracks."""

from .cameras import Cameras
from .solver import Round, Solution, solve_positions

__all__ = ["Cameras", "Round", "Solution", "solve_positions"]
