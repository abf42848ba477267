"""The families of survey files that can be ingested, one module or package each."""
