"""The TensorFlow peer: times one discriminator and one generator step of SAGAN on the CPU.

The networks of peer_torch.py, weight for weight (it says which), with the same losses, spectral norm and Adam, in one
tf.function. Race the fastest of: nothing, --joint (real and fake through D as one batch), --xla (compiled by XLA), both.
Prints one JSON line.

    python3 -m venv build/bench/tensorflow && build/bench/tensorflow/bin/pip install tensorflow-cpu
    build/bench/tensorflow/bin/python tests/peers/peer_tf.py --size 32 --gch 64 --dch 64 --batch 64 --threads 2 --joint
"""
import argparse, json, os, resource, statistics, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import tensorflow as tf

p = argparse.ArgumentParser()
p.add_argument("--gch", type=int, default=64)
p.add_argument("--dch", type=int, default=64)
p.add_argument("--batch", type=int, default=64)
p.add_argument("--size", type=int, default=32, choices=[28, 32, 64, 128])
p.add_argument("--img", type=int, default=3)
p.add_argument("--classes", type=int, default=10)
p.add_argument("--threads", type=int, default=2)
p.add_argument("--steps", type=int, default=8)
p.add_argument("--joint", action="store_true")
p.add_argument("--xla", action="store_true")
a = p.parse_args()
tf.config.threading.set_intra_op_parallelism_threads(a.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.random.set_seed(0)
BASE, NBLOCK = {28: (7, 2), 32: (4, 3), 64: (4, 4), 128: (4, 5)}[a.size]
ATT_G = 1 if a.size == 28 else NBLOCK - 1           # attention after this many blocks: at 14, 16, 32, 64


class Net:
    """Trainable weights in a list; layers are functions that add theirs to it."""

    def __init__(self):
        self.weights = []

    def weight(self, value):
        w = tf.Variable(value)
        self.weights.append(w)
        return w

    def normed(self, *shape):
        """A kernel divided by its largest singular value; each call moves the vector u on."""
        w = self.weight(tf.random.normal(shape, stddev=0.05))
        u = tf.Variable(tf.math.l2_normalize(tf.random.normal([shape[-1], 1])), trainable=False)

        def value():
            m = tf.reshape(w, [-1, shape[-1]])
            v = tf.stop_gradient(tf.math.l2_normalize(m @ u, epsilon=1e-12))
            t = tf.matmul(m, v, transpose_a=True)
            new = tf.stop_gradient(tf.math.l2_normalize(t, epsilon=1e-12))
            u.assign(new)
            return w / tf.reduce_sum(t * new)
        return value

    def conv(self, i, o, k, bias=True):
        w = self.normed(k, k, i, o)
        b = self.weight(tf.zeros([o])) if bias else None

        def apply(x):
            y = tf.nn.conv2d(x, w(), 1, "SAME")
            return y if b is None else tf.nn.bias_add(y, b)
        return apply

    def dense(self, i, o):
        w, b = self.normed(i, o), self.weight(tf.zeros([o]))
        return lambda x: x @ w() + b

    def batch_norm(self, c, conditional):
        n = a.classes if conditional else 1
        gain, bias = self.weight(tf.ones([n, c])), self.weight(tf.zeros([n, c]))
        mean, var = tf.Variable(tf.zeros([c]), trainable=False), tf.Variable(tf.ones([c]), trainable=False)

        def apply(x, y=None):
            g, b = (tf.gather(gain, y)[:, None, None], tf.gather(bias, y)[:, None, None]) if conditional \
                else (gain[0], bias[0])
            x, m, v = tf.compat.v1.nn.fused_batch_norm(x, tf.ones([c]), tf.zeros([c]), epsilon=1e-5)[:3] \
                if conditional else tf.compat.v1.nn.fused_batch_norm(x, g, b, epsilon=1e-5)[:3]
            mean.assign(0.9 * mean + 0.1 * m)
            var.assign(0.9 * var + 0.1 * v)
            return x * g + b if conditional else x
        return apply

    def attention(self, c):
        q, k, v, o = self.conv(c, c // 8, 1, False), self.conv(c, c // 8, 1, False), \
            self.conv(c, c // 2, 1, False), self.conv(c // 2, c, 1, False)
        gamma = self.weight(tf.zeros([]))

        def apply(x):
            n, h, w = x.shape[0], x.shape[1], x.shape[2]
            flat = lambda t: tf.reshape(t, [n, -1, t.shape[-1]])
            keys, values = flat(tf.nn.max_pool2d(k(x), 2, 2, "VALID")), flat(tf.nn.max_pool2d(v(x), 2, 2, "VALID"))
            s = tf.nn.softmax(tf.matmul(flat(q(x)), keys, transpose_b=True))
            return x + gamma * o(tf.reshape(s @ values, [n, h, w, c // 2]))
        return apply


def up(x):
    """Nearest neighbours, the faster of the ways to say it."""
    n, h, w, c = x.shape
    return tf.reshape(tf.broadcast_to(x[:, :, None, :, None], [n, h, 2, w, 2, c]), [n, 2 * h, 2 * w, c])


def pool(x):
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")


class Generator(Net):
    def __init__(self, c):
        super().__init__()
        self.c, self.first = c, self.dense(128, BASE * BASE * c)
        self.blocks = [self.block(c) for _ in range(NBLOCK)]
        self.att, self.norm, self.out = self.attention(c), self.batch_norm(c, False), self.conv(c, a.img, 3)

    def block(self, c):
        n1, n2 = self.batch_norm(c, True), self.batch_norm(c, True)
        skip, c1, c2 = self.conv(c, c, 1), self.conv(c, c, 3), self.conv(c, c, 3)
        return lambda x, y: c2(tf.nn.relu(n2(c1(up(tf.nn.relu(n1(x, y)))), y))) + skip(up(x))

    def __call__(self, z, y):
        x = tf.reshape(self.first(z), [-1, BASE, BASE, self.c])
        for i, b in enumerate(self.blocks):
            x = b(x, y)
            if i + 1 == ATT_G:
                x = self.att(x)
        return tf.tanh(self.out(tf.nn.relu(self.norm(x))))


class Discriminator(Net):
    def __init__(self, c):
        super().__init__()
        down = [True, True, False, False] if a.size <= 32 else [True] * (NBLOCK - 1) + [False]
        self.blocks = [self.block(a.img, c, True, True)] + [self.block(c, c, d) for d in down[1:]]
        self.att, self.last, self.embed = self.attention(c), self.dense(c, 1), self.normed(a.classes, c)

    def block(self, i, o, down, first=False):
        skip = self.conv(i, o, 1) if down or i != o else None
        c1, c2 = self.conv(i, o, 3), self.conv(o, o, 3)

        def apply(x):
            r = c2(tf.nn.relu(c1(x if first else tf.nn.relu(x))))
            r = pool(r) if down else r
            if skip is None:
                return r + x
            return r + (skip(pool(x)) if first else pool(skip(x)) if down else skip(x))
        return apply

    def __call__(self, x, y):
        for i, b in enumerate(self.blocks):
            x = b(x)
            if i == 0:
                x = self.att(x)
        h = tf.reduce_sum(tf.nn.relu(x), [1, 2])
        return self.last(h)[:, 0] + tf.reduce_sum(tf.gather(self.embed(), y) * h, 1)


class Adam:
    """As torch.optim.Adam with beta1 = 0, beta2 = 0.9: the moment is the gradient itself."""

    def __init__(self, weights, rate):
        self.weights, self.rate, self.t = weights, rate, tf.Variable(0.0)
        self.v = [tf.Variable(tf.zeros_like(w)) for w in weights]

    def step(self, grads):
        self.t.assign_add(1.0)
        fix = tf.sqrt(1 - tf.pow(0.9, self.t))
        for w, v, g in zip(self.weights, self.v, grads):
            g = tf.convert_to_tensor(g)
            v.assign(0.9 * v + 0.1 * g * g)
            w.assign_sub(self.rate * g / (tf.sqrt(v) / fix + 1e-8))


g, d = Generator(a.gch), Discriminator(a.dch)
opt_g, opt_d = Adam(g.weights, 1e-4), Adam(d.weights, 4e-4)
B = a.batch
real = tf.random.uniform([B, a.size, a.size, a.img], -1, 1)
real_y = tf.random.uniform([B], 0, a.classes, tf.int32)


def latent():
    return tf.random.normal([B, 128]), tf.random.uniform([B], 0, a.classes, tf.int32)


@tf.function(jit_compile=a.xla)
def step():
    z, y = latent()
    fake = g(z, y)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(d.weights)
        if a.joint:
            dr, df = tf.split(d(tf.concat([real, fake], 0), tf.concat([real_y, y], 0)), 2)
        else:
            dr, df = d(real, real_y), d(fake, y)
        loss = tf.reduce_mean(tf.nn.relu(1 - dr)) + tf.reduce_mean(tf.nn.relu(1 + df))
    opt_d.step(tape.gradient(loss, d.weights))
    z, y = latent()
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(g.weights)
        loss = -tf.reduce_mean(d(g(z, y), y))
    opt_g.step(tape.gradient(loss, g.weights))
    return loss


for _ in range(2):
    step().numpy()
times = []
for _ in range(a.steps):
    t = time.perf_counter()
    step().numpy()
    times.append(time.perf_counter() - t)
count = lambda net: sum(int(tf.size(w)) for w in net.weights)
print(json.dumps({**vars(a), "tensorflow": tf.__version__, "params": {"G": count(g), "D": count(d)},
                  "median_s": statistics.median(times), "min_s": min(times),
                  "images_per_s": B / statistics.median(times),
                  "maxrss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
