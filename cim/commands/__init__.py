"""Commands of ``cim``, one module a family."""
