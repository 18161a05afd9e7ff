/* sagan.h - the library in one header. What is included here is what `make install` installs and what libsagan.a
 * shows to a linker: the list is kept nowhere else. docs/library.md says how to begin.
 *
 * Installed, all of them lie in one folder: #include <sagan/sagan.h>, or only what is needed, #include
 * <sagan/graph.h>. */
#ifndef SAGAN_TOOLS_SAGAN_H
#define SAGAN_TOOLS_SAGAN_H

/* Numbers, shapes, errors; random streams; the worker pool. */
#include "core/base/base.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "core/base/version.h"
#include "core/base/words.h"

/* Values and derivatives: storage, graphs, operations, and plans, which run them. */
#include "core/graph/buffer.h"
#include "core/graph/graph.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"

/* Layers: what owns their weights, and one header per family. */
#include "layers/activation.h"
#include "layers/aotnet.h"
#include "layers/attention.h"
#include "layers/conv.h"
#include "layers/conv_position.h"
#include "layers/cot.h"
#include "layers/dense.h"
#include "layers/dropout.h"
#include "layers/embedding.h"
#include "layers/evo_norm.h"
#include "layers/halo.h"
#include "layers/heads.h"
#include "layers/mhsa.h"
#include "layers/mlp.h"
#include "layers/module.h"
#include "layers/norm.h"
#include "layers/outlook.h"
#include "layers/positions.h"
#include "layers/se.h"
#include "layers/spectral_norm.h"
#include "layers/split_attention.h"
#include "layers/token.h"
#include "layers/types/catalogue.h"

/* Updates of weights. */
#include "optim/ema.h"
#include "optim/gradient.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

/* Images from files, in batches. */
#include "data/dataset.h"
#include "data/loader.h"
#include "data/picture/resize.h"

/* Training a network of one's own, or a GAN from a config; images from it; files for Keras. */
#include "gan/config/config.h"
#include "gan/keras/export.h"
#include "gan/loss/augment.h"
#include "gan/loss/classes.h"
#include "gan/nets/networks.h"
#include "gan/sample/gaze.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/sample/sampler.h"
#include "gan/train/fit.h"
#include "gan/train/run.h"
#include "gan/train/trainer.h"

#endif
