"""States of explorers as links write them, ``linear:beta=0.5,levels=64``; on a page address.js reads the same."""

import re

from .experiment import RESET
from .experiments import EXPERIMENTS
from .explorer import checked


def read_link(link: str) -> tuple[str, int, dict[str, float]]:
    """Read a link to an explorer's state, and refuse what no explorer takes.

    Parameters
    ----------
    link : str
        Name of an experiment; ``-2`` for the second explorer of it on a page; and after a colon, with commas between
        them, ``control=value``, the name of a preset, or ``reset`` for the values with which the explorer began.

    Returns
    -------
    name : str
    number : int
        Which of the page's explorers of this name, from 1.
    values : dict of str to float
        Of the controls that the link sets.

    Raises
    ------
    ValueError
        If there is no such experiment, control or preset, or a value is outside its control's range.

    Examples
    --------
    >>> read_link("linear:reset,beta=0.5,levels=64")
    ('linear', 1, {'beta': 0.5, 'levels': 64})
    """
    match = re.fullmatch(r"(\w+?)(?:-(\d+))?:(.+)", link)
    if not match:
        raise ValueError(f"link {link!r}: must be explorer:control=value,...")
    name, number, state = match.groups()
    if name not in EXPERIMENTS:
        raise ValueError(f"link {link!r}: there is no explorer {name!r}; there are {', '.join(sorted(EXPERIMENTS))}")
    experiment = EXPERIMENTS[name]
    values: dict[str, float] = {}
    controls = {control.name: control for control in experiment.controls}
    for part in state.split(","):
        control, equals, value = part.partition("=")
        if part == RESET:
            continue
        if not equals:
            values |= experiment.state(part)
        elif control in controls:
            values[control] = checked(controls[control], value)
        else:
            raise ValueError(f"link {link!r}: {name!r} has no control {control!r}; it has {', '.join(controls)}")
    return name, int(number or 1), values
