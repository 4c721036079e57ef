"""Small checkpoints of Hugging Face with random weights, as their tools write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers

VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCD'"]
SPECIAL = ("startoftranscript", "en", "sw", "translate", "transcribe", "startoflm", "startofprev", "nospeech")


def make_ctc(folder: Path, kind: str = "Wav2Vec2", has_head: bool = True, **changed: Any) -> Any:
    """A checkpoint of wav2vec 2.0 (or `Hubert`, `WavLM`) that writes capitals; returns its network."""
    small: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    small |= {"conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(VOCABULARY), pad_token_id=0, **small | changed)
    torch.manual_seed(5)
    network = getattr(transformers, f"{kind}ForCTC" if has_head else f"{kind}Model")(config).eval()
    if has_head:
        network.lm_head.weight.data *= 20
        (folder).mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(VOCABULARY)}))
    network.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return network


def make_whisper(folder: Path) -> Any:
    """A checkpoint of a Whisper that knows letters, English and Swahili; returns its network."""
    letters = [*"abcdefghijklmnopqrstuvwxyz", "Ġ", "<|endoftext|>"]
    special = [f"<|{each}|>" for each in (*SPECIAL, "notimestamps")]
    tokenizer = transformers.WhisperTokenizer(
        vocab={token: n for n, token in enumerate(letters)}, merges=[], additional_special_tokens=special
    )
    ids = dict(zip(SPECIAL, tokenizer.convert_tokens_to_ids(special), strict=False))
    ends = dict.fromkeys(("eos_token_id", "bos_token_id", "pad_token_id"), tokenizer.eos_token_id)
    ends["decoder_start_token_id"] = ids["startoftranscript"]
    sizes = dict.fromkeys(("d_model", "encoder_ffn_dim", "decoder_ffn_dim"), 32)
    sizes |= dict.fromkeys(("encoder_layers", "decoder_layers"), 1)
    sizes |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    config = transformers.WhisperConfig(
        vocab_size=len(tokenizer),
        max_target_positions=24,
        tie_word_embeddings=False,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **sizes,
        **ends,
    )
    torch.manual_seed(6)
    network = transformers.WhisperForConditionalGeneration(config).eval()
    network.proj_out.weight.data *= 20
    network.model.decoder.embed_positions.weight.data *= 20  # or it says one letter again and again
    network.generation_config = transformers.GenerationConfig(**ends)
    network.generation_config.is_multilingual = True
    network.generation_config.lang_to_id = {f"<|{each}|>": ids[each] for each in ("en", "sw")}
    network.generation_config.task_to_id = {each: ids[each] for each in ("translate", "transcribe")}
    network.generation_config.no_timestamps_token_id = tokenizer.convert_tokens_to_ids("<|notimestamps|>")
    network.generation_config.suppress_tokens = tokenizer.convert_tokens_to_ids(special)  # as OpenAI's do
    network.save_pretrained(folder)
    transformers.WhisperProcessor(transformers.WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)
    return network
