"""simpletext, as its README uses it."""

import time

STARTED = time.perf_counter()

from common import read_job, run  # noqa: E402

import simpletext as st  # noqa: E402


class Peer:
    def __init__(self, job):
        self.job = job

    def fit(self, texts, labels):
        job = self.job
        t = st.Transformer(
            job["model"], job["maxlen"], job["classes"], seed=job["seed"],
            pooling=job["pooling"], precision=job["precision"],
        )  # fmt: skip
        data = t.preprocess_train(texts, labels, verbose=0)
        learner = st.get_learner(
            t.get_classifier(), data, batch_size=job["batch_size"], seed=job["seed"]
        )
        learner.fit_onecycle(job["lr"], job["epochs"], verbose=0)
        self.predictor = st.get_predictor(learner.model, t, batch_size=64)

    def predict(self, texts):
        return self.predictor.predict_proba(texts).argmax(axis=1)


job = read_job()
run(Peer(job), job, STARTED)
