"""A corpus made on the spot: sentences of a small grammar, spoken by a synthesiser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

import ipl
from ipl.audio import encode_flac
from ipl.errors import InputError
from ipl.records import Utterance
from ipl_datasets.sentences import PARTS, Part, sentences
from ipl_datasets.speech import SAMPLE_RATE_HZ, add_noise, add_room, say, speaker

__all__ = ["SpokenSentences"]


@ipl.plugin("spoken_sentences")
class SpokenSentences:
    """Synthetic speech with its true text; needs no files, and parts never share a sentence."""

    part: Part
    """which part of the sentences: labelled, pool, dev, test or videos"""
    utterances: int = 100
    """how many utterances"""
    seed: int = 0
    """other seeds give other sentences and takes"""
    speakers: int = 8
    """how many speakers take turns"""
    first_speaker: int = 0
    """number of the first of them; speakers 0 to 7 and 8 to 9 are different people"""
    snr_db: float = 25.0
    """mean distance of the noise below the speech; each utterance lies up to 5 dB off it"""
    rooms: bool = True
    """whether half of the utterances have a room's echo"""

    def __post_init__(self) -> None:
        for name, least in (("utterances", 0), ("speakers", 1), ("first_speaker", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}, expected {least} or more")

    @ipl.hookimpl
    def read_corpus(self) -> Iterator[Utterance]:
        """Yields the utterances, equal for equal options; the path plays no part."""
        for number, text in enumerate(islice(sentences(self.part, self.seed), self.utterances)):
            rng = np.random.default_rng([self.seed, PARTS.index(self.part), number])
            who = speaker(self.first_speaker + number % self.speakers)
            samples = say(text, who, rng)
            if self.rooms and rng.random() < 0.5:
                samples = add_room(samples, rng)
            samples = add_noise(samples, self.snr_db + rng.uniform(-5, 5), rng) * np.float32(rng.uniform(0.5, 1.5))
            utt_id = f"{self.part}-{self.seed}-{number:05d}"
            yield Utterance(
                utt_id=utt_id,
                source_id=utt_id,
                start_ms=0,
                end_ms=len(samples) * 1000 // SAMPLE_RATE_HZ,
                audio=encode_flac(np.clip(samples, -1, 1), SAMPLE_RATE_HZ),
                sample_rate_hz=SAMPLE_RATE_HZ,
                num_samples=len(samples),
                text=text,
                language="en",
                speaker=who.name,
                origin="labelled",
            )
