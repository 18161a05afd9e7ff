"""Images that Keras makes beside the program's own, from the same latents.

    sagan export RUN --out FOLDER
    sagan sample RUN --n 100 --latents FOLDER/samples.h5 --out FOLDER/samples.png
    python tests/keras/picture.py FOLDER/generator.keras FOLDER/samples.h5 OUT.png

Left the program's images, right those of Keras, in the order of the file, 10 in a row. Prints the largest difference of
a pixel, images being in [-1, 1], and ends with status 1 when it is not below 1e-4.
"""
import os
import struct
import sys
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import h5py                                                                # noqa: E402
import keras                                                               # noqa: E402
import numpy as np                                                         # noqa: E402

COLUMNS, GAP, SCALE = 10, 2, 2


def grid(images):
    """[n,H,W,C] in [-1,1] -> bytes [rows of images, columns, C], on white, enlarged."""
    n, h, w, c = images.shape
    rows = -(-n // COLUMNS)
    sheet = np.full((rows * (h + GAP) - GAP, COLUMNS * (w + GAP) - GAP, c), 255, "uint8")
    for k, image in enumerate(images):
        y, x = k // COLUMNS * (h + GAP), k % COLUMNS * (w + GAP)
        sheet[y:y + h, x:x + w] = np.clip((image + 1) * 127.5 + 0.5, 0, 255)
    return sheet.repeat(SCALE, 0).repeat(SCALE, 1)


def write_png(path, pixels):
    """Gray or RGB, 8 bits: signature, header, rows with filter 0, end (ISO/IEC 15948)."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    h, w, c = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, {1: 0, 3: 2}[c], 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main(model_path, latents, out):
    model = keras.models.load_model(model_path, compile=False)
    with h5py.File(latents) as f:
        inputs = [f["inputs"][x.name.split(":")[0]][()] for x in model.inputs]
        ours = f["outputs/image"][()]
    theirs = model.predict(inputs, verbose=0)
    left, right = grid(ours), grid(theirs)
    write_png(out, np.concatenate([left, np.full((len(left), 24, left.shape[2]), 255, "uint8"), right], axis=1))
    difference = float(np.abs(ours - theirs).max())
    print(f"{len(ours)} images, left the program's, right Keras {keras.__version__}'s: {out}; "
          f"largest difference {difference:.1e}, {int((left != right).sum() // SCALE ** 2)} bytes differ")
    return not difference < 1e-4


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
