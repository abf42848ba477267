"""Work done by several processes, its results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def spread(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """``map`` over several processes.

    Args:
        work: A picklable function, the same result for the same item in any process.
        items: What to do it with.
        workers: Number of processes; 1 works in this one.

    Yields:
        The results in the order of the items. Only a few are kept waiting, so memory is bounded.
    """
    if workers == 1:
        yield from map(work, items)
        return
    # The matrix products are thin: threads of the linear algebra would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    waiting: deque[Future[R]] = deque()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 3 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
