"""The cache of what is written: beams share it, whichever they go on from."""

import numpy as np
from seq2seq_models import padded_batch, write_original

from simpletext.inference.decoder import RECENT, decoder_of
from simpletext.models.seq2seq import load_seq2seq


def test_steps_with_reordered_beams_are_the_model_on_whole_texts(tmp_path):
    model = load_seq2seq(write_original(tmp_path / "marian", "marian"))
    batch, beams, steps = padded_batch(), 3, RECENT + 3
    rng = np.random.default_rng(0)
    reading = decoder_of(model).read(batch, beams)
    texts, kept = np.zeros((4, beams, 0), "int32"), np.arange(4)
    for step in range(steps):
        parents = rng.integers(0, beams, (len(kept), beams)).astype("int32")
        ids = rng.integers(4, 60, (len(kept), beams)).astype("int32")
        texts = np.take_along_axis(texts, parents[:, :, None], axis=1)
        texts = np.concatenate([texts, ids[:, :, None]], axis=2)
        logits = np.asarray(reading.next_logits(ids, parents))
        if step == 5:
            kept, texts = kept[[0, 2]], texts[[0, 2]]
            reading.keep(kept)
    sources = {name: np.repeat(ids[kept], beams, axis=0) for name, ids in batch.items()}
    whole = model(sources | {"decoder_input_ids": texts.reshape(-1, steps)}, training=False)
    np.testing.assert_allclose(logits, np.asarray(whole)[:, -1], atol=1e-5)
