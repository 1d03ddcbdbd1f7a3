"""Writes golden/seq2seq.json with the original implementation (torch and transformers).

cd tests && python parity/make_seq2seq.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import transformers
from safetensors.numpy import load_file
from seq2seq_models import CASES, GOLDEN, KINDS, padded_batch, with_targets, write_original

SIZES = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 32, "decoder_ffn_dim": 24,
    "max_position_embeddings": 40, "vocab_size": 60,
}  # fmt: skip
MARKS = {"pad_token_id": 3, "eos_token_id": 2, "decoder_start_token_id": 3, "bos_token_id": 1}
GENERATION = {"bad_words_ids": [[3], [7, 8]], "max_length": 20, "forced_eos_token_id": 2}


def new_model(kind: str) -> Any:
    if kind == "bart":
        config = transformers.BartConfig(**SIZES, **MARKS)
        return transformers.BartForConditionalGeneration(config)
    apart = {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": 70}
    options = {"scale_embedding": True, "activation_function": "swish"}
    config = transformers.MarianConfig(
        **SIZES, **MARKS, **options, **(apart if kind == "marian_apart" else {})
    )
    return transformers.MarianMTModel(config)


def made(kind: str, folder: Path) -> dict[str, Any]:
    model = new_model(kind)
    model.generation_config = transformers.GenerationConfig(**MARKS, **GENERATION)
    model.save_pretrained(folder / "new")
    shapes = {k: list(v.shape) for k, v in load_file(folder / "new" / "model.safetensors").items()}
    content = {"shapes": shapes}
    for name in ("config", "generation_config"):
        content[name] = json.loads((folder / "new" / f"{name}.json").read_text())
    write_original(folder / "seeded", kind, content)
    model = type(model).from_pretrained(folder / "seeded", attn_implementation="eager").eval()
    with torch.no_grad():
        logits = model(**{n: torch.tensor(x).long() for n, x in with_targets().items()}).logits
        content["logits"] = [[round(v, 7) for v in row] for row in logits[:, -1].tolist()]
        inputs = {name: torch.tensor(x).long() for name, x in padded_batch().items()}
        options = {"return_dict_in_generate": True, "output_scores": True}
        content["generated"] = {
            name: answer(model.generate(**inputs, **case, **options))
            for name, case in CASES.items()
        }
    return content


def answer(found: Any) -> dict[str, Any]:
    scores = getattr(found, "sequences_scores", None)
    return {
        "ids": found.sequences.tolist(),
        "scores": None if scores is None else [round(x, 5) for x in scores.tolist()],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as parent:
        everything = {kind: made(kind, Path(parent) / kind) for kind in KINDS}
    GOLDEN.write_text(json.dumps(everything) + "\n", encoding="utf-8")
