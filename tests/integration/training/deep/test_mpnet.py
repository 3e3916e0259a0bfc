"""MPNet's encoder against a second one in plain NumPy, token by token, and what its files must be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

import training.deep  # noqa: F401  (Keras' backend)
from models.deep.runtimes import LiteRtNetwork, Network, OnnxNetwork
from tests.integration.training.deep.small_mpnet import BUCKETS, HEADS, LAYERS, SIZE, write_mpnet
from tests.unit.training.deep.invented import write_data

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")


def forward(weights: dict[str, np.ndarray], ids: list[int]) -> Any:
    """The last layer's vectors (tokens, size) of one text, written from the paper and apart from the product."""

    def linear(x: Any, name: str) -> Any:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: Any, name: str) -> Any:
        x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    tokens, each = len(ids), SIZE // HEADS
    places = weights["embeddings.position_embeddings.weight"][2 : 2 + tokens]
    x = norm(weights["embeddings.word_embeddings.weight"][ids] + places, "embeddings.LayerNorm")
    bias = np.zeros((HEADS, tokens, tokens))
    for i in range(tokens):
        for j in range(tokens):
            bias[:, i, j] = weights["encoder.relative_attention_bias.weight"][bucket(j - i)]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        query, key, value = (linear(x, f"{name}attention.attn.{part}") for part in "qkv")
        seen = np.zeros_like(x)
        for head in range(HEADS):
            mine = slice(head * each, (head + 1) * each)
            powers = np.exp(query[:, mine] @ key[:, mine].T / math.sqrt(each) + bias[head])
            seen[:, mine] = powers / powers.sum(axis=1, keepdims=True) @ value[:, mine]
        x = norm(x + linear(seen, f"{name}attention.attn.o"), f"{name}attention.LayerNorm")
        wide = linear(x, f"{name}intermediate.dense")
        wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(x + linear(wide, f"{name}output.dense"), f"{name}output.LayerNorm")
    return x


def bucket(later: int) -> int:
    half = BUCKETS // 2
    apart, exact = abs(later), half // 2
    if apart >= exact:
        apart = min(half - 1, exact + int(math.log(apart / exact) / math.log(128 / exact) * (half - exact)))
    return apart + (half if later > 0 else 0)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    folder = tmp_path_factory.mktemp("mpnet")
    return folder, write_mpnet(folder)


def test_the_encoder_agrees_with_a_second_one_and_padding_changes_nothing(
    small: tuple[Path, dict[str, np.ndarray]],
) -> None:
    from training.deep.networks.mpnet import mpnet_tokenizer
    from training.deep.networks.transformer import backbone_of

    folder, weights = small
    ours, theirs = Tokenizer.from_str(mpnet_tokenizer(folder)), Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs.no_padding()
    theirs.no_truncation()
    texts = ["love flight", "@air they lost my ticket, so angry and broken, late again", "", "xylophone"]
    found = [ours.encode(text).ids for text in texts]
    ids = np.zeros((len(texts), max(map(len, found)) + 3), np.int32)
    for row, tokens in enumerate(found):
        ids[row, : len(tokens)] = tokens
    vectors = np.asarray(backbone_of(str(folder))({"token_ids": ids, "padding_mask": (ids != 0).astype(np.int32)}))
    for row, text in enumerate(texts):
        expected = forward(weights, theirs.encode(text).ids)
        np.testing.assert_allclose(vectors[row, : len(expected)], expected, atol=2e-5)


def test_buckets_are_those_of_the_paper() -> None:
    from training.deep.networks.mpnet import distance_buckets

    table = distance_buckets(200, 32)
    assert table[0, 0] == 0
    assert table[3, 0] == 3  # what came before has the lower half
    assert table[0, 3] == 19
    assert table[199, 0] == 15  # the farthest share one
    assert (np.diff(table[199, ::-1]) >= 0).all()


def test_padding_is_token_number_0(small: tuple[Path, dict[str, np.ndarray]]) -> None:
    from training.deep.networks.transformer import tokenizer_json

    words = json.loads(tokenizer_json(str(small[0])))["model"]["vocab"]
    assert (words["<pad>"], words["<s>"], words["</s>"]) == (0, 1, 2)


def test_the_lowest_layers_stay_as_they_are(small: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    from training.deep.networks.mpnet import load_mpnet
    from training.deep.networks.transformer import PresetError
    from training.deep.runs.transformer import TransformerOptions, train_transformer

    write_data(tmp_path / "data", polar=60, human=60)
    shares = (("airline", 0.5), ("sentiment140", 0.25), ("kaggle", 0.25))  # of which there is no kaggle
    options = TransformerOptions(
        preset=str(small[0]), peak=1e-3, batch=16, steps=4, frozen=1, layer_decay=0.5, emoticons_weight=0.5,
        shares=shares,
    )  # fmt: skip
    with pytest.raises(PresetError, match="learns from people's labels and emoticons alone: no --taught"):
        train_transformer(tmp_path / "data", options, tmp_path / "work", lambda _: None, None, [tmp_path / "a.parquet"])
    finished, _ = train_transformer(tmp_path / "data", options, tmp_path / "work", lambda _: None)
    before = {one.path: one.numpy() for one in load_mpnet(small[0]).weights}
    moved = {
        path: float(np.abs(one.numpy() - before[path]).max())
        for one in finished.network.weights
        if (path := one.path) in before
    }
    assert len(moved) == len(before)
    assert all(change == 0 for path, change in moved.items() if not path.startswith("layer_1"))
    assert all(change > 0 for path, change in moved.items() if path.startswith("layer_1") and "kernel" in path)
    assert finished.state.rows == 64


def test_each_layer_takes_smaller_steps_than_the_one_above(small: tuple[Path, dict[str, np.ndarray]]) -> None:
    from training.deep.networks.mpnet import load_mpnet
    from training.deep.runs.transformer import layer_rates

    rates = layer_rates(load_mpnet(small[0]), 0.5)
    assert rates is not None
    assert [rates(path) for path in ("logits/kernel", "layer_1/norm/beta", "layer_0/norm/beta")] == [1.0, 0.5, 0.25]


def test_products_with_large_values_stay_in_float32(small: tuple[Path, dict[str, np.ndarray]]) -> None:
    import onnx

    from training.deep.export.convert import KEPT_FLOAT, quantized_onnx, to_onnx
    from training.deep.networks.transformer import MPNET, backbone_of, transformer

    network = transformer(backbone_of(str(small[0])))
    content = quantized_onnx(to_onnx(network), KEPT_FLOAT[MPNET])
    nodes = onnx.load_from_string(content).graph.node
    whole = {node.name for node in nodes if node.op_type == "MatMul" and "narrowing" in node.name}
    assert whole == {"layer_0/narrowing"}  # of layers 0 and 1
    assert sum(node.op_type == "MatMulInteger" for node in nodes) == 4 * LAYERS - 1 + 1  # the head's, too
    ids = np.array([[1, 40, 61, 65, 2, 0]], np.int32)
    close = OnnxNetwork(content).logits(ids) - np.asarray(network(ids, training=False))
    assert np.abs(close).max() < 0.1


def test_onnx_and_litert_answer_as_the_network_does(small: tuple[Path, dict[str, np.ndarray]]) -> None:
    from training.deep.export.convert import to_litert, to_onnx
    from training.deep.networks.transformer import backbone_of, transformer

    network = transformer(backbone_of(str(small[0])))
    opened: list[Network] = [OnnxNetwork(to_onnx(network, 9)), LiteRtNetwork(to_litert(network, quantized=False))]
    for width in (6, 9):
        ids = np.zeros((2, width), np.int32)
        ids[0, :5], ids[1, :3] = [1, 40, 61, 65, 2], [1, 9, 2]
        for one in opened:
            np.testing.assert_allclose(one.logits(ids), np.asarray(network(ids, training=False)), atol=1e-5)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("config.json", b'{"model_type": "mpnet"}', "KeyError 'vocab_size'"),
        ("model.safetensors", b"torn", "not an MPNet that can be read"),
        ("tokenizer.json", b"{}", "not the tokenizer of an MPNet"),
        ("tokenizer.json", b"\xff", "not the tokenizer of an MPNet"),
    ],
)
def test_damaged_files_are_named(
    small: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, file: str, content: bytes, said: str
) -> None:
    from training.deep.networks.mpnet import MPNetError
    from training.deep.networks.transformer import PresetError, backbone_of, tokenizer_json

    write_mpnet(tmp_path)
    (tmp_path / file).write_bytes(content)
    read: dict[str, Any] = {"tokenizer.json": tokenizer_json}
    with pytest.raises((MPNetError, PresetError), match=said) as raised:
        read.get(file, backbone_of)(str(tmp_path))
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
