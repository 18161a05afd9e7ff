"""Makes the archives of this folder: six images of 8 x 8 (the python version of CIFAR: 32 x 32), whose pixel of row y,
column x, channel c in image i is (31 i + 7 y + 3 x + 50 c) mod 256, and the labels 0 1 2 0 1 2. Run here: python make.py
Needs numpy, Pillow, tar, xz and zstd."""
import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import tarfile
import zipfile

import numpy as np
from PIL import Image

NAMES = ["Äpfel", "Birnen", "cherries"]


def images(side):
    i, y, x, c = np.ogrid[0:6, 0:side, 0:side, 0:3]
    return ((31 * i + 7 * y + 3 * x + 50 * c) % 256).astype(np.uint8)


x, labels = images(8), np.arange(6) % 3


def png(i):
    b = io.BytesIO()
    Image.fromarray(x[i]).save(b, "png")
    return b.getvalue()


# folders of pictures, in every kind of archive; one with what a Mac adds and a path that leads out
os.makedirs("fruit")
for i in range(6):
    os.makedirs(f"fruit/{NAMES[labels[i]]}", exist_ok=True)
    open(f"fruit/{NAMES[labels[i]]}/{i}.png", "wb").write(png(i))
for name, how in ("tar", "cf"), ("tar.xz", "cJf"), ("tar.bz2", "cjf"), ("tar.zst", "--zstd -cf"):
    subprocess.run(f"tar {how} fruit.{name} --owner=0 --group=0 --mtime=2000-01-01 --sort=name fruit", shell=True,
                   check=True)
subprocess.run("tar czf dots.tgz --owner=0 --group=0 --mtime=2000-01-01 --sort=name -C fruit .", shell=True, check=True)
with zipfile.ZipFile("fruit.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for i in range(6):
        z.writestr(f"fruit/{NAMES[labels[i]]}/{i}.png", png(i))
        z.writestr(f"__MACOSX/fruit/{NAMES[labels[i]]}/._{i}.png", b"\0")
    z.writestr("../out.png", png(0))
shutil.rmtree("fruit")

# StyleGAN's zips: folders mean nothing
for name, list_ in ("stylegan.zip", [[f"0000{i // 4}/img{i:08d}.png", int(labels[i])] for i in range(6)]), \
        ("unlabelled.zip", None):
    with zipfile.ZipFile(name, "w") as z:
        for i in range(6):
            z.writestr(f"0000{i // 4}/img{i:08d}.png", png(i))
        z.writestr("dataset.json", json.dumps({"labels": list_}))

# numpy
np.savez("keras.npz", x_train=x, y_train=labels, x_test=x[:3], y_test=labels[:3])
np.savez_compressed("packed.npz", x_train=x, y_train=labels, x_test=x[:3], y_test=labels[:3])
np.savez_compressed("fortran.npz", images=np.asfortranarray(x.astype(">f4") / 255), labels=labels.astype(">i2"))
np.savez_compressed("planes.npz", arr_0=(x / 127.5 - 1).astype("<f8").transpose(0, 3, 1, 2), arr_1=np.eye(3)[labels])
np.savez_compressed("half.npz", images=x.astype("<f2"), labels=labels.astype("u1"))
np.savez_compressed("wide.npz", images=np.asfortranarray(x.astype(">i8")), labels=labels.astype("<f4"))
np.savez_compressed("truth.npz", images=x >= 128, labels=labels, notes=np.array(["a", "b"]))
np.save("bare.npy", x)


# CIFAR-10 as Python 2 pickled it (protocol 2): no Python writes that today, so the codes are written here
def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return b"U" + bytes([len(s)]) + s if len(s) < 256 else b"T" + struct.pack("<i", len(s)) + s


def number(v):
    return b"K" + bytes([v]) if v < 256 else b"M" + struct.pack("<H", v)


def several(items):
    return b"]q\x05(" + b"".join(items) + b"e"


def array(a):
    return (b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85q\x08U\x01bq\x09\x87q\x0aRq\x0b"
            b"(K\x01" + number(a.shape[0]) + number(a.shape[1]) + b"\x86q\x0ccnumpy\ndtype\nq\x0dU\x02u1q\x0eK\x00K\x01"
            b"\x87q\x0fRq\x10(K\x03U\x01|q\x11NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + text(a.tobytes()) +
            b"q\x12tb")


def batch(a, keys):
    items = text("batch_label") + b"q\x02" + text("training batch 1 of 5") + b"q\x03"
    for key in keys:
        items += text(key) + several([number(v) for v in labels])
    items += text("data") + array(a) + text("filenames") + several([text("apple_s_%d.png" % i) for i in range(6)])
    return b"\x80\x02}q\x01(" + items + b"u."


planar = images(32).transpose(0, 3, 1, 2).reshape(6, 3072)
names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
for name, files in (
    ("cifar-10-python.tar.gz", {
        "cifar-10-batches-py/data_batch_1": batch(planar, ["labels"]),
        "cifar-10-batches-py/test_batch": batch(planar[:6], ["labels"]),
        "cifar-10-batches-py/readme.html": b"<html>",
        "cifar-10-batches-py/batches.meta": b"\x80\x02}q\x01(" + text("num_cases_per_batch") + number(10000) +
                                            text("label_names") + several([text(n) for n in names]) + b"u."}),
    ("cifar-100-python.tar.gz", {
        "cifar-100-python/train": batch(planar, ["fine_labels", "coarse_labels"]),
        "cifar-100-python/meta": b"\x80\x02}q\x01(" + text("fine_label_names") + several([text("f%d" % i) for i in
                                 range(100)]) + text("coarse_label_names") + several([text("c%d" % i) for i in range(20)]) +
                                 b"u."})):
    with tarfile.open(name, "w:gz", compresslevel=9) as t:
        for path, content in files.items():
            if "_batch" in path or path.endswith("train"):       # what Python itself reads
                d = pickle.loads(content, encoding="bytes")
                assert np.array_equal(d[b"data"], planar) and d.get(b"labels", d.get(b"fine_labels")) == list(labels)
            info = tarfile.TarInfo(path)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
