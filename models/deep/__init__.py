"""The deep families at serving time: a tokenizer and a network in ONNX or LiteRT, without TensorFlow."""
