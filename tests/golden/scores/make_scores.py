"""Reference values of the measures in gan/score/: fixed features, and what other programs make of them.

    python -m venv build/scores && build/scores/bin/pip install torch torch-fidelity==0.4.0 prdc==0.2 scipy h5py
    build/scores/bin/python tests/golden/scores/make_scores.py tests/golden/scores/scores.h5

Each group of the file is a case: real [n,d] and fake [m,d] (float32; some are whole numbers, so that distances are
equal), and as attributes the values of
    fid_scipy       |m1-m2|^2 + Tr(S1 + S2 - 2 sqrtm(S1 S2)) with scipy's matrix square root, in double
    fid             torch_fidelity.metric_fid
    kid_mean, kid_sd    torch_fidelity.metric_kid over the subsets in kid_real and kid_fake [s,size], which numpy drew
    mmd             kernel_mmd of torch_fidelity.metric_kid, of the first min(n,m) points of each
    precision, recall   torch_fidelity.metric_prc, k = 3, <=
    strict_precision, strict_recall, density, coverage   prdc, k = 5, <
    near_fake, near_limit   medians of the distance of a fake to the next real point, and its first percentile (numpy)
/probabilities has p [n,K] of which each row adds up to 1 exactly, and the attributes is_mean and is_sd of
torch_fidelity.metric_isc over 10 splits, unshuffled.
"""
import sys
from unittest import mock

import h5py
import numpy as np
import prdc
import scipy.linalg
import sklearn.metrics
import torch

for part in "", ".transforms", ".transforms.functional", ".datasets":
    sys.modules["torchvision" + part] = mock.MagicMock()          # of the package only arithmetic is used, none of its networks
from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc

RNG = np.random.RandomState(7)


def cloud(n, d, shift=0.0, seed=1):
    """Correlated normal numbers, the same mixture for every call of one d."""
    mix = np.random.RandomState(d).normal(size=(d, d)) / np.sqrt(d)
    return RNG.normal(size=(n, d)) @ mix + shift


def classes(n, centres):
    """Clusters of the given centres, as features of classes are."""
    return np.concatenate([c + 0.3 * RNG.normal(size=(n, len(c))) for c in centres])


def cases():
    centres = 3 * RNG.normal(size=(5, 12))
    same = cloud(90, 10)
    yield "clouds", cloud(160, 8), 0.8 * cloud(140, 8, 0.4)
    yield "fewer_points_than_dimensions", cloud(30, 40), cloud(25, 40, 0.1)
    yield "class_missing", classes(30, centres), classes(30, centres[:4])
    yield "repeated_steps", RNG.randint(0, 4, size=(120, 3)), RNG.randint(0, 5, size=(100, 3))
    yield "equal_sets", same, same
    yield "shifted", same, same + 0.5
    yield "collapsed", cloud(60, 6), np.repeat(cloud(1, 6), 60, 0)
    yield "far_apart", cloud(50, 4), cloud(50, 4, 100)


def fid_scipy(x, y):
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    away = x.mean(0) - y.mean(0)
    return float(away @ away + np.trace(s1) + np.trace(s2) - 2 * np.trace(np.real(root)))


def fid(x, y):
    a, b = (metric_fid.fid_features_to_statistics(torch.from_numpy(v)) for v in (x, y))
    return next(iter(metric_fid.fid_statistics_to_metric(a, b, False).values()))


def kid(x, y, subsets, size):
    rng = np.random.RandomState(2020)            # as kid_features_to_metric draws
    order = [(rng.choice(len(x), size, replace=False), rng.choice(len(y), size, replace=False))
             for _ in range(subsets)]
    found = metric_kid.kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), kid_subsets=subsets,
                                              kid_subset_size=size, rng_seed=2020, verbose=False)
    return [np.array(o) for o in zip(*order)], *found.values()


def write_case(f, name, real, fake):
    x, y = (np.asarray(v, np.float32) for v in (real, fake))
    g = f.create_group(name)
    g["real"], g["fake"] = x, y
    x, y = x.astype(np.float64), y.astype(np.float64)
    m = min(len(x), len(y))
    (g["kid_real"], g["kid_fake"]), mean, sd = kid(x, y, 6, 20)
    found = metric_prc.prc_features_to_metric(torch.from_numpy(y), torch.from_numpy(x), prc_neighborhood=3,
                                              prc_batch_size=10000, save_cpu_ram=False, verbose=False)
    strict = prdc.compute_prdc(x, y, 5)
    near = sklearn.metrics.pairwise_distances(y, x).min(1)
    values = {
        "fid_scipy": fid_scipy(x, y), "fid": fid(x, y), "kid_mean": mean, "kid_sd": sd,
        "mmd": metric_kid.kernel_mmd(x[:m], y[:m]), "precision": found["precision"], "recall": found["recall"],
        "strict_precision": strict["precision"], "strict_recall": strict["recall"], "density": strict["density"],
        "coverage": strict["coverage"], "near_fake": np.median(near), "near_limit": np.percentile(near, 1),
    }
    for key, value in values.items():
        g.attrs[key] = np.float64(value)
    print(name, {k: round(float(v), 6) for k, v in values.items()})


def write_probabilities(f):
    share = RNG.dirichlet(0.3 * np.ones(7), size=203)
    p = np.floor(share * 1000) + 1                # whole parts of 1024: rows add up to 1 exactly, none is 0
    p[np.arange(len(p)), p.argmax(1)] += 1024 - p.sum(1)
    p = (p / 1024).astype(np.float32)
    found = metric_isc.isc_features_to_metric(torch.from_numpy(np.log(p.astype(np.float64))), 10, False)
    f["probabilities"] = p
    f["probabilities"].attrs["is_mean"] = np.float64(found["inception_score_mean"])
    f["probabilities"].attrs["is_sd"] = np.float64(found["inception_score_std"])
    print("probabilities", found)


with h5py.File(sys.argv[1], "w") as out:
    for case in cases():
        write_case(out, *case)
    write_probabilities(out)
