"""Networks that make what they have learnt: pictures drawn from noise, and codes that pictures are drawn from."""
