"""Which of the two files of an export this Keras can build upon (gan/keras/model/json_write.c says why)."""


def best(keras):
    """Keras 3.1 to 3.3 read the .h5 alone; Keras 2 and Keras from 3.4 on take one tensor from a call of the .keras."""
    return ".h5" if keras.__version__.startswith(("3.0.", "3.1.", "3.2.", "3.3.")) else ".keras"
