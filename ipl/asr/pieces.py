"""Output units that SentencePiece learns: frequent words and parts of words (Kudo and Richardson, EMNLP 2018).

In `symbols` the mark of SentencePiece for the start of a word is a space.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import sentencepiece

from ipl.asr.units import BLANK, BLANK_SYMBOL, Units, all_characters
from ipl.errors import InputError

__all__ = ["Pieces", "is_han"]

SPACE_MARK = "\u2581"
LONGEST_PIECE = 16
LONGEST_TEXT_BYTES = 1 << 20


def is_han(character: str) -> bool:
    """Whether it is a Chinese character.

    >>> [is_han(each) for each in "天a한か"]
    [True, False, False, False]
    """
    return unicodedata.name(character, "").startswith("CJK ")


@dataclass(frozen=True)
class Pieces(Units):
    """The pieces of a SentencePiece model, which is kept whole in `model`, as its file's bytes.

    A text's first word has no space before it that it could have lost, so a lone mark at its start is no unit.
    """

    LONGEST: ClassVar[int] = LONGEST_PIECE

    model: bytes = field(repr=False)

    @classmethod
    def learn(cls, texts: Iterable[str], num_units: int, alone: Iterable[str] = ()) -> Pieces:
        """Learns up to `num_units` pieces of normalised texts (a unigram model; the same texts give the same).

        Every character is a piece in any case, even where they alone are more. Each character in `alone` is a piece
        beside those, and part of no other. InputError where there is no text.
        """
        lines = [text for text in texts if text]
        if not lines:
            raise InputError("units: no text to learn pieces from")
        single = sorted(set(alone))
        necessary = len({*all_characters(lines), *single, " "})
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(unicodedata.normalize("NFC", line) for line in lines),
            model_writer=model,
            vocab_size=max(num_units + len(single), necessary) + 1,
            hard_vocab_limit=False,  # few texts have fewer pieces
            character_coverage=1.0,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            user_defined_symbols=single,
            unk_id=BLANK,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            max_sentencepiece_length=LONGEST_PIECE,
            max_sentence_length=LONGEST_TEXT_BYTES,
            num_threads=1,  # with others the last bits of the sums differ, and with them the pieces
            minloglevel=2,
        )
        return cls.of_model(model.getvalue())

    @classmethod
    def of_model(cls, model: bytes) -> Pieces:
        """The units of a model's bytes; InputError where they are none, or keep no place for the blank."""
        processor = _processor(model)
        pieces = [processor.id_to_piece(unit) for unit in range(processor.get_piece_size())]
        if not pieces or not processor.is_unknown(BLANK):
            raise InputError("units: the SentencePiece model has no <unk> at id 0, where ipl has its blank")
        return cls((BLANK_SYMBOL, *(piece.replace(SPACE_MARK, " ") for piece in pieces[1:])), model)

    @cached_property
    def _processor(self) -> Any:
        return _processor(self.model)

    def cut(self, text: str) -> list[str]:
        """Cuts a text without missing characters into its most probable pieces."""
        pieces = [piece.replace(SPACE_MARK, " ") for piece in self._processor.encode(text, out_type=str)]
        return pieces[1:] if pieces[:1] == [" "] else pieces

    def decode(self, ids: Sequence[int]) -> str:
        """Turns ids into text; blanks are left out, and so is the space before the first word."""
        return super().decode(ids).removeprefix(" ")


def _processor(model: bytes) -> Any:
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.load_from_serialized_proto(model)
    except RuntimeError as error:
        raise InputError(f"units: not a SentencePiece model ({len(model)} bytes): {error}") from error
    return processor
