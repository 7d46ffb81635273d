"""A pole on a cart, to be kept upright by pushes to the left and to the right: the physics of Gymnasium's CartPole-v1.

    temp = (F + m l θ̇² sin θ) / M
    θ̈    = (g sin θ − cos θ temp) / (l (4/3 − m cos² θ / M))
    ẍ    = temp − m l θ̈ cos θ / M

(Barto, Sutton & Anderson, 1983, with the correction of Florian, 2007: no friction.) A step of Euler's method is 20 ms.
Written for any number of carts at once; each gets the bits that Gymnasium's single one would.

Shapes: … any number of carts; a state is (x, ẋ, θ, θ̇): metres, metres a second, radians, radians a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

GRAVITY = 9.8
POLE_MASS = 0.1
MASS = POLE_MASS + 1.0
HALF_LENGTH = 0.5
POLE_MOMENT = POLE_MASS * HALF_LENGTH
FORCE = 10.0
SECONDS = 0.02
EDGE = 2.4
"""The track ends so many metres to both sides."""
STEEPEST = 12 * 2 * np.pi / 360
"""A pole that leans further has fallen."""
LIMIT = 500
"""Pushes in an episode, at most; each that was made gives a reward of 1."""


def push(states: Array, actions: Array) -> tuple[Array, Array]:
    """States (…, 4) after one push, action 0 to the left and 1 to the right (…): the new states, and who has fallen."""
    x, speed, angle, turning = (states[..., place] for place in range(4))
    force = np.where(actions == 1, FORCE, -FORCE)
    cosine, sine = np.cos(angle), np.sin(angle)
    temp = (force + POLE_MOMENT * np.square(turning) * sine) / MASS
    turn = (GRAVITY * sine - cosine * temp) / (HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * np.square(cosine) / MASS))
    haste = temp - POLE_MOMENT * turn * cosine / MASS
    after = np.empty((*np.shape(turn), 4))
    for place, (value, slope) in enumerate(((x, speed), (speed, haste), (angle, turning), (turning, turn))):
        after[..., place] = value + SECONDS * slope
    return after, fallen(after)


def fallen(states: Array) -> Array:
    """Whether the cart is off the track or the pole leans too far: (…) of states (…, 4)."""
    return (np.abs(states[..., 0]) > EDGE) | (np.abs(states[..., 2]) > STEEPEST)
