"""Mining: sources to pairs, cues and rejects, source by source over worker processes.

OUT/pairs/<source_id>.parquet     utterances: audio and text with the speech interval
OUT/cues/<source_id>.parquet      subtitles with their display interval
OUT/rejects/<source_id>.parquet   all the rest of the source's time, and why
OUT/srt/<source_id>.srt           where asked for, the cues as a subtitle file; of further tracks srt/track-2/...
OUT/evidence/<source_id>/         what the extractors saw: pictures of cues, all that was read in readings.parquet
OUT/receipts/<source_id>.json     written last: the source is done
OUT/summary.json                  counts, hours kept and lost, seconds of work
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ipl.errors import InputError, MediaError, StageError
from ipl.executors import Outcome, map_tasks
from ipl.files import write_json
from ipl.lock import locked
from ipl.mining.course import Course, Unusable
from ipl.mining.media import probe
from ipl.mining.plan import Cast, MiningPlan
from ipl.mining.receipts import EARLIER, MinedFolder, Receipt
from ipl.mining.sources import Source, find_sources
from ipl.mining.summary import is_of_no_use, summarize
from ipl.mining.watch import PERCENT, Watch
from ipl.mining.work import Mined, mine_source, reject_source
from ipl.progress import counted, progress, say

__all__ = ["MiningResult", "mine"]


@dataclass(frozen=True)
class MiningResult:
    """A folder of mined data, and what its `summary.json` says."""

    out_dir: Path
    summary: dict[str, Any]

    @property
    def pairs(self) -> Path:
        """The folder of the mined utterances."""
        return self.out_dir / "pairs"


def mine(
    sources: Sequence[str | Path],
    out_dir: Path,
    plan: MiningPlan,
    workers: int = 1,
    executor: str = "local",
    srt: bool = False,
) -> MiningResult:
    """Mines files, folders and globs into `out_dir`; sources that are done there under the same plan stay as they are.

    With `srt` each source's cues become a subtitle file too, those of sources without sound among them; a source
    with several tracks has one for each: first those in the script of the plan's language, and the longest first.

    A source that cannot be used is a reject with its reason. What lies in `out_dir` of sources that are not named
    moves to `out_dir/earlier`. Raises InputError for what names nothing and where another process mines into
    `out_dir`, PluginError for a plan that cannot be played, StageError where no source can be used or `out_dir`
    cannot be written to.
    """
    started = time.monotonic()
    _refuse_to_write_into_a_source(sources, out_dir)
    cast = Cast(plan)  # a plan that cannot be played is told before any work
    if plan.language and (warning := cast.warning(plan.language)):
        say(f"  text reader {plan.plugins['text_reader'][0].name}: {warning}")
    found = find_sources(sources)
    folder = MinedFolder(out_dir.resolve())
    mined: list[Mined] = []
    with _prepared(folder, found), progress("mining", PERCENT, "%") as advance:
        watch = Watch(found, advance)
        for outcome in map_tasks(partial(mine_source, plan, folder), found, workers, executor, watch.reached):
            each = _mined(folder, outcome)
            mined.append(each)
            if srt:
                folder.write_srt(each.receipt.source_id, plan.language)
            if problem := _problem(each.receipt, srt):
                say(f"  {each.receipt.path}: {problem}")
            watch.ended(outcome.task, each)
        mined.sort(key=lambda each: each.receipt.source_id)
        summary = summarize(mined, time.monotonic() - started, srt)
        write_json(folder.path / "summary.json", summary)
    if summary["num_failed"] == len(mined):
        first = mined[0].receipt
        why = f"{first.path}: {first.failed}: {first.detail}"
        if len(mined) == 1:
            raise StageError(f"{folder.path}: the one source cannot be used, {why}")
        raise StageError(
            f"{folder.path}: none of {len(mined)} sources can be used; the first, {why}; "
            "the others are in rejects and summary.json"
        )
    return MiningResult(out_dir, summary)


def _refuse_to_write_into_a_source(sources: Sequence[str | Path], out_dir: Path) -> None:
    out_dir = out_dir.resolve()
    for named in sources:
        if Path(named).expanduser().resolve() == out_dir and out_dir.is_dir():
            other = out_dir.with_name(f"{out_dir.name}-mined")
            raise InputError(f"{named}: both the source and the folder to write; choose another to write, as {other}")


@contextmanager
def _prepared(folder: MinedFolder, found: Sequence[Source]) -> Iterator[None]:
    """Holds the folder for this process, where nothing then tells of an earlier call."""
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder.path))
            (folder.path / "summary.json").unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{folder.path}: cannot write there: {error.strerror}; choose another folder") from error
        if others := folder.set_aside(source.source_id for source in found):
            earlier = counted(len(others), "source")
            say(f"  {earlier} mined earlier, not named now ({others[0]}, ...): moved to {EARLIER}/")
        yield


def _problem(receipt: Receipt, srt: bool) -> str | None:
    if receipt.failed and not is_of_no_use(receipt, srt):
        return "no sound: subtitles only"
    return f"rejected, {receipt.failed}: {receipt.detail}" if receipt.failed else None


def _mined(folder: MinedFolder, outcome: Outcome[Source, Mined]) -> Mined:
    if outcome.error_kind != "died":
        return outcome.unwrap()
    course = Course(outcome.task)
    try:
        course.duration_ms = probe(outcome.task.path).duration_ms
    except MediaError:
        course.duration_ms = 0  # it was lost before anybody could tell
    problem = Unusable("mine", "worker died", str(outcome.error))
    return Mined(reject_source(folder, course, problem, None), now=True)
