"""A recognizer: what the teacher says that the utterances contain. It runs in worker processes."""

from collections.abc import Iterable, Sequence
from dataclasses import field, replace

import ipl
from ipl.records import Hypothesis, ModelRef, Utterance


@ipl.plugin("my_recognizer")
class MyRecognizer:
    """Decodes greedily, and corrects mistakes that the teacher is known for."""

    corrections: dict[str, str] = field(default_factory=dict)
    """what it writes: what is meant"""

    @ipl.hookimpl
    def recognize(self, utterances: Sequence[Utterance], teacher: ModelRef) -> Iterable[Hypothesis]:
        """Yields one hypothesis for each utterance, whatever its audio; heavy imports stand in here."""
        from ipl.asr.recognition import DecodingOptions, recognize

        for each in recognize(utterances, teacher, DecodingOptions(beam=1)):
            text = each.text
            for wrong, right in self.corrections.items():
                text = text.replace(wrong, right)
            yield replace(each, text=text)
