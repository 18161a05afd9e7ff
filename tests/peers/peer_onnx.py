"""The ONNX Runtime peer: times a generator that `sagan export --onnx` wrote, drawing on the CPU. Prints one JSON line.

    python3 -m venv build/bench/onnx && build/bench/onnx/bin/pip install onnxruntime numpy
    build/bench/onnx/bin/python tests/peers/peer_onnx.py --batch 64 --threads 2 exported/generator.onnx
"""
import argparse, json, resource, statistics, time
import numpy as np
import onnxruntime

p = argparse.ArgumentParser()
p.add_argument("--batch", type=int, default=64)
p.add_argument("--threads", type=int, default=1)
p.add_argument("--times", type=int, default=10)
p.add_argument("file")
a = p.parse_args()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = a.threads
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(a.file, options, providers=["CPUExecutionProvider"])
random = np.random.default_rng(0)
feed = {}
for i in session.get_inputs():
    shape = [a.batch] + list(i.shape[1:])
    feed[i.name] = (np.arange(a.batch).reshape(shape) % 10).astype("int64" if "64" in i.type else "int32") \
        if "int" in i.type else random.standard_normal(shape).astype("float32")
passes = max(1, 64 // a.batch)                       # as `sagan bench --sample`
times = []
for k in range(2 + a.times):
    start = time.perf_counter()
    for _ in range(passes):
        session.run(None, feed)
    times.append((time.perf_counter() - start) / passes)
times = times[2:]
middle = statistics.median(times)
print(json.dumps({"onnx": onnxruntime.__version__, "batch": a.batch, "threads": a.threads, "median_s": middle,
                  "min_s": min(times), "images_per_s": a.batch / middle,
                  "maxrss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
