"""A few pseudo-labelled utterances to listen to: half kept, half rejected, with what every cycle's teacher said."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from ipl.asr.text import normalise
from ipl.records import Hypothesis
from ipl.report.cycle_folder import CycleFolder
from ipl.report.html import Html, element, join
from ipl.report.sampling import sample
from ipl.report.table import table

__all__ = ["sample_table"]

NUM_SAMPLES = 12


def sample_table(folders: Sequence[CycleFolder]) -> Html | None:
    """Makes the table from the last cycle that has hypotheses; None where no cycle has."""
    recognised = [folder for folder in folders if folder.recognised]
    if not recognised:
        return None
    last = recognised[-1]
    drawn = _draw(last)
    utt_ids = frozenset(each.utt_id for each in drawn)
    recordings, reasons = last.recordings(utt_ids), last.reasons(utt_ids)
    said = [(folder.name, folder.find(utt_ids)) for folder in recognised]
    rows = []
    for hypothesis in drawn:
        utt_id = hypothesis.utt_id
        recording = recordings.get(utt_id)
        sound = recording.player(f"utterance {utt_id}") if recording else "its audio is not there any more"
        text = recording.written() if recording else "unknown"
        truth = recording.text if recording else None
        labels = [_label(name, of_cycle[utt_id], truth) for name, of_cycle in said if utt_id in of_cycle]
        rows.append((utt_id, sound, text, join(labels), _verdict(last, utt_id, reasons)))
    caption = (
        f"{len(rows)} of {len(last.hypotheses)} utterances of {last.name}, drawn at random; wrong words are marked"
    )
    return table(caption, ("utterance", "listen", "true text", "teacher said (score)", "verdict"), rows, cards=True)


def _draw(folder: CycleFolder) -> list[Hypothesis]:
    if not folder.filtered:
        return sample(folder.hypotheses, NUM_SAMPLES, _name, _source)
    kept = (each for each in folder.hypotheses if each.utt_id in folder.kept)
    rejected = (each for each in folder.hypotheses if each.utt_id not in folder.kept)
    half = NUM_SAMPLES // 2
    return sample(kept, half, _name, _source) + sample(rejected, half, _name, _source)


def _name(hypothesis: Hypothesis) -> str:
    return hypothesis.utt_id


def _source(hypothesis: Hypothesis) -> str:
    return ""  # a hypothesis does not name its source; drawn by utt_id alone, they spread by themselves


def _label(name: str, hypothesis: Hypothesis, truth: str | None) -> Html:
    text = element("bdi", *_marked(hypothesis.text, truth)) if hypothesis.text else element("em", "nothing")
    return element("div", f"{name}: ", text, f" ({hypothesis.score:.2f})")


def _marked(said: str, truth: str | None) -> list[str]:
    """The text as it is where the truth is unknown; else its words as error rates see them, the wrong ones marked."""
    if truth is None:
        return [said]
    words = normalise(said).split()
    compared = SequenceMatcher(None, normalise(truth).split(), words, autojunk=False)
    right = {index for block in compared.get_matching_blocks() for index in range(block.b, block.b + block.size)}
    shown = [word if index in right else element("mark", word) for index, word in enumerate(words)]
    return [part for word in shown for part in (word, " ")][:-1]


def _verdict(folder: CycleFolder, utt_id: str, reasons: dict[str, list[str]]) -> str:
    if not folder.filtered:
        return "not filtered yet"
    if utt_id in folder.kept:
        return element("span", "kept", class_="keep")
    why = ", ".join(reasons.get(utt_id, []))
    return element("span", f"rejected: {why}" if why else "rejected", class_="reject")
