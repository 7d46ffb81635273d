"""The playground: points in the plane that small networks learn to tell apart, and optimizers that race downhill."""
