"""The command for many shots: what is asked for is checked for all of them before any is begun."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from .errors import ParameterError, TrackingError
from .farm import WRONG_USAGE, Outcome, Shot, shots_of, track_shots, track_shots_on, workers_here
from .kernels import compile_kernels


def run_farm(
    clips: Sequence[Path],
    output: Path,
    options: Sequence[str],
    workers: int | None,
    scheduler: str | None,
    console: Console,
    *,
    resume: bool,
    overwrite: bool,
) -> None:
    """Track shots and say of each what has come of it.

    Raises
    ------
    TrackingError
        Clips are not there, share a name, or have results that may not be replaced: none is begun then. Or some
        failed, or the work was interrupted; the others' results are there.
    """
    shots = shots_of(clips, output)
    for shot in shots:
        if not (resume or overwrite) and (shot.is_done or shot.is_begun):
            raise TrackingError(
                f"{shot.folder} holds a result already: give --resume to leave out what is done, or --overwrite"
            )
    todo = [shot for shot in shots if not (resume and shot.is_done)]
    tally = _Tally(console, len(shots), len(shots) - len(todo))
    if todo:
        with closing(_outcomes(todo, options, workers, scheduler, console, resume=resume)) as outcomes:
            try:
                for outcome in outcomes:
                    tally.count(outcome)
            except KeyboardInterrupt:
                raise TrackingError(f"interrupted, {tally.told()}: give --resume to go on from there") from None
    if tally.failed:
        raise TrackingError(f"{tally.told()}, {len(tally.failed)} failed: {', '.join(tally.failed)}")
    console.print(f"{tally.told()}, in {output}", soft_wrap=True)


def _counted(shots: Sequence[Shot]) -> str:
    return f"{len(shots)} shots" if len(shots) != 1 else "1 shot"


def _outcomes(
    shots: Sequence[Shot],
    options: Sequence[str],
    workers: int | None,
    scheduler: str | None,
    console: Console,
    *,
    resume: bool,
) -> Generator[Outcome, None, None]:
    going_on = {shot.name: ["--resume"] * (resume and shot.is_begun) for shot in shots}
    if scheduler is not None:
        console.print(f"{_counted(shots)}, on {scheduler}", soft_wrap=True)
        return track_shots_on(scheduler, shots, options, going_on)
    at_once = min(workers or workers_here(), len(shots))
    compile_kernels(console.print)  # each process would by itself
    console.print(f"{_counted(shots)}, {at_once} at a time")
    return track_shots(shots, options, going_on, at_once)


@dataclass
class _Tally:
    """What has come of the shots so far."""

    console: Console
    shots: int
    done: int
    failed: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """One more, said in a line."""
        name, seconds = outcome.shot.name, f"({outcome.seconds:.0f} s)"
        if outcome.code == WRONG_USAGE:  # as it would be for all others
            raise ParameterError(outcome.words)
        if outcome.code:
            self.failed.append(name)
            self.console.print(f"{name}: failed: {outcome.words} {seconds}", soft_wrap=True)
        else:
            self.done += 1
            self.console.print(f"{name}: {outcome.tracks} tracks, {outcome.words} {seconds}", soft_wrap=True)

    def told(self) -> str:
        """How many are done."""
        return f"{self.done} of {self.shots} shots are tracked"
