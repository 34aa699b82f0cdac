#!/usr/bin/env python3
"""Local SGD on the hyperbola in float32, as experienced users of other libraries would write it.

    peers.py LIBRARY LAW REPLICAS ROUNDS REPETITIONS      LIBRARY = numpy | jax | torch | numba, LAW = gaussian | signs

L = (xy - 1)^2/2 from (2, 1/2), K = 4 workers, H = 32, eta = 0.05, label noise 0.5 z a worker and step, z normal or a fair
sign. Replicas go in blocks that stay in the cache. With signs every library takes the bits of whole words. Prints a line of
JSON: worker-steps/s of every repetition after a first one, and the mean of x^2 - y^2, by which run.py sees that all compute
the same. Exit code 77: the library is not installed.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import time_peer

LIBRARY, LAW = sys.argv[1:3]
REPLICAS, ROUNDS, REPETITIONS = map(int, sys.argv[3:6])
WORKERS, PERIOD, ETA, DELTA = 4, 32, 0.05, 0.5
SIGNS = LAW == "signs"


def numpy_runner():
    import numpy as np

    eta, delta, one = np.float32(ETA), np.float32(DELTA), np.float32(1)
    block = min(REPLICAS, 4096)

    def advance(generator):
        big_x, big_y = np.full(block, 2, np.float32), np.full(block, 0.5, np.float32)
        x, y, z, residual, move = np.empty((5, WORKERS, block), np.float32)
        for _ in range(ROUNDS):
            x[:], y[:] = big_x, big_y
            if SIGNS:
                words = generator.integers(0, 1 << 32, size=(WORKERS, block), dtype=np.uint32)
            for _ in range(PERIOD):
                if SIGNS:  # the highest bit of the word becomes the sign of delta
                    z = ((words & np.uint32(0x80000000)) | np.uint32(0x3F000000)).view(np.float32)
                    words <<= np.uint32(1)
                else:
                    generator.standard_normal(dtype=np.float32, out=z)
                    z *= delta
                np.multiply(x, y, out=residual)
                residual -= one
                residual -= z
                residual *= eta
                np.multiply(residual, y, out=move)
                residual *= x
                x -= move
                y -= residual
            big_x, big_y = x.mean(0), y.mean(0)
        return big_x.astype(np.float64) ** 2 - big_y.astype(np.float64) ** 2

    def run(seed):
        generator = np.random.Generator(np.random.SFC64(seed))
        return np.concatenate([advance(generator) for _ in range(REPLICAS // block)])

    return run


def jax_runner():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_prng_impl", "rbg")  # its fastest on a CPU
    block = min(REPLICAS, 2048)

    def advance(key):
        def one_round(n, averages):
            own = jax.random.fold_in(key, n)
            x, y = (jnp.broadcast_to(a, (WORKERS, block)) for a in averages)
            if SIGNS:
                words = jax.random.bits(own, (WORKERS, block), jnp.uint32)
            else:
                normals = jax.random.normal(own, (PERIOD, WORKERS, block))
            for h in range(PERIOD):
                if SIGNS:
                    one_or_minus_one = (words << h) & jnp.uint32(0x80000000) | jnp.uint32(0x3F800000)
                    z = jax.lax.bitcast_convert_type(one_or_minus_one, jnp.float32)
                else:
                    z = normals[h]
                residual = ETA * (x * y - 1 - DELTA * z)
                x, y = x - residual * y, y - residual * x
            return x.mean(0), y.mean(0)

        start = jnp.full(block, 2.0, jnp.float32), jnp.full(block, 0.5, jnp.float32)
        x, y = jax.lax.fori_loop(0, ROUNDS, one_round, start)
        return x * x - y * y

    compiled = jax.jit(lambda key: jax.lax.map(advance, jax.random.split(key, REPLICAS // block)).reshape(-1))
    return lambda seed: compiled(jax.random.key(seed)).block_until_ready()


def torch_runner():
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    block = min(REPLICAS, 8192 if SIGNS else 2048)
    noise = torch.empty(WORKERS, block, dtype=torch.int32) if SIGNS else torch.empty(PERIOD, WORKERS, block)

    def one_round(big_x, big_y, noise):
        x, y = big_x.expand(WORKERS, block), big_y.expand(WORKERS, block)
        for h in range(PERIOD):
            z = (((noise >> h) & 1) * 2 - 1).to(torch.float32) if SIGNS else noise[h]
            residual = ETA * (x * y - 1 - DELTA * z)
            x, y = x - residual * y, y - residual * x
        return x.mean(0), y.mean(0)

    compiled = torch.compile(one_round)

    def run(seed):
        torch.manual_seed(seed)
        parts = []
        for _ in range(REPLICAS // block):
            x, y = torch.full((block,), 2.0), torch.full((block,), 0.5)
            for _ in range(ROUNDS):
                if SIGNS:
                    noise.random_(-(2**31), 2**31 - 1)
                else:
                    noise.normal_()
                x, y = compiled(x, y, noise)
            parts.append(x.double() ** 2 - y.double() ** 2)
        return torch.cat(parts)

    return run


def numba_runner():
    """Its own Philox and Box-Muller on arrays of 64 replicas, which LLVM turns into SIMD; fastmath."""
    import numba
    import numpy as np
    from numba import uint32, uint64

    numba.set_num_threads(1)
    f32, lanes = np.float32, 64
    eta, delta, one = f32(ETA), f32(DELTA), f32(1)
    jit = numba.njit(fastmath=True, inline="always")

    @jit
    def philox(c0, c1, c2, c3, seed):
        k0, k1 = uint32(seed), uint32(0)
        for _ in range(10):
            for i in range(lanes):
                p0, p1 = uint64(0xD2511F53) * uint64(c0[i]), uint64(0xCD9E8D57) * uint64(c2[i])
                first = uint32(p1 >> uint64(32)) ^ c1[i] ^ k0
                third = uint32(p0 >> uint64(32)) ^ c3[i] ^ k1
                c0[i], c1[i], c2[i], c3[i] = first, uint32(p1), third, uint32(p0)
            k0, k1 = uint32(k0 + uint32(0x9E3779B9)), uint32(k1 + uint32(0xBB67AE85))

    @jit
    def box_muller(radius_words, angle_words, z0, z1, u, u_bits, radius):
        for i in range(lanes):
            u[i] = f32(radius_words[i]) * f32(2.3283064e-10) + f32(1.1641532e-10)
        for i in range(lanes):
            exponent = (u_bits[i] - np.int32(0x3F3504F3)) >> np.int32(23)
            u_bits[i] = np.int32(u_bits[i] - (exponent << np.int32(23)))
            radius[i] = f32(exponent)
        for i in range(lanes):
            t = u[i] - one
            p = f32(-0.17400872)
            p = p * t + f32(0.2853497)
            p = p * t + f32(-0.29829536)
            p = p * t + f32(0.3315517)
            p = p * t + f32(-0.39926128)
            p = p * t + f32(0.50002674)
            p = p * t + f32(-0.6666782)
            squared = radius[i] * f32(-1.3862944) + t * ((p * t + one) * t + f32(-2.0))
            radius[i] = np.sqrt(max(squared, f32(0.0)))
        for i in range(lanes):
            word = angle_words[i]
            a = f32(word & uint32(0x7FFFFF)) * f32(1.1920929e-07) - f32(0.5)
            q = a * a
            s = (((f32(-0.0045922864) * q + f32(0.0796759)) * q + f32(-0.6459629)) * q + f32(1.5707963)) * a
            c = ((f32(-0.020426234) * q + f32(0.25360636)) * q + f32(-1.233698)) * q + one
            swap = word & uint32(0x20000000)
            first, second = (c if swap else s), (s if swap else c)
            z0[i] = radius[i] * (-first if word & uint32(0x80000000) else first)
            z1[i] = radius[i] * (-second if word & uint32(0x40000000) else second)

    @numba.njit(fastmath=True)
    def gaussian(out, seed):
        w = np.empty((4, lanes), np.uint32)
        z = np.empty((4, lanes), f32)
        x, y, big_x, big_y, sum_x, sum_y, u, radius = np.empty((8, lanes), f32)
        u_bits = u.view(np.int32)
        for first in range(0, out.size, lanes):
            big_x[:], big_y[:] = f32(2), f32(0.5)
            for n in range(ROUNDS):
                sum_x[:], sum_y[:] = f32(0), f32(0)
                for worker in range(WORKERS):
                    x[:], y[:] = big_x, big_y
                    for h in range(0, PERIOD, 4):
                        for i in range(lanes):
                            w[0, i], w[1, i] = uint32(n * PERIOD + h), uint32(first + i)
                            w[2, i], w[3, i] = uint32(worker), uint32(0)
                        philox(w[0], w[1], w[2], w[3], seed)
                        box_muller(w[0], w[1], z[0], z[1], u, u_bits, radius)
                        box_muller(w[2], w[3], z[2], z[3], u, u_bits, radius)
                        for k in range(4):
                            for i in range(lanes):
                                move = eta * (x[i] * y[i] - one - delta * z[k, i])
                                x[i], y[i] = x[i] - move * y[i], y[i] - move * x[i]
                    for i in range(lanes):
                        sum_x[i] += x[i]
                        sum_y[i] += y[i]
                for i in range(lanes):
                    big_x[i], big_y[i] = sum_x[i] * f32(1 / WORKERS), sum_y[i] * f32(1 / WORKERS)
            for i in range(lanes):
                out[first + i] = big_x[i] * big_x[i] - big_y[i] * big_y[i]

    @numba.njit(fastmath=True)
    def signs(out, seed):  # a word serves 32 steps of one worker, four of them come from one Philox
        w = np.empty((4, lanes), np.uint32)
        x, y, big_x, big_y, sum_x, sum_y = np.empty((6, lanes), f32)
        for first in range(0, out.size, lanes):
            big_x[:], big_y[:] = f32(2), f32(0.5)
            for n in range(ROUNDS):
                sum_x[:], sum_y[:] = f32(0), f32(0)
                for i in range(lanes):
                    w[0, i], w[1, i], w[2, i], w[3, i] = uint32(n), uint32(first + i), uint32(0), uint32(0)
                philox(w[0], w[1], w[2], w[3], seed)
                for worker in range(WORKERS):
                    x[:], y[:] = big_x, big_y
                    for h in range(PERIOD):
                        for i in range(lanes):
                            z = delta if (w[worker, i] >> uint32(h)) & uint32(1) else -delta
                            move = eta * (x[i] * y[i] - one - z)
                            x[i], y[i] = x[i] - move * y[i], y[i] - move * x[i]
                    for i in range(lanes):
                        sum_x[i] += x[i]
                        sum_y[i] += y[i]
                for i in range(lanes):
                    big_x[i], big_y[i] = sum_x[i] * f32(1 / WORKERS), sum_y[i] * f32(1 / WORKERS)
            for i in range(lanes):
                out[first + i] = big_x[i] * big_x[i] - big_y[i] * big_y[i]

    def run(seed):
        out = np.empty(REPLICAS, f32)
        (signs if SIGNS else gaussian)(out, seed)
        return out

    return run


if __name__ == "__main__":
    peers = {"numpy": numpy_runner, "jax": jax_runner, "torch": torch_runner, "numba": numba_runner}
    time_peer(peers[LIBRARY], REPETITIONS, lambda _: REPLICAS * WORKERS * PERIOD * ROUNDS, lambda observed: observed)
