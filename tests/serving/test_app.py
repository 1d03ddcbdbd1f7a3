"""The page and the routes of `simpletext serve`."""

import csv
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import TEXTS

import simpletext as st

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from simpletext.serving import limits
from simpletext.serving.app import create_app

HOSTILE = "<script>alert(1)</script> & \"quotes\" 'single' \u202e 😀👍🏽 \x00\x1b[31m"


def untrained(tiny, texts, labels):
    transformer = st.Transformer(str(tiny), maxlen=16)
    transformer.preprocess_train(texts, labels, verbose=0)
    return st.get_predictor(transformer.get_model(verbose=0), transformer)


@pytest.fixture(scope="module")
def client(trained):
    return TestClient(create_app(trained.predictor))


def posted(client, route, content):
    response = client.post(route, json=content)
    assert response.status_code == 200, response.text
    return response.json()


def test_classes_with_their_probabilities(client, trained):
    found = posted(client, "/api/predict", {"texts": TEXTS[:5]})
    expected = trained.predictor.predict_proba(TEXTS[:5])
    assert [each["predicted"] for each in found] == trained.predictor.predict(TEXTS[:5])
    for each, row in zip(found, expected, strict=True):
        assert each["probabilities"] == pytest.approx({"neg": row[0], "pos": row[1]}, abs=1e-6)
        assert each["truncated"] is False
        assert each.keys() == {"predicted", "probabilities", "truncated"}


def test_a_text_that_is_cut_is_told_and_may_be_read_whole(client):
    long = {"texts": ["good film " * 40]}
    assert posted(client, "/api/predict", long)[0]["truncated"] is True
    whole = posted(client, "/api/predict", long | {"long_text": "chunk"})
    assert whole[0]["truncated"] is False


def test_several_labels(tiny):
    client = TestClient(create_app(untrained(tiny, ["good", "bad"], [["a", "b"], []])))
    (found,) = posted(client, "/api/predict", {"texts": ["good"]})
    over = [name for name, value in found["probabilities"].items() if value >= 0.5]
    assert found["predicted"] == over


def test_a_regression(tiny):
    predictor = untrained(tiny, ["good", "bad"], [1.5, -1.0])
    client = TestClient(create_app(predictor))
    (found,) = posted(client, "/api/predict", {"texts": ["good"]})
    assert found["predicted"] == pytest.approx(predictor.predict("good"), abs=1e-5)
    assert list(found["values"].values()) == pytest.approx([found["predicted"]], abs=1e-5)
    assert client.get("/api/model").json()["shows"] == "values"
    (target,) = posted(client, "/api/explain", {"text": "good film"})["targets"]
    assert [word["text"] for word in target["words"]] == ["good", "film"]


def test_pairs(tiny):
    predictor = untrained(tiny, [("good", "bad"), ("bad", "bad")], ["no", "yes"])
    client = TestClient(create_app(predictor))
    assert client.get("/api/model").json()["pairs"] is True
    (found,) = posted(client, "/api/predict", {"texts": [["good film", "a film"]]})
    assert found["predicted"] == predictor.predict(("good film", "a film"))
    (target,) = posted(client, "/api/explain", {"text": ["good", "film"]})["targets"]
    assert [word["part"] for word in target["words"]] == [0, 1]
    refused = client.post("/api/predict", json={"texts": ["good film"]})
    assert refused.status_code == 422
    assert "pairs" in refused.json()["detail"]
    table = b"one,two\ngood,bad\n"
    answer = client.post("/api/table?text=one&text=two", content=table)
    assert answer.text.startswith("one,two,predicted\ngood,bad,")


@pytest.fixture(scope="module")
def of_entities(tiny):
    words = ["was", "good"]
    return TestClient(create_app(untrained(tiny, [words, ["bad"]], [["B-X", "B-Y"], ["B-X"]])))


def test_entities(of_entities):
    (found,) = posted(of_entities, "/api/predict", {"texts": ["good 😀 film"]})
    assert found["predicted"][0]["text"] == "good"
    assert found["predicted"][-1]["start"] == 7  # characters, not UTF-16 units
    explained = posted(of_entities, "/api/explain", {"text": "good film", "entity": 1})
    assert explained["targets"][0]["name"].endswith("film")
    answer = of_entities.post("/api/table", content=b"text\ngood film\nbad\n")
    assert [json.loads(line)["text"] for line in answer.text.splitlines()] == ["good film", "bad"]
    assert "entities.jsonl" in answer.headers["content-disposition"]


def test_a_translator():
    preproc = st.Seq2Seq.new(
        vocab_size=60, hidden_size=16, encoder_layers=1, decoder_layers=1, maxlen=8
    )
    preproc.preprocess_train(["rot haus", "alt baum"], ["red house", "old tree"], verbose=0)
    translator = st.get_predictor(preproc.get_model(verbose=0), preproc)
    client = TestClient(create_app(translator))
    (found,) = posted(client, "/api/predict", {"texts": ["rot haus"]})
    assert found == {"predicted": translator.predict("rot haus")}
    about = client.get("/api/model").json()
    assert (about["shows"], about["explanations"]) == ("text", [])
    refused = client.post("/api/explain", json={"text": "rot haus"})
    assert refused.status_code == 422
    assert "A translator has no explanations" in refused.json()["detail"]


@pytest.mark.parametrize("method", ["gradient", "occlusion"])
def test_an_explanation(client, method):
    found = posted(client, "/api/explain", {"text": "a great 😀 film", "method": method})
    words = found["targets"][0]["words"]
    assert max(words, key=lambda word: word["weight"])["text"] == "great"
    assert words[-1]["start"] == 10


def test_a_table_comes_back_with_its_predictions(client, trained):
    rows = [["1", 'a "great", happy\nfilm'], ["2", "a sad film"], ["3", HOSTILE.strip("\x00")]]
    file = io.StringIO()
    csv.writer(file).writerows([["id", "text"], *rows])
    content = file.getvalue().replace("\x00", "").encode()
    answer = client.post("/api/table?proba=true", content=content)
    assert answer.status_code == 200, answer.text
    assert 'filename="predicted.csv"' in answer.headers["content-disposition"]
    back = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert back[0] == ["id", "text", "predicted", "neg", "pos"]
    assert [row[2] for row in back[1:3]] == ["pos", "neg"]
    tabs = client.post("/api/table", params={"text": "words", "sep": "\t"},
                       content=b"id\twords\n1\tbad film\n")  # fmt: skip
    assert tabs.text == "id\twords\tpredicted\n1\tbad film\tneg\n"


@pytest.mark.parametrize(
    ("query", "content", "message"),
    [
        ("", b"", "is empty"),
        ("", b"words\ngood\n", "There is no column 'text'; the columns are 'words'"),
        ("", b"text,predicted\ngood,x\n", "has a column 'predicted' already"),
        ("", b'text\n"good\n', "the table, line 2: a broken quote"),
        ("?sep=ab", b"text\ngood\n", "sep: String should have at most 1 character"),
        ("", b"text\n" + b"good\n" * 4, "The table has more than 3 rows"),
        ("", b"text\n" + b"x" * 20001, "Row 0 has a field of more than 20000 characters"),
        ("", b"\x89PNG\x00\x00", "isn't text"),
    ],
)
def test_tables_that_are_refused(client, monkeypatch, query, content, message):
    monkeypatch.setattr(limits, "MOST_ROWS", 3)
    answer = client.post(f"/api/table{query}", content=content)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert "/tmp" not in answer.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "texts: Field required"),
        ({"texts": []}, "texts: List should have at least 1 item"),
        ({"texts": "good"}, "texts: Input should be a valid list"),
        ({"texts": ["a"] * 257}, "texts: List should have at most 256 items"),
        ({"texts": ["a" * 20001]}, "String should have at most 20000 characters"),
        ({"texts": [None]}, "Input should be a valid string"),
        ({"texts": ["a"], "long_text": "all"}, "long_text: Input should be 'truncate' or 'chunk'"),
        ({"texts": [["good", "bad"]]}, "pairs"),
    ],
)
def test_questions_that_are_refused(client, content, message):
    answer = client.post("/api/predict", json=content)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert len(answer.text) < 1000  # the body isn't repeated


def test_half_characters_and_broken_json_are_refused(client):
    header = {"content-type": "application/json"}
    half = client.post("/api/predict", content=rb'{"texts": ["\ud800"]}', headers=header)
    assert half.status_code == 422
    assert client.post("/api/predict", content=b"{", headers=header).status_code == 422
    other = client.post("/api/explain", json={"text": "a", "method": "lime"})
    assert "Input should be 'gradient' or 'occlusion'" in other.json()["detail"]
    nothing = client.post("/api/explain", json={"text": "  "})
    assert nothing.status_code == 422


def test_bodies_that_are_too_large_are_refused(client):
    header = {"content-type": "application/json"}
    announced = client.post("/api/predict", content=b" " * 1_000_001, headers=header)
    assert (announced.status_code, announced.json()) == (
        413, {"detail": "The body has more than 1000000 bytes."},
    )  # fmt: skip
    chunks = (b" " * 100_000 for _ in range(11))  # without a content-length
    assert client.post("/api/predict", content=chunks, headers=header).status_code == 413
    chunks = (b"x" * 1_000_000 for _ in range(21))
    assert client.post("/api/table", content=chunks).status_code == 413
    wrong = {"content-length": "-1"} | header
    assert client.post("/api/predict", content=b"{}", headers=wrong).status_code == 413


def test_the_page_has_all_that_it_names_and_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    names = set(re.findall(r'(?:src|href)="([^"]+)"', page.text)) - {"data:,"}
    assert names == {"page.css", "page.js", "openapi.json", "health"}
    assert all(client.get(f"/{name}").status_code == 200 for name in names)
    script = client.get("/page.js").text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    ids = set(re.findall(r'id="([\w-]+)"', page.text))
    assert set(re.findall(r'byId\("([\w-]+)"\)', script)) <= ids
    assert client.get("/docs").status_code == 404  # its parts come from the network


def test_openapi_and_health(client):
    routes = client.get("/openapi.json").json()["paths"]
    assert routes.keys() == {"/health", "/api/model", "/api/predict", "/api/explain", "/api/table"}
    assert client.get("/health").json() == {"status": "ok", "version": st.__version__}
    about = client.get("/api/model").json()
    assert about["classes"] == ["neg", "pos"]
    assert about["limits"]["texts"] == 256


def test_hostile_texts_come_back_as_they_are(client):
    found = posted(client, "/api/explain", {"text": HOSTILE})
    assert found["texts"] == [HOSTILE]


def test_other_host_names_are_refused_on_loopback(trained):
    client = TestClient(create_app(trained.predictor, ["127.0.0.1"]), "http://127.0.0.1:8000")
    assert client.get("/health").status_code == 200
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 400


def test_several_clients_at_a_time(client, trained):
    expected = trained.predictor.predict(TEXTS[:16])

    def asked(text):
        return posted(client, "/api/predict", {"texts": [text]})[0]["predicted"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asked, TEXTS[:16])) == expected
