"""Triton's kernels: the steps through time of each cell, and dropout's draws, for all members in one launch.

One program steps a tile of one member's texts through all of its time: the state stays in registers, the
recurrent weights in the cache. Inputs' products and weights' gradients are batched products as ever. Gates in
PyTorch's order; equations as in `rnnsweep.networks.equations`.

Layouts, contiguous: gates (K, T, B, G), weights (K, G, H), everything of a state (K, T, B, H); H is filled up
to P, a power of two, and texts to tiles of R rows.
"""

import triton
import triton.language as tl


@triton.jit
def _tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def _rows(k, B, R: tl.constexpr, P: tl.constexpr, H):
    """Return the tile's texts, the units, and which of both there are."""
    b = tl.program_id(1) * R + tl.arange(0, R)[:, None]
    j = tl.arange(0, P)[None, :]
    return b, j, (b < B) & (j < H)


@triton.jit
def _across(w, k, gate, G, H, P: tl.constexpr):
    """Load one gate's recurrent weights turned round: from a state's unit (rows) to the gate's (columns)."""
    i = tl.arange(0, P)[:, None]
    j = tl.arange(0, P)[None, :]
    return tl.load(w + (k * G + gate * H + j) * H + i, mask=(i < H) & (j < H), other=0.0)


@triton.jit
def _back(w, k, gate, G, H, P: tl.constexpr):
    """Load one gate's recurrent weights: from the gate's unit (rows) to a state's (columns)."""
    i = tl.arange(0, P)[:, None]
    j = tl.arange(0, P)[None, :]
    return tl.load(w + (k * G + gate * H + i) * H + j, mask=(i < H) & (j < H), other=0.0)


@triton.jit
def _dot(a, b):
    # three products of tensor cores, as good as single precision; plain FMAs unroll to a megabyte of code
    return tl.dot(a, b, input_precision="tf32x3")


@triton.jit
def rnn_forward(x, w, ends, T, B, H, R: tl.constexpr, P: tl.constexpr):
    """Replace the inputs' part by the states.

    Args:
        x: (K, T, B, H), the inputs' part of the sums; replaced by the states.
        w: (K, H, H), recurrent weights.
        ends: (K), steps of each member.
    """
    k = tl.program_id(0)
    b, j, there = _rows(k, B, R, P, H)
    h = tl.zeros((R, P), tl.float32)
    for t in range(tl.load(ends + k)):
        at = x + ((k * T + t) * B + b) * H + j
        h = _tanh(tl.load(at, mask=there, other=0.0) + _dot(h, _across(w, k, 0, H, H, P)))
        h = tl.where(there, h, 0.0)
        tl.store(at, h, mask=there)


@triton.jit
def rnn_backward(h, grad_output, w, ends, out, T, B, H, R: tl.constexpr, P: tl.constexpr):
    """Write the gradient of the gate's sums.

    Args:
        h: (K, T, B, H), the states.
        grad_output: (K, T, B, H).
        w: (K, H, H), recurrent weights.
        ends: (K), steps of each member.
        out: (K, T, B, H), is written.
    """
    k = tl.program_id(0)
    b, j, there = _rows(k, B, R, P, H)
    carried = tl.zeros((R, P), tl.float32)
    last = tl.load(ends + k) - 1
    for step in range(last + 1):
        at = ((k * T + last - step) * B + b) * H + j
        state = tl.load(h + at, mask=there, other=0.0)
        d = (tl.load(grad_output + at, mask=there, other=0.0) + carried) * (1 - state * state)
        tl.store(out + at, d, mask=there)
        carried = _dot(d, _back(w, k, 0, H, H, P))


@triton.jit
def gru_forward(x, w, bias, ends, candidates, out, T, B, H, R: tl.constexpr, P: tl.constexpr):
    """Compute all steps of a GRU.

    Args:
        x: (K, T, B, G), the inputs' part of the sums; replaced by the gates.
        w: (K, G, H), recurrent weights.
        bias: (K, G), of the state's part.
        ends: (K), steps of each member.
        candidates: (K, T, B, H), is written: the state's part of the candidate.
        out: (K, T, B, H), is written: the states.
    """
    k = tl.program_id(0)
    b, j, there = _rows(k, B, R, P, H)
    own = bias + k * 3 * H + j
    h = tl.zeros((R, P), tl.float32)
    for t in range(tl.load(ends + k)):
        at = (k * T + t) * B + b
        gate = x + at * 3 * H + j
        part = _dot(h, _across(w, k, 0, 3 * H, H, P)) + tl.load(own, mask=j < H, other=0.0)
        r = tl.sigmoid(tl.load(gate, mask=there, other=0.0) + part)
        part = _dot(h, _across(w, k, 1, 3 * H, H, P)) + tl.load(own + H, mask=j < H, other=0.0)
        z = tl.sigmoid(tl.load(gate + H, mask=there, other=0.0) + part)
        part = _dot(h, _across(w, k, 2, 3 * H, H, P)) + tl.load(own + 2 * H, mask=j < H, other=0.0)
        n = _tanh(tl.load(gate + 2 * H, mask=there, other=0.0) + r * part)
        h = tl.where(there, n + z * (h - n), 0.0)
        tl.store(gate, r, mask=there)
        tl.store(gate + H, z, mask=there)
        tl.store(gate + 2 * H, n, mask=there)
        tl.store(candidates + at * H + j, part, mask=there)
        tl.store(out + at * H + j, h, mask=there)


@triton.jit
def gru_backward(
    gates, candidates, h, grad_output, w, ends, out, state_out, T, B, H, R: tl.constexpr, P: tl.constexpr
):
    """Compute the gradient of all steps of a GRU.

    Args:
        gates: (K, T, B, G).
        candidates: (K, T, B, H), the state's part of the candidate.
        h: (K, T, B, H), the states.
        grad_output: (K, T, B, H).
        w: (K, G, H), recurrent weights.
        ends: (K), steps of each member.
        out: (K, T, B, G), is written: gradient of the sums, as the inputs enter them.
        state_out: (K, T, B, G), is written: the same, as the state enters them.
    """
    k = tl.program_id(0)
    b, j, there = _rows(k, B, R, P, H)
    carried = tl.zeros((R, P), tl.float32)
    last = tl.load(ends + k) - 1
    for step in range(last + 1):
        t = last - step
        at = (k * T + t) * B + b
        gate, place = gates + at * 3 * H + j, at * H + j
        r = tl.load(gate, mask=there, other=0.0)
        z = tl.load(gate + H, mask=there, other=0.0)
        n = tl.load(gate + 2 * H, mask=there, other=0.0)
        before = tl.load(h + place - B * H, mask=there & (t + 0 * j > 0), other=0.0)
        total = tl.load(grad_output + place, mask=there, other=0.0) + carried
        inner = total * (1 - z) * (1 - n * n)
        dr = inner * tl.load(candidates + place, mask=there, other=0.0) * r * (1 - r)
        dz = total * (before - n) * z * (1 - z)
        to, state_to = out + at * 3 * H + j, state_out + at * 3 * H + j
        tl.store(to, dr, mask=there)
        tl.store(to + H, dz, mask=there)
        tl.store(to + 2 * H, inner, mask=there)
        tl.store(state_to, dr, mask=there)
        tl.store(state_to + H, dz, mask=there)
        tl.store(state_to + 2 * H, inner * r, mask=there)
        carried = total * z + _dot(dr, _back(w, k, 0, 3 * H, H, P))
        carried += _dot(dz, _back(w, k, 1, 3 * H, H, P)) + _dot(inner * r, _back(w, k, 2, 3 * H, H, P))


@triton.jit
def lstm_forward(x, w, ends, memory, tanh_memory, out, T, B, H, R: tl.constexpr, P: tl.constexpr):
    """Compute all steps of an LSTM.

    Args:
        x: (K, T, B, G), the inputs' part of the sums; replaced by the gates.
        w: (K, G, H), recurrent weights.
        ends: (K), steps of each member.
        memory: (K, T, B, H), is written.
        tanh_memory: (K, T, B, H), is written.
        out: (K, T, B, H), is written: the states.
    """
    k = tl.program_id(0)
    b, j, there = _rows(k, B, R, P, H)
    h = tl.zeros((R, P), tl.float32)
    c = tl.zeros((R, P), tl.float32)
    for t in range(tl.load(ends + k)):
        at = (k * T + t) * B + b
        gate, place = x + at * 4 * H + j, at * H + j
        i = tl.sigmoid(tl.load(gate, mask=there, other=0.0) + _dot(h, _across(w, k, 0, 4 * H, H, P)))
        f = tl.sigmoid(tl.load(gate + H, mask=there, other=0.0) + _dot(h, _across(w, k, 1, 4 * H, H, P)))
        g = _tanh(tl.load(gate + 2 * H, mask=there, other=0.0) + _dot(h, _across(w, k, 2, 4 * H, H, P)))
        o = tl.sigmoid(tl.load(gate + 3 * H, mask=there, other=0.0) + _dot(h, _across(w, k, 3, 4 * H, H, P)))
        c = f * c + i * g
        s = _tanh(c)
        h = tl.where(there, o * s, 0.0)
        tl.store(gate, i, mask=there)
        tl.store(gate + H, f, mask=there)
        tl.store(gate + 2 * H, g, mask=there)
        tl.store(gate + 3 * H, o, mask=there)
        tl.store(memory + place, c, mask=there)
        tl.store(tanh_memory + place, s, mask=there)
        tl.store(out + place, h, mask=there)


@triton.jit
def lstm_backward(
    gates, memory, tanh_memory, grad_output, w, ends, out, T, B, H, R: tl.constexpr, P: tl.constexpr
):
    """Compute the gradient of all steps of an LSTM.

    Args:
        gates: (K, T, B, G).
        memory: (K, T, B, H).
        tanh_memory: (K, T, B, H).
        grad_output: (K, T, B, H).
        w: (K, G, H), recurrent weights.
        ends: (K), steps of each member.
        out: (K, T, B, G), is written: gradient of the sums.
    """
    k = tl.program_id(0)
    b, j, there = _rows(k, B, R, P, H)
    carried = tl.zeros((R, P), tl.float32)
    carried_memory = tl.zeros((R, P), tl.float32)
    last = tl.load(ends + k) - 1
    for step in range(last + 1):
        t = last - step
        at = (k * T + t) * B + b
        gate, place, to = gates + at * 4 * H + j, at * H + j, out + at * 4 * H + j
        i = tl.load(gate, mask=there, other=0.0)
        f = tl.load(gate + H, mask=there, other=0.0)
        g = tl.load(gate + 2 * H, mask=there, other=0.0)
        o = tl.load(gate + 3 * H, mask=there, other=0.0)
        s = tl.load(tanh_memory + place, mask=there, other=0.0)
        before = tl.load(memory + place - B * H, mask=there & (t + 0 * j > 0), other=0.0)
        total = tl.load(grad_output + place, mask=there, other=0.0) + carried
        c = carried_memory + total * o * (1 - s * s)
        di, df, dg, do = (
            c * g * i * (1 - i),
            c * before * f * (1 - f),
            c * i * (1 - g * g),
            total * s * o * (1 - o),
        )
        tl.store(to, di, mask=there)
        tl.store(to + H, df, mask=there)
        tl.store(to + 2 * H, dg, mask=there)
        tl.store(to + 3 * H, do, mask=there)
        carried_memory = c * f
        carried = _dot(di, _back(w, k, 0, 4 * H, H, P)) + _dot(df, _back(w, k, 1, 4 * H, H, P))
        carried += _dot(dg, _back(w, k, 2, 4 * H, H, P)) + _dot(do, _back(w, k, 3, 4 * H, H, P))


@triton.jit
def draw(keys, steps, least, scales, out, site, count, W: tl.constexpr):
    """Write dropout's factors: a member's scale where a word reaches its least, else 0.

    Args:
        keys: (K, 2), halves of each member's seed.
        steps: (K), number of each member's step.
        least: (K), words below are dropped.
        scales: (K), of what is kept.
        out: (K, count), is written.
        site: place in the network.
        count: numbers of a member.
        W: counters of a program.
    """
    k = tl.program_id(0)
    first = (tl.program_id(1) * W + tl.arange(0, W)).to(tl.uint32)
    nothing = first * 0
    seed = tl.load(keys + 2 * k) | (tl.load(keys + 2 * k + 1) << 32)
    place, step = nothing + site.to(tl.uint32), nothing + tl.load(steps + k).to(tl.uint32)
    one, two, three, four = tl.philox(seed, first, place, step, nothing)
    enough, scale = tl.load(least + k), tl.load(scales + k)
    to = first.to(tl.int64) * 4
    tl.store(out + k * count + to, tl.where(one.to(tl.int64) >= enough, scale, 0.0), mask=to < count)
    tl.store(out + k * count + to + 1, tl.where(two.to(tl.int64) >= enough, scale, 0.0), mask=to + 1 < count)
    tl.store(
        out + k * count + to + 2, tl.where(three.to(tl.int64) >= enough, scale, 0.0), mask=to + 2 < count
    )
    tl.store(out + k * count + to + 3, tl.where(four.to(tl.int64) >= enough, scale, 0.0), mask=to + 3 < count)
