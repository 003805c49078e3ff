"""The theory that all chapters share: spectra, the model, its dynamics, simulation, fits and sweeps."""
