"""The science of pipe networks: values in, values out."""
