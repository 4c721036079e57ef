"""The contracts of suppliers, corpora and exporters: what brings data in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import soundfile as sf

from ipl.audio import decode
from ipl.fingerprint import of_path
from ipl.mining.probe import probe
from ipl.records import Reject, Utterance
from ipl.schemas import REJECTS, UTTERANCES
from ipl.tables import enforce, to_batch
from ipl.testing.bench import Bench, Contract, numbered
from ipl.testing.result import CheckResult
from ipl.testing.small_data import small_dataset, small_utterances

__all__ = ["CONTRACTS"]


def check_supplier(bench: Bench) -> Iterator[CheckResult]:
    """Media files where they are asked for, the same for the same seed."""
    one, two = bench.empty_folder("one"), bench.empty_folder("two")
    files = [Path(file) for file in bench.call(out_dir=one, seed=3)]
    yield CheckResult("supplies files", None if files else "found none")
    outside = [f"found {file}" for file in files if not file.is_file() or one not in file.parents]
    yield CheckResult("files lie in out_dir", numbered(outside))
    silent = [f"found {file.name} without sound" for file in files if not probe(file).has_audio]
    yield CheckResult("files are media with sound", numbered(silent))
    again = [Path(file).relative_to(two) for file in bench.call(out_dir=two, seed=3)]
    same = again == [file.relative_to(one) for file in files]
    yield CheckResult("supplies the same files for the same seed", None if same else f"found {again}")


def check_corpus(bench: Bench) -> Iterator[CheckResult]:
    """Utterances that can be heard, each once, the same at every call; a reject for what cannot be read."""
    path = bench.data or _sound_folder(bench.empty_folder("corpus"))
    rows: list[Utterance | Reject] = list(bench.call(path=path))
    utterances = [row for row in rows if isinstance(row, Utterance)]
    rejects = [row for row in rows if isinstance(row, Reject)]
    hint = "found none in generated .wav files with .txt beside; give a data set of its own format with --data"
    yield CheckResult("reads utterances", None if utterances else hint)
    twice = [f"found {u!r} {n} times" for u, n in Counter(each.utt_id for each in utterances).items() if n > 1]
    yield CheckResult("each utt_id occurs once", numbered(twice))
    enforce(to_batch(utterances, UTTERANCES), UTTERANCES, "its utterances")
    enforce(to_batch(rejects, REJECTS), REJECTS, "its rejects")
    yield CheckResult("audio is what the row says of it", numbered([p for each in utterances for p in _audio(each)]))
    again = [each.utt_id for each in bench.call(path=path) if isinstance(each, Utterance)]
    same = None if again == [each.utt_id for each in utterances] else "found others, or another order"
    yield CheckResult("reads the same at a second call", same)


def _audio(each: Utterance) -> Iterator[str]:
    samples, rate = decode(each.audio, where=each.utt_id)
    if (len(samples), rate) != (each.num_samples, each.sample_rate_hz):
        expected = f"num_samples {each.num_samples}, sample_rate_hz {each.sample_rate_hz}"
        yield f"{each.utt_id!r}: found {len(samples)} samples at {rate} Hz in the audio, but {expected}"


def _sound_folder(folder: Path) -> Path:
    """Sound files in a folder of each speaker, texts beside them, and one broken file among them."""
    for each in small_utterances(4):
        file = folder / str(each.speaker) / f"{each.utt_id}.wav"
        file.parent.mkdir(exist_ok=True)
        samples, rate = decode(each.audio)
        sf.write(file, samples, rate)
        file.with_suffix(".txt").write_text(f"{each.text}\n", encoding="utf-8")
    (folder / "broken.wav").write_bytes(b"RIFF, and no more")
    return folder


def check_exporter(bench: Bench) -> Iterator[CheckResult]:
    """Files where they are asked for, all of them named, and the data set as it was."""
    utterances = small_dataset(bench.folder / "utterances", count=5)
    before = of_path(bench.folder / "utterances")
    out_dir = bench.empty_folder("out")
    files = [Path(file) for file in bench.call(utterances=utterances, out_dir=out_dir)]
    missing = [f"found no {file}" for file in files if not file.is_file() or out_dir not in file.parents]
    yield CheckResult("the files that it names lie in out_dir", numbered(missing))
    written = [file for file in sorted(out_dir.rglob("*")) if file.is_file()]
    yield CheckResult("writes files", None if written else "found none")
    unnamed = [f"found {file.relative_to(out_dir)}" for file in written if file not in files]
    yield CheckResult("names every file that it writes", numbered(unnamed))
    touched = None if of_path(bench.folder / "utterances") == before else "found it changed"
    yield CheckResult("leaves the data set as it is", touched)
    unlabelled = small_dataset(bench.folder / "unlabelled", count=3, seed=1, origin="unlabelled")
    list(bench.call(utterances=unlabelled, out_dir=bench.empty_folder("out-unlabelled")))
    yield CheckResult("exports utterances without text")


CONTRACTS: dict[str, Contract] = {
    "supplier": check_supplier,
    "corpus": check_corpus,
    "exporter": check_exporter,
}
