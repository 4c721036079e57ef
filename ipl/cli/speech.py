"""`ipl evaluate` and `ipl transcribe`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipl.cli.options import positive
from ipl.errors import InputError

if TYPE_CHECKING:
    from ipl.speech import Segment

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Adds both commands."""
    evaluate = commands.add_parser(
        "evaluate", help="word and character error rates of a model", description="Measures a model on a data set."
    )
    _add_model(evaluate)
    evaluate.add_argument(
        "--data", type=Path, required=True, metavar="DATASET", help="a folder of utterances with text"
    )
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    evaluate.set_defaults(run=_evaluate)

    transcribe = commands.add_parser(
        "transcribe",
        help="what is said in audio and video files",
        description="Transcribes audio and video files. A file that cannot be read is told, and the rest go on.",
    )
    _add_model(transcribe)
    transcribe.add_argument("audio", metavar="AUDIO", nargs="+", type=Path, help="audio or video files")
    transcribe.add_argument("--format", choices=("text", "srt", "json"), default="text", help="what to print")
    transcribe.set_defaults(run=_transcribe)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, metavar="REF", help="a model folder, or a run directory")
    parser.add_argument("--beam", type=positive, default=8, help="beam width; 1 is greedy (default: 8)")


def _evaluate(args: argparse.Namespace) -> int:
    from ipl import api, speech
    from ipl.files import write_json

    rates = speech.evaluate(args.model, api.load(args.data), args.beam)
    for name, unit in (("wer", "words"), ("cer", "characters")):
        low, high = rates[f"{name}_low"], rates[f"{name}_high"]
        print(f"{name.upper()} {rates[name]:.2%} ({low:.2%} to {high:.2%}) over {rates[f'num_{unit}']} {unit}")
    counts = ", ".join(f"{rates[kind]} {kind}" for kind in ("substitutions", "deletions", "insertions"))
    print(f"words: {counts}; {rates['num_utterances']} utterances")
    if args.json:
        write_json(args.json, rates)
    return 0


def _transcribe(args: argparse.Namespace) -> int:
    from ipl import speech

    speech.find_model(args.model)
    failed = 0
    for file in args.audio:
        segments: list[Segment] = []
        try:
            for segment in speech.transcribe(args.model, file, args.beam):
                segments.append(segment)  # of a damaged file too, as far as it goes
        except InputError as error:
            print(f"ipl: {error}", file=sys.stderr)
            failed += 1
            if not segments:
                continue
        for line in _FORMATS[args.format](file, segments):
            print(line)
    return 2 if failed else 0


def _text(file: Path, segments: Sequence[Segment]) -> list[str]:
    return [f"{file}\t{' '.join(each.text for each in segments if each.text)}"]


def _json(file: Path, segments: Sequence[Segment]) -> list[str]:
    shown = [
        {"start_ms": each.start_ms, "end_ms": each.end_ms, "text": each.text, "score": each.score} for each in segments
    ]
    return [json.dumps({"file": str(file), "segments": shown}, ensure_ascii=False)]


def _srt(_file: Path, segments: Sequence[Segment]) -> list[str]:
    import pysubs2

    subtitles = pysubs2.SSAFile()
    subtitles.events = [pysubs2.SSAEvent(each.start_ms, each.end_ms, each.text) for each in segments if each.text]
    return [subtitles.to_string("srt").rstrip("\n")]


_FORMATS = {"text": _text, "srt": _srt, "json": _json}
