"""An MPNet of two small layers in the files of Hugging Face, with weights by chance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.unit.training.deep.invented import BAD, GOOD, PLAIN

HEADS, SIZE, WIDE, BUCKETS, LAYERS = 2, 16, 32, 8, 2
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"]
LETTERS = [chr(ord("a") + i) for i in range(26)]
WORDS = [*SPECIAL, "@", *LETTERS, *(f"##{letter}" for letter in LETTERS), *GOOD, *BAD, *PLAIN]


def write_mpnet(folder: Path) -> dict[str, np.ndarray]:
    """Write `config.json`, `tokenizer.json` and `model.safetensors`; give the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {"vocab_size": len(WORDS), "hidden_size": SIZE, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
    sizes |= {"intermediate_size": WIDE, "max_position_embeddings": 60, "relative_attention_num_buckets": BUCKETS}
    config = {"model_type": "mpnet", **sizes, "layer_norm_eps": 1e-5, "hidden_act": "gelu"}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>", length=12)
    tokenizer.enable_truncation(10)
    tokenizer.save(str(folder / "tokenizer.json"))
    random = np.random.default_rng(3)
    weights: dict[str, np.ndarray] = {}
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings": (len(WORDS), SIZE),
        "embeddings.position_embeddings": (60, SIZE),
    }
    shapes["encoder.relative_attention_bias"] = (BUCKETS, HEADS)
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        shapes |= {f"{prefix}attention.attn.{name}": (SIZE, SIZE) for name in "qkvo"}
        shapes |= {f"{prefix}intermediate.dense": (WIDE, SIZE), f"{prefix}output.dense": (SIZE, WIDE)}
        shapes |= {f"{prefix}{name}.LayerNorm": (SIZE,) for name in ("attention", "output")}
    shapes["embeddings.LayerNorm"] = (SIZE,)
    for name, shape in shapes.items():
        weights[f"{name}.weight"] = random.normal(0, 0.5, shape).astype(np.float32)
        if "embeddings.w" not in name and "embeddings.p" not in name and "bias" not in name:
            weights[f"{name}.bias"] = random.normal(0, 0.3, shape[0]).astype(np.float32)
    save_file(weights, folder / "model.safetensors")
    return weights
