# mypy: ignore-errors
"""All time steps of a recurrent layer of few units, forward and backward, compiled by Numba; see `recurrence`.

PyTorch's kernels are made for hundreds of units; with fifteen they spend their time on getting from one step to the
next. Here a step is two small products and a few passes over numbers that lie side by side, which run in vector
registers, exponential and tanh included. A step back is the derivative written out. What is computed and why is said by
the cells that can be read (`layers.recurrent`); tested equal to them. Compiled when first used, which takes some
seconds, and kept on disk.

A row is what one gate has for all units and sequences, M·B numbers. A gradient by a value is called d_ and its name.

Shapes: B sequences, T time steps, D features of an input, M units, G rows of the weights for each unit (RNN 1, GRU 3,
LSTM 4).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

ELMAN, GRU, LSTM = range(3)

# A product and a sum may be one instruction, and nothing else: infinities and NaN stay what they are.
SETTINGS = {"error_model": "numpy", "fastmath": {"contract"}}
compiled = njit(nogil=True, cache=True, **SETTINGS)


def exp(z):
    """eᶻ; where compiled, `exp_of`."""
    return math.exp(z)


def tanh(z):
    """tanh z; where compiled, `tanh_of`."""
    return math.tanh(z)


@overload(exp, jit_options=SETTINGS)
def exp_of(z):
    """In float32 without a branch: eᶻ = 2ⁿ eʳ with |r| ≤ ln 2 / 2 and a polynomial for eʳ (Moshier's Cephes)."""
    if z != types.float32:
        return lambda z: math.exp(z)
    most, least = np.float32(88), np.float32(-87)
    log2_e, ln2_high, ln2_low = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
    rounder = np.float32(3 << 22)  # added to a number, it leaves the nearest integer in the lowest bits
    a, b, c = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
    d, e, f = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)

    def single(z):
        z = most if z > most else z
        z = least if z < least else z
        rounded = np.float32(z * log2_e + rounder)
        n = rounded - rounder
        r = z - n * ln2_high - n * ln2_low
        power = (((((a * r + b) * r + c) * r + d) * r + e) * r + f) * r * r + r + np.float32(1)
        two_to_n = np.int32((np.float32(rounded).view(np.int32) << np.int32(23)) + np.int32(127 << 23))
        return power * np.int32(two_to_n).view(np.float32)

    return single


@overload(tanh, jit_options=SETTINGS)
def tanh_of(z):
    """In float32 without a branch: a polynomial near 0, else 1 − 2 / (e²ᶻ + 1) (Moshier's Cephes)."""
    if z != types.float32:
        return lambda z: math.tanh(z)
    one, two, near = np.float32(1), np.float32(2), np.float32(0.625)
    a, b, c = np.float32(-5.70498872745e-3), np.float32(2.06390887954e-2), np.float32(-5.37397155531e-2)
    d, e = np.float32(1.33314422036e-1), np.float32(-3.33332819422e-1)

    def single(z):
        s = z * z
        polynomial = ((((a * s + b) * s + c) * s + d) * s + e) * s * z + z
        return polynomial if abs(z) < near else one - two / (exp(two * z) + one)

    return single


@compiled
def add(total, more):
    """To numbers, in place."""
    for n in range(len(total)):
        total[n] += more[n]


@compiled
def read(sequences, t, step):
    """`step` (B, N) becomes time step t of `sequences` (B, T, N)."""
    for b in range(step.shape[0]):
        for n in range(step.shape[1]):
            step[b, n] = sequences[b, t, n]


@compiled
def write(sequences, t, step):
    """The other way."""
    for b in range(step.shape[0]):
        for n in range(step.shape[1]):
            sequences[b, t, n] = step[b, n]


@compiled
def begin(row, state):
    """`row` (M·B,) becomes `state` (B, M)."""
    for b in range(state.shape[0]):
        for m in range(state.shape[1]):
            row[m * state.shape[0] + b] = state[b, m]


@compiled
def gate(z, y):
    """z becomes σ(z + y)."""
    one = z.dtype.type(1)
    for n in range(len(z)):
        z[n] = one / (one + exp(-(z[n] + y[n])))


# The cells: z (G, M·B) is what comes from the input and becomes the gates, y = U hₜ₋₁. Each loop writes to few rows, so
# that the compiler can tell that no row is another.


@compiled
def elman(z, y, h):
    """hₜ = tanh(z + y)."""
    for n in range(len(h)):
        h[n] = tanh(z[0, n] + y[0, n])


@compiled
def elman_back(h, d_h, d_z):
    """Fills d_z."""
    one = h.dtype.type(1)
    for n in range(len(h)):
        d_z[0, n] = d_h[n] * (one - h[n] * h[n])


@compiled
def lstm(z, y, c_before, c, h):
    """Gates in PyTorch's order: input, forget, candidate, output."""
    i, f, g, o, of_state = z[0], z[1], z[2], z[3], y[2]
    gate(i, y[0])
    gate(f, y[1])
    gate(o, y[3])
    for n in range(len(c)):
        g[n] = tanh(g[n] + of_state[n])
    for n in range(len(c)):
        c[n] = f[n] * c_before[n] + i[n] * g[n]
    for n in range(len(c)):
        h[n] = o[n] * tanh(c[n])


@compiled
def lstm_back(z, c_before, c, d_h, d_c, d_z):
    """Fills d_z; d_c becomes that of the step before."""
    one = c.dtype.type(1)
    i, f, g, o = z[0], z[1], z[2], z[3]
    d_i, d_f, d_g, d_o = d_z[0], d_z[1], d_z[2], d_z[3]
    for n in range(len(c)):
        shown = tanh(c[n])
        d_c[n] += d_h[n] * o[n] * (one - shown * shown)
        d_o[n] = d_h[n] * shown * o[n] * (one - o[n])
    for n in range(len(c)):
        d_i[n] = d_c[n] * g[n] * i[n] * (one - i[n])
    for n in range(len(c)):
        d_g[n] = d_c[n] * i[n] * (one - g[n] * g[n])
    for n in range(len(c)):
        d_f[n] = d_c[n] * c_before[n] * f[n] * (one - f[n])
    for n in range(len(c)):
        d_c[n] *= f[n]


@compiled
def gru(z, y, h_before, h, of_state):
    """Gates in PyTorch's order: reset, update, candidate. `of_state` is filled with the last row of y."""
    one = h.dtype.type(1)
    reset, update, candidate, last = z[0], z[1], z[2], y[2]
    gate(reset, y[0])
    gate(update, y[1])
    for n in range(len(h)):
        of_state[n] = last[n]
    for n in range(len(h)):
        candidate[n] = tanh(candidate[n] + reset[n] * of_state[n])
    for n in range(len(h)):
        h[n] = update[n] * h_before[n] + (one - update[n]) * candidate[n]


@compiled
def gru_back(z, of_state, h_before, d_h, d_z, d_y):
    """Fills d_z and d_y; d_h becomes what goes past the product to the step before."""
    one = of_state.dtype.type(1)
    reset, update, candidate = z[0], z[1], z[2]
    d_reset, d_update, d_candidate, d_of_state = d_z[0], d_z[1], d_z[2], d_y[2]
    for n in range(len(d_h)):
        d_update[n] = d_h[n] * (h_before[n] - candidate[n]) * update[n] * (one - update[n])
    for n in range(len(d_h)):
        d_candidate[n] = d_h[n] * (one - update[n]) * (one - candidate[n] * candidate[n])
    for n in range(len(d_h)):
        d_reset[n] = d_candidate[n] * of_state[n] * reset[n] * (one - reset[n])
    for n in range(len(d_h)):
        d_of_state[n] = d_candidate[n] * reset[n]
    for n in range(len(d_h)):
        d_h[n] *= update[n]
    for n in range(len(d_h)):
        d_y[0, n] = d_reset[n]
    for n in range(len(d_h)):
        d_y[1, n] = d_update[n]


@compiled
def forward(kind, x, W, U, bias, h, c):
    """All time steps.

    Args:
        kind: `ELMAN`, `GRU` or `LSTM`.
        x: (B, T, D).
        W: (G·M, D).
        U: (G·M, M).
        bias: (G·M,).
        h: (B, M), before the first step.
        c: the same for the memory of an LSTM; of others not looked at.

    Returns:
        states h (1 + T, M, B), of which the first is the one given; beside them (1 + T, M·B) an LSTM's memories c, or
        what a GRU's candidates have from the state; and the gates (T, G, M·B).
    """
    (sequences, steps, features), (rows, units) = x.shape, U.shape
    states = np.empty((1 + steps, units, sequences), x.dtype)
    beside = np.empty((1 + steps, units * sequences), x.dtype)
    gates = np.empty((steps, rows // units, units * sequences), x.dtype)
    flat, y, now = states.reshape(1 + steps, -1), np.empty_like(gates[0]), np.empty((sequences, features), x.dtype)
    of_state = y.reshape(rows, sequences)
    begin(flat[0], h)
    begin(beside[0], c)
    for t in range(steps):
        z = gates[t]
        of_input = z.reshape(rows, sequences)
        read(x, t, now)
        np.dot(W, now.T, of_input)
        np.dot(U, states[t], of_state)
        for r in range(rows):
            for b in range(sequences):
                of_input[r, b] += bias[r]
        if kind == LSTM:
            lstm(z, y, beside[t], beside[t + 1], flat[t + 1])
        elif kind == GRU:
            gru(z, y, flat[t], flat[t + 1], beside[t + 1])
        else:
            elman(z, y, flat[t + 1])
    return states, beside, gates


@compiled
def backward(kind, d_states, x, W, U, states, beside, gates):
    """The gradients of x, W, U, bias, and of h and c before the first step, (M, B) each.

    Args:
        kind: as in `forward`, as are x, W and U.
        d_states: (B, T, M).
        states: from `forward`, as are beside and gates.
    """
    (sequences, steps, features), (rows, units) = x.shape, U.shape
    d_x, d_W, d_U, d_sum = np.empty_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(gates[0])
    d_h, d_c = np.zeros((units, sequences), x.dtype), np.zeros((units, sequences), x.dtype)
    more_W, more_U, more_h = np.empty_like(W), np.empty_like(U), np.empty_like(d_h)
    d_z, d_y = np.empty_like(gates[0]), np.empty_like(gates[0])
    now, d_now = np.empty((sequences, features), x.dtype), np.empty((sequences, features), x.dtype)
    flat, d_flat, d_memory = states.reshape(1 + steps, -1), d_h.reshape(-1), d_c.reshape(-1)
    for t in range(steps - 1, -1, -1):
        for m in range(units):
            for b in range(sequences):
                d_h[m, b] += d_states[b, t, m]
        d_of_input = d_of_state = d_z.reshape(rows, sequences)
        if kind == LSTM:
            lstm_back(gates[t], beside[t], beside[t + 1], d_flat, d_memory, d_z)
            d_flat[:] = 0
        elif kind == GRU:
            gru_back(gates[t], beside[t + 1], flat[t], d_flat, d_z, d_y)
            d_of_state = d_y.reshape(rows, sequences)
        else:
            elman_back(flat[t + 1], d_flat, d_z)
            d_flat[:] = 0
        read(x, t, now)
        np.dot(d_of_input, now, more_W)
        np.dot(d_of_input.T, W, d_now)
        np.dot(d_of_state, states[t].T, more_U)
        np.dot(U.T, d_of_state, more_h)
        write(d_x, t, d_now)
        add(d_W.reshape(-1), more_W.reshape(-1))
        add(d_U.reshape(-1), more_U.reshape(-1))
        add(d_flat, more_h.reshape(-1))
        add(d_sum.reshape(-1), d_z.reshape(-1))
    d_bias, d_all = np.zeros(rows, x.dtype), d_sum.reshape(rows, sequences)
    for r in range(rows):
        for b in range(sequences):
            d_bias[r] += d_all[r, b]
    return d_x, d_W, d_U, d_bias, d_h, d_c
