"""Training as practitioners do it: mini-batches, momentum, adaptive steps, weight decay, batch normalisation.

The plain one-pass step of the theory is ``sgd.learn``; here every ingredient is optional, so that ingredients can be
compared one by one. Inputs arrive as rows, in the coordinates in which the learner sees them.
"""

import math
from collections import namedtuple

from ..compiler.dot import dot
from ..compiler.jit import kernel
from ..maths.erf import activation
from .averages import LINEAR

# Adam's own constant (Kingma & Ba, 2015), relative to steps of order one.
TINY = 1e-8
# Added to a batch's variance, as in Ioffe & Szegedy (2015), relative to fields of order one.
NORM_TINY = 1e-5


# The student, carried from call to call: weights J, averaged gradient and its mean square (K, N); output weight v, and
# the activation.
Student = namedtuple("Student", "J speed square v activity")
# How it is trained: examples of an update; weight decay; the averages' memories; 1 for batch normalisation, else 0.
Recipe = namedtuple("Recipe", "batch decay momentum memory batch_norm")
# Of a batch: fields and derivatives by them (K, batch), the fields' width (K,), a gradient (N,).
Scratch = namedtuple("Scratch", "fields pull width gradient")


@kernel
def train(student, inputs, zeta, eta, recipe, done, scratch):
    """One update for every ``batch`` rows of ``inputs`` (n, N), with the teacher's answers ``zeta`` (n,).

    With g_i the mean over the batch of delta_i xi / sqrt(N), an update is::

        g <- momentum applied to g                        speed <- momentum speed + (1 - momentum) g
        g <- g / sqrt(mean square of g), element by element, if memory > 0
        J <- (1 - eta decay / N) J + eta g          (eta / sqrt N of g normalised)

    ``eta`` (n / batch,) has the rate of every update, ``done`` is the number of updates before (for the
    start-up correction of the mean square, whose memory is 1 / (1 - memory) updates). With ``batch_norm`` each
    student's field has mean 0 and variance 1 over the batch.
    """
    J, speed, square, v, activity = student
    batch, decay, momentum, memory, batch_norm = recipe
    fields, pull, width, gradient = scratch
    K, N = J.shape
    scale = 1.0 / math.sqrt(N)
    for update in range(inputs.shape[0] // batch):
        first = update * batch
        for i in range(K):
            for b in range(batch):
                fields[i, b] = scale * dot(J[i], inputs[first + b])
        _pulls(fields, zeta[first : first + batch], v, activity, batch_norm, width, pull)
        shrink = 1.0 - eta[update] * decay / N
        correction = 1.0 - memory ** (done + update + 1.0)
        for i in range(K):
            for j in range(N):
                gradient[j] = 0.0
            for b in range(batch):
                step = pull[i, b] * scale / batch
                row = inputs[first + b]
                for j in range(N):
                    gradient[j] += step * row[j]
            for j in range(N):
                speed[i, j] = momentum * speed[i, j] + (1.0 - momentum) * gradient[j]
                if memory > 0.0:
                    square[i, j] = memory * square[i, j] + (1.0 - memory) * gradient[j] * gradient[j]
                    size = math.sqrt(square[i, j] / correction)
                    J[i, j] = shrink * J[i, j] + eta[update] * scale * speed[i, j] / (size + TINY * scale)
                else:
                    J[i, j] = shrink * J[i, j] + eta[update] * speed[i, j]


@kernel
def _normalise(x):
    """Give the fields ``x`` (batch,) mean 0 and variance 1; returns the width by which they were divided."""
    mean = square = 0.0
    for b in range(x.shape[0]):
        mean += x[b] / x.shape[0]
    for b in range(x.shape[0]):
        square += (x[b] - mean) ** 2 / x.shape[0]
    width = math.sqrt(square + NORM_TINY)
    for b in range(x.shape[0]):
        x[b] = (x[b] - mean) / width
    return width


@kernel
def _through_norm(x, width, pull):
    """Turn derivatives by the normalised fields ``x`` (batch,) into derivatives by the fields themselves.

    Mean and width of the batch move with each field: (pull - <pull> - x <x pull>) / width.
    """
    mean = along = 0.0
    for b in range(x.shape[0]):
        mean += pull[b] / x.shape[0]
        along += pull[b] * x[b] / x.shape[0]
    for b in range(x.shape[0]):
        pull[b] = (pull[b] - mean - x[b] * along) / width


@kernel
def _pulls(fields, zeta, v, activity, batch_norm, width, pull):
    """pull (K, batch): minus the derivative of each example's error by each student's field."""
    K, batch = fields.shape
    if batch_norm:
        for i in range(K):
            width[i] = _normalise(fields[i])
    for b in range(batch):
        error = zeta[b]
        for i in range(K):
            error -= v * (fields[i, b] if activity == LINEAR else activation(fields[i, b])[0])
        for i in range(K):
            pull[i, b] = v * error * (1.0 if activity == LINEAR else activation(fields[i, b])[1])
    if batch_norm:
        for i in range(K):
            _through_norm(fields[i], width[i], pull[i])
