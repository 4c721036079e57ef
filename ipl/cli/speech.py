"""`ipl evaluate` and `ipl transcribe`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipl.cli.options import positive
from ipl.errors import InputError
from ipl.progress import counted

if TYPE_CHECKING:
    from ipl.report.errors import Comparison
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
    evaluate.add_argument(
        "--errors",
        type=Path,
        metavar="FILE",
        help="also write a page (HTML) with reference above hypothesis and what is taken for what",
    )
    evaluate.add_argument(
        "--show", type=positive, default=0, metavar="N", help="print the N utterances with most errors, word by word"
    )
    evaluate.set_defaults(run=_evaluate)

    transcribe = commands.add_parser(
        "transcribe",
        help="what is said in audio and video files",
        description="Transcribes audio and video files. A file that cannot be read is told, and the rest go on.",
    )
    _add_model(transcribe)
    transcribe.add_argument("audio", metavar="AUDIO", nargs="+", type=Path, help="audio or video files")
    transcribe.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="text",
        help="what to print; json and ctm also tell when each word is said and how sure it is, from 0 to 1",
    )
    transcribe.add_argument(
        "--out", type=Path, metavar="DIR", help="write a file for each AUDIO there, named as it is, and print nothing"
    )
    transcribe.add_argument(
        "--streaming",
        action="store_true",
        help="print what is said while it is heard, for a model of chunks; on a terminal also what is not final yet",
    )
    transcribe.set_defaults(run=_transcribe)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="REF",
        help="a model folder, a run directory (its last cycle's best model), or a cycle's folder in it, RUN/cycle-001",
    )
    parser.add_argument(
        "--decode",
        choices=("greedy", "beam", "rescore", "joint"),
        default="beam",
        help="CTC's best path or prefix beam; with a hybrid model also the beam's texts rescored by the attention "
        "decoder, or one beam of both (default: beam)",
    )
    parser.add_argument("--beam", type=positive, default=8, help="beam width; 1 is greedy (default: 8)")
    parser.add_argument(
        "--ctc-weight", type=float, default=0.3, metavar="W", help="share of CTC in rescore and joint (default: 0.3)"
    )
    parser.add_argument("--lm", type=Path, metavar="ARPA", help="language model, such as `python -m ipl.asr.lm` makes")
    parser.add_argument("--lm-weight", type=float, default=0.5, metavar="W", help="its weight (default: 0.5)")
    parser.add_argument(
        "--language", metavar="LANG", help="what is spoken, such as sw, for a Whisper, which guesses it otherwise"
    )
    parser.add_argument(
        "--unit-bonus", type=float, default=0.0, metavar="B", help="nats that each unit adds to a text (default: 0)"
    )


def _model(args: argparse.Namespace) -> Path:
    """The model's folder, told where a run or a cycle was named."""
    from ipl.speech import find_model

    path = find_model(args.model).path
    if path != args.model:
        print(f"model: {path}", file=sys.stderr)
    return path


def _decoding(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "decode": args.decode,
        "beam": args.beam,
        "ctc_weight": args.ctc_weight,
        "language_model": args.lm,
        "lm_weight": args.lm_weight,
        "unit_bonus": args.unit_bonus,
        **({"language": args.language} if args.language else {}),
    }


def _evaluate(args: argparse.Namespace) -> int:
    from ipl import api, speech
    from ipl.files import write_json
    from ipl.report.errors import Comparison, write_error_page
    from ipl.stages.measure import error_rates

    heard = list(speech.recognized(_model(args), api.load(args.data), **_decoding(args)))
    rates = error_rates([(reference, hypothesis) for _, reference, hypothesis in heard])
    comparisons = [Comparison.of(*each) for each in heard]
    _show(comparisons, args.show)
    for name, unit in (("wer", "words"), ("cer", "characters")):
        low, high = rates[f"{name}_low"], rates[f"{name}_high"]
        print(f"{name.upper()} {rates[name]:.2%} ({low:.2%} to {high:.2%}) over {rates[f'num_{unit}']} {unit}")
    counts = ", ".join(f"{rates[kind]} {kind}" for kind in ("substitutions", "deletions", "insertions"))
    print(f"words: {counts}; {counted(rates['num_utterances'], 'utterance')}")
    if args.json:
        write_json(args.json, rates)
    if args.errors:
        write_error_page(args.errors, comparisons, rates, f"Errors of {args.model} on {args.data}")
        print(f"errors: {args.errors}")
    return 0


def _show(comparisons: Sequence[Comparison], most: int) -> None:
    from rich.console import Console

    from ipl.report.errors import error_lines, worst

    console = Console(soft_wrap=True, highlight=False)
    for each in worst(comparisons, most):
        for line in error_lines(each, shutil.get_terminal_size().columns):
            console.print(line)
        console.print()


def _transcribe(args: argparse.Namespace) -> int:
    from ipl import speech
    from ipl.asr.models.reference import checkpoint_kind
    from ipl.files import write_text

    model = _model(args)
    if args.streaming and (args.format != "text" or args.out):
        raise InputError(f"--streaming: found --format {args.format}, --out {args.out}; expected text, printed")
    if args.format == "ctm" and checkpoint_kind(model) == "whisper":
        raise InputError("--format: found ctm, and Whisper tells no times of words; expected text, srt or json")
    if args.format == "srt" and len(args.audio) > 1 and not args.out:
        raise InputError(
            f"--format: srt of {len(args.audio)} files would be one file; name a folder for them with --out"
        )
    (stem, count), *_ = Counter(file.stem for file in args.audio).most_common(1)
    if args.out and count > 1:
        raise InputError(
            f"--out: {count} of the files are named {stem}, and so would be what is written; do them apart"
        )
    failed = 0
    for file in args.audio:
        segments: list[Segment] = []
        try:
            if args.streaming:
                _follow(speech.stream(model, file, **_decoding(args)))
                continue
            for segment in speech.transcribe(model, file, words=args.format in FORMATS_WITH_WORDS, **_decoding(args)):
                segments.append(segment)  # of a damaged file too, as far as it goes
        except InputError as error:
            print(f"ipl: {error}", file=sys.stderr)
            failed += 1
            if not segments:
                continue
        lines = _FORMATS[args.format](file, segments)
        if args.out:
            suffix = "txt" if args.format == "text" else args.format
            write_text(args.out / f"{file.stem}.{suffix}", "".join(f"{line}\n" for line in lines))
        else:
            for line in lines:
                print(line)
    return 2 if failed else 0


def _follow(segments: Iterator[Segment]) -> None:
    """Prints segments as they become final, and on a terminal what is not final yet, in a line that changes."""
    is_terminal = sys.stdout.isatty()
    for each in segments:
        if is_terminal:
            print("\r\x1b[K", end="")
        if is_terminal or each.is_final:
            print(each.text, end="\n" if each.is_final else "", flush=True)


def _text(file: Path, segments: Sequence[Segment]) -> list[str]:
    return [f"{file}\t{' '.join(each.text for each in segments if each.text)}"]


def _json(file: Path, segments: Sequence[Segment]) -> list[str]:
    return [json.dumps({"file": str(file), "segments": [asdict(each) for each in segments]}, ensure_ascii=False)]


def _ctm(file: Path, segments: Sequence[Segment]) -> list[str]:
    """NIST's time-marked conversation: file, channel, start and length in seconds, word, confidence."""
    return [
        f"{file.stem.replace(' ', '_')} 1 {word.start_ms / 1000:.2f} {(word.end_ms - word.start_ms) / 1000:.2f} "
        f"{word.text} {word.confidence:.3f}"
        for each in segments
        for word in each.words
    ]


def _srt(_file: Path, segments: Sequence[Segment]) -> list[str]:
    import pysubs2

    subtitles = pysubs2.SSAFile()
    subtitles.events = [pysubs2.SSAEvent(each.start_ms, each.end_ms, each.text) for each in segments if each.text]
    return [subtitles.to_string("srt").rstrip("\n")]


_FORMATS = {"text": _text, "srt": _srt, "json": _json, "ctm": _ctm}
FORMATS_WITH_WORDS = ("json", "ctm")
