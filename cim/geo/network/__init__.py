"""Graphs of pipes: what hangs together, what closed valves cut off, what lies upstream."""

from cim.geo.network.graph import Graph, distances, parts, reached
from cim.geo.network.isolation import Elements, Isolation, elements, isolate, segments
from cim.geo.network.tracing import BOTH, UNTOLD, Trace, trace

__all__ = [
    "BOTH",
    "UNTOLD",
    "Elements",
    "Graph",
    "Isolation",
    "Trace",
    "distances",
    "elements",
    "isolate",
    "parts",
    "reached",
    "segments",
    "trace",
]
