"""How kernels are compiled: numba's options and cache, the instructions it lacks, and the build to WebAssembly."""
