"""An answer as a report to print: one page layout for every analysis, PDF.

``content`` says what stands in it, ``chart`` and ``map`` draw, ``typeset`` puts it on pages.
"""

from cim.report.typeset import Reporter

__all__ = ["Reporter"]
