"""Where towers should stand so that they see most: exactly where it can be, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, hstack, identity

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """Chosen candidates.

    Args:
        chosen: Their numbers, in the order of what each adds.
        covered: Demand that is covered by them.
        bound: No choice of as many covers more than this.
        exact: Whether it was proved that none is better.
        method: How it was found.
    """

    chosen: tuple[int, ...]
    covered: float
    bound: float
    exact: bool
    method: str

    @property
    def gap(self) -> float:
        """How much better another choice might be at most, a share of what is covered."""
        return max(self.bound - self.covered, 0.0) / self.bound if self.bound > 0 else 0.0


def grouped(sees: Flags, demand: Floats) -> tuple[Flags, Floats]:
    """Demand that the same candidates see, added up: the problem is the same and far smaller.

    Args:
        sees: (candidates, places).
        demand: (places,).
    """
    seen = sees.any(axis=0) & (demand > 0)
    packed = np.packbits(sees[:, seen], axis=0)
    _, first, group = np.unique(packed, axis=1, return_index=True, return_inverse=True)
    group = np.asarray(group).ravel()
    return sees[:, seen][:, first], np.asarray(
        np.bincount(group, demand[seen], minlength=len(first)), np.float64
    )


def greedy(sees: Flags, demand: Floats, count: int) -> tuple[int, ...]:
    """One after another, each the one that adds most: at least 1 - 1/e of the best."""
    left, chosen = demand.astype(np.float64).copy(), []
    for _ in range(count):
        gain = sees @ left
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
        left[sees[best]] = 0.0
    return tuple(chosen)


def most_covered(sees: Flags, demand: Floats, count: int, *, seconds: float = 20.0) -> Choice:
    """The maximal covering location problem (MCLP).

    Args:
        sees: (candidates, places) what each would see.
        demand: (places,) what seeing each is worth.
        count: How many may be chosen.
        seconds: After which the best found so far is given, with what might still be better.

    Raises:
        ParameterError: no candidate sees any demand.

    References:
        Church & ReVelle (1974), The maximal covering location problem, Papers of the Regional
        Science Association 32, 101-118; Nemhauser, Wolsey & Fisher (1978) for the greedy bound.
    """
    small, worth = grouped(sees, demand)
    if not worth.size:
        raise ParameterError(
            "no candidate sees any forest that is not seen already",
            remedy="give other candidates, a larger range, or more height",
        )
    first = greedy(small, worth, count)
    places, candidates = len(worth), len(small)
    costs = np.concatenate([np.zeros(candidates), -worth])
    link = hstack([-csr_matrix(small.T.astype(np.float64)), identity(places)], format="csr")
    several = csr_matrix(np.concatenate([np.ones(candidates), np.zeros(places)])[None])
    found = milp(
        costs,
        constraints=[LinearConstraint(link, -np.inf, 0.0),
                     LinearConstraint(several, 0.0, float(count))],
        integrality=np.concatenate([np.ones(candidates), np.zeros(places)]),
        bounds=Bounds(0.0, 1.0), options={"time_limit": seconds, "mip_rel_gap": 1e-9},
    )  # fmt: skip
    total = float(worth[small[list(first)].any(axis=0)].sum()) if first else 0.0
    bound = float(-found.mip_dual_bound) if found.mip_dual_bound is not None else float(worth.sum())
    chosen, method = first, "greedy (1 - 1/e)"
    if found.x is not None:
        exact = np.flatnonzero(found.x[:candidates] > 0.5)
        value = float(worth[small[exact].any(axis=0)].sum()) if exact.size else 0.0
        if value >= total:
            ordered = greedy(small[exact], worth, len(exact))
            chosen, total = tuple(int(exact[i]) for i in ordered), value
            method = "MIP (HiGHS)"
    proved = found.status == 0 and bound <= total * (1 + 1e-6) + 1e-9
    return Choice(chosen=chosen, covered=total, bound=max(bound, total), exact=bool(proved),
                  method=method)  # fmt: skip


def fewest(sees: Flags, demand: Floats, share: float, *, seconds: float = 20.0) -> Choice:
    """The fewest candidates that cover a share of the demand (LSCP with a share).

    Raises:
        ParameterError: all of them together cover less.

    References:
        Toregas et al. (1971), The location of emergency service facilities, Operations Research
        19, 1363-1373.
    """
    small, worth = grouped(sees, demand)
    need = share * float(demand.sum())
    if float(worth.sum()) < need:
        raise ParameterError(
            f"all candidates together cover {worth.sum() / max(demand.sum(), 1e-12):.1%}, less "
            "than "
            f"{share:.1%}",
            remedy="ask for less, or give more candidates, range or height",
        )
    places, candidates = len(worth), len(small)
    link = hstack([-csr_matrix(small.T.astype(np.float64)), identity(places)], format="csr")
    total = csr_matrix(np.concatenate([np.zeros(candidates), worth])[None])
    found = milp(
        np.concatenate([np.ones(candidates), np.zeros(places)]),
        constraints=[LinearConstraint(link, -np.inf, 0.0), LinearConstraint(total, need, np.inf)],
        integrality=np.concatenate([np.ones(candidates), np.zeros(places)]),
        bounds=Bounds(0.0, 1.0), options={"time_limit": seconds, "mip_rel_gap": 1e-9},
    )  # fmt: skip
    if found.x is None:
        chosen = greedy(small, worth, candidates)
        kept = next(k for k in range(1, len(chosen) + 1)
                    if worth[small[list(chosen[:k])].any(axis=0)].sum() >= need)  # fmt: skip
        picks, method = chosen[:kept], "greedy"
    else:
        exact = np.flatnonzero(found.x[:candidates] > 0.5)
        picks = tuple(int(exact[i]) for i in greedy(small[exact], worth, len(exact)))
        method = "MIP (HiGHS)"
    covered = float(worth[small[list(picks)].any(axis=0)].sum())
    bound = float(found.mip_dual_bound) if found.mip_dual_bound is not None else 1.0
    return Choice(chosen=picks, covered=covered, bound=covered,
                  exact=bool(found.status == 0 and np.ceil(bound - 1e-6) >= len(picks)),
                  method=method)  # fmt: skip
