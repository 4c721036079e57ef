"""The pages of a run and of a mining folder, from fakes written with the real writers."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipl.audio import decode, encode_flac
from ipl.errors import InputError
from ipl.files import write_json
from ipl.records import Cue, Hypothesis, Reject, Utterance
from ipl.report import mining_summary, run_summary, write_mining_report, write_run_report
from ipl.report.accounts import count_time, total
from ipl.schemas import CUES, HYPOTHESES, INDEX, REJECTS, UTTERANCES, VOTES
from ipl.tables import Dataset, write_table

RATE = 16_000
SUMMARY = {
    "num_sources": 4,
    "num_mined_now": 4,
    "num_failed": 1,
    "num_cues": 36,
    "num_pairs": 36,
    "recognizer_calls": 40,
    "detector_calls": 90,
    "hours": 0.0215,
    "hours_kept": 0.0117,
    "wall_seconds": 7.5,
    "times_realtime": 10.3,
    "hours_lost": {"no cue": 0.0083, "no voice": 0.0014},
    "num_rejects": {"no cue": 36, "no voice": 3},
    "seconds": {"ocr": 4.5, "align": 0.5},
    "failed": [{"source_id": "notes", "path": "notes.txt", "reason": "not media", "detail": "a text file"}],
}
HOSTILE = '<script>alert("x")</script> & "quotes"'


def _tone(seconds: float, pitch_hz: float) -> bytes:
    times = np.arange(int(RATE * seconds)) / RATE
    return encode_flac(0.3 * np.sin(2 * np.pi * pitch_hz * times), RATE)


def _utterance(number: int, text: str | None, source: str = "talk") -> Utterance:
    start_ms = 2000 * number
    audio = _tone(1.0 + 0.1 * (number % 5), 200 + 20 * number)
    length = len(decode(audio)[0])
    return Utterance(
        f"{source}-{number:03d}", source, start_ms, start_ms + length * 1000 // RATE, audio, RATE, length, text
    )


def _rates(wer: float) -> dict[str, Any]:
    return {
        "wer": wer,
        "cer": wer / 2,
        "num_words": 900,
        "num_characters": 4200,
        "wer_low": wer - 0.03,
        "wer_high": wer + 0.03,
        "cer_low": wer / 2 - 0.02,
        "cer_high": wer / 2 + 0.02,
    }


def _results(known: bool = True) -> dict[str, Any]:
    def cycle(index: int, name: str, wer: float, oracle: bool = False, pseudo: bool = True) -> dict[str, Any]:
        labels = {
            "num_selected": 40,
            "num_kept": 24 + index,
            "hours_selected": 1.2,
            "hours_kept": 0.7 + 0.1 * index,
            "cer": wer / 2 if known else None,
            "wer": wer if known else None,
            "cer_kept": wer / 3 if known else None,
            "wer_kept": wer * 0.7 if known else None,
            "lost_hours": {"score: below threshold": 0.4 - 0.1 * index, "loops: repeated n-gram": 0.1},
        }
        train = {"hours_labelled": 0.4, "hours_mined": 0.2, "hours_pseudo": 0.7, "epochs": 12, "best_epoch": 9}
        return {
            "index": index,
            "name": name,
            "oracle": oracle,
            "dev": _rates(wer + 0.01),
            "test": _rates(wer),
            "pseudo": labels if pseudo else None,
            "train": train,
            "seconds": {"recognize": 12.0, "train": 61.5},
        }

    cycles = [cycle(0, "seed", 0.62, pseudo=False), cycle(1, "cycle 1", 0.51), cycle(2, "cycle 2", 0.48)]
    cycles.append(cycle(3, "oracle", 0.33, oracle=True, pseudo=False))
    return {
        "name": "my-language",
        "metric_note": "WER and CER after lower-casing; intervals by bootstrap over utterances",
        "cycles": cycles,
        "wrr": 0.4828,
        "mining": None,
    }


def _write_cycle(run_dir: Path, index: int, pool: Path) -> None:
    folder = run_dir / f"cycle-{index:03d}"
    metrics = [
        {"event": "step", "epoch": 0, "step": step, "loss": 5 / (1 + step / 50), "learning_rate": 1e-3}
        for step in range(700)
    ]
    dev = [
        {
            "event": "epoch",
            "epoch": epoch,
            "step": 1,
            "dev_cer": 0.5 / (epoch + 1),
            "dev_wer": 0.8,
            "dev_error": 0.8 / (epoch + 1),
        }
        for epoch in range(9)
    ]
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in metrics + dev))
    skipped = {"utt_id": "talk-001", "reason": "too_short_for_text", "detail": "9 frames"}
    (folder / "train" / "skipped.jsonl").write_text(json.dumps(skipped) + "\n")
    if index == 0:
        return
    hypotheses, votes, rows = [], [], []
    numbers = random.Random(index)
    for location, row in Dataset.at(pool).locate("utt_id", "num_samples", "sample_rate_hz"):
        utt_id, score = row["utt_id"], -numbers.expovariate(2)
        hypotheses.append(Hypothesis(utt_id, f"truth guess {index} {HOSTILE}", score, 12, 1100, (), "teacher"))
        kept = score > -0.5
        votes.append(
            {
                "utt_id": utt_id,
                "filter": "score",
                "decision": "keep" if kept else "reject",
                "reason": None if kept else "below threshold",
                "value": score,
            }
        )
        votes.append(votes[-1] | {"filter": "verdict", "value": None})
        file = Path(os.path.relpath(location.file, folder / "select")).as_posix()
        rows.append(
            row
            | {"file": file, "row_group": location.row_group, "row": location.row, "text": None, "origin": "unlabelled"}
        )
    write_table(folder / "recognize" / "part-00000.parquet", hypotheses, HYPOTHESES)
    write_table(folder / "filter" / "votes.parquet", votes, VOTES)
    write_table(folder / "select" / "index.parquet", rows, INDEX)


def _write_mining(out_dir: Path) -> None:
    from PIL import Image, ImageDraw

    for source in ("lecture one", "news", "märchen"):
        pairs = [_utterance(number, f"line {number} of {source}", source) for number in range(12)]
        write_table(out_dir / "pairs" / f"{source}.parquet", pairs, UTTERANCES)
        cues = [
            Cue(source, pair.start_ms - 150, pair.end_ms + 300, pair.text or "", "burned-in:bottom", 0.9)
            for pair in pairs
        ]
        write_table(out_dir / "cues" / f"{source}.parquet", cues, CUES)
        rejects = [
            Reject(source, pair.end_ms, pair.start_ms + 2000, "align", "no cue", None, HOSTILE) for pair in pairs
        ]
        rejects.append(Reject(source, cues[3].start_ms, cues[3].end_ms, "align", "no voice", "line 3", "0 ms of voice"))
        write_table(out_dir / "rejects" / f"{source}.parquet", rejects, REJECTS)
        for cue in cues:
            crop = out_dir / "evidence" / source / f"{cue.start_ms}.jpg"
            crop.parent.mkdir(parents=True, exist_ok=True)
            image = Image.new("RGB", (320, 40), "black")
            ImageDraw.Draw(image).text((60, 12), cue.text, fill="white")
            image.save(crop)
    write_json(out_dir / "summary.json", SUMMARY)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    write_table(
        tmp_path / "pool" / "a.parquet", [_utterance(number, f"truth {number}") for number in range(40)], UTTERANCES
    )
    run = tmp_path / "runs" / "my-language"
    for index in range(3):
        _write_cycle(run, index, tmp_path / "pool")
    _write_mining(run / "mine")
    write_json(run / "results.json", _results())
    names = [each["name"] for each in _results()["cycles"]]
    (run / "resolved.yaml").write_text("cycles:\n" + "".join(f"- name: {name}\n" for name in names))
    return run


class _Page(HTMLParser):
    """What a page holds: tags, captions of tables, sources of media, addresses outside."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.missing_alt = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if "src" in values:
            self.sources.append(values["src"] or "")
        self.missing_alt += tag == "img" and not values.get("alt")
        assert "href" not in values, "a page links to nothing"


def _audio_of(page: _Page) -> Iterator[bytes]:
    for source in page.sources:
        if source.startswith("data:audio/flac;base64,"):
            yield base64.b64decode(source.partition(",")[2], validate=True)


def test_a_run_page_is_one_file_with_tables_charts_and_sound(run_dir: Path) -> None:
    text = write_run_report(run_dir).read_text()
    page = _Page(text)
    assert all(source.startswith("data:") for source in page.sources)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert "@import" not in text
    assert "url(" not in text
    assert page.tags.count("table") >= 6
    assert page.tags.count("figure") >= 8
    assert page.missing_alt == 0
    assert len(text) < 4_000_000
    sounds = list(_audio_of(page))
    assert len(sounds) >= 24
    assert all(len(decode(sound)[0]) >= RATE for sound in sounds)
    for said in (
        "62.0 % (59.0–65.0)",
        "48.3\N{NO-BREAK SPACE}%",
        "truth ",
        "score: below threshold",
        "oracle (true texts)",
        "line 3",
        "too short for text",
    ):
        assert said in text


def test_text_is_escaped(run_dir: Path) -> None:
    text = write_run_report(run_dir).read_text()
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


def test_wrong_words_are_marked_where_the_truth_is_known(run_dir: Path) -> None:
    assert "<bdi>truth <mark>guess</mark>" in write_run_report(run_dir).read_text()


def test_the_same_run_gives_the_same_page(run_dir: Path) -> None:
    first = write_run_report(run_dir).read_bytes()
    assert write_run_report(run_dir).read_bytes() == first


def test_a_run_without_pool_text_or_mining(run_dir: Path) -> None:
    shutil.rmtree(run_dir / "mine")
    write_json(run_dir / "results.json", _results(known=False))
    text = write_run_report(run_dir).read_text()
    assert "Pseudo-label error</figcaption>" not in text
    assert "Hours selected" in text
    assert "Mining" not in text


@pytest.mark.parametrize(
    "missing", ["results.json", "cycle-002/filter", "cycle-002/select", "cycle-001", "mine/pairs", "mine/evidence"]
)
def test_a_run_that_is_part_done(run_dir: Path, missing: str) -> None:
    path = run_dir / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with (run_dir / "cycle-002" / "train" / "metrics.jsonl").open("a") as lines:
        lines.write('{"epoch": 9, "st')
    assert "<table" in write_run_report(run_dir).read_text()


def test_what_a_longer_plan_left_is_not_shown(run_dir: Path) -> None:
    (run_dir / "resolved.yaml").write_text("cycles: [{name: seed}, {name: cycle 1}]")
    text = write_run_report(run_dir).read_text()
    assert "Scores in cycle 1" in text
    assert "Scores in cycle 2" not in text


def test_reports_need_no_torch() -> None:
    code = "import sys, ipl.report; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_empty_run(tmp_path: Path) -> None:
    assert "no results" in write_run_report(tmp_path).read_text()
    assert "Nothing has been mined" in write_mining_report(tmp_path).read_text()


def test_the_pool_may_be_gone(run_dir: Path) -> None:
    shutil.rmtree(run_dir.parent.parent / "pool")
    assert "not there any more" in write_run_report(run_dir).read_text()


def test_results_of_another_version_are_named(run_dir: Path) -> None:
    results = _results()
    del results["cycles"][1]["seconds"]
    write_json(run_dir / "results.json", results)
    with pytest.raises(InputError, match=r"results\.json: no seconds in it"):
        write_run_report(run_dir)


def test_a_mining_page(tmp_path: Path) -> None:
    _write_mining(tmp_path)
    write_table(tmp_path / "rejects" / "notes.parquet", [Reject("notes", 0, 0, "probe", "not media")], REJECTS)
    text = write_mining_report(tmp_path).read_text()
    page = _Page(text)
    assert page.tags.count("audio") == 12
    assert page.tags.count("img") >= 12
    assert page.missing_alt == 0
    for source in ("lecture one", "news", "märchen"):
        assert source in text
    assert "not media 0" in text, "a source that cannot be read is told of though no time is lost with it"
    whole = total(count_time(tmp_path))
    assert whole.num_pairs == 36
    assert whole.hours == pytest.approx(whole.hours_kept + sum(whole.hours_lost.values()))


def test_plain_text_for_the_terminal() -> None:
    said = run_summary(_results())
    assert "62.0 % (59.0–65.0)" in said
    assert "WER recovery rate" in said
    assert "loops: repeated n-gram" in said
    mined = mining_summary(SUMMARY)
    for said in ("42.1 s", "54.4 %", "lost: no voice", "ocr", "of no use: notes.txt: not media: a text file"):
        assert said in mined


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: the page is not tried in a browser"
)


def _dom(page: Path, profile: Path) -> str:
    """A page's elements after its scripts have run."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@needs_chromium
@pytest.mark.parametrize("letters_apart", ["0", ".1em"], ids=["own face", "wider face"])
def test_nothing_is_cut_on_a_phone(run_dir: Path, tmp_path: Path, letters_apart: str) -> None:
    page, frame = write_run_report(run_dir), tmp_path / "frame.html"
    script = (
        f"frames[0].document.body.style.letterSpacing='{letters_apart}';"  # faces differ from machine to machine
        "const all=[...frames[0].document.querySelectorAll('.scroll, caption>div')];"
        "document.title='cut of '+all.length+': '+all.filter(e=>e.scrollWidth>e.clientWidth+1"
        "||e.getBoundingClientRect().right>400).map(e=>e.textContent.slice(0,40)).join()+'.'"
    )
    size = "width:400px;height:900px;border:0"  # a window of its own is never so narrow
    frame.write_text(f"<iframe src='{page.as_uri()}' style='{size}' onload=\"{script}\"></iframe>")
    found = re.search(r"<title>cut of (\d+): (.*)\.</title>", _dom(frame, tmp_path / "profile"))
    assert found
    assert int(found[1]) >= 12
    assert found[2] == ""


@needs_chromium
def test_a_browser_shows_the_page(run_dir: Path, tmp_path: Path) -> None:
    page = write_run_report(run_dir)
    # A copy of the page with a script, which the page itself has none of: it asks how long each sound is.
    probe = tmp_path / "probe.html"
    script = (
        "Promise.all([...document.querySelectorAll('audio')].map(a=>new Promise(done=>{"
        "const b=new Audio();b.onloadedmetadata=()=>done(b.duration.toFixed(2));b.onerror=()=>done('error');"
        "b.src=a.src;"
        "}))).then(all=>{document.title='heard '+all.join(' ')})"
    )
    probe.write_text(page.read_text().replace("</body>", f"<script>{script}</script></body>"))
    dom = _dom(probe, tmp_path / "profile")
    assert dom.count("<table") >= 6
    assert dom.count("<svg") >= 8
    heard = re.search(r"<title>heard ([^<]*)", dom)
    assert heard, "the browser did not get to the end of the players"
    durations = heard[1].split()
    assert len(durations) >= 24
    assert all(duration != "error" and float(duration) >= 1 for duration in durations)
