"""Distinct English sentences from a small grammar, in parts that share none.

A vocabulary of about eighty words makes millions of sentences of three to eight words: small enough for a
small recogniser to learn in a minute, too many to learn by heart.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Literal, get_args

from ipl.errors import InputError, did_you_mean

__all__ = ["PARTS", "Part", "sentences", "vocabulary"]

Part = Literal["labelled", "pool", "dev", "test", "videos"]
PARTS: tuple[Part, ...] = get_args(Part)

_GRAMMAR: dict[str, str] = {
    "SENTENCE": """
        WE ACTS NOW | WHO ACTS NOW | WHO ACTS PLACE | WHO ACTS | WHO HANDLES WHAT | WHO HANDLES WHAT NOW
        | WE HANDLES WHAT | WE HANDLES WHAT NOW | WE ACTS PLACE | NOW WE HANDLES WHAT""",
    "WHO": "THE BEING | THE LIKE BEING",
    "WHAT": "THE THING | THE LIKE THING | THE BEING",
    "PLACE": "NEAR THE THING | NEAR THE LIKE THING",
    "WE": "we | they | she | he | nobody | both",
    "THE": "the | my | her | our | this | that | every | another",
    "LIKE": "old | red | small | happy | green | cold | quiet | young | strange | heavy",
    "BEING": "dog | cat | boy | girl | farmer | teacher | doctor | bird | child | horse | sailor",
    "THING": "house | boat | river | book | table | garden | letter | window | bread | mountain | bridge | kitchen",
    "HANDLES": "found | saw | washed | watched | painted | carried | wanted | liked | lost | bought | forgot",
    "ACTS": "slept | waited | walked | laughed | sang | fell | worked | jumped",
    "NEAR": "near | behind | under | over | inside",
    "NOW": "today | again | slowly | alone | yesterday | early | tonight | quickly",
}
"""Symbol in capitals to its alternatives, split by `|`; all else are words."""

_RULES = {symbol: [each.split() for each in rule.split("|")] for symbol, rule in _GRAMMAR.items()}
_REPEATS_IN_A_ROW = 2000


def vocabulary() -> list[str]:
    """All words of the grammar, sorted.

    >>> 60 <= len(vocabulary()) <= 100
    True
    """
    return sorted({word for rule in _RULES.values() for each in rule for word in each if word not in _RULES})


def sentences(part: Part, seed: int) -> Iterator[str]:
    """Yields distinct sentences of a part, in an order that depends on nothing but `part` and `seed`.

    The sentence itself says which part it belongs to, so no two parts share one, whatever their seeds.
    Raises InputError for an unknown part, and when the part has no more sentences.
    """
    if part not in PARTS:
        raise InputError(f"no part of the sentences is called {part!r}; {did_you_mean(part, PARTS)}")
    rng = random.Random(f"{part} {seed}")
    told: set[str] = set()
    repeats = 0
    while repeats < _REPEATS_IN_A_ROW:
        sentence = " ".join(_expand("SENTENCE", rng))
        if _part_of(sentence) != part or sentence in told:
            repeats += 1
            continue
        repeats = 0
        told.add(sentence)
        yield sentence
    raise InputError(f"part {part!r} has no more than {len(told)} sentences; ask for fewer")


def _expand(symbol: str, rng: random.Random) -> list[str]:
    if symbol not in _RULES:
        return [symbol]
    return [word for each in rng.choice(_RULES[symbol]) for word in _expand(each, rng)]


def _part_of(sentence: str) -> Part:
    digest = hashlib.blake2b(sentence.encode(), digest_size=4).digest()
    return PARTS[int.from_bytes(digest, "big") % len(PARTS)]
