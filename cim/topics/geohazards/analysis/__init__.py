"""The science of geological hazards: values in, values out."""
