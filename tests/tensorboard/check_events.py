"""check_events.py RUN .. - what TensorBoard's own reader finds in event files of sagan, against the run's other files.

A run may have been stopped and gone on with: there is one curve, each step once. `make test-tensorboard` runs it."""
import csv
import glob
import io
import os
import sys

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

FROM_CSV = {"d_loss": "loss/d", "g_loss": "loss/g", "penalty": "loss/penalty", "d_real": "d_output/real",
            "d_fake": "d_output/fake", "d_norm": "gradient/d", "g_norm": "gradient/g", "d_rate": "rate/d",
            "g_rate": "rate/g", "spread": "samples/spread", "epoch": "time/epoch"}


def tag_of(column):
    if column.endswith("/gamma"):
        return "gamma/" + column[:-len("/gamma")]
    if column.endswith("/gamma_grad"):
        return "gamma_gradient/" + column[:-len("/gamma_grad")]
    return FROM_CSV[column]


def check_curves(run, accumulator):
    with open(os.path.join(run, "metrics.csv")) as f:
        rows = list(csv.DictReader(f))
    for column in rows[0]:
        if column == "step":
            continue
        found = accumulator.Tensors(tag_of(column))
        steps = [e.step for e in found]
        assert steps == [int(r["step"]) for r in rows], (column, steps)
        for event, row in zip(found, rows):
            x, want = event.tensor_proto.float_val[0], float(row[column])
            assert abs(x - want) <= 1e-5 * max(1, abs(want)), (column, event.step, x, want)
    return len(rows), len(rows[0]) - 1


def check_pictures(run, accumulator):
    wanted = sorted(glob.glob(os.path.join(run, "samples-*.png")))
    found = accumulator.Tensors("samples/grid")
    assert len(found) == len(wanted), (len(found), wanted)
    for event, path in zip(found, wanted):
        width, height, png = event.tensor_proto.string_val[:3]
        image = Image.open(io.BytesIO(png))
        assert image.size == (int(width), int(height)) and f"{event.step:08}" in path, (image.size, event.step)
        assert (np.asarray(image) == np.asarray(Image.open(path))).all(), path
    return len(found)


def check_histograms(accumulator, tags):
    """The bins of each hold all numbers, between two ends."""
    found = [t for t in tags if t.startswith(("weights_", "d_values/"))]
    assert "d_values/real" in found and "d_values/fake" in found and len(found) > 10, found
    for tag in found:
        for event in accumulator.Tensors(tag):
            bins = tensor_util.make_ndarray(event.tensor_proto)          # lower end, upper end, count
            assert bins[:, 2].sum() >= 1 and (bins[:, 2] % 1 == 0).all(), (tag, bins)
            assert (bins[:, 0] <= bins[:, 1]).all(), (tag, bins)
    return len(found)


def check_texts(run, accumulator):
    with open(os.path.join(run, "config.yaml")) as f:
        yaml = f.read()
    page = accumulator.Tensors("config")[-1].tensor_proto.string_val[0].decode()
    assert page == f"```yaml\n{yaml}```\n", page
    about = accumulator.SummaryMetadata("_hparams_/session_start_info")
    start = plugin_data_pb2.HParamsPluginData.FromString(about.plugin_data.content).session_start_info
    name = start.hparams["loss.name"].string_value
    assert name and f"\nloss:\n  name: {name}\n" in yaml, start
    assert start.hparams["optim.lr_g"].number_value > 0, start
    assert start.hparams["train.tensorboard"].bool_value, start
    end = accumulator.SummaryMetadata("_hparams_/session_end_info")
    status = plugin_data_pb2.HParamsPluginData.FromString(end.plugin_data.content).session_end_info.status
    assert status == 1, status                       # STATUS_SUCCESS
    return len(start.hparams)


for run in sys.argv[1:]:
    multiplexer = EventMultiplexer(tensor_size_guidance={"scalars": 0, "images": 0, "histograms": 0})
    multiplexer.AddRunsFromDirectory(run)
    multiplexer.Reload()
    accumulator = multiplexer.GetAccumulator(".")
    tags = accumulator.Tags()["tensors"]
    files = len(glob.glob(os.path.join(run, "events.out.tfevents.*")))
    rows, curves = check_curves(run, accumulator)
    pictures = check_pictures(run, accumulator)
    histograms = check_histograms(accumulator, tags)
    settings = check_texts(run, accumulator)
    print(f"{os.path.basename(run)}: {files} file(s): {curves} curves of {rows} steps, {pictures} sample grids, "
          f"{histograms} histograms, {settings} settings, config as text: as in the run's own files")
