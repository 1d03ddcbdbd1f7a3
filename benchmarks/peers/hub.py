"""keras-hub's text classifier."""

import time

STARTED = time.perf_counter()

import keras  # noqa: E402
import keras_hub  # noqa: E402
import numpy as np  # noqa: E402
from common import read_job, run  # noqa: E402


class Peer:
    def __init__(self, job):
        self.job = job
        if job["precision"] == "bfloat16":
            keras.config.set_dtype_policy("mixed_bfloat16")
        keras.utils.set_random_seed(job["seed"])

    def fit(self, texts, labels):
        job = self.job
        backbone = keras_hub.models.BertBackbone.from_preset(job["model"])
        tokenizer = keras_hub.models.BertTokenizer.from_preset(job["model"])
        preprocessor = keras_hub.models.BertTextClassifierPreprocessor(
            tokenizer, sequence_length=job["maxlen"]
        )
        self.model = keras_hub.models.BertTextClassifier(
            backbone, num_classes=len(job["classes"]), preprocessor=preprocessor
        )
        self.model.compile(
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            optimizer=keras.optimizers.AdamW(self.schedule(len(texts)), weight_decay=0.01),
        )
        self.model.fit(
            x=texts, y=np.array(labels), batch_size=job["batch_size"], epochs=job["epochs"],
            verbose=0,
        )  # fmt: skip

    def schedule(self, rows):
        steps = -(-rows // self.job["batch_size"]) * self.job["epochs"]
        return keras.optimizers.schedules.PolynomialDecay(
            self.job["lr"], steps, end_learning_rate=0.0
        )

    def predict(self, texts):
        return self.model.predict(texts, batch_size=64, verbose=0).argmax(axis=1)


job = read_job()
run(Peer(job), job, STARTED)
