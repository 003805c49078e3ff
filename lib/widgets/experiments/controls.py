"""Values that controls of several explorers share."""

LEVELS = tuple(float(2**n) for n in range(11))
UNITS = (1.0, 2.0, 3.0, 4.0)
