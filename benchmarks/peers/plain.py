"""The floor: our model in Keras' own `fit`, every text padded to maxlen."""

import time

STARTED = time.perf_counter()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import read_job, run  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

import simpletext as st  # noqa: E402


class Peer:
    def __init__(self, job):
        self.job = job
        keras.utils.set_random_seed(job["seed"])

    def encode(self, texts):
        encodings = self.tokenizer.encode_batch(texts)
        columns = {"input_ids": "ids", "token_type_ids": "type_ids"}
        data = {name: np.array([getattr(e, at) for e in encodings]) for name, at in columns.items()}
        return data | {"attention_mask": np.array([e.attention_mask for e in encodings])}

    def fit(self, texts, labels):
        job = self.job
        self.tokenizer = Tokenizer.from_file(f"{job['model']}/tokenizer.json")
        self.tokenizer.enable_truncation(job["maxlen"])
        self.tokenizer.enable_padding(length=job["maxlen"])
        self.model = st.load_classifier(
            job["model"], len(job["classes"]), pooling=job["pooling"], verbose=0
        )
        self.model.compile(
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            optimizer=keras.optimizers.AdamW(job["lr"], weight_decay=0.01),
        )
        self.model.fit(
            self.encode(texts), np.array(labels), batch_size=job["batch_size"],
            epochs=job["epochs"], verbose=0,
        )  # fmt: skip

    def predict(self, texts):
        return self.model.predict(self.encode(texts), batch_size=64, verbose=0).argmax(axis=1)


job = read_job()
run(Peer(job), job, STARTED)
