"""ktrain, in an environment where it still imports: how long it explains, and starts.

    python with_ktrain.py save CHECKPOINT FOLDER     an untrained predictor of two classes
    python with_ktrain.py first FOLDER               load it and predict one text
    python with_ktrain.py explain FOLDER TEXT N      seconds of LIME with N samples, three times

One such environment, on Python 3.11: ktrain==0.41.4 tensorflow==2.16.2 tf_keras==2.16.0
transformers==4.40.2 scikit-learn==1.6.1 scipy==1.12 numpy<2 pandas<2.3 lime eli5==0.16.0
ipython setuptools<80. (ktrain names a fork of eli5; for what `explain` does the package will do.)
"""

import os
import sys
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import ktrain


def save(checkpoint, folder):
    from ktrain import text

    texts, labels = ["good", "bad"] * 8, ["pos", "neg"] * 8
    t = text.Transformer(checkpoint, maxlen=128, class_names=["neg", "pos"])
    t.preprocess_train(texts, labels, verbose=0)
    ktrain.get_predictor(t.get_classifier(), t).save(folder)


def first(folder):
    ktrain.load_predictor(folder).predict("one text")


def explain(folder, doc, samples):
    predictor = ktrain.load_predictor(folder)
    for _ in range(3):
        start = time.perf_counter()
        if predictor.explain(doc, n_samples=int(samples)) is None:  # it only warns
            sys.exit("ktrain explained nothing: it can't import eli5.lime")
        print(f"SECONDS {time.perf_counter() - start:.2f}", flush=True)


{"save": save, "first": first, "explain": explain}[sys.argv[1]](*sys.argv[2:])
