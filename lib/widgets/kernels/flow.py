"""The order-parameter flow, a slice at a time: what an explorer solves."""

from ...compiler.jit import kernel
from ...kernels import integrator

SLICE = 1e7  # multiply-adds in a slice
FIRST = 10  # slices that a start takes: most flows end in them
STEPS = 20_000  # of the integrator, at most: most flows take some hundred
EXHAUSTED = 4  # status besides the integrator's: the steps are used up


@kernel
def flow_advance(work, alpha, rtol, error, Q, R, history):
    """Go on with a flow that :func:`lib.kernels.integrator.start` prepared; its status, or EXHAUSTED.

    The arguments are those of :func:`lib.kernels.integrator.advance`.
    """
    h = integrator.header(work)
    K, P = int(h.students[0]), int(h.students[0] + h.teachers[0])
    # blocks, and the coefficients with their slopes
    steps = int(SLICE / (8.0 * K * P * (h.blocks[0] * P + 40.0 * K * P))) + 1
    left = STEPS - int(h.accepted[0] + h.rejected[0])
    status = integrator.advance(work, alpha, rtol, min(steps, left), error, Q, R, history)
    return EXHAUSTED if status == integrator.RUNNING and steps >= left else status


@kernel
def flow_written(work):
    """At how many of the times the flow is known."""
    return int(integrator.header(work).written[0])
