"""Samplers: a file each, with a `SamplerSpec` called ``SAMPLER``."""
