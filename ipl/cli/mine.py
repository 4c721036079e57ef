"""`ipl mine`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ipl.cli.options import add_overrides, add_work
from ipl.progress import counted

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Adds the command."""
    mine = commands.add_parser(
        "mine",
        help="mine wave–transcript pairs from videos",
        description=(
            "Mines wave–transcript pairs from videos with subtitles beside them, within them or burned in. Leaves "
            "DIR/pairs, cues and rejects (Parquet), summary.json and report.html. Run again, it goes on. With --srt "
            "also DIR/srt/NAME.srt; of several tracks that is the one in the script of the language, or the one "
            "displayed longest, and the others are DIR/srt/track-2/NAME.srt and so on."
        ),
    )
    mine.add_argument("sources", metavar="SOURCE", nargs="+", help="media files, folders, globs")
    mine.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    mine.add_argument("--config", type=Path, metavar="FILE", help="a mine.yaml: what stands under `mine:` in a plan")
    mine.add_argument("--language", metavar="TAG", help="language of the subtitles, e.g. en")
    mine.add_argument(
        "--srt", action="store_true", help="write the subtitles as .srt too, also of videos without sound"
    )
    add_overrides(mine)
    add_work(mine)
    mine.set_defaults(run=_mine)


def _mine(args: argparse.Namespace) -> int:
    from ipl import api
    from ipl.report import mining_summary

    result = api.mine(
        *args.sources,
        out=args.out,
        config=args.config,
        language=args.language,
        overrides=args.set,
        workers=args.workers,
        executor=args.executor,
        srt=args.srt,
    )
    print(mining_summary(result.summary))
    print(f"\nreport: {args.out / 'report.html'}")
    if args.srt:
        files = list((args.out / "srt").rglob("*.srt"))
        print(f"subtitles: {args.out / 'srt'} ({counted(len(files), 'file')})" if files else "subtitles: none found")
    return 0
