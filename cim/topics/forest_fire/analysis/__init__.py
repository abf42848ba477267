"""The science of forest fires: values in, values out."""
