"""Lines as subtitles have them: capitals, punctuation, names, numbers, lines of one letter; English and Mandarin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ipl_datasets.sentences import sentences

__all__ = ["english", "mandarin"]

_NAMES = ("Mr. Okafor", "Dr. O'Neil", "Maria", "Captain Bell", "Anna-Lena", "Mrs. Whitfield", "Tom", "Ngozi")
_SHORT_ENGLISH = ("I?", "No.", "Oh!", "A", "Go!", "OK", "Me?", "Yes.", "Hm.", "So?", "We did.", "Why?")
_WHEN = ("今天", "昨天晚上", "明天早上", "三点钟", "去年冬天", "这个周末", "现在", "下个月")
_WHO = ("我们", "他的老师", "那个女孩", "我妈妈", "你们", "小王", "医生", "她和朋友", "所有人")
_DID = ("在公园里", "在火车站", "在海边", "从北京", "在学校门口", "在河对面", "到山上")
_WHAT = (
    "看见了一只白色的鸟",
    "买了两张电影票",
    "等了很长时间",
    "听见有人唱歌",
    "忘记带钥匙",
    "找到一封旧信",
    "看书喝茶",
)
_SHORT_MANDARIN = ("好。", "不！", "谁？", "走吧。", "是的。", "我？", "什么？", "快跑！")
_SHARE_SHORT = 0.2


def english(rng: np.random.Generator) -> Iterator[str]:
    """Yields lines of English without end."""
    plain = sentences("videos", int(rng.integers(2**31)))
    for sentence in plain:
        yield str(rng.choice(_SHORT_ENGLISH)) if rng.random() < _SHARE_SHORT else _dressed(sentence, rng)


def _dressed(sentence: str, rng: np.random.Generator) -> str:
    words = sentence.split()
    words[0] = words[0].capitalize()
    kind = rng.random()
    if kind < 0.15:
        words.insert(int(rng.integers(1, len(words))), str(rng.integers(2, 2030)))
    elif kind < 0.35:
        words = [f"{rng.choice(_NAMES)},", words[0].lower(), *words[1:]]
    elif kind < 0.45:
        words[len(words) // 2 - 1] += ","
    elif kind < 0.5:
        words = ["-", *words]
    return " ".join(words) + str(rng.choice([".", ".", ".", "?", "!", "..."]))


def mandarin(rng: np.random.Generator) -> Iterator[str]:
    """Yields lines of Mandarin without end, in simplified letters."""
    while True:
        if rng.random() < _SHARE_SHORT:
            yield str(rng.choice(_SHORT_MANDARIN))
            continue
        parts = [str(rng.choice(part)) for part in (_WHEN, _WHO, _DID, _WHAT)]
        if rng.random() < 0.4:
            parts.pop(int(rng.integers(0, 3)))
        yield "".join(parts) + str(rng.choice(["。", "。", "？", "！", ""]))
