"""Training the deep families with TensorFlow: recurrent nets, a text CNN, transformers, students."""

import os

# Keras reads its backend when it is first imported; ours is TensorFlow. Its notices are not for users (see `quiet`).
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
