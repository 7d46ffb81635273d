"""Where it began: one unit, one Gaussian a class, one rotation, learnt in closed form or by a rule."""
