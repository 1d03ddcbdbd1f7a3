"""Tiny Marian and BART checkpoints, and what PyTorch makes of them (`parity/make_seq2seq.py`)."""

import json
from pathlib import Path

import numpy as np
from parity.weights import seeded_weights

GOLDEN = Path(__file__).parent / "golden" / "seq2seq.json"
KINDS = ("marian", "marian_apart", "bart")
EOS, EOS_BIAS = 2, 2.6  # else random models hardly ever end a text
PAD = 3
# Every setting that `generate` takes, alone and together.
CASES = {
    "greedy": {"num_beams": 1},
    "greedy_short": {"num_beams": 1, "max_new_tokens": 4},
    "greedy_ngrams": {"num_beams": 1, "no_repeat_ngram_size": 2, "min_length": 6},
    "beams": {"num_beams": 4},
    "beams_long": {"num_beams": 4, "length_penalty": 2.0, "max_new_tokens": 12},
    "beams_short": {"num_beams": 3, "length_penalty": 0.0, "no_repeat_ngram_size": 2},
    "beams_early": {"num_beams": 4, "early_stopping": True},
    "beams_never": {"num_beams": 2, "early_stopping": "never", "length_penalty": 0.6},
    "forced_bos": {"num_beams": 4, "forced_bos_token_id": 9},
    "forced_bos_greedy": {"num_beams": 1, "forced_bos_token_id": 9},
    "n_best": {"num_beams": 4, "num_return_sequences": 3},
    "bad_words": {
        "num_beams": 4,
        "bad_words_ids": [[3], [16, 30], [15, 15, 15], [11, 12], [13], [2]],
    },
}


def golden(kind):
    """Config, shapes of the tensors, generation config, and PyTorch's numbers."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))[kind]


def write_original(folder, kind, content=None):
    """A checkpoint with weights that are made from their names."""
    from safetensors.numpy import save_file

    content = content or golden(kind)
    folder.mkdir(parents=True)
    for name in ("config", "generation_config"):
        (folder / f"{name}.json").write_text(json.dumps(content[name]), encoding="utf-8")
    tensors = seeded_weights(content["shapes"])
    tensors["final_logits_bias"][0, EOS] += EOS_BIAS
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    return folder


def padded_batch(rows=4, length=9):
    """Random ids, the rows of different lengths."""
    rng = np.random.RandomState(0)
    ids = rng.randint(4, 60, (rows, length)).astype("int32")
    mask = np.ones_like(ids)
    for row in range(1, rows):
        keep = max(length - 2 * row, 2)
        ids[row, keep:], mask[row, keep:] = PAD, 0
    return {"input_ids": ids, "attention_mask": mask}


def with_targets():
    """The same with ids for the decoder."""
    ids = np.random.RandomState(1).randint(4, 60, (4, 7)).astype("int32")
    return padded_batch() | {"decoder_input_ids": ids}


WORDS = ["mond", "haus", "baum", "kind", "wald", "see", "berg", "rot", "blau", "alt"]
TARGETS = dict(zip(WORDS, ["moon", "house", "tree", "child", "wood", "lake", "hill", "red",
                           "blue", "old"], strict=True))  # fmt: skip


def toy(count, seed=0):
    """Sentences of two to four words, and their translations."""
    rng = np.random.RandomState(seed)
    sources = [" ".join(rng.choice(WORDS, rng.randint(2, 5))) + "." for _ in range(count)]
    return sources, [" ".join(TARGETS[w] for w in s[:-1].split()) + "." for s in sources]
