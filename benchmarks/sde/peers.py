#!/usr/bin/env python3
"""Paths of two Slow SDEs by projected Euler in float32, as users of other libraries would write them.

    peers.py LIBRARY SYSTEM DIM PATHS STEPS REPETITIONS        LIBRARY = numpy | jax | diffrax | diffrax_vmap | diffrax_tree | torch

SYSTEM circle is the one of toy_models/circle.h (a2 = 2, b2 = 0.4, m = 3), sphere that of toy_models/sphere.h, both to slow
time 0.5. Prints a line of JSON: path-steps/s of every repetition after a first one, and the mean of an observable, by which
run.py sees that all compute the same. Exit code 77: the library is not installed.
"""
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import time_peer

LIBRARY, SYSTEM = sys.argv[1:3]
DIM, PATHS, STEPS, REPETITIONS = map(int, sys.argv[3:7])
TIME = 0.5
STEP = TIME / STEPS
ROOT = STEP**0.5
A2, B2, MULTIPLIER = 2.0, 0.4, 3.0
# The coordinates come first, so that every one is contiguous over the paths.


def numpy_runner():
    import numpy as np

    step, root, a2, b2 = np.float32(STEP), np.float32(ROOT), np.float32(A2), np.float32(B2)
    pull = np.float32(STEP * MULTIPLIER * (A2 - B2))
    block = max(64, min(PATHS, 40960 // DIM))  # stays in the L2 cache

    def circle(generator, count):
        x, y, xi = np.empty((3, count), np.float32)
        x[:], y[:] = START
        for _ in range(STEPS):
            generator.standard_normal(dtype=np.float32, out=xi)
            along = pull * x * y + root * np.sqrt(a2 * y * y + b2 * x * x) * xi
            x, y = x - along * y, y + along * x
            scale = 1 / np.sqrt(x * x + y * y)
            x *= scale
            y *= scale
        return np.stack([x, y])

    def sphere(generator, count):
        z = np.repeat(np.asarray(START, np.float32)[:, None], count, 1)
        xi = np.empty_like(z)
        for _ in range(STEPS):
            generator.standard_normal(dtype=np.float32, out=xi)
            xi *= root
            xi -= z * np.einsum("ij,ij->j", z, xi)
            z += xi
            z *= 1 / np.sqrt(np.einsum("ij,ij->j", z, z))
        return z

    one = circle if SYSTEM == "circle" else sphere

    def run(seed):
        generator = np.random.Generator(np.random.SFC64(seed))
        return np.concatenate([one(generator, block) for _ in range(PATHS // block)], 1)

    return run


def jax_parts():
    import jax
    import jax.numpy as jnp

    start = jnp.asarray(START, jnp.float32)[:, None]

    def tangent_step(z, xi):
        if SYSTEM == "circle":
            x, y = z
            along = STEP * MULTIPLIER * (A2 - B2) * x * y + ROOT * jnp.sqrt(A2 * y * y + B2 * x * x) * xi[0]
            return jnp.stack([x - along * y, y + along * x])
        xi = ROOT * xi
        return z + xi - z * jnp.sum(z * xi, 0)

    def retract(z):
        return z * jax.lax.rsqrt(jnp.sum(z * z, 0))

    return jax, jnp, start, tangent_step, retract


def jax_runner():
    jax, jnp, start, tangent_step, retract = jax_parts()
    shape = (1 if SYSTEM == "circle" else DIM, PATHS)

    def run(key):
        def body(z, k):
            # Without the barrier XLA draws the noise again in every fusion that reads it.
            xi = jax.lax.optimization_barrier(jax.random.normal(jax.random.fold_in(key, k), shape))
            return retract(tangent_step(z, xi)), None

        return jax.lax.scan(body, jnp.broadcast_to(start, (DIM, PATHS)), jnp.arange(STEPS))[0]

    compiled = jax.jit(run)
    return lambda seed: compiled(jax.random.key(seed)).block_until_ready()


def diffrax_runner(how="array"):
    """array: all paths in one array and an UnsafeBrownianPath, its fastest; tree: a VirtualBrownianTree instead, which
    depends on the key alone; vmap: one path under vmap, as its documentation writes an ensemble."""
    jax, jnp, start, _, retract = jax_parts()
    import diffrax
    import lineax

    class ProjectedEuler(diffrax.Euler):
        def step(self, *args, **kwargs):
            y1, error, dense, state, result = super().step(*args, **kwargs)
            y1 = retract(y1)
            return y1, error, dict(dense, y1=y1), state, result

    vmap = how == "vmap"
    paths = () if vmap else (PATHS,)
    noise_shape = (1 if SYSTEM == "circle" else DIM, *paths)

    def drift(_, z, __):
        if SYSTEM == "sphere":
            return jnp.zeros_like(z)
        x, y = z
        pull = MULTIPLIER * (A2 - B2) * x * y
        return jnp.stack([-pull * y, pull * x])

    def apply(z, xi):
        if SYSTEM == "sphere":
            return xi - z * jnp.sum(z * xi, 0)
        x, y = z
        along = jnp.sqrt(A2 * y * y + B2 * x * x) * xi[0]
        return jnp.stack([-along * y, along * x])

    def diffusion(_, z, __):
        return lineax.FunctionLinearOperator(lambda xi: apply(z, xi), jax.ShapeDtypeStruct(noise_shape, z.dtype))

    def solve(key):
        path = diffrax.UnsafeBrownianPath(noise_shape, key)
        if how == "tree":
            path = diffrax.VirtualBrownianTree(0.0, TIME, STEP / 2, noise_shape, key)
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, path))
        solution = diffrax.diffeqsolve(
            terms, ProjectedEuler(), 0.0, TIME, STEP, jnp.broadcast_to(start[:, 0] if vmap else start, (DIM, *paths)),
            saveat=diffrax.SaveAt(t1=True), max_steps=STEPS + 2, adjoint=diffrax.DirectAdjoint(),
        )
        return solution.ys[0]

    def solve_each(key):
        return jax.vmap(solve, out_axes=1)(jax.random.split(key, PATHS))

    compiled = jax.jit(solve_each if vmap else solve)
    return lambda seed: compiled(jax.random.key(seed)).block_until_ready()


def torch_runner():
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    block = max(64, min(PATHS, 81920 // DIM))

    def advance(z, xi):
        if SYSTEM == "circle":
            x, y = z
            along = STEP * MULTIPLIER * (A2 - B2) * x * y + ROOT * torch.sqrt(A2 * y * y + B2 * x * x) * xi[0]
            z = torch.stack([x - along * y, y + along * x])
        else:
            xi = ROOT * xi
            z = z + xi - z * (z * xi).sum(0)
        return z * torch.rsqrt((z * z).sum(0))

    compiled = torch.compile(advance)

    def run(seed):
        torch.manual_seed(seed)
        parts = []
        for _ in range(PATHS // block):
            z = torch.tensor(START)[:, None].repeat(1, block)
            xi = torch.empty(1 if SYSTEM == "circle" else DIM, block)
            for _ in range(STEPS):
                z = compiled(z, xi.normal_())
            parts.append(z)
        return torch.cat(parts, 1)

    return run


def main():
    global START
    START = [math.cos(0.6), math.sin(0.6)] if SYSTEM == "circle" else [1.0] + [0.0] * (DIM - 1)
    runners = {"numpy": numpy_runner, "jax": jax_runner, "diffrax": diffrax_runner, "torch": torch_runner,
               "diffrax_tree": lambda: diffrax_runner("tree"), "diffrax_vmap": lambda: diffrax_runner("vmap")}
    time_peer(runners[LIBRARY], REPETITIONS, lambda z: z.shape[1] * STEPS,
              lambda z: z[0] ** 2 - z[1] ** 2 if SYSTEM == "circle" else z[0])


if __name__ == "__main__":
    main()
