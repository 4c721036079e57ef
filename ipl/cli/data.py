"""`ipl data info|show|import|export|synth`."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ipl.cli.options import natural, positive
from ipl.errors import ConfigError, InputError
from ipl.progress import counted

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Adds the commands of data sets."""
    data = commands.add_parser("data", help="look into data sets, bring them in and out", description="Data sets.")
    kinds = data.add_subparsers(title="commands", metavar="COMMAND", required=True)

    info = kinds.add_parser("info", help="count and measure", description="Says how much is in a data set.")
    info.add_argument("dataset", type=Path, help="a folder of utterances in Parquet, or one that `ipl mine` wrote")
    info.set_defaults(run=_info)

    show = kinds.add_parser("show", help="print utterances", description="Prints the first utterances.")
    show.add_argument("dataset", type=Path, help="a folder of utterances in Parquet")
    show.add_argument("-n", type=positive, default=10, help="how many (default: 10)")
    show.set_defaults(run=_show)

    bring = kinds.add_parser(
        "import",
        help="bring a data set in",
        description="Turns an outside data set into utterances; `ipl plugins list corpus` lists the kinds.",
    )
    bring.add_argument("corpus", help="the corpus plugin, e.g. audio_folder, librispeech, manifest, kaldi")
    bring.add_argument("path", type=Path, help="the data set")
    _add_out(bring)
    bring.set_defaults(run=_import)

    export = kinds.add_parser(
        "export",
        help="bring a data set out",
        description="Turns utterances into an outside format; `ipl plugins list exporter` lists the kinds.",
    )
    export.add_argument("exporter", help="the exporter plugin, e.g. kaldi, manifest, huggingface")
    export.add_argument("dataset", type=Path, help="a folder of utterances in Parquet, or one that `ipl mine` wrote")
    _add_out(export)
    export.set_defaults(run=_export)

    synth = kinds.add_parser(
        "synth",
        help="make videos whose truth is known",
        description="Lets a supplier make videos; `ipl plugins list supplier` lists the kinds.",
    )
    synth.add_argument("supplier", help="the supplier plugin, e.g. factory, varied_factory")
    synth.add_argument("--seed", type=natural, default=0, help="another seed makes other videos (default: 0)")
    _add_out(synth, "folder to write; what the same seed and options made there stays, other files are never replaced")
    synth.set_defaults(run=_synth)


def _add_out(parser: argparse.ArgumentParser, what: str = "folder to write; new or empty") -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=what)
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the plugin")
    parser.add_argument("--plugins", action="append", default=[], type=Path, metavar="FILE", help="a plugin file")


def _info(args: argparse.Namespace) -> int:
    from ipl import api
    from ipl.mining.receipts import MinedFolder

    if unfinished := MinedFolder(args.dataset).unfinished():
        print(f"ipl: {unfinished}; so far it holds:", file=sys.stderr)
    columns = ("num_samples", "sample_rate_hz", "text", "language", "speaker", "origin")
    count, seconds, with_text, characters = 0, 0.0, 0, 0
    seen: dict[str, Counter[str]] = {name: Counter() for name in ("origin", "language", "speaker", "sample_rate_hz")}
    for row in api.load(args.dataset).read_columns(*columns):
        count += 1
        seconds += row["num_samples"] / row["sample_rate_hz"]
        with_text += row["text"] is not None
        characters += len(row["text"] or "")
        for name, counter in seen.items():
            counter[str(row[name])] += 1
    hours = f"{seconds / 3600:.3f} hours"
    print(f"{args.dataset}: {counted(count, 'utterance')}, {hours}, {with_text} with text, {characters} characters")
    for name, counter in seen.items():
        shown = ", ".join(f"{value} ({times})" for value, times in counter.most_common(8))
        print(f"  {name}: {shown}{', ...' if len(counter) > 8 else ''}")
    return 0


def _show(args: argparse.Namespace) -> int:
    from ipl import api

    columns = ("utt_id", "num_samples", "sample_rate_hz", "origin", "confidence", "text")
    for _, row in zip(range(args.n), api.load(args.dataset).read_columns(*columns), strict=False):
        sure = "" if row["confidence"] is None else f" {row['confidence']:.2f}"
        seconds = row["num_samples"] / row["sample_rate_hz"]
        print(
            f"{row['utt_id']}  {seconds:.2f} s  {row['origin']}{sure}  {row['text'] if row['text'] is not None else ''}"
        )
    return 0


def _import(args: argparse.Namespace) -> int:
    from ipl.registry import implement
    from ipl.stages.data import import_corpus

    if not args.path.exists():
        raise InputError(f"{args.path}: no such file or folder")
    plugin = _plugin("corpus", args.corpus, args)
    with _new_folder(args.out):
        found = import_corpus(implement("corpus", [plugin])(path=args.path), args.out, str(args.path))
    shown = f"{counted(found['num_utterances'], 'utterance')}, {found['hours']:.3f} hours"
    print(f"{args.out}: {shown}, {found['num_rejected']} rejected (rejects lie beside them)")
    return 0


def _export(args: argparse.Namespace) -> int:
    from ipl import api
    from ipl.registry import implement

    dataset = api.load(args.dataset)
    plugin = _plugin("exporter", args.exporter, args)
    with _new_folder(args.out):
        files = list(implement("exporter", [plugin])(utterances=dataset, out_dir=args.out))
    print(f"{args.out}: {counted(len(files), 'file')}")
    return 0


def _synth(args: argparse.Namespace) -> int:
    from ipl.registry import implement

    supply = implement("supplier", [_plugin("supplier", args.supplier, args)])
    args.out.mkdir(parents=True, exist_ok=True)
    count = sum(1 for _ in supply(out_dir=args.out, seed=args.seed))
    print(f"{args.out}: {count} videos")
    return 0


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """Makes an empty folder, which is gone again where its work fails: nothing half done is taken for whole."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is there already; name a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _plugin(role: str, name: str, args: argparse.Namespace) -> Any:
    from ipl.config.options import read_choice
    from ipl.config.yaml_tree import YamlTree, parse_scalar
    from ipl.registry import Registry

    value: dict[str, Any] = {"use": name}
    for option in args.option:
        key, equals, text = option.partition("=")
        if not equals:
            raise InputError(f"--option {option}: expected KEY=VALUE")
        value[key] = parse_scalar(text, f"--option {option}")
    tree, registry = YamlTree("--option"), Registry(args.plugins)
    registry.get(role, name)  # first: the name was no --option
    choice = read_choice(tree, (), role, value, registry, Path.cwd())
    if choice is None:
        raise ConfigError(tree.problems)
    return choice.make()
