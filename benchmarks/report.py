"""Tables and pictures of benchmark results, and the JSON file that keeps them."""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass
class Table:
    """One table: a title, what was measured in which unit, and a row of figures for each contender."""

    name: str
    title: str
    columns: dict[str, str]  # key -> heading; the key's ending tells the format (see `cell`)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table as Markdown, aligned so that it can also be read in a terminal."""
        lines = [["", *self.columns.values()]]
        lines += [[row["name"], *(cell(key, row.get(key)) for key in self.columns)] for row in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        text = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
        text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
        return "\n".join([f"{self.title}", "", *text, *([""] if self.notes else []), *self.notes, ""])


def cell(key: str, value: Any) -> str:
    """A figure as a table shows it: shares in per cent, rates with thousands, lengths to 0.001."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return value
    if key in ("bad1", "bad4", "occluded", "ate") or key.endswith(("_ate", "_off")):
        return f"{100.0 * value:.2f} %" if math.isfinite(value) else "no solve"
    if key in ("markers", "good", "tracks", "rate"):
        return f"{value:,.0f}"
    if key.startswith("ratio"):
        return f"{value:.2f}"
    return f"{value:.3f}" if math.isfinite(value) else "no solve"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    names = ("numpy", "numba", "opencv-contrib-python-headless", "bpy", "scipy", "cinematic-tracking")
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        **versions,
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if models:
            return models[0]
    return platform.processor() or platform.machine()


def headline() -> str:
    """The machine and the versions in one line."""
    found = machine()
    versions = ", ".join(f"{k} {v}" for k, v in found.items() if k not in ("cpu", "cores") and v)
    return f"{found['cores']} cores of {found['cpu']}; {versions}"


def save(tables: Sequence[Table], what: str) -> Path:
    """Write the tables as `results/<date>-<what>.json`."""
    RESULTS.mkdir(exist_ok=True)
    date = datetime.date.today().isoformat()
    path = RESULTS / f"{date}-{what}.json"
    content = {
        "date": date,
        "command": f"python -m benchmarks.{Path(sys.argv[0]).stem} {' '.join(sys.argv[1:])}",
        "machine": machine(),
        "tables": [{"name": t.name, "title": t.title, "rows": t.rows, "notes": t.notes} for t in tables],
    }
    path.write_text(json.dumps(content, indent=1, default=float) + "\n")
    return path


def fill(table: Table, rows: Mapping[str, Callable[[], dict[str, Any]]], description: str | None) -> None:
    """Make those of the named rows that the command line asks for (``--only``), print the table, and keep it."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="letters of the name")
    wanted = parser.parse_args().only
    for name, row in rows.items():
        if wanted in name:
            table.rows.append(row())
            print(table.rows[-1], flush=True)
    print(table.markdown())
    print(headline())
    save([table], table.name)


def error_picture(errors: dict[str, np.ndarray], title: str, path: Path, bound: float | None = None) -> None:
    """Share of markers below every error (px, logarithmic), one line for each contender."""
    figure, axes = _axes(title, "error of a marker, px", "share of markers at most that far off")
    for name, values in errors.items():
        values = np.sort(values[np.isfinite(values)])
        if len(values):
            axes.plot(values, np.linspace(0.0, 1.0, len(values)), label=name, linewidth=1.4)
    if bound is not None:
        axes.axvline(bound, color="black", linestyle=":", label="Cramer-Rao bound (median)")
    axes.set_xscale("log")
    axes.set_xlim(0.01, 20.0)
    _finish(figure, axes, path)


def line_picture(
    series: dict[str, tuple[Sequence[float], Sequence[float]]], title: str, x: str, y: str, path: Path
) -> None:
    """Lines over two logarithmic axes, one for each contender."""
    figure, axes = _axes(title, x, y)
    for name, (at, values) in series.items():
        axes.plot(at, values, marker="o", markersize=3, label=name, linewidth=1.4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _finish(figure, axes, path)


def _axes(title: str, x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.25, which="both")
    return figure, axes


def _finish(figure: Any, axes: Any, path: Path) -> None:
    axes.legend(fontsize=7)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
