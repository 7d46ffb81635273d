"""The mathematics of learning, by hand: NumPy for the arithmetic, and nothing else but what stands here.

To be read in this order:

    tape.py               a calculation that writes down its steps, and the walk back that gives every gradient
    operations/           functions, reductions, shapes, dense, convolution, pooling, dropout: each with its rule
    losses.py             softmax and cross-entropy, whose gradient is ŷ − y
    gradient_check.py     the same gradients by brute force, to check all rules
    optimizers/           from the gradient to the step: gradient descent to AdamW
    networks/             the multilayer perceptron and LeNet

And all of it together, for `pictures` (N, 1, 28, 28), float32 in [0, 1], and their `labels` (N):

    rng = np.random.default_rng(0)
    network = MLP(rng, classes=10)
    optimizer = Adam(network.parameters, learning_rate=1e-3)
    for epoch in range(20):
        order = rng.permutation(len(labels))
        for batch in np.array_split(order, len(order) // 54):
            loss = softmax_cross_entropy(network(pictures[batch], training=True), labels[batch])
            loss.backward()
            optimizer.step()
            optimizer.clear_gradients()
    answers = network(pictures).value.argmax(axis=1)  # (N)

`liuli train mlp --engine scratch` does it on real handwriting. Weights have the names and shapes that the
PyTorch networks in `liuli.models` have, and travel both ways.
"""
