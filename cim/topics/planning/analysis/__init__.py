"""The science of planning: values in, values out."""
