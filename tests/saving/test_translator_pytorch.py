"""What `Translator.save` writes, in PyTorch's hands: the same logits, and the same translations.

Needs PyTorch: `scripts/run_backends.py` runs these tests, here they are left out without it.
"""

import keras
import numpy as np
import pytest

import simpletext as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SOURCES = ["rot haus.", "alt baum und mond.", "kind."] * 20
TARGETS = ["red house.", "old tree and moon.", "child."] * 20


@pytest.mark.parametrize("shared", [True, False])
def test_marian_of_pytorch_loads_a_new_model(tmp_path, shared):
    t = st.Seq2Seq.new(
        vocab_size=60, hidden_size=16, encoder_layers=2, decoder_layers=1, heads=2, maxlen=24,
        shared_vocab=shared, precision="float32",
    )  # fmt: skip
    data = t.preprocess_train(SOURCES, TARGETS, verbose=0)
    model = t.get_model(verbose=0)
    st.get_predictor(model, t).save(tmp_path / "saved")
    theirs, report = transformers.MarianMTModel.from_pretrained(
        tmp_path / "saved", output_loading_info=True, attn_implementation="eager"
    )
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]
    inputs = data.padded(np.arange(6))
    with torch.no_grad():
        tensors = {name: torch.tensor(ids).long() for name, ids in inputs.items()}
        expected = theirs.eval()(**tensors).logits.numpy()
        del tensors["decoder_input_ids"]
        written = theirs.generate(**tensors).numpy()
    assert np.abs(keras.ops.convert_to_numpy(model(inputs)) - expected).max() < 1e-5
    found = st.generate(model, inputs).ids
    ends = [row.tolist().index(1) if 1 in row else len(row) for row in found]
    for mine, other, end in zip(found, written, ends, strict=True):
        assert mine[: end + 1].tolist() == other[: end + 1].tolist()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert tokenizer(SOURCES[:3])["input_ids"] == t.tokenizer.encode_sources(SOURCES[:3], 24)[0]
