"""Plates through fisheyes: what is kept of the good tracks, and the camera, nothing known.

    python -m benchmarks.wide_lenses                   all of them
    python -m benchmarks.wide_lenses --only street     those whose name has these letters

Equisolid fisheyes, 85, 100 and 120 degrees across: those of action cameras. Prints Markdown; keeps JSON in
`benchmarks/results`.
"""

from __future__ import annotations

from functools import partial

from benchmarks import report
from benchmarks.disturbed import COLUMNS, Disturbance, on
from benchmarks.plates import catalogue
from benchmarks.report import Table


def main() -> None:
    """Print the table, and keep it."""
    table = Table("wide-lenses", "Through fisheyes: auto_track, clean_tracks, solve_camera", COLUMNS)
    plates = catalogue.entries("wide")
    report.fill(table, {each.name: partial(on, each, Disturbance(each.name)) for each in plates}, __doc__)


if __name__ == "__main__":
    main()
