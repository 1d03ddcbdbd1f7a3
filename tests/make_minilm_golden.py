"""What the original implementations say about all-MiniLM-L6-v2, kept in golden/minilm.npz.

Run once, where torch, transformers and sentence-transformers are installed:

    python tests/make_minilm_golden.py FOLDER_WITH_ALL_MINILM_L6_V2
"""

import sys
from pathlib import Path

import numpy as np
from parity.weights import seeded_tensor

TEXTS = [
    "A stirring, funny and finally transporting re-imagining of beauty and the beast.",
    "",
    "Too long " * 40,
    "Ça va? 你好 🙂 naïve",
]
PAIRS = [("How old are you?", "What is your age?"), ("A cat.", "The stock market fell sharply.")]
LABELS = 3
MAXLEN = 64


def encoder_outputs(folder, tokenizer):
    """Hidden states for padded texts, and for pairs with token types."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    options = {"padding": True, "truncation": True, "max_length": MAXLEN, "return_tensors": "pt"}
    found = {}
    for name, batch in {
        "texts": tokenizer(TEXTS, **options),
        "pairs": tokenizer([a for a, _ in PAIRS], [b for _, b in PAIRS], **options),
    }.items():
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state
        found[f"{name}/hidden"] = hidden.numpy()[:, :, ::16]  # every 16th channel: a small file
        found |= {f"{name}/{key}": value.numpy().astype("int32") for key, value in batch.items()}
    return found


def classifier_probabilities(folder, tokenizer):
    """Probabilities with BERT's own head, its last layer seeded."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=LABELS, attn_implementation="eager"
    ).eval()
    fill(model.classifier)
    batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=MAXLEN, return_tensors="pt")
    with torch.no_grad():
        return model(**batch).logits.softmax(-1).numpy()


def mean_pooling_probabilities(folder):
    """Probabilities of a sentence-transformers model: mean pooling and a seeded dense layer."""
    import torch
    from sentence_transformers import SentenceTransformer, models

    transformer = models.Transformer(str(folder), max_seq_length=MAXLEN)
    pooling = models.Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    identity = torch.nn.Identity()
    dense = models.Dense(pooling.get_embedding_dimension(), LABELS, True, identity)
    fill(dense.linear)
    model = SentenceTransformer(modules=[transformer, pooling, dense], device="cpu")
    return torch.tensor(model.encode(TEXTS)).softmax(-1).numpy()


def fill(linear):
    """A PyTorch Linear with weights that depend on their names alone."""
    import torch

    with torch.no_grad():
        for key, value in linear.named_parameters():
            value.copy_(torch.tensor(seeded_tensor(key, value.shape)))


def main():
    from transformers import AutoTokenizer

    folder = Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = encoder_outputs(folder, tokenizer)
    found["original/probabilities"] = classifier_probabilities(folder, tokenizer)
    found["mean/probabilities"] = mean_pooling_probabilities(folder)
    path = Path(__file__).parent / "golden" / "minilm.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **found)
    print(path, path.stat().st_size, {key: value.shape for key, value in found.items()})


if __name__ == "__main__":
    main()
